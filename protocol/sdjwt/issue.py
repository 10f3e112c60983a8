"""Issuing: claims in, signed digests and their disclosures out (RFC 9901 §4.2)."""

from collections.abc import Callable, Collection, Mapping

from protocol.claim_path import ClaimPath, select_claims
from protocol.codes import Code
from protocol.encoding.strict_json import MAX_DEPTH, JsonObject, JsonValue
from protocol.errors import RefusedError
from protocol.jws import Algorithm, sign_jws
from protocol.keys import SigningKey
from protocol.sdjwt.disclosure import (
    ELLIPSIS,
    MAX_DISCLOSURE_CHARACTERS,
    RESERVED_NAMES,
    SD,
    SD_ALG,
    Disclosure,
    HashAlgorithm,
    create_disclosure,
    digest_of,
    exceed_limits,
)
from protocol.sdjwt.parse import SdJwt

MIN_SALT_CHARACTERS = 22  # 128 bits in base64url
_MAX_DEPTH = MAX_DEPTH - 1  # the digests of the innermost claims take a level of their own


def issue_sd_jwt(
    claims: JsonObject,
    *,
    disclosable: Collection[ClaimPath],
    key: SigningKey,
    salts: Callable[[], str],
    typ: str,
    header: Mapping[str, JsonValue] | None = None,
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA_256,
    decoys: int = 0,
    ed25519_name: Algorithm = Algorithm.EDDSA,
) -> SdJwt:
    """Sign `claims`, with those at the paths `disclosable` replaced by digests.

    A path may name every element (None), and one that selects nothing is passed over: not everybody has a
    middle name. A disclosable claim inside another makes a recursive disclosure (§4.2.6). `salts` gives a
    fresh random text of at least 128 bits each time. So many `decoys` stand beside the digests of each
    object and array, so that their number does not tell how many claims there are (§4.2.5).

    Raises:
        RefusedError: a salt that is short or repeated, a reserved claim name, or more, longer or deeper
            claims than a verifier accepts.
    """
    hiding = _Hiding(
        frozenset(place for path in disclosable for place in select_claims(claims, path)),
        salts,
        hash_algorithm,
        decoys,
    )
    payload = hiding.in_object(claims, ())
    if hiding.disclosures:
        payload[SD_ALG] = hash_algorithm.value
    encoded = [disclosure.encoded for disclosure in hiding.disclosures]
    if exceed_limits(encoded) or any(len(text) > MAX_DISCLOSURE_CHARACTERS for text in encoded):
        raise RefusedError(Code.DISCLOSURE_LIMIT_EXCEEDED)
    issuer_jwt = sign_jws(payload, key, typ=typ, header=header, ed25519_name=ed25519_name)
    return SdJwt(issuer_jwt, tuple(hiding.disclosures))


class _Hiding:
    """One pass over the claims, from the inside out: a disclosure holds the digests of those inside it."""

    def __init__(
        self,
        places: frozenset[ClaimPath],
        salts: Callable[[], str],
        algorithm: HashAlgorithm,
        decoys: int,
    ) -> None:
        self.disclosures: list[Disclosure] = []
        self._places = places
        self._salts = salts
        self._algorithm = algorithm
        self._decoys = decoys
        self._used_salts: set[str] = set()

    def in_object(self, source: JsonObject, place: ClaimPath) -> JsonObject:
        if not RESERVED_NAMES.isdisjoint(source):
            raise RefusedError(Code.CLAIM_NAME_RESERVED)
        open_claims: JsonObject = {}
        digests: list[JsonValue] = []
        for name, value in source.items():
            inner = (*place, name)
            content = self._in_value(value, inner)
            if inner in self._places:
                digests.append(self._hide(name, content))
            else:
                open_claims[name] = content
        if digests:
            # Sorted: the order of the claims would tell which digest is which.
            open_claims[SD] = sorted([*digests, *self._decoy_digests()], key=str)
        return open_claims

    def _in_array(self, source: list[JsonValue], place: ClaimPath) -> list[JsonValue]:
        elements: list[JsonValue] = []
        hidden = False
        for index, value in enumerate(source):
            inner = (*place, index)
            content = self._in_value(value, inner)
            if inner in self._places:
                hidden = True
                elements.append({ELLIPSIS: self._hide(None, content)})
            else:
                elements.append(content)
        if hidden:
            elements += [{ELLIPSIS: text} for text in self._decoy_digests()]
        return elements

    def _in_value(self, value: JsonValue, place: ClaimPath) -> JsonValue:
        if len(place) >= _MAX_DEPTH and isinstance(value, dict | list):
            raise RefusedError(Code.JSON_DEPTH, f"more than {_MAX_DEPTH} levels")
        if isinstance(value, dict):
            return self.in_object(value, place)
        if isinstance(value, list):
            return self._in_array(value, place)
        return value

    def _hide(self, name: str | None, value: JsonValue) -> str:
        disclosure = create_disclosure(self._fresh_salt(), name, value)
        self.disclosures.append(disclosure)
        return digest_of(disclosure.encoded, self._algorithm)

    def _decoy_digests(self) -> list[str]:
        return [digest_of(self._fresh_salt(), self._algorithm) for _ in range(self._decoys)]

    def _fresh_salt(self) -> str:
        salt = self._salts()
        if len(salt) < MIN_SALT_CHARACTERS or salt in self._used_salts:
            raise RefusedError(Code.SALT_UNSAFE)
        self._used_salts.add(salt)
        return salt

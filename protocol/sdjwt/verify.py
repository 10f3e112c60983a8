"""From signed digests and sent disclosures to the claims that may be believed (RFC 9901 §7.1).

Step numbers are those of §7.1. Steps 1 and 2 are `parse_sd_jwt`, `parse_jws` and `verify_jws`; step 6 is
`verify_validity`. Everything in between is here, for verifiers and holders alike.
"""

from collections.abc import Mapping, Sequence

import msgspec

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import MAX_DEPTH, JsonObject, JsonValue
from protocol.errors import MalformedError, VerificationError
from protocol.sdjwt.disclosure import ELLIPSIS, RESERVED_NAMES, SD, SD_ALG, Disclosure, digest_of
from protocol.sdjwt.parse import read_hash_algorithm

MAX_DIGESTS = 4096


class VerifiedClaims(msgspec.Struct, frozen=True):
    """The claims the issuer signed and the holder disclosed: the processed payload of §7.1.

    Attributes:
        claims: All of them, with neither `_sd`, `_sd_alg` nor `...` left.
        disclosed: For each disclosure the place in `claims` where its claim stands. A disclosure whose place
            begins with the place of another can only be shown together with it.
    """

    claims: JsonObject
    disclosed: Mapping[ClaimPath, Disclosure]


def verify_disclosures(payload: JsonObject, disclosures: Sequence[Disclosure]) -> VerifiedClaims:
    """Put the disclosed claims in the places where the issuer signed their digests (§7.1 steps 3 to 5).

    `payload` is that of the issuer-signed JWT; that its signature holds is for the caller to check. A digest
    without a disclosure is a withheld claim or a decoy, and is left out.

    Raises:
        MalformedError: digests or disclosures of the wrong shape, or beyond the limits.
        VerificationError: a disclosure nobody signed or sent twice, a digest used twice, a hash function not
            in our list, or a claim name that is reserved or already taken.
    """
    algorithm = read_hash_algorithm(payload)
    # 3.1: the digest is over the disclosure as it was sent
    unused = {digest_of(disclosure.encoded, algorithm): disclosure for disclosure in disclosures}
    if len(unused) != len(disclosures):
        raise VerificationError(Code.DISCLOSURE_REPEATED)
    # 3.2 to 3.5, and 4
    embedding = _Embedding(unused)
    claims = embedding.into_object(payload, ())
    # 5: every disclosure has found its digest
    if embedding.unused:
        raise VerificationError(Code.DISCLOSURE_UNREFERENCED, f"{len(embedding.unused)} of them")
    return VerifiedClaims(claims, embedding.disclosed)


class _Embedding:
    """One pass over a payload. Disclosed values are passed over like signed ones (§7.1 step 3.3)."""

    def __init__(self, unused: dict[str, Disclosure]) -> None:
        self.unused = unused
        self.disclosed: dict[ClaimPath, Disclosure] = {}
        self._seen: set[str] = set()

    def into_object(self, source: JsonObject, place: ClaimPath) -> JsonObject:
        claims = source.copy()
        if not RESERVED_NAMES.isdisjoint(source):
            _remove_reserved_members(claims, place)
        for name, value in claims.items():
            if type(value) is not str:  # as most are
                claims[name] = self._into_value(value, (*place, name))
        if SD in source:  # after the loop, when the names that are always there are known
            for disclosure in self._take(source[SD]):
                name = _member_name(disclosure)
                if name in claims:
                    raise VerificationError(Code.CLAIM_NAME_COLLISION)
                inner = (*place, name)
                self.disclosed[inner] = disclosure
                claims[name] = self._into_value(disclosure.value, inner)
        return claims

    def _into_array(self, source: list[JsonValue], place: ClaimPath) -> list[JsonValue]:
        elements: list[JsonValue] = []
        for element in source:
            inner = (*place, len(elements))
            if not isinstance(element, dict) or ELLIPSIS not in element:
                elements.append(self._into_value(element, inner))
                continue
            if len(element) != 1:
                raise MalformedError(Code.DISCLOSURE_MALFORMED, '"..." is not alone')
            for disclosure in self._take([element[ELLIPSIS]]):
                if disclosure.name is not None:
                    raise MalformedError(Code.DISCLOSURE_MALFORMED, "a named claim as an array element")
                self.disclosed[inner] = disclosure
                elements.append(self._into_value(disclosure.value, inner))
        return elements

    def _into_value(self, value: JsonValue, place: ClaimPath) -> JsonValue:
        if isinstance(value, dict):
            _check_depth(place)
            return self.into_object(value, place)
        if isinstance(value, list):
            _check_depth(place)
            return self._into_array(value, place)
        return value

    def _take(self, digests: JsonValue) -> list[Disclosure]:
        """The disclosures behind `digests`. One without is a withheld claim or a decoy (§7.1 step 3.3.1)."""
        if not isinstance(digests, list):
            raise MalformedError(Code.DISCLOSURE_MALFORMED, "_sd is not an array")
        found: list[Disclosure] = []
        for digest in digests:
            if not isinstance(digest, str):
                raise MalformedError(Code.DISCLOSURE_MALFORMED, "something else than a digest")
            # 4: none twice, whichever of these it is; that also keeps the recursion from going in circles.
            if digest in self._seen:
                raise VerificationError(Code.DIGEST_REPEATED)
            self._seen.add(digest)
            if digest in self.unused:
                found.append(self.unused.pop(digest))
        if len(self._seen) > MAX_DIGESTS:
            raise MalformedError(Code.DISCLOSURE_LIMIT_EXCEEDED, "too many digests")
        return found


def _member_name(disclosure: Disclosure) -> str:
    name = disclosure.name
    if name is None:
        raise MalformedError(Code.DISCLOSURE_MALFORMED, "an array element as a named claim")
    if name == SD_ALG:
        raise VerificationError(Code.HASH_ALGORITHM_NOT_ALLOWED, "_sd_alg in a disclosure")
    if name in RESERVED_NAMES:
        raise VerificationError(Code.CLAIM_NAME_RESERVED)
    return name


def _remove_reserved_members(claims: JsonObject, place: ClaimPath) -> None:
    if ELLIPSIS in claims:
        raise MalformedError(Code.DISCLOSURE_MALFORMED, '"..." outside an array')
    if SD_ALG in claims and place:
        raise VerificationError(Code.HASH_ALGORITHM_NOT_ALLOWED, "_sd_alg below the top level")
    claims.pop(SD, None)
    claims.pop(SD_ALG, None)


def _check_depth(place: ClaimPath) -> None:
    # Every disclosure in a chain of disclosures lies at least one level deeper, so this bounds the chain too;
    # and what comes out is no deeper than any JSON we read.
    if len(place) >= MAX_DEPTH:
        raise MalformedError(Code.DISCLOSURE_LIMIT_EXCEEDED, f"more than {MAX_DEPTH} levels")

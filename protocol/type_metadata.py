"""What a credential type declares about itself: names for people, and rules for its claims.

    {"vct": "urn:example:degree:1",
     "extends": "urn:example:certificate:1", "extends#integrity": "sha256-…",
     "display": [{"locale": "en", "name": "Degree"}],
     "claims": [{"path": ["given_name"], "sd": "always", "mandatory": true,
                 "display": [{"locale": "en", "label": "Given name"}]}]}

This is SD-JWT VC Type Metadata (draft-ietf-oauth-sd-jwt-vc-19). A type says nothing about who may issue it;
extending a trusted type earns no trust. Its texts may come from strangers: doors clean what they show.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from protocol.claim_path import ClaimPath, parse_claim_path, select_claims
from protocol.codes import Code
from protocol.encoding.base64 import encode_base64
from protocol.encoding.members import boolean_member, objects_member, optional_text_member, text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError, VerificationError
from protocol.restate import restate_malformed

MAX_DOCUMENT_BYTES = 256 * 1024
MAX_CLAIMS = 256
MAX_EXTENSIONS = 10

_MAX_LOCALE = 35
_MAX_TEXT = 256
# Strongest first: of several functions, the strongest one counts (W3C SRI §3.3.3).
_INTEGRITY_HASHES = {"sha512": hashlib.sha512, "sha384": hashlib.sha384, "sha256": hashlib.sha256}


class DisclosureRule(StrEnum):
    """Whether the issuer must, may or must not make a claim selectively disclosable."""

    ALWAYS = "always"
    ALLOWED = "allowed"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ClaimMetadata:
    """What a type says about the claims that `path` selects; `labels` are by locale, as written."""

    path: ClaimPath
    labels: Mapping[str, str]
    disclosure: DisclosureRule
    mandatory: bool


@dataclass(frozen=True, slots=True)
class TypeMetadata:
    """A credential type; `names` are by locale, as written.

    What `parse_type_metadata` returns still names the type it extends; `resolve_type_metadata` returns one in
    which everything inherited is in place.
    """

    vct: str
    names: Mapping[str, str]
    claims: tuple[ClaimMetadata, ...]
    extends: str | None
    extends_integrity: str | None

    def name(self, locales: Sequence[str]) -> str | None:
        """The name of the type in the first of `locales` that it has, else in any."""
        return _select_text(self.names, locales)

    def label(self, place: ClaimPath, locales: Sequence[str]) -> str | None:
        """The label of the claim at `place` in the first of `locales` that it has, else in any.

        A path that names the place literally goes before one that reaches it with None.
        """
        labels = [claim.labels for claim in self.claims if claim.path == place]
        labels += [claim.labels for claim in self.claims if _reaches(claim.path, place)]
        return next((text for candidate in labels if (text := _select_text(candidate, locales))), None)


def parse_type_metadata(document: bytes) -> TypeMetadata:
    """Read a type metadata document; properties this reader does not need are ignored.

    Raises:
        MalformedError: not strict JSON, a member of the wrong type, or a path or a locale twice.
    """
    with restate_malformed(Code.TYPE_METADATA_INVALID):
        source = parse_json_object(document, max_bytes=MAX_DOCUMENT_BYTES)
        claims = [
            _parse_claim(claim) for claim in (objects_member(source, "claims") if "claims" in source else [])
        ]
        if len(claims) > MAX_CLAIMS:
            raise MalformedError(Code.TYPE_METADATA_INVALID, f"more than {MAX_CLAIMS} claims")
        if len({claim.path for claim in claims}) != len(claims):
            raise MalformedError(Code.TYPE_METADATA_INVALID, "two claims share a path")
        return TypeMetadata(
            vct=text_member(source, "vct"),
            names=_parse_texts(source, "name"),
            claims=tuple(claims),
            extends=optional_text_member(source, "extends"),
            extends_integrity=optional_text_member(source, "extends#integrity"),
        )


def resolve_type_metadata(
    vct: str, *, integrity: str | None, fetch_document: Callable[[str], bytes]
) -> TypeMetadata:
    """The metadata of the type `vct` with everything it inherits.

    `integrity` is the credential's `vct#integrity`, if it has one. `fetch_document` gives the document of a
    type, or raises UnavailableError. A type that extends another can add claims and tighten rules: what it
    leaves out is inherited, and a rule that was set can only be kept.

    Raises:
        MalformedError: a document that cannot be read.
        VerificationError: a document of another type or not the one that was meant, a circle, more than 10
            extensions, or a rule that contradicts an inherited one.
    """
    chain: list[TypeMetadata] = []
    wanted: str | None = vct
    while wanted is not None:
        if any(metadata.vct == wanted for metadata in chain):
            raise VerificationError(Code.TYPE_METADATA_INVALID, "the type extends itself")
        if len(chain) > MAX_EXTENSIONS:
            raise VerificationError(Code.TYPE_METADATA_INVALID, f"more than {MAX_EXTENSIONS} extensions")
        document = fetch_document(wanted)
        if integrity is not None:
            verify_integrity(document, integrity)
        metadata = parse_type_metadata(document)
        if metadata.vct != wanted:
            raise VerificationError(Code.TYPE_METADATA_INVALID, "the document describes another type")
        chain.append(metadata)
        wanted, integrity = metadata.extends, metadata.extends_integrity
    resolved = chain.pop()
    while chain:
        resolved = _extend(resolved, chain.pop())
    return resolved


def metadata_integrity(document: bytes) -> str:
    """The integrity string of a document that we write, as in `vct#integrity`: `sha256-` and base64."""
    return f"sha256-{encode_base64(hashlib.sha256(document).digest())}"


def verify_integrity(document: bytes, integrity: str) -> None:
    """Check the bytes of a document against an integrity string such as `sha256-<base64>` (W3C SRI §3.3).

    Hashes of other functions are ignored. Unlike a browser, we do not let a document pass because no hash is
    understood.

    Raises:
        VerificationError: none of the hashes of the strongest function matches, or there is none.
    """
    listed: dict[str, list[str]] = {}
    for expression in integrity.split():
        name, _, encoded = expression.partition("?")[0].partition("-")
        listed.setdefault(name, []).append(encoded)
    for name, function in _INTEGRITY_HASHES.items():
        if name in listed:
            if encode_base64(function(document).digest()) in listed[name]:
                return
            break
    raise VerificationError(Code.TYPE_METADATA_INVALID, "integrity")


def verify_type_rules(
    metadata: TypeMetadata, claims: JsonObject, *, disclosed: Collection[ClaimPath], all_disclosed: bool
) -> None:
    """Check processed `claims` against the rules of their type.

    `disclosed` are the paths of those that are (or, at the issuer, will be) in disclosures. Holder and issuer
    see every claim (`all_disclosed`). A verifier does not, and misses a mandatory claim only where nothing
    can hide it: its rule is never, and what it stands in is there.

    Raises:
        VerificationError: a claim is selectively disclosable and must not be, is not and must be, or is
            mandatory and missing.
    """
    places = {place for path in disclosed for place in select_claims(claims, path)}
    for claim in metadata.claims:
        selected = select_claims(claims, claim.path).keys()
        if claim.disclosure is DisclosureRule.ALWAYS and not selected <= places:
            raise _violation(claim, "must be selectively disclosable")
        if claim.disclosure is DisclosureRule.NEVER and selected & places:
            raise _violation(claim, "must not be selectively disclosable")
        if claim.mandatory and not selected:
            stands_open = claim.disclosure is DisclosureRule.NEVER and select_claims(claims, claim.path[:-1])
            if all_disclosed or stands_open:
                raise _violation(claim, "is mandatory and missing")


def _violation(claim: ClaimMetadata, rule: str) -> VerificationError:
    path = ".".join("*" if component is None else str(component) for component in claim.path)
    return VerificationError(Code.TYPE_METADATA_INVALID, f"{path} {rule}")


def _parse_claim(source: JsonObject) -> ClaimMetadata:
    rule = optional_text_member(source, "sd") or DisclosureRule.ALLOWED
    if rule not in tuple(DisclosureRule):
        raise MalformedError(Code.TYPE_METADATA_INVALID, "sd")
    return ClaimMetadata(
        path=parse_claim_path(source.get("path")),
        labels=_parse_texts(source, "label"),
        disclosure=DisclosureRule(rule),
        mandatory=boolean_member(source, "mandatory", default=False),
    )


def _parse_texts(source: JsonObject, name: str) -> dict[str, str]:
    displays = objects_member(source, "display") if "display" in source else []
    texts = {
        text_member(display, "locale", max_characters=_MAX_LOCALE): text_member(
            display, name, max_characters=_MAX_TEXT
        )
        for display in displays
    }
    if len(texts) != len(displays):
        raise MalformedError(Code.TYPE_METADATA_INVALID, "two displays share a locale")
    return texts


def _extend(base: TypeMetadata, child: TypeMetadata) -> TypeMetadata:
    claims = {claim.path: claim for claim in base.claims}
    for claim in child.claims:
        inherited = claims.get(claim.path)
        claims[claim.path] = claim if inherited is None else _tighten(inherited, claim)
    return replace(child, names=child.names or base.names, claims=tuple(claims.values()))


def _tighten(base: ClaimMetadata, child: ClaimMetadata) -> ClaimMetadata:
    rules = {base.disclosure, child.disclosure} - {DisclosureRule.ALLOWED}
    if len(rules) > 1:
        raise _violation(child, "contradicts the type it extends")
    return ClaimMetadata(
        path=child.path,
        labels=child.labels or base.labels,
        disclosure=rules.pop() if rules else DisclosureRule.ALLOWED,
        mandatory=base.mandatory or child.mandatory,
    )


def _reaches(path: ClaimPath, place: ClaimPath) -> bool:
    return len(path) == len(place) and all(
        component == at or (component is None and isinstance(at, int))
        for component, at in zip(path, place, strict=True)
    )


def _select_text(texts: Mapping[str, str], locales: Sequence[str]) -> str | None:
    # "de-CH-1996", then "de-CH", then "de" (RFC 4647 §3.4)
    by_tag = {locale.lower(): text for locale, text in texts.items()}
    for locale in locales:
        tag = locale.lower()
        while tag:
            if tag in by_tag:
                return by_tag[tag]
            tag = tag.rpartition("-")[0]
    return next(iter(texts.values()), None)

"""The kinds of credentials an issuer offers, as its metadata describes them (OpenID4VCI 1.0 §12.2.4, App. B).

{"format": "dc+sd-jwt", "vct": "https://…", "cryptographic_binding_methods_supported": ["jwk"],
 "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["EdDSA", "ES256"]}},
 "credential_metadata": {"display": [{"name": "Degree"}], "claims": [{"path": ["title"]}]}}
"""

from dataclasses import dataclass

from protocol.claim_path import ClaimPath, parse_claim_path
from protocol.codes import Code
from protocol.encoding.members import (
    array_member,
    boolean_member,
    objects_member,
    optional_object_member,
    optional_text_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError

MAX_CLAIMS = 256
_MAX_LOGO_CHARACTERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Display:
    """How a thing is shown in one language: the issuer's own words and colours, none of them checked."""

    name: str | None = None
    locale: str | None = None
    description: str | None = None
    logo_uri: str | None = None
    logo_alt_text: str | None = None
    background_color: str | None = None
    text_color: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimDescription:
    """A claim a credential can hold, whether it always does, and its labels."""

    path: ClaimPath
    mandatory: bool = False
    display: tuple[Display, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialConfiguration:
    """One kind of credential.

    Attributes:
        format: The credential format.
        vct: The credential type; None for other formats than `dc+sd-jwt`, or where it is missing.
        scope: What asks for it where the holder logs in.
        binding_methods: How a holder key may be named (`jwk`, `did:key`); empty where none is needed.
        proof_types: The proofs of possession the issuer takes; empty where it takes none.
        proof_algorithms: The `alg` names allowed in a proof of the type `jwt`.
        key_attestation_required: Whether such a proof must come with a statement about the key's storage.
        signing_algorithms: The `alg` names the issuer signs with.
        display: How it is shown, in several languages.
        claims: The claims it can hold, in the order they are shown.
    """

    format: str
    vct: str | None = None
    scope: str | None = None
    binding_methods: tuple[str, ...] = ()
    proof_types: tuple[str, ...] = ()
    proof_algorithms: tuple[str, ...] = ()
    key_attestation_required: bool = False
    signing_algorithms: tuple[str, ...] = ()
    display: tuple[Display, ...] = ()
    claims: tuple[ClaimDescription, ...] = ()


def parse_configuration(source: JsonObject) -> CredentialConfiguration:
    """Read one credential configuration. Members this reader does not know are ignored.

    `display` and `claims` are also read where issuers put them before 1.0, beside `format`.

    Raises:
        MalformedError: a member has the wrong type, or two descriptions are of the same claim.
    """
    metadata = optional_object_member(source, "credential_metadata") or source
    proof_types = optional_object_member(source, "proof_types_supported") or {}
    jwt_proof = optional_object_member(proof_types, "jwt") or {}
    algorithms = _optional_array(source, "credential_signing_alg_values_supported")
    return CredentialConfiguration(
        format=text_member(source, "format"),
        vct=optional_text_member(source, "vct"),
        scope=optional_text_member(source, "scope"),
        binding_methods=_optional_texts(source, "cryptographic_binding_methods_supported"),
        proof_types=tuple(proof_types),
        proof_algorithms=(
            tuple(texts_member(jwt_proof, "proof_signing_alg_values_supported", minimum=1))
            if jwt_proof
            else ()
        ),
        key_attestation_required="key_attestations_required" in jwt_proof,
        # Formats that are not JSON have numbers here.
        signing_algorithms=tuple(name for name in algorithms if isinstance(name, str)),
        display=parse_display(metadata),
        claims=_parse_claims(metadata),
    )


def encode_configuration(configuration: CredentialConfiguration) -> JsonObject:
    """The JSON object of a `dc+sd-jwt` configuration; `jwt` is the only proof type written."""
    source: JsonObject = {"format": configuration.format}
    if configuration.vct is not None:
        source["vct"] = configuration.vct
    if configuration.scope is not None:
        source["scope"] = configuration.scope
    if configuration.binding_methods:
        source["cryptographic_binding_methods_supported"] = list(configuration.binding_methods)
    if configuration.proof_algorithms:
        names: list[JsonValue] = list(configuration.proof_algorithms)
        source["proof_types_supported"] = {"jwt": {"proof_signing_alg_values_supported": names}}
    if configuration.signing_algorithms:
        source["credential_signing_alg_values_supported"] = list(configuration.signing_algorithms)
    metadata: JsonObject = {}
    if configuration.display:
        metadata["display"] = encode_display(configuration.display)
    if configuration.claims:
        metadata["claims"] = [_encode_claim(claim) for claim in configuration.claims]
    if metadata:
        source["credential_metadata"] = metadata
    return source


def parse_display(source: JsonObject) -> tuple[Display, ...]:
    """Read the `display` of a thing, empty where there is none.

    Raises:
        MalformedError: a member has the wrong type.
    """
    if "display" not in source:
        return ()
    return tuple(_parse_one_display(item) for item in objects_member(source, "display", minimum=1))


def encode_display(display: tuple[Display, ...]) -> list[JsonValue]:
    """The JSON array of `display`."""
    return [_encode_one_display(item) for item in display]


def _parse_one_display(source: JsonObject) -> Display:
    logo = optional_object_member(source, "logo")
    return Display(
        name=optional_text_member(source, "name"),
        locale=optional_text_member(source, "locale"),
        description=optional_text_member(source, "description"),
        # Small pictures come inside the address (data:).
        logo_uri=None if logo is None else text_member(logo, "uri", max_characters=_MAX_LOGO_CHARACTERS),
        logo_alt_text=None if logo is None else optional_text_member(logo, "alt_text"),
        background_color=optional_text_member(source, "background_color"),
        text_color=optional_text_member(source, "text_color"),
    )


def _encode_one_display(display: Display) -> JsonObject:
    members: JsonObject = {
        "name": display.name,
        "locale": display.locale,
        "description": display.description,
        "background_color": display.background_color,
        "text_color": display.text_color,
    }
    if display.logo_uri is not None:
        logo: JsonObject = {"uri": display.logo_uri, "alt_text": display.logo_alt_text}
        members["logo"] = {name: value for name, value in logo.items() if value is not None}
    return {name: value for name, value in members.items() if value is not None}


def _parse_claims(source: JsonObject) -> tuple[ClaimDescription, ...]:
    if "claims" not in source:
        return ()
    items = objects_member(source, "claims", minimum=1)
    if len(items) > MAX_CLAIMS:
        raise MalformedError(Code.SIZE_EXCEEDED, "claims")
    claims = tuple(
        ClaimDescription(
            parse_claim_path(item.get("path")),
            boolean_member(item, "mandatory", default=False),
            parse_display(item),
        )
        for item in items
    )
    # App. B.3: processing ends where one claim is described twice.
    if len({claim.path for claim in claims}) != len(claims):
        raise MalformedError(Code.MEMBER_INVALID, "claims")
    return claims


def _encode_claim(claim: ClaimDescription) -> JsonObject:
    source: JsonObject = {"path": list(claim.path)}
    if claim.mandatory:
        source["mandatory"] = True
    if claim.display:
        source["display"] = encode_display(claim.display)
    return source


def _optional_array(source: JsonObject, name: str) -> list[JsonValue]:
    return array_member(source, name, minimum=1) if name in source else []


def _optional_texts(source: JsonObject, name: str) -> tuple[str, ...]:
    return tuple(texts_member(source, name, minimum=1)) if name in source else ()

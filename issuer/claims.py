"""Claims against the schema of their type, before anything is signed.

What is wrong is told by place and rule, never by value: it goes to logs and screens.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import RefusedError, VerificationError
from protocol.sdjwt.disclosure import RESERVED_NAMES
from protocol.sdjwt_vc import PROTECTED_CLAIMS
from protocol.type_metadata import DisclosureRule, TypeMetadata, verify_type_rules
from schemas import CredentialType

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

# What the credential itself says in these names: no institution's claim may take their place.
OWN_CLAIMS = frozenset({*PROTECTED_CLAIMS, *RESERVED_NAMES, "iat", "sub", "jti", "aud", "_sd_alg"})

_MAX_REASONS = 10
_MAX_NAME = 40
_PHRASES = {
    "type": "is not of type {}",
    "enum": "is not one of {}",
    "const": "is not {}",
    "pattern": "does not match {}",
    "format": "is not a {}",
    "minLength": "has fewer than {} characters",
    "maxLength": "has more than {} characters",
    "minimum": "is below {}",
    "maximum": "is above {}",
    "minItems": "has fewer than {} elements",
    "maxItems": "has more than {} elements",
}


def check_claims(credential_type: CredentialType, claims: JsonObject) -> None:
    """Check `claims` against the schema of their type, and against the rules its metadata states.

    Raises:
        RefusedError: CLAIMS_INVALID with each place and reason; TYPE_METADATA_INVALID if the schema itself
            cannot be used.
    """
    reasons = _reasons(credential_type.claims_schema, claims)
    if not reasons:
        try:
            metadata = credential_type.type_metadata
            disclosed = disclosable_paths(metadata, claims)
            verify_type_rules(metadata, claims, disclosed=disclosed, all_disclosed=True)
        except VerificationError as error:
            reasons = [error.detail]
    if reasons:
        more = [f"and {len(reasons) - _MAX_REASONS} more"] if len(reasons) > _MAX_REASONS else []
        raise RefusedError(Code.CLAIMS_INVALID, "; ".join([*reasons[:_MAX_REASONS], *more]))


def check_type(credential_type: CredentialType) -> None:
    """Check that a type can be issued.

    Its schema must be one, refer to nothing outside itself, leave alone the names that the credential needs
    for itself, and accept the type's own example.

    Raises:
        RefusedError: it cannot.
    """
    from jsonschema import Draft202012Validator, SchemaError

    schema, metadata = credential_type.claims_schema, credential_type.type_metadata
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        raise _unusable_schema(f"schema at {_dotted(error.absolute_path)}") from error
    if metadata.extends is not None:
        raise _unusable_schema("a type that extends another one")
    named = [claim.path[0] for claim in metadata.claims]
    properties = schema.get("properties")
    for name in [*named, *(properties if isinstance(properties, dict) else [])]:
        if name in OWN_CLAIMS:
            raise RefusedError(Code.CLAIM_NAME_RESERVED, str(name))
    check_claims(credential_type, dict(credential_type.example))


def disclosable_paths(metadata: TypeMetadata, claims: JsonObject) -> list[ClaimPath]:
    """The claims that the holder may withhold: all but those the type requires to stand open."""
    named = {claim.path[0] for claim in metadata.claims}
    listed = [claim.path for claim in metadata.claims if claim.disclosure is not DisclosureRule.NEVER]
    return [*listed, *[(name,) for name in claims if name not in named]]


def _reasons(schema: Mapping[str, JsonValue], claims: JsonObject) -> list[str]:
    from referencing.exceptions import Unresolvable

    own = sorted(OWN_CLAIMS & claims.keys())
    if own:
        return [f"{name}: is not a claim of an institution" for name in own]
    places: dict[str, str] = {}
    try:
        for error in _validator(schema).iter_errors(claims):
            for place, reason in _reasons_of(error):
                # What is of the wrong type breaks more rules, but they would tell nobody anything new.
                places.setdefault(place, reason)
    except Unresolvable as error:
        raise _unusable_schema("a reference of the schema leads nowhere") from error
    return [f"{place}: {reason}" for place, reason in sorted(places.items())]


def _validator(schema: Mapping[str, JsonValue]) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator, FormatChecker
    from referencing import Registry

    # Without a registry of its own, the validator would fetch what `$ref` points to.
    registry: Registry[Any] = Registry()
    return Draft202012Validator(dict(schema), format_checker=FormatChecker(), registry=registry)


def _reasons_of(error: "ValidationError") -> Iterator[tuple[str, str]]:
    path = list(error.absolute_path)
    # The library types these as whatever JSON may be; the keyword says what they are.
    rule: Any = error.validator_value
    instance: Any = error.instance
    schema: Any = error.schema
    match error.validator:
        case "required":
            for name in rule:
                if name not in instance:
                    yield _dotted([*path, name]), "is missing"
        case "additionalProperties":
            patterns = schema.get("patternProperties", {})
            for name in instance:
                if name not in schema.get("properties", {}) and not any(re.search(p, name) for p in patterns):
                    yield _dotted([*path, name[:_MAX_NAME]]), "is not a claim of this type"
        case keyword:
            phrase = _PHRASES.get(str(keyword), f"breaks the rule {keyword}")
            yield _dotted(path), phrase.format(_listed(rule))


def _listed(rule: object) -> str:
    return ", ".join(map(str, rule)) if isinstance(rule, list) else str(rule)


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(map(str, path)) or "claims"


def _unusable_schema(detail: str) -> RefusedError:
    return RefusedError(Code.TYPE_METADATA_INVALID, detail)

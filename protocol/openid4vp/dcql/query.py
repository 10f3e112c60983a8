"""Reading DCQL queries (OpenID4VP 1.0 §6).

    {"credentials": [{"id": "pid", "format": "dc+sd-jwt", "meta": {"vct_values": ["…"]},
                      "claims": [{"path": ["birthdate"]}]}],
     "credential_sets": [{"options": [["pid"]], "required": true}]}

A query comes from a stranger and decides how much work the wallet does, so every list in it has a limit.
Members this reader does not know are ignored, as the specification demands.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from protocol.claim_path import ClaimPath, parse_claim_path
from protocol.codes import Code
from protocol.encoding.members import (
    array_member,
    boolean_member,
    object_member,
    objects_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError
from protocol.restate import restate_malformed
from protocol.sdjwt_vc import SD_JWT_VC_TYP as SD_JWT_VC

MAX_CREDENTIAL_QUERIES = 16
MAX_CLAIMS = 64
MAX_OPTIONS = 64
MAX_VALUES = 64
MAX_PATH_COMPONENTS = 16

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
# Members of the format itself. They are no claims, and are gone from a processed credential.
_NOT_CLAIMS = frozenset({"_sd", "_sd_alg", "..."})

ClaimValue: TypeAlias = str | int | bool
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ClaimQuery:
    """One claim that is asked for; `values` is empty where any value will do."""

    path: ClaimPath
    values: tuple[ClaimValue, ...] = ()

    def admits(self, value: JsonValue) -> bool:
        """Whether `value` is one of `values`, in type and value: `true` is not 1, and neither is 1.0."""
        return not self.values or any(
            type(value) is type(wanted) and value == wanted for wanted in self.values
        )


@dataclass(frozen=True, slots=True)
class TrustedAuthorities:
    """Authorities the verifier accepts: a type (aki, etsi_tl, openid_federation) and identifiers of it."""

    type: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CredentialQuery:
    """One credential that is asked for.

    Attributes:
        id: The name under which it is answered.
        format: The credential format; queries for other formats than `dc+sd-jwt` are read but never match.
        vct_values: The accepted types; empty for other formats.
        claims: The claims that are asked for.
        claim_options: The sets of them, as indices into `claims`, any one of which will do, the verifier's
            favourite first. Never empty; without `claims` it is one empty set: nothing that can be
            withheld is asked for.
        multiple: Whether more than one credential may be presented for it.
        holder_binding_required: Whether the presenter must prove to hold the credential's key.
        trusted_authorities: Any one of them must have certified the issuer; empty where none is named.
    """

    id: str
    format: str
    vct_values: tuple[str, ...]
    claims: tuple[ClaimQuery, ...]
    claim_options: tuple[frozenset[int], ...]
    multiple: bool
    holder_binding_required: bool
    trusted_authorities: tuple[TrustedAuthorities, ...]


@dataclass(frozen=True, slots=True)
class CredentialSetQuery:
    """Alternative sets of credentials, by query id, for one purpose; what is not required is a wish."""

    options: tuple[tuple[str, ...], ...]
    required: bool


@dataclass(frozen=True, slots=True)
class DcqlQuery:
    """A query that obeys the rules of DCQL; `source` is the JSON as received.

    `credential_sets` is never empty: a query without them asks for all its credentials, which is one set
    with one option.
    """

    credentials: tuple[CredentialQuery, ...]
    credential_sets: tuple[CredentialSetQuery, ...]
    source: JsonObject

    def credential(self, query_id: str) -> CredentialQuery | None:
        """The credential query with this id."""
        return next((query for query in self.credentials if query.id == query_id), None)


def parse_dcql_query(source: JsonObject) -> DcqlQuery:
    """Read a DCQL query.

    Limits: 16 credential queries and sets, 64 claims, options and values each, paths of 16 components.

    Raises:
        MalformedError: with the code QUERY_INVALID.
    """
    with restate_malformed(Code.QUERY_INVALID):
        items = _bounded(
            objects_member(source, "credentials", minimum=1), MAX_CREDENTIAL_QUERIES, "credentials"
        )
        credentials = tuple(_parse_credential_query(item) for item in items)
        ids = [query.id for query in credentials]
        if len(set(ids)) != len(ids):
            raise MalformedError(Code.QUERY_INVALID, "two credential queries share an id")
        if "credential_sets" not in source:
            return DcqlQuery(credentials, (CredentialSetQuery((tuple(ids),), True),), source)
        sets = _bounded(
            objects_member(source, "credential_sets", minimum=1), MAX_CREDENTIAL_QUERIES, "credential_sets"
        )
        return DcqlQuery(credentials, tuple(_parse_credential_set(item, ids) for item in sets), source)


def _parse_credential_query(source: JsonObject) -> CredentialQuery:
    credential_format, meta = text_member(source, "format"), object_member(source, "meta")
    claims, claim_options = _parse_claims(source)
    vct_values: tuple[str, ...] = ()
    if credential_format == SD_JWT_VC:
        vct_values = tuple(_bounded(texts_member(meta, "vct_values", minimum=1), MAX_VALUES, "vct_values"))
    return CredentialQuery(
        _parse_id(source),
        credential_format,
        vct_values,
        claims,
        claim_options,
        boolean_member(source, "multiple", default=False),
        boolean_member(source, "require_cryptographic_holder_binding", default=True),
        _parse_trusted_authorities(source),
    )


def _parse_claims(source: JsonObject) -> tuple[tuple[ClaimQuery, ...], tuple[frozenset[int], ...]]:
    if "claims" not in source:
        if "claim_sets" in source:
            raise MalformedError(Code.QUERY_INVALID, "claim_sets without claims")
        return (), (frozenset(),)
    items = _bounded(objects_member(source, "claims", minimum=1), MAX_CLAIMS, "claims")
    claims = tuple(_parse_claim_query(item) for item in items)
    index_of = {_parse_id(item): index for index, item in enumerate(items) if "id" in item}
    if len(index_of) != sum("id" in item for item in items):
        raise MalformedError(Code.QUERY_INVALID, "two claims share an id")
    if "claim_sets" not in source:
        # A wallet should ignore a second query for the same claim (§6.1): the first one counts.
        first_of_path = {claims[index].path: index for index in reversed(range(len(claims)))}
        return claims, (frozenset(first_of_path.values()),)
    if len(index_of) != len(claims):
        raise MalformedError(Code.QUERY_INVALID, "claim_sets need an id for every claim")
    options = _parse_options(source, "claim_sets", index_of, MAX_CLAIMS)
    return claims, tuple(frozenset(index_of[claim_id] for claim_id in option) for option in options)


def _parse_claim_query(source: JsonObject) -> ClaimQuery:
    path = parse_claim_path(source.get("path"))
    if len(path) > MAX_PATH_COMPONENTS or not _NOT_CLAIMS.isdisjoint(path):
        raise MalformedError(Code.QUERY_INVALID, "a claims path is too long or names no claim")
    if "values" not in source:
        return ClaimQuery(path)
    values = _bounded(array_member(source, "values", minimum=1), MAX_VALUES, "values")
    # A boolean is an int to Python, which is as it should be here: all three types are accepted.
    accepted = tuple(value for value in values if isinstance(value, str | int))
    if len(accepted) != len(values):
        raise MalformedError(Code.QUERY_INVALID, "values are strings, integers and booleans")
    return ClaimQuery(path, accepted)


def _parse_trusted_authorities(source: JsonObject) -> tuple[TrustedAuthorities, ...]:
    if "trusted_authorities" not in source:
        return ()
    items = _bounded(
        objects_member(source, "trusted_authorities", minimum=1), MAX_VALUES, "trusted_authorities"
    )
    return tuple(
        TrustedAuthorities(
            text_member(item, "type"),
            tuple(_bounded(texts_member(item, "values", minimum=1), MAX_VALUES, "values")),
        )
        for item in items
    )


def _parse_credential_set(source: JsonObject, ids: list[str]) -> CredentialSetQuery:
    options = _parse_options(source, "options", ids, MAX_CREDENTIAL_QUERIES)
    return CredentialSetQuery(options, boolean_member(source, "required", default=True))


def _parse_options(
    source: JsonObject, name: str, known_ids: Collection[str], max_length: int
) -> tuple[tuple[str, ...], ...]:
    options: list[tuple[str, ...]] = []
    for item in _bounded(array_member(source, name, minimum=1), MAX_OPTIONS, name):
        if not isinstance(item, list) or not 0 < len(item) <= max_length:
            raise MalformedError(Code.QUERY_INVALID, f"{name}: an option is a list of ids")
        option = tuple(member for member in item if isinstance(member, str) and member in known_ids)
        if len(option) != len(item):
            raise MalformedError(Code.QUERY_INVALID, f"{name}: an option names an unknown id")
        options.append(option)
    return tuple(options)


def _parse_id(source: JsonObject) -> str:
    identifier = text_member(source, "id")
    if not _ID.fullmatch(identifier):
        raise MalformedError(Code.MEMBER_INVALID, "id")
    return identifier


def _bounded(items: list[_T], maximum: int, name: str) -> list[_T]:
    if len(items) > maximum:
        raise MalformedError(Code.QUERY_INVALID, f"more than {maximum} {name}")
    return items

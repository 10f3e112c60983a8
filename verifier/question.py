"""What a verifier asks for, as its owner says it, and the DCQL query that says it to wallets.

    degree: level, field           needed
            grade                  optional: the holder may leave it out

Every choice of the optional claims is one of the query's claim sets, the smallest first: a wallet that
chooses by itself shows the least, and one that asks its holder finds each optional claim by itself.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from protocol.claim_path import ClaimPath, parse_claim_path
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, RefusedError
from protocol.openid4vp.dcql.query import MAX_OPTIONS, ClaimQuery, DcqlQuery, parse_dcql_query
from protocol.policy import VerificationPolicy
from protocol.sdjwt_vc import SD_JWT_VC_TYP
from schemas import credential_type
from storage.toml_table import suggestion
from verifier.policy_file import find_vct

MAX_OPTIONAL = MAX_OPTIONS.bit_length() - 1
_WHOLE = "*"
_SHOWN = 12
_INDEX = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class CredentialQuestion:
    """One credential that is asked for: its type, by name or vct, and the claims of it."""

    type: str
    needed: tuple[ClaimQuery, ...]
    optional: tuple[ClaimQuery, ...] = ()


def create_query(questions: Sequence[CredentialQuestion], policy: VerificationPolicy) -> DcqlQuery:
    """The query that asks all `questions` of one holder.

    Raises:
        RefusedError: no such type, or nobody is trusted for it, so that every answer would be refused.
        MalformedError: a claim that the type does not have, or what DCQL does not allow.
    """
    credentials: list[JsonValue] = []
    ids: set[str] = set()
    for number, question in enumerate(questions, 1):
        vct = find_vct(question.type)
        if not policy.trusted_issuers.get(vct) and not policy.trusted_roots.get(vct):
            raise RefusedError(Code.ISSUER_NOT_TRUSTED, f"nobody is trusted for {question.type}")
        _require_known_claims(question)
        query_id = question.type
        if ":" in query_id or query_id in ids:
            query_id = f"credential_{number}"
        ids.add(query_id)
        credentials.append(
            {
                "id": query_id,
                "format": SD_JWT_VC_TYP,
                "meta": {"vct_values": [vct]},
                **_encode_claims(question),
            }
        )
    return parse_dcql_query({"credentials": credentials})


def parse_path_text(text: str) -> ClaimPath:
    """Read a claims path as people write it: `level`, `address.locality`, `nationalities.0`, `prizes.*.year`.

    Raises:
        MalformedError: a part of it is empty.
    """
    parts: list[JsonValue] = []
    for part in text.split("."):
        if not part:
            raise MalformedError(Code.MEMBER_INVALID, "a claims path has no empty part")
        parts.append(None if part == _WHOLE else int(part) if _INDEX.fullmatch(part) else part)
    return parse_claim_path(parts)


def encode_path_text(path: ClaimPath) -> str:
    """`path` as `parse_path_text` reads it."""
    return ".".join(_WHOLE if part is None else str(part) for part in path)


def _encode_claims(question: CredentialQuestion) -> JsonObject:
    asked = [*question.needed, *question.optional]
    if len({claim.path for claim in asked}) != len(asked):
        raise MalformedError(Code.QUERY_INVALID, "a claim is asked for twice")
    if question.optional and not question.needed:
        raise MalformedError(Code.QUERY_INVALID, "optional claims stand beside at least one that is needed")
    if len(question.optional) > MAX_OPTIONAL:
        raise MalformedError(Code.QUERY_INVALID, f"more than {MAX_OPTIONAL} optional claims")
    if not asked:
        return {}
    claims: list[JsonValue] = []
    for number, claim in enumerate(asked):
        source: JsonObject = {"id": f"c{number}", "path": list(claim.path)}
        if claim.values:
            source["values"] = list(claim.values)
        claims.append(source)
    needed = [f"c{number}" for number in range(len(question.needed))]
    optional = [f"c{number}" for number in range(len(question.needed), len(asked))]
    sets: list[JsonValue] = [
        [*needed, *chosen] for size in range(len(optional) + 1) for chosen in combinations(optional, size)
    ]
    return {"claims": claims, "claim_sets": sets} if optional else {"claims": claims}


def _require_known_claims(question: CredentialQuestion) -> None:
    """Check that the type has the claims, if it is one whose claims are known here."""
    if ":" in question.type:
        return
    properties = credential_type(question.type).claims_schema.get("properties")
    assert isinstance(properties, dict), "the types that come along list their claims"
    for claim in (*question.needed, *question.optional):
        name = str(claim.path[0])
        if name not in properties:
            known = suggestion(name, properties) or f"; it has {_some(properties)}"
            raise MalformedError(Code.QUERY_INVALID, f"{question.type} has no claim {name[:80]!r}{known}")


def _some(names: Iterable[str]) -> str:
    """The first of `names`, for a message."""
    first = list(names)
    return ", ".join(first[:_SHOWN]) + (", …" if len(first) > _SHOWN else "")

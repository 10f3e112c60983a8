"""What a person decides about: who asks, why, which facts would leave, which could, and which stay hidden.

Everything here is data, computed from the request and the wallet's content. What is sent is computed from
the same data, never from the state of a screen.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from protocol.claim_path import ClaimPath, select_claims
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import RefusedError
from protocol.openid4vp.dcql.query import CredentialQuery
from protocol.openid4vp.dcql.selection import Candidate, Match, Selection, select_credentials
from protocol.openid4vp.request_object import DidClient, VerifiedRequest
from protocol.sdjwt.parse import SdJwt, parse_sd_jwt
from protocol.sdjwt.present import HeldClaim, list_claims
from protocol.sdjwt.verify import verify_disclosures
from protocol.sdjwt_vc import SD_JWT_VC_TYP
from wallet.content import CredentialCopy, HeldCredential, WalletContent
from wallet.label import claim_label
from wallet.standing import PresentWord, standing_of

# What every presentation shows about the credential itself; no fact about its holder.
_ABOUT_THE_CREDENTIAL = frozenset(
    {"iss", "vct", "iat", "nbf", "exp", "cnf", "status", "vct#integrity", "aka_vcts"}
)


class CheckedBy(StrEnum):
    """How it was established who asks. DID: it signed with a key its DID lists on a trusted ledger.
    ADDRESS: nothing is known but the address the answer goes to.
    """

    DID = "did"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class ShownClaim:
    """One fact as a person sees it, with its value; `path` is where it is in the credential."""

    path: ClaimPath
    label: str
    value: JsonValue


@dataclass(frozen=True, slots=True)
class ConsentItem:
    """One credential that answers one part of the request.

    Attributes:
        query_id: The part of the request.
        credential: The credential.
        copy: The copy that would be shown.
        needed: What leaves when the person agrees.
        optional: What the verifier would like as well; off unless the person turns it on.
        chosen: Those of the optional facts that the person turned on.
        hidden: The labels of what stays in the wallet.
        linkable: Whether this copy was shown before, so that the two occasions can be told to be one person.
    """

    query_id: str
    credential: HeldCredential
    copy: CredentialCopy
    needed: tuple[ShownClaim, ...]
    optional: tuple[ShownClaim, ...]
    chosen: tuple[ShownClaim, ...]
    hidden: tuple[str, ...]
    linkable: bool

    @property
    def disclosed(self) -> tuple[ShownClaim, ...]:
        """Every fact that leaves: the needed ones and those turned on."""
        return self.needed + self.chosen


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person is asked.

    Attributes:
        request: The request, verified.
        items: The credentials that answer it.
        first_time: Whether this party was never met before.
    """

    request: VerifiedRequest
    items: tuple[ConsentItem, ...]
    first_time: bool

    @property
    def party(self) -> str:
        """Who asks: the full client identifier."""
        return self.request.audience

    @property
    def name(self) -> str | None:
        """What the party calls itself. Nobody attests it."""
        return self.request.request.client_name

    @property
    def checked_by(self) -> CheckedBy:
        """How it was established who asks."""
        return CheckedBy.DID if isinstance(self.request.client, DidClient) else CheckedBy.ADDRESS

    @property
    def host(self) -> str:
        """The host the answer goes to."""
        return urlsplit(self.request.request.reply_to.response_uri).netloc

    @property
    def purpose(self) -> str | None:
        """What for, in the party's own words."""
        statement = self.request.request.statement
        return None if statement is None else statement.purpose

    @property
    def retention(self) -> timedelta | None:
        """How long the party promises to keep it at most; zero for not at all."""
        statement = self.request.request.statement
        return None if statement is None else statement.retention

    @property
    def facts(self) -> int:
        """How many facts would leave."""
        return sum(len(item.disclosed) for item in self.items)

    def with_optional(self, labels_or_paths: Collection[str]) -> "Consent":
        """The same with these optional facts turned on, named by label or dotted path.

        Raises:
            RefusedError: there is no such optional fact.
        """
        left = set(labels_or_paths)
        items = []
        for item in self.items:
            chosen = tuple(fact for fact in item.optional if left & {fact.label, dotted(fact.path)})
            left -= {name for fact in chosen for name in (fact.label, dotted(fact.path))}
            items.append(replace(item, chosen=chosen))
        if left:
            raise RefusedError(Code.USAGE_INVALID, f"not asked for as optional: {', '.join(sorted(left))}")
        return replace(self, items=tuple(items))


def dotted(path: ClaimPath) -> str:
    """`address.locality`, for people and for `--json`."""
    return ".".join(str(component) for component in path)


def prepare_consent(
    content: WalletContent, request: VerifiedRequest, *, now: datetime, prefer: str | None = None
) -> Consent:
    """What to ask the person, and the least that answers the request.

    `prefer` is the id of a credential to use where several answer. Credentials that are expired, revoked or
    suspended are not offered.

    Raises:
        RefusedError: no credential answers (with the reason where one would, were it still good).
    """
    usable = [held for held in content.credentials if _is_usable(held, now)]
    try:
        selection = select_credentials(request.request.query, [_candidate(held) for held in usable])
    except RefusedError:
        _explain_unusable(content, request, now)
        raise
    held_by_id = {held.id: held for held in usable}
    items = [
        _item(request, query_id, match, held_by_id[match.candidate.id])
        for query_id, match in _answer(selection, prefer).items()
    ]
    return Consent(request, tuple(items), content.party(request.audience) is None)


def copy_to_present(held: HeldCredential) -> CredentialCopy:
    """The next unused copy; when none is left, the one that was shown longest ago."""
    unused = held.unused_copies
    return unused[0] if unused else min(held.copies, key=lambda copy: copy.used_at or held.received_at)


def _answer(selection: Selection, prefer: str | None) -> dict[str, Match]:
    answer = selection.first_answer()
    for query_id in answer:
        for match in selection.matches[query_id]:
            if match.candidate.id == prefer:
                answer[query_id] = match
    return answer


def _is_usable(held: HeldCredential, now: datetime) -> bool:
    return standing_of(held, now=now).word in (PresentWord.VALID, PresentWord.UNKNOWN)


def _explain_unusable(content: WalletContent, request: VerifiedRequest, now: datetime) -> None:
    """Raise why a credential that would answer cannot, if that is all that stands in the way."""
    codes = {
        PresentWord.REVOKED: Code.CREDENTIAL_REVOKED,
        PresentWord.SUSPENDED: Code.CREDENTIAL_SUSPENDED,
        PresentWord.EXPIRED: Code.EXPIRED,
        PresentWord.NOT_YET_VALID: Code.NOT_YET_VALID,
    }
    wanted = {vct for query in request.request.query.credentials for vct in query.vct_values}
    for held in content.credentials:
        word = standing_of(held, now=now).word
        if held.credential_type in wanted and word in codes:
            raise RefusedError(codes[word], held.id)


def _candidate(held: HeldCredential) -> Candidate:
    return Candidate(
        id=held.id,
        format=SD_JWT_VC_TYP,
        vct=held.credential_type,
        claims=_claims(parse_sd_jwt(copy_to_present(held).credential)),
        holder_bound=True,
    )


def _claims(sd_jwt: SdJwt) -> JsonObject:
    return verify_disclosures(sd_jwt.unverified_payload(), sd_jwt.disclosures).claims


def _item(request: VerifiedRequest, query_id: str, match: Match, held: HeldCredential) -> ConsentItem:
    query = request.request.query.credential(query_id)
    assert query is not None, "a match belongs to a query of the request"
    copy = copy_to_present(held)
    pieces = [
        piece
        for piece in list_claims(parse_sd_jwt(copy.credential))
        if piece.path[0] not in _ABOUT_THE_CREDENTIAL
    ]
    optional_paths = _optional_paths(query, match)
    # A claim the issuer left open leaves with every presentation, asked for or not.
    needed = [piece for piece in pieces if piece.always_visible or _lies_in(piece.path, match.disclosed)]
    optional = [piece for piece in pieces if piece not in needed and _lies_in(piece.path, optional_paths)]
    hidden = [piece for piece in pieces if piece not in needed and piece not in optional]
    vct = held.credential_type
    return ConsentItem(
        query_id=query_id,
        credential=held,
        copy=copy,
        needed=_shown(vct, needed),
        optional=_shown(vct, optional),
        chosen=(),
        hidden=tuple(
            dict.fromkeys(claim_label(vct, piece.path) for piece in hidden if piece not in optional)
        ),
        linkable=copy.used_at is not None,
    )


def _optional_paths(query: CredentialQuery, match: Match) -> frozenset[ClaimPath]:
    """The claims beyond the least answer that the verifier would take beside it.

    Each choice must be one of the query's claim sets: the least set with exactly this claim added.
    """
    claims = match.candidate.claims
    found = [
        frozenset(path for path, value in select_claims(claims, claim.path).items() if claim.admits(value))
        for claim in query.claims
    ]
    least = frozenset(index for index, paths in enumerate(found) if paths and paths <= match.disclosed)
    return frozenset(
        path
        for index, paths in enumerate(found)
        if index not in least and least | {index} in query.claim_options
        for path in paths
    )


def _lies_in(path: ClaimPath, places: Collection[ClaimPath]) -> bool:
    """Whether the fact at `path` is one of `places`, lies in one, or has one in it."""
    return any(path[: len(place)] == place[: len(path)] for place in places)


def _shown(vct: str, pieces: Sequence[HeldClaim]) -> tuple[ShownClaim, ...]:
    return tuple(ShownClaim(piece.path, claim_label(vct, piece.path), piece.value) for piece in pieces)

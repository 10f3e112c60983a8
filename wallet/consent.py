"""What a person decides about: who asks, why, which facts would leave, which could, and which stay hidden.

Everything here is data, computed from the request and the wallet's content. What is sent is computed from
the same data, never from the state of a screen.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from protocol.claim_path import ClaimPath, is_on_one_line
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.openid4vp.match_code import match_code
from protocol.openid4vp.request_object import DidClient, VerifiedRequest
from wallet.content import WalletContent
from wallet.facts import ShownClaim, shown_facts
from wallet.held import CredentialCopy, HeldCredential
from wallet.holder_claims import leaving_with, list_holder_claims
from wallet.known_party import KnownParty, PartyMark, host_of
from wallet.overasking import AskedFacts, Hint, find_hints
from wallet.selection import Answer, select_answers

Tick = tuple[str, ClaimPath]
"""An optional fact that is turned on: the part of the request it answers, and where it stands."""


class CheckedBy(StrEnum):
    """How it was established who asks. DID: it signed with a key its DID lists on a trusted ledger.
    ADDRESS: nothing is known but the address the answer goes to.
    """

    DID = "did"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class ConsentItem:
    """One credential that answers one part of the request.

    Attributes:
        query_id: The part of the request.
        credential: The credential.
        copy: The copy that would be shown.
        needed: What leaves when the person agrees.
        optional: What the verifier would like as well; off unless the person turns it on.
        chosen: The optional facts that the person turned on, with those the issuer tied to them.
        linkable: Whether this copy was shown before, so that the two occasions can be told to be one person.
    """

    query_id: str
    credential: HeldCredential
    copy: CredentialCopy
    needed: tuple[ShownClaim, ...]
    optional: tuple[ShownClaim, ...]
    chosen: tuple[ShownClaim, ...]
    linkable: bool

    @property
    def disclosed(self) -> tuple[ShownClaim, ...]:
        """Every fact that leaves: the needed ones and those turned on."""
        return self.needed + self.chosen

    @property
    def hidden(self) -> tuple[ShownClaim, ...]:
        """What stays in the wallet, and was not asked for."""
        on_screen = {fact.path for fact in (*self.disclosed, *self.optional)}
        pieces = list_holder_claims(self.copy.credential)
        return shown_facts(
            self.credential.credential_type, [piece for piece in pieces if piece.path not in on_screen]
        )

    def with_chosen(self, facts: Collection[ShownClaim]) -> "ConsentItem":
        """The same with these of the optional facts turned on, and those that cannot be shown apart from
        them.
        """
        leaving = leaving_with(self.copy.credential, [fact.path for fact in (*self.needed, *facts)])
        sent = shown_facts(self.credential.credential_type, leaving)
        return replace(self, chosen=tuple(fact for fact in sent if fact not in self.needed))


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person is asked.

    Attributes:
        request: The request, verified.
        items: The credentials that answer it.
        known: What the wallet knows of the party; None for one it never met.
        hints: What is odd about what they ask for. They change nothing of what is sent.
    """

    request: VerifiedRequest
    items: tuple[ConsentItem, ...]
    known: KnownParty | None
    hints: tuple[Hint, ...] = ()

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
        return host_of(self.request.request.reply_to.response_uri)

    @property
    def match_code(self) -> str:
        """Two words to compare with those on the verifier's screen."""
        return match_code(self.party, self.request.request.nonce)

    @property
    def is_verified(self) -> bool:
        """Whether it is known who asks: they signed, and a trusted ledger knows them or the person does.

        A DID that is its own key proves by itself as little as an unsigned request: anybody can make one.
        """
        client = self.request.client
        return isinstance(client, DidClient) and (client.did.evidence is not None or self.is_trusted)

    @property
    def is_trusted(self) -> bool:
        """Whether the person put this party on their list."""
        return self.known is not None and self.known.mark is PartyMark.TRUSTED

    @property
    def first_time(self) -> bool:
        """Whether this party was never shown anything."""
        return self.known is None or not self.known.presentations

    @property
    def over_asks(self) -> bool:
        """Whether something that has to leave is odd to be asked for."""
        return any(hint.is_needed for hint in self.hints)

    @property
    def needs_second_yes(self) -> bool:
        """Whether one yes is not enough: nobody knows who asks, or they ask for too much."""
        return not self.is_verified or self.over_asks

    @property
    def purpose(self) -> str | None:
        """What for, in the party's own words; blanks are none."""
        statement = self.request.request.statement
        return statement.purpose if statement is not None and statement.purpose.strip() else None

    @property
    def retention(self) -> timedelta | None:
        """How long the party promises to keep it at most; zero for not at all."""
        statement = self.request.request.statement
        return None if statement is None else statement.retention

    @property
    def facts(self) -> int:
        """How many facts would leave."""
        return sum(len(item.disclosed) for item in self.items)

    @property
    def ticks(self) -> frozenset[Tick]:
        """The optional facts that are turned on."""
        return frozenset(
            (item.query_id, fact.path) for item in self.items for fact in item.optional if fact in item.chosen
        )

    def with_ticks(self, ticks: Collection[Tick]) -> "Consent":
        """The same with exactly these optional facts turned on.

        What the issuer tied to one of them is turned on with it.

        Raises:
            ValueError: one of them is not asked for as optional.
        """
        items = {item.query_id: item for item in self.items}
        chosen: dict[str, list[ShownClaim]] = {query_id: [] for query_id in items}
        for query_id, path in ticks:
            try:
                (fact,) = [fact for fact in items[query_id].optional if fact.path == path]
            except (KeyError, ValueError):
                raise ValueError("a tick is on a fact that is asked for as optional") from None
            chosen[query_id].append(fact)
        ticked = (item.with_chosen(chosen[query_id]) for query_id, item in items.items())
        return replace(self, items=tuple(ticked))

    def with_optional(self, labels_or_paths: Collection[str]) -> "Consent":
        """The same with these optional facts turned on, named by label or dotted path, in every credential
        they were asked of.

        Raises:
            RefusedError: there is no such optional fact.
        """
        wanted = set(labels_or_paths)
        named = [(item.query_id, fact) for item in self.items for fact in item.optional]
        ticks = {(query_id, fact.path) for query_id, fact in named if wanted & _names(fact)}
        unknown = wanted.difference(*(_names(fact) for _, fact in named))
        if unknown:
            detail = f"not asked for as optional: {', '.join(sorted(unknown))}"
            raise RefusedError(Code.USAGE_INVALID, detail)
        return self.with_ticks(ticks)


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
        RefusedError: no credential answers, or `prefer` does not (with the reason where one would, were it
            still good).
    """
    answers = select_answers(content, request.request.query, now=now, prefer=prefer)
    items = tuple(map(_item, answers))
    consent = Consent(request, items, content.party(request.audience))
    hints = find_hints(
        map(_asked, items),
        purpose=consent.purpose,
        party=consent.party,
        # Whom the person forgot is met for the first time.
        activity=() if consent.first_time else content.activity,
    )
    return replace(consent, hints=hints)


def _item(answer: Answer) -> ConsentItem:
    held = answer.credential
    copy = held.next_copy
    needed = shown_facts(held.credential_type, leaving_with(copy.credential, answer.needed))
    granted = shown_facts(
        held.credential_type, leaving_with(copy.credential, answer.needed | answer.optional)
    )
    return ConsentItem(
        query_id=answer.query_id,
        credential=held,
        copy=copy,
        needed=needed,
        # Not what the issuer tied to it: that leaves with it, and by itself nobody wants it.
        optional=tuple(
            fact
            for fact in granted
            if fact not in needed and any(is_on_one_line(fact.path, wish) for wish in answer.optional)
        ),
        chosen=(),
        linkable=copy.used_at is not None,
    )


def _asked(item: ConsentItem) -> AskedFacts:
    pieces = list_holder_claims(item.copy.credential)
    return AskedFacts(
        query_id=item.query_id,
        credential_type=item.credential.credential_type,
        needed=tuple(fact.path for fact in item.needed),
        optional=tuple(fact.path for fact in item.optional),
        withholdable=frozenset(piece.path for piece in pieces if not piece.always_visible),
    )


def _names(fact: ShownClaim) -> set[str]:
    return {fact.label, dotted(fact.path)}

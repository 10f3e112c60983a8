"""What a person decides about: who asks, why, which facts would leave, which could, and which stay hidden.

Everything here is data, computed from the request and the wallet's content. What is sent is computed from
the same data, never from the state of a screen.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from protocol.claim_path import ClaimPath, is_on_one_line
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.openid4vp.request_object import DidClient, VerifiedRequest
from wallet.content import CredentialCopy, HeldCredential, WalletContent
from wallet.facts import ShownClaim, shown_facts
from wallet.holder_claims import leaving_with, list_holder_claims
from wallet.selection import Answer, select_answers


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

    def with_optional(self, labels_or_paths: Collection[str]) -> "Consent":
        """The same with these optional facts turned on, named by label or dotted path, in every credential
        they were asked of.

        Raises:
            RefusedError: there is no such optional fact.
        """
        wanted = set(labels_or_paths)
        items = [
            item.with_chosen([fact for fact in item.optional if wanted & _names(fact)]) for item in self.items
        ]
        unknown = wanted.difference(*(_names(fact) for item in items for fact in item.chosen))
        if unknown:
            detail = f"not asked for as optional: {', '.join(sorted(unknown))}"
            raise RefusedError(Code.USAGE_INVALID, detail)
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
        RefusedError: no credential answers, or `prefer` does not (with the reason where one would, were it
            still good).
    """
    answers = select_answers(content, request.request.query, now=now, prefer=prefer)
    return Consent(request, tuple(map(_item, answers)), content.party(request.audience) is None)


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


def _names(fact: ShownClaim) -> set[str]:
    return {fact.label, dotted(fact.path)}

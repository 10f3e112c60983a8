"""Evidence about issuers that goes along with a presentation, where the verifier asks for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from protocol.errors import UnavailableError
from protocol.openid4vp.response import MAX_RESPONSE_BYTES, PresentationResponse, parse_response
from protocol.openid4vp.stapled_evidence import StapledEvidence, parse_stapled_evidence
from tests.counted import NOW, SetClock
from tests.status_issuer import DID
from tests.wallet.counterparts import UNIVERSITY, Courier, says
from tests.wallet.holdings import CARD, DEGREE, seconds, with_held
from tests.wallet.inspector import LEVEL, Inspector, query_for
from tests.wallet.test_standing import signed_list
from wallet.consent import prepare_consent
from wallet.content import WalletContent
from wallet.issuer_evidence import MAX_BYTES, MAX_ISSUERS, IssuerEvidence
from wallet.outside import Outside
from wallet.present import open_request, send_presentation
from wallet.stapling import FRESH
from wallet.status import gather_evidence, refresh_standings
from wallet.stored_content import encode_content, parse_content
from wallet.vault import Vault

LIST = signed_list({})
OTHER_LIST = signed_list({}, uri="https://issuer.example/status/2")
PROOFS = (b"proof of the history", b"proof of the accreditations")
Prover = Callable[[str], tuple[bytes, ...]]


def nobody(_did: str) -> tuple[bytes, ...]:
    raise UnavailableError(Code.NETWORK_LEDGER_UNREACHABLE)


@pytest.fixture
def vault(vault: Vault) -> Vault:
    """A wallet with a degree that has a place in a status list."""
    vault.change(lambda content: with_held(content, indices=(1, 2)))
    return vault


@pytest.fixture
def outside(outside: Outside, courier: Courier) -> Outside:
    """The ledger and the issuer answer."""
    courier.lie("/status/1", says(LIST.encode()))
    resolve = outside.resolve_did
    return replace(
        outside,
        resolve_did=lambda did: UNIVERSITY if did == DID else resolve(did),
        prove_issuer=lambda _did: PROOFS,
        read_type_records=lambda _vct, _did: (),
    )


def lonely(outside: Outside, courier: Courier) -> Outside:
    """Neither answers any more."""
    courier.lie("/status/1", says(b"", 503))
    return replace(outside, prove_issuer=nobody)


def stapled(
    vault: Vault, inspector: Inspector, outside: Outside, *, wanted: bool = True, query: JsonObject = LEVEL
) -> StapledEvidence | None:
    """What goes along with what `query` asks for, by default the level of the degree."""
    link = inspector.ask(query, evidence_wanted=wanted)
    consent = prepare_consent(vault.content, open_request(vault, link, outside=outside), now=outside.clock())
    send_presentation(vault, consent, outside=outside)
    assert len(inspector.answers[-1]) <= MAX_RESPONSE_BYTES
    answer = parse_response(inspector.answers[-1])
    assert isinstance(answer, PresentationResponse)
    return None if answer.evidence is None else parse_stapled_evidence(answer.evidence)


def test_evidence_that_is_kept_goes_along_and_nobody_learns_that_it_did(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier
) -> None:
    refresh_standings(vault, outside=outside)
    courier.sent.clear()
    assert stapled(vault, inspector, lonely(outside, courier)) == StapledEvidence(PROOFS, (LIST,))
    assert courier.paths() == ["/request", "/response"]


def test_nothing_goes_along_that_is_not_asked_for(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    refresh_standings(vault, outside=outside)
    assert stapled(vault, inspector, outside, wanted=False) is None


@pytest.mark.parametrize("age", [timedelta(0), FRESH, FRESH + timedelta(seconds=1)])
def test_evidence_is_fetched_anew_once_it_is_half_a_day_old(
    vault: Vault, inspector: Inspector, outside: Outside, clock: SetClock, age: timedelta
) -> None:
    vault.change(lambda content: content.with_evidence([evidence(status_lists=(LIST,))]))
    clock.advance(age)
    inspector.now = clock()
    sent = stapled(vault, inspector, outside)
    assert sent is not None
    assert sent.proofs == (PROOFS if age > FRESH else (b"old proof",))


def test_evidence_that_was_asked_for_by_a_clock_that_was_ahead_is_fetched_anew(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    kept = replace(evidence(status_lists=(LIST,)), asked_at=NOW + timedelta(seconds=1))
    vault.change(lambda content: content.with_evidence([kept]))
    assert stapled(vault, inspector, outside) == StapledEvidence(PROOFS, (LIST,))


@pytest.mark.parametrize(("age", "is_expired"), [(59, False), (60, True)])
def test_list_that_has_expired_is_fetched_anew_and_stays_here_where_nobody_can_be_asked(
    vault: Vault,
    inspector: Inspector,
    outside: Outside,
    courier: Courier,
    clock: SetClock,
    age: int,
    is_expired: bool,
) -> None:
    short = signed_list({}, exp=seconds(NOW + timedelta(minutes=60)))
    vault.change(lambda content: content.with_evidence([evidence(status_lists=(short,))]))
    clock.advance(timedelta(minutes=age))
    inspector.now = clock()
    kept = StapledEvidence((b"old proof",), (short,))
    assert stapled(vault, inspector, outside) == (StapledEvidence(PROOFS, (LIST,)) if is_expired else kept)
    alone = lonely(outside, courier)
    assert stapled(vault, inspector, alone) == (replace(kept, status_lists=()) if is_expired else kept)


def test_holder_signs_after_the_wallet_has_asked_however_long_that_takes(
    vault: Vault, inspector: Inspector, outside: Outside, clock: SetClock
) -> None:
    def slowly(_did: str) -> tuple[bytes, ...]:
        clock.advance(timedelta(minutes=4))
        return PROOFS

    stapled(vault, inspector, replace(outside, prove_issuer=slowly))
    binding = inspector.presented()["it"].rpartition("~")[2]
    payload = parse_json_object(decode_base64url(binding.split(".")[1]))
    assert payload["iat"] == seconds(NOW + timedelta(minutes=4))


def test_list_that_is_not_kept_is_fetched(vault: Vault, inspector: Inspector, outside: Outside) -> None:
    vault.change(lambda content: content.with_evidence([evidence(status_lists=(OTHER_LIST,))]))
    assert stapled(vault, inspector, outside) == StapledEvidence(PROOFS, (LIST,))


def test_where_nobody_can_be_asked_what_is_kept_goes_however_old(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier, clock: SetClock
) -> None:
    alone = lonely(outside, courier)
    assert stapled(vault, inspector, alone) == StapledEvidence((), ())
    vault.change(lambda content: content.with_evidence([evidence(status_lists=(LIST, OTHER_LIST))]))
    clock.advance(FRESH * 2)
    inspector.now = clock()
    assert stapled(vault, inspector, alone) == StapledEvidence((b"old proof",), (LIST,))


def test_what_makes_the_answer_too_long_stays_here(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    def keep(*, proof: int) -> None:
        # A list under the signed address: what is kept was verified, so its size alone counts here.
        text = f"{LIST.rpartition('.')[0]}.{'A' * 300_000}"
        kept = evidence(proofs=(bytes(proof),), status_lists=(text,))
        vault.change(lambda content: content.with_evidence([kept]))

    keep(proof=300_000)
    assert stapled(vault, inspector, outside) == StapledEvidence((bytes(300_000),), ())
    keep(proof=500_000)
    assert stapled(vault, inspector, outside) is None


@pytest.mark.parametrize(("proofs", "size"), [(16, 10), (3, 80_000)])
def test_many_or_long_proofs_about_one_issuer_take_no_room_from_the_history_of_another(
    vault: Vault, inspector: Inspector, outside: Outside, proofs: int, size: int
) -> None:
    other = "did:web:registry.example"

    def with_two_issuers(content: WalletContent) -> WalletContent:
        content = with_held(content, CARD, id="card-1")
        card = replace(content.credential("card-1"), issuer=other)
        content = replace(content, credentials=(content.credential("degree-1"), card))
        return content.with_evidence(
            evidence(issuer, proofs=tuple(bytes([number]) * size for number in numbers), status_lists=(LIST,))
            for issuer, numbers in ((DID, range(proofs)), (other, range(100, 100 + proofs)))
        )

    vault.change(with_two_issuers)
    parts: list[JsonValue] = [query_for(DEGREE, query_id="a"), query_for(CARD, query_id="b")]
    sent = stapled(vault, inspector, outside, query={"credentials": parts})
    assert sent is not None
    assert [proof[0] for proof in sent.proofs[:4]] == [0, 100, 1, 101]


def evidence(
    issuer: str = DID, *, proofs: tuple[bytes, ...] = (b"old proof",), status_lists: tuple[str, ...] = ()
) -> IssuerEvidence:
    return IssuerEvidence(issuer=issuer, asked_at=NOW, proofs=proofs, status_lists=status_lists)


def test_asking_how_credentials_stand_keeps_what_vouches_for_them(vault: Vault, outside: Outside) -> None:
    refresh_standings(vault, outside=outside)
    kept = vault.content.evidence_about(DID)
    assert kept == evidence(proofs=PROOFS, status_lists=(LIST,))
    assert parse_content(encode_content(vault.content)) == vault.content
    vault.change(lambda content: content.without_credential("degree-1"))
    assert vault.content.evidence == ()


def test_evidence_stays_where_the_ledger_cannot_be_asked(
    vault: Vault, outside: Outside, courier: Courier
) -> None:
    refresh_standings(vault, outside=outside)
    kept = vault.content.evidence
    refresh_standings(vault, outside=lonely(outside, courier))
    assert vault.content.evidence == kept


def test_list_that_cannot_be_had_leaves_the_one_of_before_as_old_as_it_is(
    vault: Vault, outside: Outside, courier: Courier, clock: SetClock
) -> None:
    refresh_standings(vault, outside=outside)
    clock.advance(timedelta(hours=1))
    courier.lie("/status/1", says(b"", 503))
    refresh_standings(vault, outside=replace(outside, prove_issuer=lambda _did: (b"newer proof",)))
    assert vault.content.evidence == (evidence(proofs=(b"newer proof",), status_lists=(LIST,)),)


def test_list_that_no_credential_needs_any_more_is_not_kept(
    vault: Vault, outside: Outside, clock: SetClock
) -> None:
    vault.change(lambda content: content.with_evidence([evidence(status_lists=(LIST, OTHER_LIST))]))
    clock.advance(timedelta(hours=1))
    refresh_standings(vault, outside=outside)
    asked_now = replace(evidence(proofs=PROOFS, status_lists=(LIST,)), asked_at=clock())
    assert vault.content.evidence == (asked_now,)


def test_only_so_much_is_kept_of_an_issuer_as_there_is_room_for(outside: Outside) -> None:
    def gathered(proofs: list[int], *lists: int) -> tuple[list[int], list[int]]:
        there = replace(outside, prove_issuer=lambda _did: tuple(map(bytes, proofs)))
        found = gather_evidence(DID, ["x" * size for size in lists], outside=there)
        return [len(proof) for proof in found.proofs], [len(text) for text in found.status_lists]

    assert gathered([1000], MAX_BYTES - 1000) == ([1000], [MAX_BYTES - 1000])
    assert gathered([1000], MAX_BYTES - 999, 5) == ([1000], [5])
    # Somebody made the list of the accreditations long: the history of the issuer, the first, stays.
    assert gathered([1000, MAX_BYTES, 7], 5) == ([1000, 7], [5])


def test_evidence_about_the_newest_sixteen_issuers_is_kept(vault: Vault) -> None:
    content = vault.content
    issuers = [f"did:web:issuer-{number}.example" for number in range(MAX_ISSUERS + 1)]
    for issuer in issuers:
        held = replace(content.credential("degree-1"), id=issuer, issuer=issuer)
        content = content.with_credential(held)
    dated = [
        replace(evidence(issuer), asked_at=NOW + timedelta(seconds=number))
        for number, issuer in enumerate(issuers)
    ]
    content = content.with_evidence([*dated, evidence("did:web:stranger.example")])
    assert [each.issuer for each in content.evidence] == issuers[1:]

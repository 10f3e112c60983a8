"""The main job over real HTTP: a degree is issued, held, presented and verified, outlives its key, and is
revoked; and what a cheat would try.

A ledger, a university, an employer and a wallet, each with its own files, keys and memory. They tell the time
by one clock, which moves when a test says so.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from doors.server import listen, running
from issuer.folder import KEY_PREFIX as ISSUER_KEY_PREFIX
from issuer.http import IssuerApp, create_issuer_app
from issuer.institution import open_institution
from ledger.fetch import Fetched, Fetcher, FetchRules
from ledger.memory import CheckpointMemory
from ledger.resolver import LedgerResolver
from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError, UnavailableError
from protocol.openid4vp.request_object import DidClient
from protocol.openid4vp.response import encode_response
from protocol.records import Record
from protocol.records.accreditation import create_withdrawal
from protocol.sdjwt.parse import SdJwt, parse_sd_jwt
from schemas import credential_type
from storage.management_key import create_management_key
from storage.passphrase import TEST_ONLY, WEAKEST_ACCEPTED, Passphrase
from storage.register import replace_management_key
from tests.accredited import found_institutions
from tests.browser import Browser, bearer
from tests.issuer.anchored import Anchor, anchored
from tests.ledger.world import NOW, Clock
from tests.signed_records import accreditation, signer
from verifier.folder import KEY_PREFIX as VERIFIER_KEY_PREFIX
from verifier.folder import VerifierFolder
from verifier.founding import check_settings, found_with_did, trust_ledger
from verifier.grounds import PolicyGrounds
from verifier.http import VerifierApp, create_verifier_app
from verifier.policy_file import trust_issuer
from verifier.verifier import ANSWERS, open_verifier
from wallet.consent import Consent, prepare_consent
from wallet.content import ActivityKind
from wallet.offer import open_offer
from wallet.outside import Outside
from wallet.present import open_request, send_presentation
from wallet.presentation import create_presentation
from wallet.receive import receive_credentials
from wallet.standing import PresentWord, standing_of
from wallet.status import refresh_standings
from wallet.vault import Vault

PASSPHRASE = Passphrase("correct horse battery staple")
DEGREE = credential_type("degree")
ASKED = ["title", "level"]


@dataclass
class Office:
    """The running service of an institution, as its own programs reach it."""

    did: str
    browser: Browser
    key: dict[str, str]

    def post(self, path: str, **members: object) -> Any:
        answer = self.browser.post_json(path, members, **self.key)
        assert 200 <= answer.status < 300, answer.body
        return answer.json

    def get(self, path: str) -> Any:
        return self.browser.get(path, **self.key).json


@dataclass
class Town:
    """Everybody."""

    clock: Clock
    anchor: Anchor
    university: Office
    employer: Office
    outside: Outside
    vault: Vault

    def wait(self, **time: float) -> None:
        self.clock.time += timedelta(**time)

    def issue(self) -> None:
        """The university offers Ada her degree, and her wallet takes it."""
        offer = self.university.post(
            "/manage/offers", type="degree", claims=dict(DEGREE.example), tx_code=True, copies=5
        )
        opened = open_offer(offer["offer"], outside=self.outside)
        receive_credentials(
            self.vault, opened, transaction_code=offer["tx_code"], copies=5, outside=self.outside
        )

    def ask(self) -> tuple[str, Consent]:
        """The employer asks; the id of its request, and what Ada's wallet makes of it."""
        asked = self.employer.post(
            "/manage/requests",
            type="degree",
            claims=ASKED,
            optional=["grade"],
            purpose="Job application",
            retention_days=30,
        )
        request = open_request(self.vault, asked["request"], outside=self.outside)
        return asked["id"], prepare_consent(self.vault.content, request, now=self.clock())

    def present(self) -> Any:
        """Ada answers the employer honestly; the result it sees."""
        request_id, consent = self.ask()
        send_presentation(self.vault, consent, outside=self.outside)
        return self.result(request_id)

    def result(self, request_id: str) -> Any:
        return self.employer.get(f"/manage/requests/{request_id}")

    def presentation(self, consent: Consent, *, audience: str | None = None) -> str:
        """What Ada's wallet would send."""
        (item,) = consent.items
        return create_presentation(
            item,
            key=self.vault.content.signing_key(item.copy.key),
            nonce=consent.request.request.nonce,
            audience=audience or consent.party,
            algorithms=consent.request.request.key_binding_algorithms,
            now=self.clock(),
        )

    def post(self, consent: Consent, presentation: str) -> Fetched:
        """Send something as the answer, by hand."""
        reply_to = consent.request.request.reply_to
        body = encode_response({consent.items[0].query_id: [presentation]}, state=reply_to.state)
        return self.outside.post_form(reply_to.response_uri, body)

    def verdict(self, make: Callable[[Consent], str]) -> tuple[str, str]:
        """What the employer says to an answer that `make` made: the status and the code."""
        request_id, consent = self.ask()
        self.post(consent, make(consent))
        result = self.result(request_id)
        assert result["claims"] == {}
        return result["status"], result["error"]["code"]


@contextmanager
def open_university(anchor: Anchor, clock: Clock, database: str) -> Iterator[Office]:
    with ExitStack() as stack:
        listener = stack.enter_context(listen("127.0.0.1", 0, name="issuer.localhost"))
        did = anchor.found(url=listener.url, database=database).did
        anchor.folder.types.add(Path(__file__).parents[2] / "schemas" / "degree", valid_days=1825)
        keeper = stack.enter_context(anchor.keeper())
        institution, keys = stack.enter_context(
            open_institution(anchor.folder, keeper, url=listener.url, now=clock())
        )
        text, key = create_management_key(ISSUER_KEY_PREFIX)
        replace_management_key(institution.register, key)
        app = create_issuer_app(IssuerApp(institution, keys.rotate, clock, secrets.token_bytes))
        stack.enter_context(running(app, listener))
        yield Office(did, Browser(listener.url), bearer(text))


@contextmanager
def open_employer(anchor: Anchor, clock: Clock, university: str, database: str) -> Iterator[Office]:
    folder = VerifierFolder(anchor.path / "employer", anchor.path / "employer-state")
    folder.path.mkdir(mode=0o700)
    with ExitStack() as stack:
        listener = stack.enter_context(listen("127.0.0.1", 0, name="verifier.localhost"))
        fetcher = stack.enter_context(Fetcher(FetchRules(development=True)))
        ledger = trust_ledger(folder, anchor.world.ledger.url, policy=None, fetcher=fetcher)
        ring = stack.enter_context(
            folder.open_new_keys(PASSPHRASE, sealing=ANSWERS, kdf=WEAKEST_ACCEPTED, now=clock())
        )
        folder.save_onboarding_token(anchor.token)
        keeper = stack.enter_context(folder.identity_keeper(ring, ledger))
        settings = check_settings("Northgate", listener.url, database)
        did = found_with_did(folder, keeper, settings, slug="northgate", now=clock()).did
        assert did is not None
        trust_issuer(folder.policy, "degree", university)
        grounds = stack.enter_context(PolicyGrounds(folder.policy, state=folder.state, clock=clock))
        verifier, _ = stack.enter_context(
            open_verifier(folder, ring, url=listener.url, grounds=grounds, now=clock())
        )
        text, key = create_management_key(VERIFIER_KEY_PREFIX)
        replace_management_key(verifier.register, key)
        app = create_verifier_app(VerifierApp(verifier, None, clock, secrets.token_bytes))
        stack.enter_context(running(app, listener))
        yield Office(did, Browser(listener.url), bearer(text))


@pytest.fixture
def town(tmp_path: Path, new_database: Callable[[str], str]) -> Iterator[Town]:
    clock = Clock(NOW)
    with ExitStack() as stack:
        anchor = stack.enter_context(anchored(tmp_path, clock, database=new_database("ledger")))
        university = stack.enter_context(open_university(anchor, clock, new_database("university")))
        employer = stack.enter_context(open_employer(anchor, clock, university.did, new_database("employer")))
        fetcher = stack.enter_context(Fetcher(FetchRules(development=True)))
        resolver = LedgerResolver(
            TrustedLedgers((anchor.world.ledger,), development=True),
            fetcher=fetcher,
            memory=CheckpointMemory(tmp_path / "wallet-seen"),
            clock=clock,
        )
        vault = stack.enter_context(
            Vault.create(
                tmp_path / "wallet" / "wallet.sealed",
                passphrase=PASSPHRASE,
                entropy=secrets.token_bytes(32),
                kdf=TEST_ONLY,
                mark_folder=tmp_path / "wallet-state",
                now=clock(),
            )
        )
        outside = Outside(
            fetcher,
            resolver.resolve,
            clock,
            development=True,
            prove_issuer=resolver.prove_issuer,
            read_type_records=resolver.read_type_records,
        )
        yield Town(clock, anchor, university, employer, outside, vault)


@pytest.mark.both_engines
def test_a_degree_is_issued_held_presented_verified_outlives_its_key_and_is_revoked(town: Town) -> None:
    # Issued and held: in five copies, which nobody can tell to belong together.
    town.issue()
    (held,) = town.vault.content.credentials
    assert (held.issuer, len(held.copies)) == (town.university.did, 5)
    assert standing_of(held, now=town.clock()).word is PresentWord.VALID

    # Asked: by somebody the ledger vouches for, with a purpose and a promise.
    request_id, consent = town.ask()
    client = consent.request.client
    assert isinstance(client, DidClient)
    assert (client.did.did, client.did.evidence is not None) == (town.employer.did, True)
    assert (consent.name, consent.purpose) == ("Northgate", "Job application")
    assert consent.retention == timedelta(days=30)
    (item,) = consent.items
    open_anyway = {fact.path[0] for fact in item.needed} - set(ASKED)
    assert {fact.path[0] for fact in item.optional} == {"grade"}
    assert "Date of birth" in {fact.label for fact in item.hidden}

    # Presented and verified: what was asked for, and no more.
    sent = send_presentation(town.vault, consent, outside=town.outside)
    assert {path[0] for path in sent.disclosed} == {*ASKED, *open_anyway}
    result = town.result(request_id)
    assert result["status"] == "verified"
    assert result["claims"] == {name: DEGREE.example[name] for name in ASKED}
    assert all(check["outcome"] in ("passed", "skipped") for check in result["checks"])
    (received, presented) = town.vault.content.activity
    assert (received.kind, presented.kind) == (ActivityKind.RECEIVED, ActivityKind.PRESENTED)
    assert (presented.party, presented.outcome) == (f"decentralized_identifier:{town.employer.did}", None)

    # The university takes a new key into use: what the old one signed goes on verifying.
    town.wait(hours=2)
    rotated = town.university.post("/manage/rotate")
    assert rotated["key_id"].startswith(f"{town.university.did}#")
    assert town.present()["status"] == "verified"

    # Revoked: the wallet learns it and keeps the degree to itself; who sends it all the same is refused.
    (issued,) = town.university.get("/manage/credentials")["credentials"]
    town.university.post(f"/manage/credentials/{issued['id']}/revoke")
    town.wait(hours=1)
    assert town.verdict(town.presentation) == ("refused", Code.CREDENTIAL_REVOKED)
    refresh_standings(town.vault, outside=town.outside)
    (held,) = town.vault.content.credentials
    assert standing_of(held, now=town.clock()).word is PresentWord.REVOKED
    with pytest.raises(RefusedError) as refused:
        town.ask()
    assert refused.value.code is Code.CREDENTIAL_REVOKED


def test_verifier_that_asks_nobody_decides_by_what_the_wallet_brings(town: Town) -> None:
    town.issue()
    early, consent = town.ask()
    assert not consent.request.request.evidence_wanted
    policy = town.anchor.path / "employer" / "policy.toml"
    policy.write_text(policy.read_text().replace('evidence = "fetched"', 'evidence = "stapled"'))

    # A request from before does not ask for evidence. Without any nobody knows; the answer may come again.
    assert town.post(consent, town.presentation(consent)).status == 503
    assert town.result(early)["error"]["code"] == Code.EVIDENCE_MISSING

    # The wallet has asked at home, and nobody is asked any more.
    refresh_standings(town.vault, outside=town.outside)
    town.wait(hours=11)
    request_id, consent = town.ask()
    assert consent.request.request.evidence_wanted
    at_home = town.outside

    def away(*_arguments: object) -> Any:
        raise UnavailableError(Code.NETWORK_LEDGER_UNREACHABLE)

    send_presentation(town.vault, consent, outside=replace(at_home, resolve_did=away, prove_issuer=away))
    result = town.result(request_id)
    assert result["status"] == "verified"
    (age,) = [check["detail"] for check in result["checks"] if check["id"] == "evidence_age"]
    assert "handed in" in age

    # What was revoked is believed for as long as the wallet brings what it has: that is the price.
    (issued,) = town.university.get("/manage/credentials")["credentials"]
    town.university.post(f"/manage/credentials/{issued['id']}/revoke")
    assert town.present()["status"] == "verified"
    town.wait(hours=2)
    request_id, consent = town.ask()
    with pytest.raises(RefusedError):
        send_presentation(town.vault, consent, outside=town.outside)
    assert town.result(request_id)["error"]["code"] == Code.CREDENTIAL_REVOKED


def test_employer_that_trusts_a_ministry_takes_the_degree_of_whom_it_accredits(town: Town) -> None:
    world = town.anchor.world
    ledger = Browser(world.ledger.url)
    who = found_institutions(world.port, types=(DEGREE.vct,), time=town.clock())

    def log(*records: Record) -> None:
        for record in records:
            answer = ledger.post("/entries", record.leaf, **bearer(town.anchor.token))
            assert answer.status == 200, answer.body

    log(*who.entries, who.top)
    policy = town.anchor.path / "employer" / "policy.toml"
    listed = f'issuers = ["{town.university.did}"]'
    assert listed in policy.read_text()
    policy.write_text(policy.read_text().replace(listed, f'accredited_by = ["{who.root}"]'))

    # The ministry lets a council accredit, and the council has not accredited this university yet.
    town.issue()
    assert town.verdict(town.presentation) == ("refused", Code.ACCREDITATION_MISSING)
    below = accreditation(
        who.middle,
        town.university.did,
        types=(DEGREE.vct,),
        valid_from=town.clock() - timedelta(days=1),
        valid_until=town.clock() + timedelta(days=30),
        under=who.top,
        time=town.clock(),
    )
    log(below)
    trust = trust_in(town.present())
    assert [(link["did"], link["by"]) for link in trust["accreditation"]] == [
        (town.university.did, who.middle),
        (who.middle, who.root),
    ]
    question = {
        "entity_id": town.university.did,
        "authority_id": who.root,
        "action": "issue",
        "resource": DEGREE.vct,
    }
    assert ledger.post_json("/authorization", question).json["authorized"] is True

    # A verifier that asks nobody sees the same chain in what the wallet brings.
    policy.write_text(policy.read_text().replace('evidence = "fetched"', 'evidence = "stapled"'))
    trust = trust_in(town.present())
    assert ("handed in" in trust["detail"], len(trust["accreditation"])) == (True, 2)
    policy.write_text(policy.read_text().replace('evidence = "stapled"', 'evidence = "fetched"'))

    # Withdrawn: what was issued in its time stays good, unless the employer wants it to count still.
    town.wait(hours=2)
    log(create_withdrawal(below, signer=signer(who.middle), reason="dissolved", time=town.clock()))
    assert ledger.post_json("/authorization", question).json["code"] == "accreditation_withdrawn"
    assert trust_in(town.present())["accreditation"][0]["until"] == encode_utc(town.clock())
    policy.write_text(policy.read_text().replace('"when_issued"', '"when_checked"'))
    assert town.verdict(town.presentation) == ("refused", Code.ACCREDITATION_WITHDRAWN)


def trust_in(result: Any) -> Any:
    """What a result says of why the issuer of a verified credential is trusted."""
    assert result["status"] == "verified", result
    return next(check for check in result["checks"] if check["id"] == "issuer_trust")


def flip_one_bit(presentation: str) -> str:
    """The presentation with one bit of the issuer's signature flipped."""
    issuer_jwt, tilde, rest = presentation.partition("~")
    signed, dot, signature = issuer_jwt.rpartition(".")
    data = bytearray(decode_base64url(signature))
    data[7] ^= 1
    return f"{signed}{dot}{encode_base64url(bytes(data))}{tilde}{rest}"


def test_cheats_get_nothing(town: Town) -> None:
    town.issue()

    # Replayed: what was accepted once, at the same request and at another one.
    request_id, consent = town.ask()
    presentation = town.presentation(consent)
    assert town.post(consent, presentation).status == 200
    again = town.post(consent, presentation)
    assert (again.status, Code.PRESENTATION_REPLAYED in again.body.decode()) == (400, True)
    assert town.result(request_id)["status"] == "verified"
    assert town.verdict(lambda _consent: presentation) == ("refused", Code.NONCE_MISMATCH)

    # Made for another verifier.
    other = "decentralized_identifier:did:web:other.example"
    passed_on = town.verdict(lambda consent: town.presentation(consent, audience=other))
    assert passed_on == ("refused", Code.AUDIENCE_MISMATCH)

    # One bit flipped.
    flipped = town.verdict(lambda consent: flip_one_bit(town.presentation(consent)))
    assert flipped == ("refused", Code.SIGNATURE_INVALID)

    # One more fact slipped in behind the holder's back.
    slipped = town.verdict(lambda consent: add_a_disclosure(town.presentation(consent), consent))
    assert slipped == ("refused", Code.PRESENTATION_HASH_MISMATCH)

    # Too late.
    request_id, consent = town.ask()
    town.wait(hours=1)
    assert town.post(consent, town.presentation(consent)).status == 400
    assert town.result(request_id)["status"] == "expired"


def add_a_disclosure(presentation: str, consent: Consent) -> str:
    """The presentation with one disclosure more than the holder signed for."""
    whole = parse_sd_jwt(consent.items[0].copy.credential)
    shown = parse_sd_jwt(presentation)
    other = next(each for each in whole.disclosures if each not in shown.disclosures)
    return SdJwt(shown.issuer_jwt, (*shown.disclosures, other), shown.key_binding_jwt).encoded

"""The two questions of ToIP TRQP v2, asked of a real ledger over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doors.server import listen
from ledger.evidence import EvidenceResolver
from ledger.trust import TrustedLedgers
from ledger.trust_registry.registry import CLOCK_TOLERANCE, MAX_QUERY_BYTES, TrustQuery, parse_trust_query
from protocol.accreditation import link_document, verify_accreditation
from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.time import encode_utc, parse_utc
from protocol.errors import MalformedError, TallyError, VerificationError
from protocol.records.accreditation import Action, create_withdrawal
from tests.accredited import Institutions, found_institutions
from tests.browser import Answer, Browser
from tests.ledger.world import NOW, World
from tests.signed_records import BOTH, DEGREE, accreditation, signer

HOUR = timedelta(hours=1)
REQUIRED = {"entity_id", "authority_id", "action", "resource", "time_evaluated"}
HOSTILE = "\u202eevil\u200b<script>&\"'"


@dataclass
class Registry:
    """A ledger with a root, a middle and a school, and a chain that was withdrawn an hour later."""

    world: World
    browser: Browser
    institutions: Institutions
    gone: str
    """Accredited by the root until an hour after the others."""

    def ask(self, path: str = "authorization", *, time: datetime | None = None, **changes: Any) -> Answer:
        who = self.institutions
        query = {"entity_id": who.school, "authority_id": who.root, "action": "issue", "resource": DEGREE}
        if time is not None:
            query["context"] = {"time": encode_utc(time)}  # type: ignore[assignment]
        return self.browser.post_json(f"/{path}", query | changes)

    def holds(self, answer: Any) -> bool:
        """Whether `answer` is what anybody computes from its own proofs, with a log policy of their own."""
        trusted = TrustedLedgers((self.world.ledger,), development=True)
        proofs = [decode_base64url(proof) for proof in answer["proofs"]]
        resolver = EvidenceResolver(trusted, proofs, clock=self.world.clock)
        is_authorization = "authorized" in answer
        root = answer["authority_id"]
        computed: dict[str, Any] = {}
        try:
            verified = verify_accreditation(
                answer["entity_id"],
                action=Action(answer["action"]) if is_authorization else Action.ACCREDIT,
                vct=answer["resource"],
                root=root,
                moment=parse_utc(answer.get("time_requested", answer["time_evaluated"])),
                read_records=lambda did: resolver.read_accreditations(did, root).records,
                least_depth=0 if is_authorization or answer["action"] == "issue" else 1,
            )
            computed["accreditation"] = [link_document(link) for link in verified.links]
        except VerificationError as error:
            computed["code"] = error.code.value
        except TallyError:
            return False
        said = answer["authorized" if is_authorization else "recognized"]
        same = all(answer.get(name) == computed.get(name) for name in ("accreditation", "code"))
        return said is ("accreditation" in computed) and same


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    world = World(tmp_path_factory.mktemp("ledger"))
    with listen("127.0.0.1", 0) as listener:
        world.port = listener.socket.getsockname()[1]
        world.create()
        who = found_institutions(world.port)
        with world.serving(listener) as sequencer:
            lost = accreditation(who.root, who.stranger, actions=BOTH, depth=0)
            for record in (*who.records, lost):
                sequencer.submit(record).result()
            world.clock.time += HOUR
            end = create_withdrawal(lost, signer=signer(who.root), reason=None, time=NOW + HOUR)
            sequencer.submit(end).result()
            yield Registry(world, Browser(listener.url), who, who.stranger)
    world.close()


def test_accredited_issuer_is_authorized_and_the_chain_and_its_proofs_stand_beside_it(
    registry: Registry,
) -> None:
    answer = registry.ask()
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["access-control-allow-origin"] == "*"
    said, who = answer.json, registry.institutions
    assert said.keys() == REQUIRED | {"authorized", "accreditation", "message", "proofs"}
    assert (said["entity_id"], said["authority_id"]) == (who.school, who.root)
    assert (said["authorized"], said["time_evaluated"]) == (True, encode_utc(NOW + HOUR))
    assert [(link["did"], link["by"]) for link in said["accreditation"]] == [
        (who.school, who.middle),
        (who.middle, who.root),
    ]
    assert len(said["proofs"]) == 2
    assert registry.holds(said)


@pytest.mark.parametrize(
    ("entity", "action", "resource", "code"),
    [
        ("stranger", "issue", DEGREE, "accreditation_withdrawn"),
        ("school", "accredit", DEGREE, "accreditation_missing"),
        ("school", "issue", "https://types.example/other", "accreditation_missing"),
        ("root", "issue", DEGREE, "accreditation_missing"),
    ],
)
def test_who_is_not_accredited_is_not_authorized_and_that_is_proven_too(
    registry: Registry, entity: str, action: str, resource: str, code: str
) -> None:
    did = getattr(registry.institutions, entity)
    said = registry.ask(entity_id=did, action=action, resource=resource).json
    assert (said["authorized"], said["code"], len(said["proofs"])) == (False, code, 1)
    assert "accreditation" not in said
    assert registry.holds(said)


def test_entity_of_which_nobody_has_ever_heard_is_proven_to_be_absent(registry: Registry) -> None:
    for entity in ("did:example:nobody", "service-42", "https://peer.example", HOSTILE):
        said = registry.ask(entity_id=entity).json
        assert (said["authorized"], said["code"]) == (False, "accreditation_missing")
        assert said["entity_id"] == entity
        assert registry.holds(said)


@pytest.mark.parametrize(
    ("time", "authorized"),
    [(NOW - timedelta(seconds=1), False), (NOW, True), (NOW + HOUR - HOUR / 60, True), (NOW + HOUR, False)],
)
def test_answer_is_for_the_moment_that_was_asked_about(
    registry: Registry, time: datetime, authorized: bool
) -> None:
    said = registry.ask(entity_id=registry.gone, time=time).json
    assert said["authorized"] is authorized
    assert said["time_requested"] == said["context"]["time"] == encode_utc(time)
    assert said["time_evaluated"] == encode_utc(NOW + HOUR)
    assert registry.holds(said)


def test_context_is_given_back_and_an_empty_time_means_now(registry: Registry) -> None:
    context = {"time": "", "locator": HOSTILE}
    said = registry.ask(context=context).json
    assert (said["authorized"], said["context"]) == (True, context)
    assert "time_requested" not in said
    fraction = registry.ask(context={"time": "2026-11-22T12:00:00.25Z"}).json
    assert (fraction["authorized"], fraction["time_requested"]) == (True, "2026-11-22T12:00:00.25Z")
    assert registry.holds(fraction)


def test_clock_that_is_a_little_ahead_is_let_pass_and_the_future_is_not(registry: Registry) -> None:
    ahead = NOW + HOUR + CLOCK_TOLERANCE
    assert registry.ask(time=ahead).json["authorized"] is True
    answer = registry.ask(time=ahead + timedelta(seconds=1))
    assert (answer.status, answer.json["code"]) == (400, "member_invalid")


@pytest.mark.parametrize(
    ("entity", "action", "recognized"),
    [
        ("middle", "issue", True),
        ("middle", "accredit", True),
        ("school", "issue", False),
        ("stranger", "issue", False),
        ("middle", "recognize", False),
    ],
)
def test_who_may_accredit_others_is_recognized(
    registry: Registry, entity: str, action: str, recognized: bool
) -> None:
    said = registry.ask("recognition", entity_id=getattr(registry.institutions, entity), action=action).json
    assert said["recognized"] is recognized
    assert "authorized" not in said
    if action != "recognize":
        assert registry.holds(said)


def test_accreditor_below_whom_no_other_may_stand_is_not_recognized_for_choosing_accreditors(
    registry: Registry,
) -> None:
    for action, expected in (("issue", True), ("accredit", False)):
        said = registry.ask("recognition", entity_id=registry.gone, action=action, time=NOW).json
        assert said["recognized"] is expected
        assert registry.holds(said)


def test_action_that_no_accreditation_gives_is_not_authorized(registry: Registry) -> None:
    said = registry.ask(action="revoke").json
    assert (said["authorized"], said["code"], said["proofs"]) == (False, "accreditation_missing", [])


@pytest.mark.parametrize(
    "authority",
    ["did:web:ministry.example", "auth-service-A", HOSTILE, "did:webvh:Qm:elsewhere.example:root"],
)
def test_authority_that_does_not_live_here_is_not_found(registry: Registry, authority: str) -> None:
    answer = registry.ask(authority_id=authority)
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"
    assert authority not in answer.body.decode()


GOOD = {"entity_id": "a", "authority_id": "b", "action": "issue", "resource": "c"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "json_invalid"),
        (b"[]", 400, "format_invalid"),
        (b"\xff", 400, "text_invalid"),
        (b'{"entity_id":"a","entity_id":"b"}', 400, "json_duplicate_member"),
        (b"{}", 400, "member_missing"),
        *(
            (json.dumps({k: v for k, v in GOOD.items() if k != name}).encode(), 400, "member_missing")
            for name in GOOD
        ),
        *((json.dumps(GOOD | {name: 7}).encode(), 400, "member_invalid") for name in GOOD),
        *((json.dumps(GOOD | {name: ""}).encode(), 400, "member_invalid") for name in GOOD),
        (json.dumps(GOOD | {"entity_id": "x" * 1025}).encode(), 400, "member_invalid"),
        (json.dumps(GOOD | {"entity_id": "ä" * 600}).encode(), 400, "member_invalid"),
        (json.dumps(GOOD | {"entity_id": "a\nentry 0 0 e30="}).encode(), 400, "member_invalid"),
        (json.dumps(GOOD | {"resource": "a\x1b[2J"}).encode(), 400, "member_invalid"),
        (json.dumps(GOOD | {"authority_id": "a\x00"}).encode(), 400, "member_invalid"),
        (b'{"entity_id":"\\ud800","authority_id":"b","action":"c","resource":"d"}', 400, "text_invalid"),
        (json.dumps(GOOD | {"context": []}).encode(), 400, "member_invalid"),
        (json.dumps(GOOD | {"context": {"time": 7}}).encode(), 400, "member_invalid"),
        (json.dumps(GOOD | {"context": {"deep": {}}}).encode(), 400, "member_invalid"),
        (json.dumps(GOOD | {"context": {"time": "2026-11-22"}}).encode(), 400, "format_invalid"),
        (
            json.dumps(GOOD | {"context": {"time": "2026-11-22T12:00:00+01:00"}}).encode(),
            400,
            "format_invalid",
        ),
        (json.dumps(GOOD | {"context": {"time": "2026-02-30T12:00:00Z"}}).encode(), 400, "format_invalid"),
        (json.dumps(GOOD | {"pad": "x" * MAX_QUERY_BYTES}).encode(), 413, "size_exceeded"),
    ],
)
def test_question_that_is_none_is_refused_with_problem_details(
    registry: Registry, body: bytes, status: int, code: str
) -> None:
    for path in ("authorization", "recognition"):
        answer = registry.browser.post(f"/{path}", body)
        assert (answer.status, answer.json["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"


def test_question_of_another_kind_or_way_is_refused(registry: Registry) -> None:
    assert registry.browser.post("/authorization", json.dumps(GOOD), kind="text/plain").status == 415
    assert registry.browser.get("/authorization").status == 405
    unknown = registry.ask(more="members that TRQP may get later")
    assert unknown.json["authorized"] is True


def test_tampered_answer_is_noticed(registry: Registry) -> None:
    who = registry.institutions
    honest, denied = registry.ask().json, registry.ask(entity_id=registry.gone).json
    assert registry.holds(honest)
    assert registry.holds(denied)
    near, far = honest["accreditation"]
    for tampered in (
        *(honest | {"entity_id": did} for did in (who.root, who.middle, registry.gone)),
        honest | {"authority_id": who.middle},
        honest | {"action": "accredit"},
        honest | {"resource": "https://types.example/other"},
        honest | {"time_requested": encode_utc(NOW - HOUR)},
        honest | {"authorized": False},
        honest | {"accreditation": [near | {"until": "2999-01-01T00:00:00Z"}, far]},
        honest | {"proofs": []},
        honest | {"proofs": honest["proofs"][:1]},
        honest | {"proofs": [_without_entries(proof) for proof in honest["proofs"]]},
        denied | {"authorized": True},
        denied | {"code": "accreditation_missing"},
        denied | {"proofs": honest["proofs"]},
        denied | {"time_requested": encode_utc(NOW)},
    ):
        assert not registry.holds(tampered)


def _without_entries(proof: str) -> str:
    lines = decode_base64url(proof).splitlines(keepends=True)
    return encode_base64url(b"".join(line for line in lines if not line.startswith(b"entry ")))


def test_ledger_whose_own_proofs_do_not_hold_says_so_and_answers_nothing(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise VerificationError(Code.INDEX_PROOF_INVALID)

    monkeypatch.setattr("ledger.trust_registry.registry.verify_tally_proof", refuse)
    answer = registry.ask()
    assert (answer.status, answer.json["code"]) == (503, "log_self_check_failed")


def test_answer_with_more_proofs_than_there_is_room_for_is_not_given(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = registry.ask().json["proofs"]
    whole = len(first) + len(second)
    monkeypatch.setattr("ledger.trust_registry.registry.MAX_PROOFS_CHARACTERS", whole)
    assert registry.ask().json["authorized"] is True
    monkeypatch.setattr("ledger.trust_registry.registry.MAX_PROOFS_CHARACTERS", whole - 1)
    answer = registry.ask()
    assert (answer.status, answer.json["code"]) == (503, "accreditations_too_many")


@given(st.binary(max_size=200) | st.dictionaries(st.text(max_size=12), st.text(max_size=12)))
@settings(max_examples=100, deadline=None)
def test_whatever_arrives_is_a_question_or_malformed(source: bytes | dict[str, str]) -> None:
    body = source if isinstance(source, bytes) else json.dumps(GOOD | {"context": source}).encode()
    try:
        query = parse_trust_query(body)
    except MalformedError:
        return
    assert query == TrustQuery("a", "b", "issue", "c", query.time, source)  # type: ignore[arg-type]

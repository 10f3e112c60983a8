"""The main job, played and checked: issue, hold, present, verify, revoke, and what a cheat would try.

Every line that claims something was checked before it was printed; the first expectation that fails ends the
story with `BrokenExpectationError`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from demo.cheat import Cheat
from demo.liar import lying_node, other_history
from demo.party import Party
from demo.world import PURPOSE, World, find_free_ports
from doors.clock import now
from ledger.tree import Tree
from protocol.codes import Code
from protocol.encoding.members import object_member, objects_member, text_member, texts_member
from protocol.encoding.strict_json import JsonObject
from protocol.errors import TallyError
from protocol.tlog.fork import SUFFIX, create_fork_evidence, encode_fork_evidence
from protocol.tlog.policy import verify_checkpoint
from schemas import credential_type

ASKED = ("title", "university")
_STATUS_SECONDS = 1.2


class BrokenExpectationError(Exception):
    """Something in the story did not go as it must."""


@dataclass(frozen=True, slots=True)
class Narrator:
    """Tells the story: chapters, facts, and expectations that were met."""

    say: Callable[[str], None]

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self.say("")
        self.say(title)

    def fact(self, text: str) -> None:
        """Tell what happened."""
        self.say(f"  · {text}")

    def expect(self, held: bool, text: str) -> None:
        """Tell what was expected, and that it held.

        Raises:
            BrokenExpectationError: it did not.
        """
        if not held:
            raise BrokenExpectationError(text)
        self.say(f"  ✓ {text}")


def play(world: World, narrator: Narrator) -> None:
    """Play the story from the first key to the last refusal.

    Raises:
        BrokenExpectationError: an expectation did not hold.
        TallyError: a command failed that should not.
    """
    _meet(world, narrator)
    _issue(world, narrator)
    _present(world, narrator)
    _cheat(world, narrator)
    _rotate(world, narrator)
    _trust_a_root(world, narrator)
    _revoke(world, narrator)
    _lie(world, narrator)


def _meet(world: World, narrator: Narrator) -> None:
    narrator.chapter("1. A ledger starts, and two institutions anchor themselves on it")
    head = world.operator.tally("ledger", "head")
    narrator.fact(f"The log is called {text_member(head, 'origin')}.")
    narrator.fact(f"City University is {_short(world.university_did)}")
    narrator.fact(f"Northgate, an employer, is {_short(world.employer_did)}")
    narrator.expect(head["size"] == 2, "Both identities are in the log: 2 entries, signed and co-signed.")
    node = world.nodes[0].party.tally("ledger", "node", "status")
    narrator.expect(
        node["copied"] == 2,
        "Four independent nodes copied and checked the log; what is published has three of them behind it.",
    )
    audit = world.operator.tally("ledger", "check", world.ledger_url)
    narrator.expect(
        audit.get("size") == 2, "An outside audit recomputed the root and replayed every identity's history."
    )


def _issue(world: World, narrator: Narrator) -> None:
    narrator.chapter("2. The university offers Ada her degree, and she takes it into her wallet")
    offer = world.university.tally(
        "issuer", "offer", "--type", "degree", "--claims", str(world.claims), "--tx-code"
    )
    narrator.fact("The offer is a link; a six-digit code goes to her another way.")
    _expect_refusal(
        narrator,
        lambda: world.ada.tally("add", text_member(offer, "offer"), "--yes", "--tx-code", "000000"),
        Code.TRANSACTION_CODE_WRONG,
        "With a wrong code the offer gives nothing.",
    )
    added = world.ada.tally(
        "add", text_member(offer, "offer"), "--yes", "--tx-code", text_member(offer, "tx_code")
    )
    credential = objects_member(added, "added")[0]
    narrator.expect(
        credential["type"] == "degree" and credential["issuer"] == world.university_did,
        f"Her wallet checked and kept it: {credential['copies']} copies, each bound to a key of its own.",
    )
    finder = Party(world.folder / "finder")
    finder.tally("init", "--ledger", world.ledger_url)
    _expect_refusal(
        narrator,
        lambda: finder.tally(
            "add", text_member(offer, "offer"), "--yes", "--tx-code", text_member(offer, "tx_code")
        ),
        Code.OFFER_NOT_FOUND,
        "Somebody who finds the link and the code later cannot redeem the offer again.",
    )


def _present(world: World, narrator: Narrator) -> None:
    narrator.chapter("3. Northgate asks for two facts, and gets exactly those two")
    request = world.ask()
    narrator.fact(f"Purpose: “{PURPOSE}”; kept for 30 days.")
    sent = world.ada.tally("present", text_member(request, "request"), "--yes")
    disclosed = sorted(texts_member(sent, "disclosed"))
    narrator.expect(disclosed == sorted(ASKED), f"The wallet disclosed {' and '.join(disclosed)}.")
    result = world.employer.tally("verifier", "result", text_member(request, "id"))
    claims = object_member(result, "claims")
    narrator.expect(result["status"] == "verified", "Northgate verified the presentation:")
    for check in objects_member(result, "checks"):
        if check["outcome"] == "passed":
            narrator.say(f"      ✓ {check['id']}")
    narrator.expect(
        {name: claims.get(name) for name in ASKED} == {name: world.ada_claims[name] for name in ASKED},
        f"It knows now: {', '.join(str(claims[name]) for name in ASKED)}.",
    )
    hidden = [name for name in world.ada_claims if name not in ASKED]
    narrator.expect(
        not any(name in claims for name in hidden),
        f"It does not know: {', '.join(name.replace('_', ' ') for name in hidden)}.",
    )


def _cheat(world: World, narrator: Narrator) -> None:
    narrator.chapter("4. Cheats try their luck")
    with Cheat(world) as cheat:
        narrator.expect(
            cheat.replay() is Code.PRESENTATION_REPLAYED,
            "A presentation that was accepted once, sent again: refused (presentation_replayed).",
        )
        narrator.expect(
            cheat.flip_a_bit() is Code.SIGNATURE_INVALID,
            "One bit of the issuer's signature flipped: refused (signature_invalid).",
        )
        narrator.expect(
            cheat.add_a_disclosure() is Code.PRESENTATION_HASH_MISMATCH,
            "One more fact slipped in on the way: refused (presentation_hash_mismatch).",
        )
        narrator.expect(
            cheat.pass_on() is Code.AUDIENCE_MISMATCH,
            "A presentation made for another verifier: refused (audience_mismatch).",
        )


def _rotate(world: World, narrator: Narrator) -> None:
    narrator.chapter("5. The university takes a new key into use")
    before = world.operator.tally("ledger", "head")
    rotated = world.university.tally("issuer", "rotate", "--yes")
    after = world.operator.tally("ledger", "head")
    narrator.fact(f"New key: …#{text_member(rotated, 'key_id').rpartition('#')[2][:16]}…")
    narrator.expect(
        after["size"] == int(str(before["size"])) + 1,
        "The rotation is in the log, by a key it had committed to in advance.",
    )
    narrator.expect(
        _answer(world)["status"] == "verified", "The degree signed with the old key still verifies."
    )


def _trust_a_root(world: World, narrator: Narrator) -> None:
    narrator.chapter("6. Northgate trusts a ministry instead of a list, and asks nobody any more")
    (port,) = find_free_ports(1)
    ministry = world.found(world.ministry, "issuer", "Ministry of Education", "ministry", port)
    world.change_policy(f'issuers = ["{world.university_did}"]', f'accredited_by = ["{ministry}"]')
    with Cheat(world) as cheat:
        narrator.expect(
            cheat.present() is Code.ACCREDITATION_MISSING,
            "The degree of a university that the ministry says nothing of: refused (accreditation_missing).",
        )
    until = (now() + timedelta(days=365)).date().isoformat()
    world.ministry.tally(
        "ledger", "accredit", world.university_did, "--type", credential_type("degree").vct,
        "--action", "issue", "--until", until, "--yes",
    )  # fmt: skip
    narrator.fact(f"The ministry accredits the university for degrees until {until}, on the ledger.")
    checks = objects_member(_answer(world), "checks")
    (trust,) = (check for check in checks if check["id"] == "issuer_trust")
    chain = [link["by"] for link in objects_member(trust, "accreditation")]
    narrator.expect(chain == [ministry], "The same degree verifies, and the result names the ministry.")
    world.change_policy('evidence = "fetched"', 'evidence = "stapled"')
    world.ada.tally("status")
    answer = _answer(world)
    narrator.expect(
        answer["status"] == "verified" and "handed in" in str(answer["checks"]),
        "Northgate asks nobody: Ada's wallet brings the ledger's proofs and the status list along.",
    )
    world.change_policy('evidence = "stapled"', 'evidence = "fetched"')


def _revoke(world: World, narrator: Narrator) -> None:
    narrator.chapter("7. The university revokes the degree")
    issued = objects_member(world.university.tally("issuer", "list"), "credentials")
    world.university.tally("issuer", "revoke", text_member(issued[0], "id"), "--yes")
    # Verifiers may keep a status list for the time its issuer allows: one second in this world.
    time.sleep(_STATUS_SECONDS)
    with Cheat(world) as cheat:
        narrator.expect(
            cheat.present() is Code.CREDENTIAL_REVOKED,
            "The same degree, presented again: refused (credential_revoked).",
        )
    standing = objects_member(world.ada.tally("status"), "credentials")[0]
    narrator.expect(standing["status"] == "revoked", "Ada's wallet asks the list, and tells her: revoked.")
    _expect_refusal(
        narrator,
        lambda: world.ada.tally("present", text_member(world.ask(), "request"), "--yes"),
        Code.CREDENTIAL_REVOKED,
        "It does not present a revoked degree any more.",
    )


def _lie(world: World, narrator: Narrator) -> None:
    narrator.chapter("8. A node lies, and the operator tries to have two histories")
    liar = world.nodes[-1]
    liar.stop()
    with lying_node(liar.party, liar.port) as accomplice:
        before = world.operator.tally("ledger", "head")
        narrator.fact(
            f"Node {liar.number} signs whatever it is shown, and says it has seen a million entries."
        )
        world.employer.tally("verifier", "rotate", "--yes")
        head = world.operator.tally("ledger", "head")
        narrator.expect(
            head["size"] == int(str(before["size"])) + 1,
            "The log goes on: the three others are a quorum.",
        )
        shown = text_member(head, "checkpoint", max_characters=8192)
        other = other_history(world.operator, shown, accomplice)
    ledger = world.operator_ledger
    narrator.expect(
        _refusal(lambda: verify_checkpoint(other, policy=ledger.policy, now=now()))
        is Code.LOG_QUORUM_MISSING,
        "A second history with the log's own signature and the liar's: refused (log_quorum_missing).",
    )
    evidence = world.folder / f"ledger{SUFFIX}"
    found = create_fork_evidence(shown, other, log_key=ledger.key(Tree.LOG), read_hashes=None)
    evidence.write_text(encode_fork_evidence(found))
    policy = world.operator.home / "ledger" / "policy"
    proven = world.ada.tally("ledger", "check", "--evidence", str(evidence), "--policy", str(policy))
    narrator.expect(
        proven["trusted"] is True,
        "Both signed checkpoints in one file prove it to anybody, without a network (tally ledger check).",
    )


def _refusal(action: Callable[[], object]) -> Code | None:
    try:
        action()
    except TallyError as error:
        return error.code
    return None


def _answer(world: World) -> JsonObject:
    request = world.ask()
    world.ada.tally("present", text_member(request, "request"), "--yes")
    return world.employer.tally("verifier", "result", text_member(request, "id"))


def _expect_refusal(narrator: Narrator, action: Callable[[], object], expected: Code, text: str) -> None:
    try:
        action()
    except TallyError as error:
        narrator.expect(error.code is expected, f"{text[:-1]} ({error.code.value}).")
    else:
        raise BrokenExpectationError(text)


def _short(did: str) -> str:
    method, scid, place = did.removeprefix("did:").split(":", 2)
    return f"did:{method}:{scid[:8]}…:{place}"

"""Four nodes that approve the DIDs of a ledger, each behind its own door, and what strangers find."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.client import TOKEN_PREFIX, LedgerClient
from ledger.fetch import Fetcher, FetchRules
from ledger.identity import (
    IdentityKeeper,
    confirm_identity,
    create_identity,
    create_identity_keys,
    rotate_identity,
)
from ledger.memory import CheckpointMemory
from ledger.resolver import LedgerResolver
from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.did.webvh.history import VerifiedHistory, split_log, verify_history
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule
from protocol.did.webvh.witness import NO_WITNESS_PROOFS, parse_witness_file
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError, VerificationError
from storage.key_ring import KeyRing
from storage.management_key import create_management_key
from storage.passphrase import TEST_ONLY, Passphrase
from tests.browser import Browser
from tests.ledger.node.federation import NAMES, Federation, federated, hurried
from tests.ledger.node.followed_log import wait_until
from tests.ledger.node.node_door import keys_of
from tests.ledger.world import NOW, create, record


@dataclass
class Place:
    """The federation, an institution that writes there, and a stranger who looks."""

    federation: Federation
    browser: Browser
    folder: Path
    fetcher: Fetcher

    @property
    def client(self) -> LedgerClient:
        memory = CheckpointMemory(self.folder / "seen")
        return LedgerClient(self.federation.world.ledger, fetcher=self.fetcher, memory=memory)

    @contextmanager
    def keeper(self, name: str) -> Iterator[IdentityKeeper]:
        token, key = create_management_key(TOKEN_PREFIX)
        self.federation.world.store().add_token(key)
        with KeyRing.create(
            self.folder / name / "keys.sealed",
            passphrase=Passphrase("correct horse"),
            keys=create_identity_keys(now=NOW),
            kdf=TEST_ONLY,
            mark_folder=self.folder / "marks" / name,
        ) as ring:
            yield IdentityKeeper(ring, self.folder / f"{name}-entry", self.client, lambda: token)

    def shown(self, name: str) -> int:
        """How many entries of a DID a stranger finds."""
        answer = self.browser.get(f"/{name}/did.jsonl")
        return len(split_log(answer.body)) if answer.status == 200 else 0

    def read(self, name: str, did: str) -> VerifiedHistory:
        """The history as every resolver of did:webvh reads it: the entries, and then the proofs."""
        lines = split_log(self.browser.get(f"/{name}/did.jsonl").body)
        file = self.browser.get(f"/{name}/did-witness.json")
        assert file.headers["content-type"] == "application/json"
        proofs = parse_witness_file(file.body)
        history = verify_history(lines, did=did, now=NOW, witness_proofs=proofs)
        with pytest.raises(VerificationError) as caught:
            verify_history(lines, did=did, now=NOW, witness_proofs=NO_WITNESS_PROOFS)
        assert caught.value.code is Code.DID_WITNESS_MISSING
        return history

    def know(self, count: int) -> bool:
        """Whether so many nodes have said which approver they are."""
        return len(self.browser.get("/approvers").json["approvers"]) == count


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("federation")
    with (
        hurried(),
        federated(folder, "alice", "bob", "carol") as federation,
        Fetcher(FetchRules(development=True, allowed_ports=frozenset({federation.world.port}))) as fetcher,
    ):
        yield Place(federation, Browser(federation.listener.url), folder, fetcher)


DIDS = tuple(str(keys_of(name).approver_did) for name in NAMES)


def test_witnessed_did_is_founded_shown_and_rotated_with_the_word_of_the_nodes(place: Place) -> None:
    wait_until(lambda: place.know(3))
    with place.keeper("university") as keeper:
        with pytest.raises(RefusedError) as caught:
            create_identity(keeper, name="university", witnessed=True, now=NOW)
        assert caught.value.code is Code.QUORUM_UNSAFE

        place.federation.start("dave")
        wait_until(lambda: place.know(4))
        did = create_identity(keeper, name="university", witnessed=True, now=NOW)
        with pytest.raises(RefusedError) as caught:
            create_identity(keeper, name="university", witnessed=False, now=NOW)
        assert caught.value.code is Code.VAULT_EXISTS
        confirm_identity(keeper)
        wait_until(lambda: place.shown("university") == 1)
        assert place.read("university", did).latest.witness == WitnessRule(3, DIDS)

        # One of four is away: it takes three.
        place.federation.stop("dave")
        rotate_identity(keeper, did, now=NOW + timedelta(seconds=5))
        wait_until(lambda: place.shown("university") == 2)
        assert place.read("university", did).latest.number == 2


def test_entry_that_too_few_have_approved_is_shown_to_nobody_but_readers_of_the_log(place: Place) -> None:
    every: JsonObject = {"witness": encode_witness_rule(WitnessRule(4, DIDS))}
    port = place.federation.world.port
    made = create("careful", port=port, parameters=every)
    plain = create("plain", port=port)
    if "dave" in place.federation.started:
        place.federation.stop("dave")
    place.federation.log(record(made), record(plain))
    assert place.shown("plain") == 1
    assert place.browser.get("/plain/did-witness.json").status == 404
    answer = place.browser.get("/careful/did.jsonl")
    assert (answer.status, answer.json["code"]) == (404, "did_not_found")
    trusted = TrustedLedgers((place.federation.world.ledger,), development=True)
    memory = CheckpointMemory(place.folder / "reader")
    resolver = LedgerResolver(trusted, fetcher=place.fetcher, memory=memory, clock=lambda: NOW)
    assert resolver.resolve(made.version.did).did == made.version.did

    place.federation.start("dave")
    # Who is asked to cosign copies at once.
    place.federation.log(record(create("another", port=port)))
    wait_until(lambda: place.shown("careful") == 1)
    place.read("careful", made.version.did)


def test_ledger_admits_no_witness_that_is_none_of_its_nodes(place: Place) -> None:
    stranger: JsonObject = {
        "witness": encode_witness_rule(WitnessRule(1, (str(keys_of("erin").approver_did),)))
    }
    made = create("strange", port=place.federation.world.port, parameters=stranger)
    with place.keeper("strange") as keeper, pytest.raises(RefusedError) as caught:
        keeper.client.submit(made.line.encode(), onboarding_token=keeper.onboarding_token())
    assert caught.value.code is Code.ENTRY_NOT_ADMITTED

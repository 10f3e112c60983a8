"""A sealed file against a model of what it should hold, through restarts, power cuts and other writers."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from protocol.codes import Code
from storage.passphrase import TEST_ONLY, Passphrase
from storage.sealed_file import Freshness, SealedFile
from tests.storage import faults
from tests.storage.place import PASSPHRASE, Place, code_of, refusal_of

BODIES = st.binary(max_size=200) | st.integers(0, 200_000).map(bytes)
SECRETS = st.sampled_from([Passphrase("one"), Passphrase("two"), Passphrase("three")])


class SealedFileModel(RuleBasedStateMachine):
    """What may be in the file, and which passphrase opens it."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.disk = faults.install(self.patch)
        self.place = Place(Path(tempfile.mkdtemp()))
        self.opened: SealedFile = self.place.create(b"")
        self.body, self.secret, self.generation = b"", PASSPHRASE, 1
        self.older: list[tuple[bytes, Passphrase]] = []

    def teardown(self) -> None:
        self.opened.close()
        self.patch.undo()
        shutil.rmtree(self.place.root)

    def wrote(self, body: bytes, secret: Passphrase, before: bytes) -> None:
        self.older.append((before, self.secret))
        self.body, self.secret, self.generation = body, secret, self.generation + 1

    @rule(body=BODIES)
    def save(self, body: bytes) -> None:
        before = self.place.path.read_bytes()
        self.opened.save(body)
        self.wrote(body, self.secret, before)

    @rule(secret=SECRETS)
    def change_passphrase(self, secret: Passphrase) -> None:
        before = self.place.path.read_bytes()
        self.opened.change_passphrase(secret, kdf=TEST_ONLY)
        self.wrote(self.body, secret, before)

    @rule(secret=SECRETS)
    def rekey(self, secret: Passphrase) -> None:
        before = self.place.path.read_bytes()
        self.opened.rekey(passphrase=secret, kdf=TEST_ONLY)
        self.wrote(self.body, secret, before)

    @rule()
    def restart(self) -> None:
        self.opened.close()
        self.opened = self.place.open(self.secret)
        assert self.opened.freshness is Freshness.CONFIRMED
        assert not self.opened.recovered

    @rule(body=BODIES, position=st.integers(0, 60))
    def save_on_a_machine_that_dies(self, body: bytes, position: int) -> None:
        before = self.place.path.read_bytes()
        with self.disk.failing(faults.power_cut_at(position)), suppress(faults.PowerCut):
            self.opened.save(body)
        if self.place.path.read_bytes() != before:
            self.wrote(body, self.secret, before)
        self.restart()

    @rule(body=BODIES, secret=SECRETS)
    def save_elsewhere(self, body: bytes, secret: Passphrase) -> None:
        before = self.place.path.read_bytes()
        with self.place.open(self.secret) as other:
            other.save(body)
        assert code_of(lambda: self.opened.save(b"lost")) is Code.VAULT_CHANGED
        assert self.opened.reload() == body
        self.wrote(body, self.secret, before)

    @rule(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
    def flip_a_bit(self, position: float, bit: int) -> None:
        good = self.place.path.read_bytes()
        damaged = bytearray(good)
        damaged[int(position * len(good))] ^= 1 << bit
        self.place.path.write_bytes(damaged)
        assert refusal_of(lambda: self.place.open(self.secret)).code in (
            Code.VAULT_DAMAGED,
            Code.VAULT_ROLLBACK,
        )
        assert refusal_of(lambda: self.opened.save(b"lost")).code is Code.VAULT_CHANGED
        self.place.path.write_bytes(good)

    @precondition(lambda self: self.older)
    @rule(data=st.data())
    def put_an_older_file_back(self, data: st.DataObject) -> None:
        good = self.place.path.read_bytes()
        older, secret = self.older[data.draw(st.integers(0, len(self.older) - 1))]
        self.place.path.write_bytes(older)
        assert refusal_of(lambda: self.place.open(secret)).code is Code.VAULT_ROLLBACK
        self.place.path.write_bytes(good)

    @invariant()
    def it_holds_what_was_saved_last(self) -> None:
        assert (self.opened.body, self.opened.generation) == (self.body, self.generation)
        with self.place.open(self.secret) as fresh:
            assert (fresh.body, fresh.generation) == (self.body, self.generation)


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(40, 12), pytest.param(1000, 50, marks=pytest.mark.stress)],
    ids=["PT-4-sample", "PT-4-campaign"],
)
def test_a_sealed_file_behaves_like_its_model(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        SealedFileModel,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

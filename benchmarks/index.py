"""The index of a log: its map built, changed, proven from and verified; and how much memory a key takes.

`python -m benchmarks.index` is one process that builds a map, for its memory alone.
"""

import gc
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from time import process_time

from benchmarks.measure import measure, rate_row, row
from protocol.index.map import IndexMap
from protocol.index.map_proof import MapProof, verify_map_proof
from protocol.index.proof import parse_tally_proof, verify_tally_proof
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.lines import encode_hashes
from protocol.tlog.policy import parse_log_policy

SIZES = (100_000, 1_000_000)
GROWN = 300_000
CHANGES = 20_000
BATCHES = (1, 100)
"""How many changes are published at once."""
SAMPLES = 2000
EXAMPLES = Path(__file__).parents[1] / "tests" / "vectors" / "tally-proof"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def run() -> None:
    print("\nThe verifiable index")
    for size in SIZES:
        seconds = _build(size)
        row(f"build the map of {size:,} keys", f"{size / seconds:,.0f}/s", f"{seconds:,.2f} s")
    index = IndexMap(_items(GROWN))
    new = map(_key, range(GROWN, sys.maxsize))
    old = map(_key, cycle(range(GROWN)))
    for batch in BATCHES:
        publishing = "each published" if batch == 1 else f"published {batch} at a time"
        for what, keys in (("insert into", new), ("update in", old)):
            rate = _change(index, keys, batch)
            row(f"{what} {GROWN:,} keys, {publishing}", f"{rate:,.0f}/s", f"{1e6 / rate:,.1f} µs")
    _proofs(index)
    _file()
    for size in SIZES:
        kept, peak = _memory(size)
        row(f"memory of a map of {size:,} keys", f"{kept:,.0f} B/key", f"{peak:,.0f} B/key while it is built")


def _proofs(index: IndexMap) -> None:
    state = index.published
    keys = [_key(7 * number) for number in range(SAMPLES)]
    absent = [hashlib.sha256(key).digest() for key in keys]
    proofs = [(key, state.get(key), state.prove(key)) for key in [*keys, *absent]]
    present_keys, absent_keys = cycle(keys), cycle(absent)
    present, missing = cycle(proofs[:SAMPLES]), cycle(proofs[SAMPLES:])

    def verify(case: tuple[bytes, bytes | None, MapProof]) -> None:
        key, value, proof = case
        verify_map_proof(proof, key=key, value=value, map_root=state.root_hash)

    rates = measure(
        {
            "prove a key": lambda: state.prove(next(present_keys)),
            "prove that a key is absent": lambda: state.prove(next(absent_keys)),
            "verify a key": lambda: verify(next(present)),
            "verify that a key is absent": lambda: verify(next(missing)),
            "sha256": lambda: hashlib.sha256(bytes(66)).digest(),
        }
    )
    steps = sum(len(proof.path) for _, _, proof in proofs) / len(proofs)
    floor = (steps + 1) * rates.pop("sha256").microseconds
    for what, rate in rates.items():
        rate_row(f"{what} of {len(state):,}", rate, f"{floor / rate.microseconds:.2f} of the hashing alone")
    written = sum(_path_bytes(proof) for _, _, proof in proofs) / len(proofs)
    row("path of a proof", f"{33 * steps:,.0f} B", f"{steps:.1f} steps; {written:,.0f} B in a file")


def _file() -> None:
    policy = parse_log_policy((EXAMPLES / "policy.txt").read_text())
    source = (EXAMPLES / "present.tally-proof").read_bytes()
    proof = parse_tally_proof(source)
    signature = Ed25519PrivateKey(bytes(32))
    signed = signature.sign(source[:200])
    rates = measure(
        {
            "file": lambda: verify_tally_proof(
                parse_tally_proof(source), subject=proof.subject, policy=policy, now=NOW
            ),
            "signature": lambda: signature.public_key.verify(signed, source[:200]),
        }
    )
    floor = 3 * rates["signature"].microseconds
    comment = f"three signatures; {floor / rates['file'].microseconds:.2f} of those alone"
    rate_row("read and verify a file with three entries", rates["file"], comment)


def _path_bytes(proof: MapProof) -> int:
    """What the path lines of a file have."""
    positions = sum(len(f"path {step.position} ") for step in proof.path)
    return positions + len(encode_hashes(tuple(step.sibling for step in proof.path)))


def _build(size: int) -> float:
    items = list(_items(size))
    gc.collect()
    begin = process_time()
    IndexMap(items)
    return process_time() - begin


def _change(index: IndexMap, keys: Iterator[bytes], batch: int) -> float:
    begin = process_time()
    for number in range(CHANGES):
        index.put(next(keys), _value(number))
        if number % batch == batch - 1:
            index.commit()
    return CHANGES / (process_time() - begin)


def _items(size: int) -> Iterator[tuple[bytes, bytes]]:
    return ((_key(number), _value(number)) for number in range(size))


def _key(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(8)).digest()


def _value(number: int) -> bytes:
    return hashlib.sha256(b"value" + number.to_bytes(8)).digest()


def _memory(size: int) -> tuple[float, float]:
    """Bytes a key, kept and at the peak."""
    command = [sys.executable, "-m", "benchmarks.index", str(size)]
    words = subprocess.check_output(command, cwd=Path(__file__).parent.parent).split()
    return int(words[0]) / size, int(words[1]) / size


def _resident(what: str) -> int:
    return 1024 * int(re.findall(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])


if __name__ == "__main__":
    before = _resident("VmRSS")
    map_in_memory = IndexMap(_items(int(sys.argv[1])))
    gc.collect()  # a few small objects that Python keeps for later would keep the memory around them
    print(_resident("VmRSS") - before, _resident("VmHWM") - before)

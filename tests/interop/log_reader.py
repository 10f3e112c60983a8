"""`log_reader.go`, which reads a log with Go's own code for such logs; built from Debian's packages."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocol.encoding.base64 import encode_base64
from protocol.tlog.note import encode_vkey
from protocol.tlog.policy import LogPolicy
from tests.processes import Finished

_SOURCE = Path(__file__).with_name("log_reader.go")
_PACKAGES = Path("/usr/share/gocode")
_SECONDS = 120


@dataclass(frozen=True)
class LogReader:
    """The built program, and the keys it believes in."""

    program: Path
    log_key: str
    cosigner_key: str

    def ask(self, checkpoint: str, address: str, questions: Iterable[str]) -> Finished:
        """What it answers about the log at `address`, whose signed note is `checkpoint`."""
        file = self.program.with_name("checkpoint")
        file.write_text(checkpoint, "utf-8")
        arguments = [str(self.program), self.log_key, self.cosigner_key, str(file), address]
        return _run(arguments, "".join(f"{question}\n" for question in questions))


def build_log_reader(folder: Path, policy: LogPolicy) -> LogReader:
    """Build the program in `folder`; Go keeps what it has compiled beside this Python."""
    if shutil.which("go") is None or not (_PACKAGES / "src/golang.org/x/mod/sumdb").is_dir():
        pytest.skip("Debian's golang-go and golang-golang-x-mod-dev are not installed")
    program = folder / "log_reader"
    environment = {"GO111MODULE": "off", "GOPATH": str(_PACKAGES), "GOFLAGS": "", "GOTOOLCHAIN": "local"}
    environment |= {"GOCACHE": str(Path(sys.prefix) / "go-build")}
    built = _run(["go", "build", "-o", str(program), str(_SOURCE)], "", environment)
    assert built.status == 0, built.stderr
    return LogReader(program, encode_vkey(policy.logs[0].key), encode_vkey(policy.witnesses[0].key))


def ask_record(index: int, entry: str) -> str:
    """The question for the inclusion proof of `entry`."""
    return f"record {index} {entry}"


def ask_tree(size: int, root: bytes) -> str:
    """The question for the consistency proof from an older state."""
    return f"tree {size} {encode_base64(root)}"


def answer_line(proof: Sequence[bytes]) -> str:
    """`proof` as the program prints it."""
    return " ".join(encode_base64(hash_) for hash_ in proof)


def _run(arguments: Sequence[str], text: str, environment: dict[str, str] | None = None) -> Finished:
    ran = subprocess.run(
        arguments,
        input=text,
        env=os.environ | (environment or {}),
        capture_output=True,
        encoding="utf-8",
        timeout=_SECONDS,
        check=False,
    )
    return Finished(ran.returncode, ran.stdout, ran.stderr)

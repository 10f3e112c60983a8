"""One party of the small world: it types commands of `tally`, and runs servers as processes of their own."""

import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from protocol.codes import Code, find_code
from protocol.encoding.members import object_member, optional_text_member, text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError

PROGRAM = ("-m", "tally")
"""What each party runs, as arguments of Python."""

_ROOT = Path(__file__).parent.parent  # from where Python imports `tally`, installed or not
_STOP_SECONDS = 10


@dataclass(slots=True)
class Party:
    """One party of the world: a home folder, and what it types.

    Attributes:
        home: Its `TALLY_HOME`.
    """

    home: Path

    def __post_init__(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.passphrase_file.exists():
            write_secret(self.passphrase_file, secrets.token_urlsafe(16))

    @property
    def passphrase_file(self) -> Path:
        """The file its commands read the passphrase from."""
        return self.home / "passphrase"

    @property
    def passphrase(self) -> str:
        """Its passphrase."""
        return self.passphrase_file.read_text().strip()

    @property
    def environment_file(self) -> Path:
        """A file to source in a shell to be this party."""
        return self.home / "env"

    def write_environment(self) -> None:
        """Write `environment_file`: who this party is, and what `tally` is there."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self._settings().items()]
        program = shlex.join([sys.executable, "-P", *PROGRAM])
        lines.append(f'tally() {{ PYTHONPATH={shlex.quote(str(_ROOT))} {program} "$@"; }}')
        self.environment_file.write_text("\n".join(lines) + "\n")

    def tally(self, *arguments: str) -> JsonObject:
        """Run `tally ARGUMENTS --json` and read its answer.

        Raises:
            RefusedError: the command failed; the code and detail are its own.
        """
        done = subprocess.run(  # noqa: S603 (our own command, no shell)
            _command(arguments), env=self._environment(), capture_output=True, check=False
        )
        if done.returncode != 0 and not done.stdout:
            raise _read_error(done.stderr)
        return parse_json_object(done.stdout)

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[str]:
        """Run `tally ARGUMENTS --json`, a server, until the block ends; gives its URL.

        Raises:
            UnavailableError: the server ended before it was ready.
        """
        log = self.home / f"{arguments[0]}.log"
        with log.open("ab") as errors:
            server = subprocess.Popen(  # noqa: S603 (our own command, no shell)
                _command(arguments), env=self._environment(), stdout=subprocess.PIPE, stderr=errors
            )
        assert server.stdout is not None, "Popen was asked for a pipe"
        try:
            line = server.stdout.readline()
            if not line:
                raise UnavailableError(Code.INTERNAL_ERROR, f"{arguments[0]} did not start, see {log}")
            yield text_member(parse_json_object(line), "url")
        finally:
            server.terminate()
            try:
                server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            server.stdout.close()

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, **self._settings()}

    def _settings(self) -> Mapping[str, str]:
        return {"TALLY_HOME": str(self.home), "TALLY_PASSPHRASE_FILE": str(self.passphrase_file)}


def write_secret(path: Path, text: str) -> None:
    """Write `text` to a new file that only this user can read."""
    path.touch(mode=0o600)
    path.write_text(text + "\n")


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, *PROGRAM, *arguments, "--json"]


def _read_error(text: bytes) -> TallyError:
    try:
        error = object_member(parse_json_object(text), "error")
        code = find_code(text_member(error, "code"))
        message = optional_text_member(error, "message", max_characters=4096) or ""
    except MalformedError:
        code, message = None, ""
    return RefusedError(code or Code.INTERNAL_ERROR, message)

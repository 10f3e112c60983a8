import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from doors.exit_code import ExitCode
from protocol.codes import Code
from protocol.errors import RefusedError
from tests.command import run_tally
from tests.processes import Finished
from tests.wallet.holder import Holder
from tests.wallet.parties import Outside, signed, unsigned
from tests.wallet.pictures import encoded, printed
from wallet.door.desktop import ENTRY, TYPES, encode_entry, forget_links, register_links

COMMANDS = [f"default {ENTRY} {each}" for each in TYPES]


@dataclass(frozen=True)
class Desktop:
    """A home with a desktop; `called` notes what the stand-in of xdg-mime was called with."""

    home: Path

    @property
    def entry(self) -> Path:
        return self.home / "data" / "applications" / ENTRY

    @property
    def associations(self) -> Path:
        return self.home / "config" / "mimeapps.list"

    @property
    def called(self) -> list[str]:
        notes = self.home / "called"
        return notes.read_text().splitlines() if notes.exists() else []

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": str(self.home / "bin"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
        }

    def install(self, name: str, script: str) -> None:
        program = self.home / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def run(self, *arguments: str) -> Finished:
        return run_tally(self.home, *arguments, environment=self.environment)


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    """One with an xdg-mime that works."""
    desktop = Desktop(tmp_path)
    desktop.install("xdg-mime", f'echo "$@" >> {shlex.quote(str(tmp_path / "called"))}')
    return desktop


def exec_words(entry: str) -> list[str]:
    """The words of `Exec`, read as the Desktop Entry Specification says: the escapes of a string first,
    then the quotes of the key, then the field codes.
    """
    (line,) = [line.removeprefix("Exec=") for line in entry.splitlines() if line.startswith("Exec=")]
    text, words, quoted, escaped = line.replace("\\\\", "\\"), [""], False, False
    for character in text:
        if escaped:
            words[-1], escaped = words[-1] + character, False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == " " and not quoted:
            words.append("")
        else:
            words[-1] += character
    assert not quoted
    return [word if word == "%u" else word.replace("%%", "%") for word in words]


def test_setup_writes_an_entry_and_makes_it_the_default(desktop: Desktop) -> None:
    ended = desktop.run("setup", "desktop", "--json")
    assert ended.status == 0
    assert ended.json == {"entry": str(desktop.entry), "default": True, "types": list(TYPES), "commands": []}
    assert desktop.called == COMMANDS
    lines = desktop.entry.read_text().splitlines()
    assert lines[0] == "[Desktop Entry]"
    assert "Terminal=true" in lines
    assert "MimeType=x-scheme-handler/openid4vp;x-scheme-handler/openid-credential-offer;" in lines
    program, *rest = exec_words(desktop.entry.read_text())
    assert Path(program).is_absolute()
    assert rest == ["open", "--wait", "%u"]


def test_wallet_that_links_will_not_find_is_spoken_of(desktop: Desktop) -> None:
    ended = desktop.run("setup", "desktop")
    assert "✓ Links of offers and requests open your wallet" in ended.stdout
    assert "TALLY_HOME is set here" in ended.stderr


def test_setup_again_changes_nothing(desktop: Desktop) -> None:
    assert desktop.run("setup", "desktop").status == 0
    before = desktop.entry.read_bytes()
    assert desktop.run("setup", "desktop").status == 0
    assert desktop.entry.read_bytes() == before


@pytest.mark.parametrize("script", [None, "exit 3"], ids=["missing", "failing"])
def test_where_it_cannot_be_made_the_default_the_commands_are_named(
    desktop: Desktop, script: str | None
) -> None:
    shutil.rmtree(desktop.home / "bin")
    if script is not None:
        desktop.install("xdg-mime", script)
    ended = desktop.run("setup", "desktop")
    assert ended.status == ExitCode.PARTLY
    assert [f"xdg-mime {command}" in ended.stderr for command in COMMANDS] == [True, True]
    assert desktop.entry.exists()
    document = desktop.run("setup", "desktop", "--json").json
    assert document["commands"] == [f"xdg-mime {command}" for command in COMMANDS]
    assert document["default"] is False


def test_remove_undoes_it_and_leaves_the_rest(desktop: Desktop) -> None:
    assert desktop.run("setup", "desktop").status == 0
    others = "[Default Applications]\ntext/html=browser.desktop\n"
    desktop.associations.parent.mkdir()
    desktop.associations.write_text(
        f"{others}{TYPES[0]}={ENTRY}\n{TYPES[1]} = {ENTRY};other.desktop;\n# {ENTRY}\ntext/plain={ENTRY}\n"
    )
    ended = desktop.run("setup", "desktop", "--remove", "--json")
    assert (ended.status, ended.json["entry"], ended.json["default"]) == (0, None, False)
    assert not desktop.entry.exists()
    assert (
        desktop.associations.read_text()
        == f"{others}{TYPES[1]} =other.desktop;\n# {ENTRY}\ntext/plain={ENTRY}\n"
    )
    assert desktop.run("setup", "desktop", "--remove").status == 0


def test_file_of_associations_behind_a_symbolic_link_stays_behind_it(desktop: Desktop) -> None:
    kept = desktop.home / "dotfiles.list"
    kept.write_text(f"{TYPES[0]}={ENTRY}\n")
    desktop.associations.parent.mkdir()
    desktop.associations.symlink_to(kept)
    with mock.patch.dict(os.environ, desktop.environment):
        forget_links()
    assert desktop.associations.is_symlink()
    assert kept.read_text() == ""


@pytest.mark.parametrize(
    "word",
    [
        "/usr/bin/tally",
        "/home/ada lovelace/bin/tally",
        '/odd/"quoted"/tally',
        "/odd/$HOME/`id`/tally",
        "/odd/back\\slash/tally",
        "/odd/100%/%u/tally",
        "/odd/';rm -rf ~;'/tally",
        "/odd/ключ/tally",
        "",
    ],
)
def test_any_path_of_the_program_survives_the_entry(word: str) -> None:
    entry = encode_entry([word, "open"])
    assert exec_words(entry) == [word, "open", "%u"]
    assert entry.count("\nExec=") == 1


def test_reserved_characters_are_written_as_the_specification_shows() -> None:
    # "a literal dollar sign in a quoted argument … is unambiguously represented with \\$", and a literal
    # backslash as four.
    assert 'Exec="/a/\\\\$b/\\\\\\\\c" %u\n' in encode_entry(["/a/$b/\\c"])
    assert "Exec=/usr/bin/tally open %u\n" in encode_entry(["/usr/bin/tally", "open"])


def test_path_with_a_control_character_is_refused() -> None:
    with pytest.raises(RefusedError) as refusal:
        encode_entry(["/odd/\nExec=evil"])
    assert refusal.value.code is Code.USAGE_INVALID


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="needs desktop-file-utils")
def test_entry_is_valid_to_the_tool_of_its_specification(desktop: Desktop) -> None:
    with mock.patch.dict(os.environ, desktop.environment):
        register_links(["/usr/bin/tally", "open"])
    assert os.system(f"/usr/bin/desktop-file-validate {shlex.quote(str(desktop.entry))}") == 0


def test_folder_that_is_not_absolute_counts_as_not_set(desktop: Desktop) -> None:
    environment = {**desktop.environment, "XDG_DATA_HOME": "data", "HOME": str(desktop.home)}
    with mock.patch.dict(os.environ, environment):
        registration = register_links(["/usr/bin/tally"])
    assert registration.entry == desktop.home / ".local/share/applications" / ENTRY


def test_folder_that_cannot_be_made_is_a_typed_error(desktop: Desktop) -> None:
    (desktop.home / "data").write_text("a file")
    ended = desktop.run("setup", "desktop", "--json")
    assert (ended.status, ended.error) == (ExitCode.FAILURE, "disk_error")


def test_program_that_is_not_installed_is_said_to_be(desktop: Desktop) -> None:
    with mock.patch("sysconfig.get_path", return_value="/nowhere"):
        ended = desktop.run("setup", "desktop", "--json")
        assert (ended.status, ended.error) == (ExitCode.NOT_FOUND, "not_found")
        desktop.install("tally", "")
        assert desktop.run("setup", "desktop").status == 0
    assert exec_words(desktop.entry.read_text())[0] == str(desktop.home / "bin" / "tally")


def test_macos_is_told_what_is_missing(desktop: Desktop) -> None:
    with mock.patch("platform.system", return_value="Darwin"):
        ended = desktop.run("setup", "desktop", "--json")
    assert (ended.status, ended.error) == (ExitCode.FAILURE, "system_unsupported")
    assert "application bundle" in ended.stderr
    assert not desktop.entry.exists()


def opened(holder: Holder, *arguments: str) -> Finished:
    return holder.run("open", *arguments)


def test_open_takes_an_offer_and_asks_before_it_answers_a_request(holder: Holder) -> None:
    offered = opened(holder, holder.outside.offer(), "--json")
    # Nobody can be asked here, so nothing is taken: `open` has no --yes.
    assert (offered.status, offered.error) == (ExitCode.USAGE, "input_required")
    assert holder.outside.sent == []
    holder.hold()
    asked = opened(holder, signed(), "--json")
    assert (asked.status, asked.error) == (ExitCode.USAGE, "input_required")


def test_open_goes_through_with_a_person(holder: Holder) -> None:
    ended = holder.converse(
        "open", Outside().offer(), "--wait", answers=[("[y/N]", "y\n"), ("Press Enter to close.", "\n")]
    )
    assert ended.status == 0
    assert "is yours: degree-" in ended.stdout


def test_error_is_told_before_the_window_closes(holder: Holder) -> None:
    ended = holder.converse("open", unsigned(), "--wait", answers=[("Press Enter to close.", "\n")])
    assert "nothing_matches" in ended.stdout
    assert ended.status == ExitCode.NOT_FOUND


def test_open_reads_a_picture(holder: Holder, tmp_path: Path) -> None:
    picture = tmp_path / "request.png"
    picture.write_bytes(encoded(printed(signed(), size=3)))
    ended = opened(holder, "--image", str(picture), "--json")
    assert (ended.status, ended.error) == (ExitCode.NOT_FOUND, "nothing_matches")


@pytest.mark.parametrize("arguments", [["https://example.com"], []])
def test_what_is_no_link_for_a_wallet_is_wrong_usage(holder: Holder, arguments: Sequence[str]) -> None:
    ended = opened(holder, *arguments)
    assert ended.status == ExitCode.USAGE
    assert "neither an offer nor a request" in ended.stderr

"""Links that open the wallet from a browser: its entry among the programs of a desktop.

The freedesktop.org specifications: Desktop Entry 1.5, and MIME Applications Associations 1.0.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from protocol.codes import Code
from protocol.errors import RefusedError
from storage.atomic_file import replace_file, typed_disk_errors
from wallet.door.link import LinkKind

ENTRY = "tallystick.desktop"
TYPES = tuple(f"x-scheme-handler/{kind.value}" for kind in (LinkKind.REQUEST, LinkKind.OFFER))

_TOOL = "xdg-mime"
_TOOL_SECONDS = 30
_MAX_ASSOCIATIONS = 1 << 20
# What needs no quotes in any case; the specification lists what does.
_PLAIN_WORD = re.compile(r"[A-Za-z0-9/._:@+-]+")
_ENTRY_TEXT = """\
[Desktop Entry]
Version=1.5
Type=Application
Name=Tallystick
Comment=Take offers of credentials and answer requests for them
Exec={command}
Terminal=true
NoDisplay=true
MimeType={types}
"""


@dataclass(frozen=True, slots=True)
class Registration:
    """What became of it.

    Attributes:
        entry: The file with the entry.
        is_default: Whether such links open the wallet now.
        commands: What a person has to run for that, where it could not be done.
    """

    entry: Path
    is_default: bool
    commands: tuple[tuple[str, ...], ...] = ()


def encode_entry(words: Sequence[str]) -> str:
    """The desktop entry that runs `words`, with the link behind them.

    Raises:
        RefusedError: a word that an entry cannot hold.
    """
    command = " ".join([*(_exec_word(word) for word in words), "%u"])
    return _ENTRY_TEXT.format(command=command, types="".join(f"{each};" for each in TYPES))


def register_links(words: Sequence[str]) -> Registration:
    """Let links for the wallet run `words`, with the link behind them.

    Raises:
        RefusedError: a word that an entry cannot hold, or a folder that cannot be used.
        UnavailableError: the disk's fault.
    """
    entry = _data_home() / "applications" / ENTRY
    text = encode_entry(words)
    with typed_disk_errors(ENTRY):
        entry.parent.mkdir(parents=True, exist_ok=True)
    replace_file(entry, text.encode())
    commands = tuple((_TOOL, "default", ENTRY, each) for each in TYPES)
    failed = tuple(command for command in commands if not _succeeds(command))
    return Registration(entry, is_default=not failed, commands=failed)


def forget_links() -> Registration:
    """Undo it: remove the entry, and where it is named as the default.

    Raises:
        RefusedError, UnavailableError: a file that cannot be read or written.
    """
    entry = _data_home() / "applications" / ENTRY
    with typed_disk_errors(ENTRY), suppress(FileNotFoundError):
        entry.unlink()
    associations = _config_home() / "mimeapps.list"
    with typed_disk_errors(associations.name), suppress(FileNotFoundError):
        with associations.open("rb") as stream:
            before = stream.read(_MAX_ASSOCIATIONS)
        after = b"".join(filter(None, map(_without_entry, before.splitlines(keepends=True))))
        if after != before and len(before) < _MAX_ASSOCIATIONS:
            replace_file(associations.resolve(), after)
    return Registration(entry, is_default=False)


def _exec_word(word: str) -> str:
    """A word of `Exec`: quoted as its key says, then escaped as every string of an entry is.

    Raises:
        RefusedError: it has a control character, which some desktops would take for something else.
    """
    if not word.isprintable():
        raise RefusedError(Code.USAGE_INVALID, "a control character in the path of the program")
    # A field code begins with %; the link comes where %u stands.
    word = word.replace("%", "%%")
    if not _PLAIN_WORD.fullmatch(word.replace("%%", "")):
        word = '"' + re.sub(r'(["`$\\])', r"\\\1", word) + '"'
    return word.replace("\\", "\\\\")


def _without_entry(line: bytes) -> bytes:
    """A line of associations without our entry; empty when nothing else was on it."""
    name, separator, value = line.partition(b"=")
    if not separator or name.strip().decode("utf-8", "replace") not in TYPES:
        return line
    programs = [program for program in value.strip().split(b";") if program]
    others = [program for program in programs if program != ENTRY.encode()]
    if others == programs:
        return line
    return name + b"=" + b";".join(others) + b";\n" if others else b""


def _succeeds(command: Sequence[str]) -> bool:
    tool = shutil.which(command[0])
    if tool is None:
        return False
    try:
        ended = subprocess.run(  # noqa: S603 (our own words)
            [tool, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TOOL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return ended.returncode == 0


def _data_home() -> Path:
    return _xdg_folder("XDG_DATA_HOME", ".local/share")


def _config_home() -> Path:
    return _xdg_folder("XDG_CONFIG_HOME", ".config")


def _xdg_folder(variable: str, otherwise: str) -> Path:
    # What is not absolute counts as not set (XDG Base Directory Specification).
    configured = Path(os.environ.get(variable, ""))
    return configured if configured.is_absolute() else Path.home() / otherwise

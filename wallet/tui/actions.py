"""What a person can do, in one table: the key, the words, and the command that does the same.

The footer, the help and the palette all come from here, and `[keys]` in settings.toml changes a key by the
name of its action.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from textual.actions import ActionParseResult
from textual.binding import Binding
from textual.screen import Screen


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person can do.

    Attributes:
        keys: The keys that do it, with commas between.
        method: The `action_…` method of the screen or the program.
        label: Two words for the footer.
        meaning: A sentence for the help and the palette.
        command: The command line that does the same, empty where none is needed.
        shown: Whether the footer has it.
        changes: Whether it may change the wallet, which only one window can do.
    """

    keys: str
    method: str
    label: str
    meaning: str
    command: str = ""
    shown: bool = True
    changes: bool = False


ACTIONS: Mapping[str, Action] = {
    "help": Action("question_mark,f1", "app.help", "Help", "Explain this screen and its keys."),
    "credentials": Action(
        "1", "view('credentials')", "Credentials", "Go to your credentials.", "tally list", False
    ),
    "activity": Action("2", "view('activity')", "Activity", "Go to what happened.", "tally activity", False),
    "parties": Action(
        "3", "view('parties')", "People & places", "Go to whom you dealt with.", "tally party list", False
    ),
    "keys": Action("4", "view('keys')", "Keys", "Go to your keys.", "tally key list", False),
    "settings": Action("5", "view('settings')", "Settings", "Go to the settings.", "tally settings", False),
    "doctor": Action("6", "view('doctor')", "Doctor", "Look for problems.", "tally doctor", False),
    "lock": Action("ctrl+l", "lock", "Lock", "Lock the wallet now.", "", False),
    "command": Action(
        "colon", "show_command", "As command", "Show the command line for the same.", "", False
    ),
    "close": Action("q", "close", "Leave", "Go back; from the first screen, quit."),
    "leave": Action("escape", "leave", "Leave", "Go back."),
    "quit": Action("ctrl+q", "quit", "Quit", "Quit from anywhere."),
    "filter": Action("slash", "filter", "Filter", "Show only what has these words in it."),
    "reveal": Action("ctrl+r", "reveal", "Show it", "Show what you type, or dots for it.", "", False),
    "welcome.new": Action("n", "make", "New", "Make a new wallet with 24 words of its own.", "tally init"),
    "welcome.restore": Action(
        "r", "restore", "Restore", "Make it anew from the 24 words.", "tally init --recover"
    ),
    "welcome.import": Action(
        "i", "import_backup", "Import", "Bring back a backup file.", "tally backup restore FILE"
    ),
    "welcome.demo": Action("d", "demo", "Demo", "Say how to try it all without a risk.", "tally demo"),
    "unlock.clear": Action("escape", "clear", "Clear", "Drop what was typed."),
    "unlock.forgotten": Action(
        "ctrl+g",
        "forgotten",
        "Forgotten",
        "Open it with the 24 words, and choose a new passphrase.",
        "tally passwd --recover",
    ),
    "credentials.add": Action(
        "a", "add", "Add", "Get a credential from an offer.", "tally add OFFER", changes=True
    ),
    "credentials.present": Action(
        "p", "present", "Present", "Answer a request.", "tally present REQUEST", changes=True
    ),
    "credentials.refresh": Action(
        "R",
        "refresh_standings",
        "Refresh",
        "Ask the issuers how all of it stands.",
        "tally status",
        changes=True,
    ),
    "credentials.remove": Action(
        "x", "remove", "Remove", "Remove the credential.", "tally remove CREDENTIAL", changes=True
    ),
    "credentials.refill": Action(
        "f", "refill", "Refill", "Get further copies of it.", "tally refill CREDENTIAL", False, changes=True
    ),
    "credentials.sort": Action("s", "sort", "Sort", "Sort by the next thing: standing, name, issuer, end."),
    "credential.values": Action(
        "v", "toggle_values", "Values", "Show or hide what it says.", "tally show CREDENTIAL"
    ),
    "credential.next": Action("right_square_bracket", "turn(1)", "Next tab", "Go to the next tab."),
    "credential.previous": Action(
        "left_square_bracket", "turn(-1)", "Previous tab", "Go to the tab before.", "", False
    ),
    "credential.copy": Action("y", "copy", "Copy", "Copy the value under the cursor."),
    "source.file": Action("f,ctrl+o", "choose_file", "File", "Choose a file.", "tally add FILE"),
    "source.clipboard": Action(
        "c,ctrl+g",
        "take_picture",
        "Clipboard",
        "Read the QR code of the picture on the clipboard.",
        "tally add --image clipboard",
    ),
    "keys.words": Action("w", "words", "24 words", "Show the recovery words.", "tally key words"),
    "keys.passphrase": Action(
        "c", "passphrase", "Passphrase", "Change the passphrase.", "tally passwd", changes=True
    ),
    "backup.make": Action(
        "m", "make", "Make one", "Back the wallet up into a file.", "tally backup make FILE", changes=True
    ),
    "backup.rehearse": Action(
        "h", "rehearse", "Rehearse", "Prove that a backup works.", "tally backup rehearse FILE"
    ),
    "backup.restore": Action(
        "e", "restore", "Add one", "Add what is in a backup.", "tally backup restore FILE", changes=True
    ),
    "keys.backup": Action("b", "back_up", "Backup", "Back up, rehearse, restore.", "tally backup make FILE"),
    "activity.export": Action(
        "e", "export", "Export", "Write the history to a signed file.", "tally activity export FILE"
    ),
    "activity.forget": Action(
        "D", "forget", "Erase", "Erase the history.", "tally activity forget", changes=True
    ),
    "parties.trust": Action(
        "t", "trust", "Trust", "Note that you know who this is.", "tally party trust PARTY", changes=True
    ),
    "parties.block": Action(
        "b", "block", "Block", "Have nothing to do with them.", "tally party block PARTY", changes=True
    ),
    "parties.unmark": Action(
        "u", "unmark", "Unmark", "Take your mark away.", "tally party unmark PARTY", changes=True
    ),
    "parties.forget": Action(
        "x", "forget", "Forget", "Forget them.", "tally party forget PARTY", changes=True
    ),
    "settings.reset": Action(
        "r", "reset", "As it came", "Undo a setting.", "tally settings NAME --reset", changes=True
    ),
    "doctor.rerun": Action("r", "rerun", "Again", "Look again.", "tally doctor"),
    "consent.decline": Action(
        "d", "decline", "Don't share", "Share nothing.", "tally present REQUEST --decline"
    ),
    "consent.share": Action(
        "s", "share", "Share…", "Share what is marked, after one more question.", changes=True
    ),
    "consent.details": Action("v", "details", "Who exactly", "Show who asks in full."),
    "consent.another": Action(
        "c",
        "another",
        "Other credential",
        "Answer with another one.",
        "tally present REQUEST --credential ID",
    ),
}


def bindings(*names: str, anywhere: bool = False) -> Iterator[Binding]:
    """The bindings of these actions, for a screen or the program; `anywhere` is in dialogs as well."""
    for name in names:
        action = ACTIONS[name]
        yield Binding(
            action.keys,
            action.method,
            action.label,
            show=action.shown,
            id=name,
            tooltip=action.meaning,
            priority=anywhere,
        )


def is_change(call: "str | ActionParseResult") -> bool:
    """Whether the action that Textual is to call may change the wallet."""
    name = call if isinstance(call, str) else call[1]
    return name.partition("(")[0].rpartition(".")[2] in _CHANGES


_CHANGES = frozenset(action.method for action in ACTIONS.values() if action.changes)


@dataclass(frozen=True, slots=True)
class ActiveAction:
    """An action that can be done on a screen now: by these keys, and for Textual by this call."""

    action: Action
    keys: str
    call: str


def active_actions(screen: Screen[Any]) -> list[ActiveAction]:
    """What can be done on `screen` now, in the order of the table."""
    found: dict[str, ActiveAction] = {}
    for active in screen.active_bindings.values():
        name = active.binding.id
        if name is None or name not in ACTIONS or not active.enabled:
            continue
        key = screen.app.get_key_display(active.binding)
        method = ACTIONS[name].method
        call = method if "." in method else f"{'app' if active.node is screen.app else 'screen'}.{method}"
        keys = f"{found[name].keys} {key}" if name in found else key
        found[name] = ActiveAction(ACTIONS[name], keys, call)
    return [found[name] for name in ACTIONS if name in found]

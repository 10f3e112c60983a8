"""A failure that nobody foresaw, in the real program in a real terminal."""

import re
from pathlib import Path

import wallet.tui
from protocol.codes import Code
from tests.command import environment_of
from tests.processes import converse
from tests.wallet.tui.broken import SECRET

STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LEFT_SCREEN = "\x1b[?1049l"


def test_failure_in_a_flow_leaves_its_code_and_no_traceback_on_the_terminal_and_no_file_of_textual(
    tmp_path: Path,
) -> None:
    environment = {
        **environment_of(tmp_path),
        "HOME": str(tmp_path),
        "TEXTUAL": "devtools,debug",
        "TEXTUAL_LOG": str(tmp_path / "log"),
        "TEXTUAL_SCREENSHOT": "0",
        "TEXTUAL_SCREENSHOT_LOCATION": str(tmp_path),
    }
    finished = converse("tests.wallet.tui.broken", answers=[("24 words", "n")], environment=environment)
    assert finished.status == 1
    assert SECRET not in finished.stdout
    screens, _, behind = finished.stdout.rpartition(LEFT_SCREEN)
    assert screens
    said = [line.strip() for line in STYLES.sub("", behind).splitlines() if line.strip()]
    assert said[0] == f"✗ {Code.INTERNAL_ERROR.meaning} (ZeroDivisionError)"
    assert said[-1] == "internal_error"
    assert "Traceback" not in finished.stdout
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_nothing_of_ours_asks_textual_for_its_log_or_its_tools() -> None:
    for source in Path(wallet.tui.__file__).parent.rglob("[a-z]*.py"):
        text = source.read_text("utf-8")
        assert [word for word in ("TEXTUAL", "devtools", "self.log", "textual.log") if word in text] == []

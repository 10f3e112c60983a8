import json
from datetime import timedelta
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.errors import RefusedError
from tests.command import run_tally
from wallet.folder import WalletFolder
from wallet.settings import (
    DEFAULTS,
    THEMES,
    WalletSettings,
    encode_settings,
    load_settings,
    parse_settings,
    save_settings,
    with_setting,
    without_setting,
)

CHOSEN = WalletSettings(
    theme="nord",
    ascii=True,
    idle_lock=timedelta(minutes=3),
    clipboard=timedelta(seconds=20),
    keys={"lock": "ctrl+k", "list.down": "j"},
)


@pytest.fixture
def folder(tmp_path: Path) -> WalletFolder:
    (tmp_path / "wallet").mkdir(mode=0o700)
    return WalletFolder(tmp_path / "wallet", tmp_path / "state")


def test_settings_come_back_as_they_were_saved(folder: WalletFolder) -> None:
    save_settings(folder, CHOSEN)
    assert load_settings(folder) == CHOSEN


def test_without_a_file_or_a_folder_everything_is_as_it_comes(folder: WalletFolder, tmp_path: Path) -> None:
    assert load_settings(folder) == DEFAULTS
    assert load_settings(WalletFolder(tmp_path / "nowhere", tmp_path / "state")) == DEFAULTS


def test_what_is_as_it_comes_is_written_as_a_comment() -> None:
    text = encode_settings(with_setting(DEFAULTS, "ascii", "true"))
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == [
        "ascii = true                # marks of plain letters: OK ! X ?",
        "[keys]",
    ]
    assert '# theme = "textual-dark"' in text


def test_settings_that_others_can_change_are_refused(folder: WalletFolder) -> None:
    save_settings(folder, CHOSEN)
    (folder.path / "settings.toml").chmod(0o644)
    with pytest.raises(RefusedError) as refusal:
        load_settings(folder)
    assert refusal.value.code is Code.VAULT_PERMISSIONS


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("them = 'nord'", "settings.toml: them is unknown; did you mean theme?"),
        ("theme = 'nrod'", "settings.toml: theme nrod is unknown; did you mean nord?"),
        ("theme = 'ansi-dark'", "settings.toml: theme ansi-dark is unknown"),
        ("theme = 1", "settings.toml: theme is a text"),
        ("ascii = 'yes'", "settings.toml: ascii is true or false"),
        ("idle_lock_minutes = 0", "settings.toml: idle_lock_minutes is a whole number from 1 to 60"),
        ("idle_lock_minutes = 61", "settings.toml: idle_lock_minutes is a whole number from 1 to 60"),
        ("idle_lock_minutes = 1.5", "settings.toml: idle_lock_minutes is a whole number from 1 to 60"),
        ("clipboard_seconds = true", "settings.toml: clipboard_seconds is a whole number from 5 to 600"),
        ("[keys]\nlock = 1", "settings.toml: keys.lock is a text"),
        ("[keys]\nlock = ''", "settings.toml: keys.lock is a text"),
        ("[keys]\nlock = 'a b'", "settings.toml: keys.lock is one key"),
        ("[keys]\n'a b' = 'x'", "settings.toml: keys.a b is not the name of an action"),
        ("keys = 'x'", "settings.toml: keys is a table"),
        ("theme = ", "settings.toml: Invalid value"),
        ("passphrase = 'x'", "settings.toml: passphrase is unknown"),
    ],
)
def test_settings_nobody_meant_are_refused(text: str, detail: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        parse_settings(text)
    assert refusal.value.code is Code.SETTINGS_INVALID
    assert refusal.value.detail.startswith(detail)


@pytest.mark.parametrize("name", ["theme", "ascii", "idle_lock_minutes", "clipboard_seconds", "keys.lock"])
def test_reset_setting_is_as_it_comes_and_the_others_stay(name: str) -> None:
    reset = without_setting(CHOSEN, name)
    assert reset != CHOSEN
    for other in {"theme", "ascii", "idle_lock_minutes", "clipboard_seconds", "keys.lock"} - {name}:
        assert without_setting(reset, other) != reset
    assert without_setting(DEFAULTS, name) == DEFAULTS


def test_every_theme_is_one_of_textual_and_keeps_its_contrast_without_colour() -> None:
    from textual.theme import BUILTIN_THEMES

    assert set(THEMES) == {name for name in BUILTIN_THEMES if not name.startswith("ansi")}


def test_command_lists_what_is_set_and_where_it_comes_from(tmp_path: Path) -> None:
    assert run_tally(tmp_path, "settings", "idle_lock_minutes", "5").status == 0
    assert run_tally(tmp_path, "settings", "keys.lock", "f9").status == 0
    listed = run_tally(tmp_path, "settings", "--json").json["settings"]
    assert {row["name"]: (row["value"], row["origin"]) for row in listed} == {
        "theme": ("textual-dark", "default"),
        "ascii": (False, "default"),
        "idle_lock_minutes": (5, "settings.toml"),
        "clipboard_seconds": (45, "default"),
        "keys.lock": ("f9", "settings.toml"),
    }
    assert run_tally(tmp_path, "settings").stdout.splitlines() == [
        "theme                 textual-dark          as it comes",
        "ascii                 false                 as it comes",
        "idle_lock_minutes     5                     set in settings.toml",
        "clipboard_seconds     45                    as it comes",
        "keys.lock             f9                    set in settings.toml",
    ]


def test_command_resets_one_setting(tmp_path: Path) -> None:
    run_tally(tmp_path, "settings", "keys.lock", "f9")
    assert "keys.lock is as it comes." in run_tally(tmp_path, "settings", "keys.lock", "--reset").stderr
    assert run_tally(tmp_path, "settings", "theme", "nord").status == 0
    (row,) = run_tally(tmp_path, "settings", "theme", "--reset", "--json").json["settings"]
    assert row == {"name": "theme", "value": "textual-dark", "origin": "default"}


@pytest.mark.parametrize(
    ("arguments", "status", "detail"),
    [
        (["them"], 1, "them is unknown; did you mean theme?"),
        (["them", "nord"], 1, "them is unknown; did you mean theme?"),
        (["theme", "nrod"], 1, "theme nrod is unknown; did you mean nord?"),
        (["ascii", "maybe"], 1, "ascii is true or false"),
        (["keys.Lock", "f9"], 1, "keys.Lock is not the name of an action"),
        (["keys.lok", "f9"], 1, "settings.toml: keys.lok is unknown; did you mean lock?"),
        (["keys.lock", "q"], 1, "settings.toml: keys.lock is a key with ctrl or alt, or F1 to F12"),
        (["keys.quit", "ctrl+l"], 1, "keys.quit is not ctrl+l, which is the key of lock"),
        (["--reset"], 2, "--reset takes a NAME"),
        (["theme", "nord", "--reset"], 2, "--reset takes a NAME"),
    ],
)
def test_command_refuses_what_cannot_be_set(
    arguments: list[str], status: int, detail: str, tmp_path: Path
) -> None:
    finished = run_tally(tmp_path, "settings", *arguments, "--json")
    assert finished.status == status
    assert detail in json.loads(finished.stderr)["error"]["message"]


def test_screen_does_not_open_with_a_key_for_nothing(
    folder: WalletFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wallet.tui.start import open_wallet_screen

    monkeypatch.setenv("TALLY_HOME", str(tmp_path))
    save_settings(folder, WalletSettings(keys={"hlep": "h"}))
    with pytest.raises(RefusedError) as refusal:
        open_wallet_screen()
    assert refusal.value.detail == "settings.toml: keys.hlep is unknown; did you mean help?"


def test_screen_does_not_open_with_a_key_that_could_not_be_typed_any_more(
    folder: WalletFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wallet.tui.start import open_wallet_screen

    monkeypatch.setenv("TALLY_HOME", str(tmp_path))
    save_settings(folder, WalletSettings(keys={"quit": "y"}))
    with pytest.raises(RefusedError) as refusal:
        open_wallet_screen()
    assert refusal.value.code is Code.SETTINGS_INVALID


def test_command_takes_back_a_key_that_was_set_for_nothing(folder: WalletFolder, tmp_path: Path) -> None:
    save_settings(folder, WalletSettings(keys={"quit": "y", "hlep": "h"}))
    assert run_tally(tmp_path, "settings", "keys.hlep", "--reset").status == 0
    assert run_tally(tmp_path, "settings", "keys.quit", "--reset").status == 0
    assert load_settings(folder).keys == {}


def test_command_takes_no_key_back_where_another_action_has_ours(tmp_path: Path) -> None:
    assert run_tally(tmp_path, "settings", "keys.lock", "f9").status == 0
    assert run_tally(tmp_path, "settings", "keys.quit", "ctrl+l").status == 0
    finished = run_tally(tmp_path, "settings", "keys.lock", "--reset", "--json")
    assert "keys.lock is not ctrl+l, which is the key of quit" in finished.stderr


def test_command_that_only_reads_makes_no_folder(tmp_path: Path) -> None:
    assert run_tally(tmp_path / "home", "settings").status == 0
    assert not (tmp_path / "home").exists()

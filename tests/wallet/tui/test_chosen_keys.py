"""Keys that a person chose: each does what it is for, and takes nothing from another one."""

import pytest
from textual.binding import Binding

from doors.screen.dialog import Field
from protocol.codes import Code
from protocol.errors import RefusedError
from tests.wallet.holder import Holder
from tests.wallet.tui.stage import on_stage
from wallet.settings import WalletSettings, load_settings
from wallet.tui.actions import ACTIONS
from wallet.tui.app import WalletApp
from wallet.tui.chosen_keys import ALWAYS, require_usable_key, require_usable_keys
from wallet.tui.screens.dialog import Refusal

_TYPES = "is a key with ctrl or alt, or F1 to F12: another one could not be typed any more"


def test_actions_whose_key_comes_to_no_field_are_known() -> None:
    found = {each.id for each in Binding.make_bindings(WalletApp.BINDINGS) if each.priority}
    assert found == set(ALWAYS)


@pytest.mark.parametrize("name", ACTIONS)
def test_keys_are_usable_as_they_come(name: str) -> None:
    require_usable_key(WalletSettings(), name)
    require_usable_keys(WalletSettings(keys={name: ACTIONS[name].keys}))


@pytest.mark.parametrize(
    "keys",
    [
        {"lock": "ctrl+k"},
        {"lock": "alt+l,f9"},
        {"quit": "shift+f10"},
        {"lock": "ctrl+q", "quit": "ctrl+l"},
        {"credentials.add": "r"},
        {"parties.trust": "b", "parties.block": "t"},
        {"filter": "/"},
    ],
)
def test_keys_that_are_free_are_taken(keys: dict[str, str]) -> None:
    require_usable_keys(WalletSettings(keys=keys))


@pytest.mark.parametrize(
    ("keys", "detail"),
    [
        ({"lock": "q"}, f"keys.lock {_TYPES}"),
        ({"lock": "space"}, f"keys.lock {_TYPES}"),
        ({"lock": "enter"}, f"keys.lock {_TYPES}"),
        ({"lock": "ctrl+k,ä"}, f"keys.lock {_TYPES}"),
        ({"quit": "?"}, f"keys.quit {_TYPES}"),
        ({"quit": "ctrl+l"}, "keys.quit is not ctrl+l, which is the key of lock"),
        ({"lock": "ctrl+g"}, "keys.lock is not ctrl+g, which is the key of unlock.forgotten"),
        ({"lock": "ctrl+p"}, "keys.lock is not ctrl+p, which opens the palette"),
        ({"parties.trust": "b"}, "keys.parties.trust is not b, which is the key of parties.block"),
        ({"parties.trust": "?"}, "keys.parties.trust is not ?, which is the key of help"),
        (
            {"credential.values": "p"},
            "keys.credential.values is not p, which is the key of credentials.present",
        ),
        ({"help": ","}, "keys.help is one key, or several with commas between; the key , is called comma"),
        ({"lok": "f9"}, "keys.lok is unknown; did you mean lock?"),
    ],
)
def test_key_that_would_do_something_else_is_refused(keys: dict[str, str], detail: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        require_usable_keys(WalletSettings(keys=keys))
    assert refusal.value.code is Code.SETTINGS_INVALID
    assert refusal.value.detail == f"settings.toml: {detail}"


async def test_key_that_is_typed_is_refused_on_the_screen_and_the_one_before_stays(ada: Holder) -> None:
    async with on_stage(ada, settings=WalletSettings(keys={"lock": "ctrl+k"})) as stage:
        await stage.press("5", "end", "enter")
        await stage.screen(Field)
        await stage.enter("q")
        await stage.screen(Refusal)
        await stage.shows("settings_invalid", "keys.lock")
        assert stage.app.settings.keys == {"lock": "ctrl+k"}
        assert load_settings(ada.folder).keys == {}

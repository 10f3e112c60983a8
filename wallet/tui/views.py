"""The main screens, by the name that the keys 1 to 6 use."""

from collections.abc import Callable, Mapping

from wallet.tui.screens.activity import ActivityScreen
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.doctor import DoctorScreen
from wallet.tui.screens.frame import WalletScreen
from wallet.tui.screens.keys import KeysScreen
from wallet.tui.screens.parties import PartiesScreen
from wallet.tui.screens.settings import SettingsScreen

VIEWS: Mapping[str, Callable[[], WalletScreen]] = {
    "credentials": CredentialsScreen,
    "activity": ActivityScreen,
    "parties": PartiesScreen,
    "keys": KeysScreen,
    "settings": SettingsScreen,
    "doctor": DoctorScreen,
}

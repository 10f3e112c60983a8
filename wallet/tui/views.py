"""The main screens, by the name that the keys 1 to 6 use."""

from collections.abc import Callable, Mapping

from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.frame import WalletScreen

VIEWS: Mapping[str, Callable[[], WalletScreen]] = {
    "credentials": CredentialsScreen,
}

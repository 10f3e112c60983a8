"""`python -m wallet.tui` opens the wallet, as `tally` does."""

from wallet.tui.start import open_wallet_screen

if __name__ == "__main__":
    open_wallet_screen()

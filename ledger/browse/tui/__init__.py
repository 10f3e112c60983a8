"""The explorer in a terminal: it reads a ledger from outside, and shows what it has verified."""

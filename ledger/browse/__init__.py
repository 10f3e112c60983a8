"""The explorer: the ledger for people to look at, as pages of its server and in a terminal.

What is shown is worked out once, as plain values. The pages read the operator's database; the terminal reads
the ledger from outside, as anybody can, and verifies what it shows.
"""

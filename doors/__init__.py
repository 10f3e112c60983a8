"""What every door shares: the terminal, commands, HTTP, the server, the clock and the home folder.

Only `*/cli.py`, `*/http.py`, `tally.py` and `demo/` import from here: use cases do not know how they are
shown.
"""

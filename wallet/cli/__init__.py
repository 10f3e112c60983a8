"""The holder's commands: `tally list`, `tally add`, `tally present` and the others that stand alone.

Each is loaded only when it is called, with what it needs and nothing else: `tally list` opens no network.
"""

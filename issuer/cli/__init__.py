"""The institution's commands: `tally issuer …`.

`init`, `serve`, `type` and `key` work on the folder of the institution; the others ask its running server.
"""

from doors.command import Group
from issuer.cli.accounting import forget, list_issued, reinstate, revoke, show, suspend
from issuer.cli.keys import keys
from issuer.cli.offering import list_offers, offer, withdraw
from issuer.cli.owning import init, rotate, serve
from issuer.cli.types import types

commands = Group(help="Issue, revoke and account for credentials.")
owning, offering = (init, serve, rotate, keys, types), (offer, list_offers, withdraw)
for command in (*owning, *offering, list_issued, show, revoke, suspend, reinstate, forget):
    commands.add_command(command)

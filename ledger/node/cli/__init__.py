"""The commands of who runs an independent node: `tally ledger node …`."""

from doors.command import Group
from ledger.node.cli.looking import status
from ledger.node.cli.owning import init, serve, trust

node = Group("node", help="Run an independent node: copy, check and cosign somebody's ledger.")
for command in (init, serve, trust, status):
    node.add_command(command)

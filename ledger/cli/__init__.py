"""The ledger operator's commands: `tally ledger …`.

All work on the folder of the ledger, but for `check`, `evidence`, `browse`, `mirror`, `issuers`, `type`,
`timestamp` and `verify`: they use a ledger from outside, as `policy explain` does with a file. `accredit` and
`withdraw` are for an institution that lives on one.
"""

from doors.command import Group
from ledger.cli.accrediting import accredit, withdraw
from ledger.cli.browsing import browse
from ledger.cli.checking import check
from ledger.cli.handing_out import evidence
from ledger.cli.issuers import issuers
from ledger.cli.looking import head, prove, show
from ledger.cli.mirroring import mirror
from ledger.cli.owning import init, serve, token
from ledger.cli.policy import policy
from ledger.cli.stamping import timestamp, verify
from ledger.cli.types import type_
from ledger.node.cli import node

commands = Group(help="Run and audit the ledger.")
operating = (init, serve, token, head, show, prove, policy, node)
reading = (evidence, check, browse, mirror)
accrediting = (accredit, withdraw, issuers, type_)
for command in (*operating, *reading, timestamp, verify, *accrediting):
    commands.add_command(command)

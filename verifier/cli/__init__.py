"""The verifier's commands: `tally verifier …`.

`init`, `serve`, `trust` and `check` work on the folder of the verifier; the others ask its running server.
"""

from doors.command import Group
from verifier.cli.asking import request, result
from verifier.cli.checking import check
from verifier.cli.owning import init, rotate, serve, trust

commands = Group(help="Ask for presentations and check them.")
for command in (init, serve, trust, rotate, request, result, check):
    commands.add_command(command)

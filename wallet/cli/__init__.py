"""The holder's commands: `tally list`, `tally add`, `tally present` and the others that stand alone."""

from doors.command import Group
from wallet.cli import credentials, history, keys, presenting, receiving, setup, troubles

commands = Group(help="Hold credentials.")
for command in (
    credentials.list_credentials,
    credentials.show,
    credentials.status,
    credentials.remove,
    receiving.add,
    presenting.present,
    history.activity,
    setup.init,
    setup.trust,
    keys.passwd,
    keys.key,
    troubles.doctor,
):
    commands.add_command(command)

"""The ground every command stands on: shared options, lazy groups, and one place where errors end.

`tally.py` lists commands, and the `Group` of all that a role can do, by where they are, without importing
them. A command takes the `Terminal` with `@pass_terminal`, prints its answer with `terminal.document(…)` and
`terminal.say(…)`, raises `TallyError`, and returns nothing or an `ExitCode`:

    commands = Group(help="Issue credentials.")

    @commands.command("list")
    @pass_terminal
    def list_credentials(terminal: Terminal) -> None:
        '''List what was issued.'''
"""

import contextlib
import difflib
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from doors.exit_code import ExitCode, exit_code
from doors.terminal import Terminal
from protocol.codes import Audience, Code
from protocol.errors import RefusedError, TallyError

pass_terminal = click.make_pass_decorator(Terminal)

_MAX_SUMMARY = 200
_CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _shared_options(*, hidden: bool) -> list[click.Parameter]:
    # `run` looks for these in the arguments before click does, so that it knows how to report the errors of
    # click itself. Here they are only declared.
    return [
        click.Option(["--json"], is_flag=True, expose_value=False, hidden=hidden, help="Answer in JSON."),
        click.Option(
            ["--no-input"],
            is_flag=True,
            expose_value=False,
            hidden=hidden,
            help="Never ask; fail when something is missing.",
        ),
        click.Option(["--ascii"], is_flag=True, expose_value=False, hidden=True),
        click.Option(["--debug"], is_flag=True, expose_value=False, hidden=True),
    ]


class Command(click.Command):
    """A command with `--json` and `--no-input`, and with examples of how to call it in its help."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:  # noqa: ANN401 (click's own signature)
        kwargs.setdefault("context_settings", _CONTEXT_SETTINGS)
        super().__init__(*args, **kwargs)
        self.examples = examples
        for parameter in self.params:
            if isinstance(parameter, click.Option) and parameter.metavar is None and not parameter.is_flag:
                parameter.metavar = _noun(parameter)
        self.params += _shared_options(hidden=False)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's own signature)
        """Run it. A use that the command refuses ends like one that click refuses, with its help named."""
        try:
            return super().invoke(ctx)
        except RefusedError as error:
            if error.code is not Code.USAGE_INVALID:
                raise
            raise click.UsageError(str(error), ctx) from error

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does, and the examples as they are, for whoever copies them."""
        super().format_help_text(ctx, formatter)
        if self.examples:
            with formatter.section("Example" if len(self.examples) == 1 else "Examples"):
                for line in "\n".join(self.examples).splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _noun(option: click.Option) -> str:
    """What the help calls the value of an option: the last word of its name, unless it is a file."""
    is_file = option.type.name in ("file", "filename", "path")
    return "FILE" if is_file else option.opts[-1].rpartition("-")[2].upper()


class Group(click.Group):
    """A group of commands. Alone it prints its help, or runs the command `alone`, if it has one; a misspelt
    command gets a suggestion.
    """

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, alone: str | None = None, **kwargs: Any) -> None:  # noqa: ANN401 (click's own signature)
        kwargs.setdefault("context_settings", _CONTEXT_SETTINGS)
        kwargs.setdefault("no_args_is_help", False)
        super().__init__(*args, **kwargs)
        self.alone = alone
        # One that a group shows in its own help is there already.
        shown = {option.name for option in self.params}
        self.params += [option for option in _shared_options(hidden=True) if option.name not in shown]

    def audience_of(self, arguments: Sequence[str]) -> Audience:
        """Whom the command on this command line speaks to."""
        return Audience.HOLDER

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each command: the first sentence of its help, whole."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [
            (name, command.get_short_help_str(_MAX_SUMMARY))
            for name, command in commands.items()
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; without the name of a command it is `alone`, or else the help."""
        if self.alone is not None and not {*args} & {*self.commands, *ctx.help_option_names}:
            args = [self.alone, *args] if not args or args[0].startswith("-") else args
        if not args and not self.invoke_without_command and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; suggest the nearest ones when there is none of this name."""
        name, names = args[0], self.list_commands(ctx)
        if name not in names and not name.startswith("-") and not ctx.resilient_parsing:
            nearest = difflib.get_close_matches(name, names)
            suggestion = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
            raise click.UsageError(f"There is no command {name}.{suggestion}", ctx)
        return super().resolve_command(ctx, args)


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A command whose module is imported only when it is used.

    Attributes:
        place: Where it is, as `module:name`.
        summary: The line for the list of commands, so that the list needs no import.
        audience: Whom its errors speak to.
        others: The commands of a group that speak to others than the rest, by name.
    """

    place: str
    summary: str
    audience: Audience = Audience.HOLDER
    others: Mapping[str, Audience] = field(default_factory=dict)

    def load(self) -> click.Command:
        """Import its module and take it from there."""
        module, _, name = self.place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


class LazyGroup(Group):
    """A group of `LazyCommand`s in titled sections. Without a command it runs `callback`, if there is one."""

    def __init__(
        self,
        *,
        sections: Mapping[str, Mapping[str, LazyCommand]],
        help: str,
        callback: Callable[..., ExitCode] | None = None,
        params: list[click.Parameter] | None = None,
    ) -> None:
        super().__init__(
            help=help, callback=callback, params=params, invoke_without_command=callback is not None
        )
        self.sections = sections
        self._rows = {name: row for section in sections.values() for name, row in section.items()}

    def audience_of(self, arguments: Sequence[str]) -> Audience:
        """Whom the command of the table speaks to that the command line names."""
        name, below, *_ = *(argument for argument in arguments if not argument.startswith("-")), "", ""
        row = self._rows.get(name)
        return super().audience_of(arguments) if row is None else row.others.get(below, row.audience)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order of the sections."""
        return list(self._rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command."""
        row = self._rows.get(cmd_name)
        return None if row is None else row.load()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections of the help from the table alone."""
        for title, section in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, row.summary) for name, row in section.items()])


def run(commands: Group, arguments: Sequence[str]) -> int:
    """Run one command line and give the number to exit with. No exception leaves it.

    This is the one place where errors become words and numbers: a `TallyError` speaks for itself, wrong usage
    ends with 2, Ctrl-C with 130, and whatever nobody foresaw is `internal_error`, without a traceback unless
    `--debug` or TALLY_DEBUG asks for it.
    """
    _replace_closed_streams()
    flags = _flags(arguments)
    terminal = Terminal.of_process(
        json="--json" in flags, no_input="--no-input" in flags, ascii="--ascii" in flags
    )
    try:
        try:
            result = commands.main(list(arguments), prog_name="tally", standalone_mode=False, obj=terminal)
            terminal.stdout.flush()
        except SystemExit as stop:  # click's completion, and its own handling of a closed pipe
            result = stop.code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`tally list | head`): there is nobody to tell.
        _abandon(sys.stdout)
        return ExitCode.FAILURE
    except Exception as error:  # noqa: BLE001 (the one place that may catch everything)
        debug = "--debug" in flags or bool(os.environ.get("TALLY_DEBUG"))
        return _report(error, terminal, commands.audience_of(arguments), debug=debug)
    return result if isinstance(result, int) else ExitCode.SUCCESS


def _replace_closed_streams() -> None:
    # Python has None where the caller closed a standard stream (`tally list <&-`).
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (as long as the process)


def _flags(arguments: Sequence[str]) -> Iterable[str]:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:end]


def _report(error: Exception, terminal: Terminal, audience: Audience, *, debug: bool) -> int:
    if debug and not isinstance(error, click.ClickException):
        traceback.print_exception(error, file=terminal.stderr)
    match error:
        case TallyError():
            failure = error
        case click.ClickException():
            path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "tally"
            hint = f"See `{path} --help`."
            terminal.error(Code.USAGE_INVALID, error.format_message(), hint)
            return ExitCode.USAGE
        case OSError(errno=errno.ENOSPC):
            _abandon(sys.stdout)
            failure = RefusedError(Code.DISK_FULL)
        case _:
            # The text of a foreign exception may hold anything; its type cannot.
            failure = TallyError(Code.INTERNAL_ERROR, type(error).__name__)
    terminal.error(failure.code, str(failure), failure.code.remedy_for(audience))
    return exit_code(failure)


def _abandon(stream: Any) -> None:  # noqa: ANN401 (whatever stands in sys.stdout)
    # Otherwise the interpreter tries to flush the rest when it ends, and complains on stderr.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

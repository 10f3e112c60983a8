"""The agent as commands and screens see it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from protocol.codes import Code
from protocol.errors import MalformedError, UnavailableError
from wallet.agent.channel import ask_agent, await_end
from wallet.agent.messages import AgentKey, AgentStatus, Ask, parse_key, parse_locked, parse_status

R = TypeVar("R")

PATIENCE = timedelta(seconds=3)
"""An agent that is well answers at once, unless it is at someone who stalls: that takes a second."""


def ask_key(folder: Path) -> AgentKey | None:
    """The key that the agent in `folder` keeps; None when there is no agent, or it has just locked.

    Not checked here: that the key opens the wallet.

    Raises:
        RefusedError: the folder is open to others, or the agent is another user's.
        UnavailableError: it does not answer, or nothing that can be read.
    """
    return _ask(folder, Ask.KEY, parse_key, PATIENCE)


def ask_status(folder: Path, *, patience: timedelta = PATIENCE) -> AgentStatus | None:
    """How the agent in `folder` is; None when there is none. One that was just started needs more `patience`.

    Raises:
        RefusedError, UnavailableError: as `ask_key`.
    """
    return _ask(folder, Ask.STATUS, parse_status, patience)


def end_agent(folder: Path) -> bool:
    """Lock the agent in `folder` and wait until its process has ended; whether there was one.

    Raises:
        RefusedError: as `ask_key`; or it does not end.
        UnavailableError: as `ask_key`.
    """
    if (answer := ask_agent(folder, Ask.LOCK, patience=PATIENCE)) is None:
        return False
    if answer:  # else it was about to end by itself
        _read(answer, parse_locked)
    await_end(folder)
    return True


def _ask(folder: Path, ask: Ask, parse: Callable[[bytes], R], patience: timedelta) -> R | None:
    answer = ask_agent(folder, ask, patience=patience)
    return _read(answer, parse) if answer else None


def _read(answer: bytes, parse: Callable[[bytes], R]) -> R:
    try:
        return parse(answer)
    except MalformedError as error:
        raise UnavailableError(Code.AGENT_UNAVAILABLE, "its answer cannot be read") from error

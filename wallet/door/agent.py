"""The agent of this user, for those who can do without it: whatever is wrong with it, the passphrase works.

`tally agent` says what is wrong.
"""

from contextlib import suppress

from protocol.errors import TallyError
from wallet.agent.client import ask_key, end_agent
from wallet.agent.messages import AgentKey
from wallet.door.place import agent_folder


def key_of_agent() -> AgentKey | None:
    """The key that the agent keeps, if there is one to be had. Not checked here: that it opens the wallet."""
    try:
        return ask_key(agent_folder())
    except TallyError:
        return None


def end_outdated_agent() -> None:
    """End the agent, because the wallet has another key now: what it keeps opens only older copies."""
    with suppress(TallyError):
        end_agent(agent_folder())

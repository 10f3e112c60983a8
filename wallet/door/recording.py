"""Whether what this terminal shows may be kept by somebody, as far as the environment tells."""

from collections.abc import Iterator, Mapping

_RECORDERS = {
    "ASCIINEMA_REC": "asciinema records this terminal.",
    "ASCIINEMA_SESSION": "asciinema records this terminal.",
    "SCRIPT": "`script` records this terminal.",
    "TMUX": "This terminal is in tmux, which can keep what it shows.",
    "STY": "This terminal is in screen, which can keep what it shows.",
    "SSH_CONNECTION": "This terminal is on another machine: whoever runs that one could see it, too.",
}


def recording_warnings(environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each thing that may keep or pass on what is shown. That there is none proves nothing."""
    yield from dict.fromkeys(text for name, text in _RECORDERS.items() if environment.get(name))

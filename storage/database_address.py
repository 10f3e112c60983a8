"""Where a service keeps its records, as its settings and `--database` say it.

register.sqlite                                a file beside the settings
/srv/tally/register.sqlite                     a file elsewhere, also as sqlite:////srv/…
postgresql+psycopg://tally@db.example/ledger   a database of PostgreSQL, also as postgresql://…

Apart from `storage.database`, because settings are read by commands that open no database.
"""

from pathlib import Path

from protocol.codes import Code
from protocol.errors import RefusedError

REGISTER = "register.sqlite"
"""The database of an institution that did not choose another."""

_SCHEMES = ("sqlite", "postgresql", "postgresql+psycopg")


def fault_of_database(text: str) -> str | None:
    """What keeps settings from saying that their database is `text`; None if nothing does.

    Not checked: whether it can be opened.
    """
    scheme, separator, _ = text.partition("://")
    if separator and scheme not in _SCHEMES:
        return "is a file, or of PostgreSQL: postgresql+psycopg://…"
    # A name in another encoding than the terminal's could not be written into the settings.
    return None if text.isprintable() else "has a name that can be read"


def resolve_database(text: str, *, folder: Path) -> str:
    """The address of the database that the settings in `folder` call `text`, for `open_database`.

    Raises:
        RefusedError: SETTINGS_INVALID; a database of another kind, or a name that no settings could say.
    """
    if fault := fault_of_database(text):
        raise RefusedError(Code.SETTINGS_INVALID, f"the database {fault}")
    return text if "://" in text else str(folder / text)

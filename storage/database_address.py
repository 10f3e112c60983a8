"""Where a service keeps its records, as its settings and `--database` say it.

register.sqlite                                a file beside the settings
/srv/tally/register.sqlite                     a file elsewhere, also as sqlite:////srv/…
postgresql+psycopg://tally@db.example/ledger   a database of PostgreSQL, also as postgresql://…

Apart from `storage.database`, because settings are read by commands that open no database.
"""

from pathlib import Path

from protocol.codes import Code
from protocol.errors import RefusedError

_SCHEMES = ("sqlite", "postgresql", "postgresql+psycopg")


def resolve_database(text: str, *, folder: Path) -> str:
    """The address of the database that the settings in `folder` call `text`, for `open_database`.

    Not checked: whether it can be opened.

    Raises:
        RefusedError: SETTINGS_INVALID; a database of another kind, or a name that no settings could say.
    """
    scheme, separator, _ = text.partition("://")
    if separator and scheme not in _SCHEMES:
        detail = "the database is a file, or of PostgreSQL: postgresql+psycopg://…"
        raise RefusedError(Code.SETTINGS_INVALID, detail)
    # A name in another encoding than the terminal's could not be written into the settings.
    if not text.isprintable():
        raise RefusedError(Code.SETTINGS_INVALID, "the database has a name that can be read")
    return text if separator else str(folder / text)

"""A table of entries with parents, which is enough to see what a database does."""

from sqlalchemy import Engine, text

from storage.database import read_only


def create_entries(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE entry (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES entry (id))")
        )


def insert(engine: Engine, number: int, parent: int | None = None) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO entry VALUES (:id, :parent)"), {"id": number, "parent": parent})


def count(engine: Engine) -> int:
    with read_only(engine).connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM entry")).scalar_one())

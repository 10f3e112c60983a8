"""Both kinds of database, for tests that have to hold on each."""

import pytest

both_engines = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
"""Runs a test, or all of a module, on SQLite and on PostgreSQL."""

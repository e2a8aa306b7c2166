"""Stores to test with. Migrating takes longer than most tests: databases are copied from a migrated one."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from burnish.store.database import Database
from burnish.store.protocol import JobStore
from burnish.store.sql import SqlJobStore
from burnish.store.testing import Clock

Open = Callable[..., AbstractAsyncContextManager[JobStore]]


@asynccontextmanager
async def opened(
    uri: str,
    clock_ms: Callable[[], int] | None = None,
    hand_over: Callable[..., None] | None = None,
) -> AsyncIterator[JobStore]:
    options: dict[str, Any] = {"hand_over": hand_over} if hand_over else {}
    store = SqlJobStore(uri, clock_ms=clock_ms or Clock(), **options)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture(scope="session")
def open_store() -> Open:
    """``open_store(uri, clock_ms=None, hand_over=None)``: a store for an ``async with``."""
    return opened


def _migrate(uri: str) -> None:
    Database(uri).close_now()


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "burnish.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_uri(_migrated_file: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite store of the test's own."""
    shutil.copy(_migrated_file, tmp_path / "burnish.db")
    return f"sqlite:///{tmp_path}/burnish.db"


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_database: Callable[[], str]) -> str:
    uri = postgres_database()
    _migrate(uri)
    return uri


@pytest.fixture
def migrated_postgres_uri(_migrated_postgres: str) -> str:
    """A migrated, empty PostgreSQL store; the same database for all, emptied for each."""
    with psycopg.connect(_migrated_postgres, autocommit=True) as connection:
        connection.execute("DELETE FROM burnish_jobs")
    return _migrated_postgres

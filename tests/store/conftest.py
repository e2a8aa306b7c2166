"""Stores to test with."""

from __future__ import annotations

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


@pytest.fixture
def sqlite_uri(tmp_path: Path) -> str:
    """An empty SQLite store of the test's own."""
    uri = f"sqlite:///{tmp_path}/burnish.db"
    Database(uri).close_now()
    return uri


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_database: Callable[[], str]) -> str:
    uri = postgres_database()
    Database(uri).close_now()
    return uri


@pytest.fixture
def migrated_postgres_uri(_migrated_postgres: str) -> str:
    """A migrated, empty PostgreSQL store; the same database for all, emptied for each."""
    with psycopg.connect(_migrated_postgres, autocommit=True) as connection:
        connection.execute("DELETE FROM burnish_jobs")
    return _migrated_postgres

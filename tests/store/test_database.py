"""Opening a store, and what is said when it cannot be opened, read or written."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from burnish.errors import InvalidInput, StoreUnavailable
from burnish.redaction import redact_uri
from burnish.store.database import Database
from burnish.store.location import sqlite_path, store_url
from burnish.store.protocol import JobStore
from burnish.store.sql import SqlJobStore
from burnish.store.testing.samples import a_job

Open = Callable[..., AbstractAsyncContextManager[JobStore]]


def _file_of(uri: str) -> Path:
    path = sqlite_path(uri)
    assert path is not None
    return path


def test_nobody_can_import_the_orm_while_statements_are_built() -> None:
    """While another thread imports it, every statement fails; so it is there before all threads."""
    code = "import burnish.store.sql, sys; print('sqlalchemy.orm.session' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "True"


# --- URIs


def test_a_relative_file_is_found_after_a_change_of_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sqlite_path("sqlite:///burnish.db") == tmp_path / "burnish.db"
    assert sqlite_path("sqlite:////var/b.db") == Path("/var/b.db")
    assert sqlite_path("postgresql://host/b") is None


def test_postgres_uris_get_the_driver() -> None:
    for uri in ("postgresql://host/b", "postgres://host/b", "postgresql+psycopg://host/b"):
        assert store_url(uri).drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "burnish.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///b.db?mode=ro",
        "sqlite://host/b.db",
        "mysql://u:hunter2@host/b",
        "postgresql://u:hunter2@host:port/b",
        "http://hunter2@host",
    ],
)
def test_other_uris_are_refused_without_their_password(uri: str) -> None:
    with pytest.raises(InvalidInput, match=r"sqlite:///FILE\.db") as refused:
        store_url(uri)
    assert refused.value.problems[0].field == "store_uri"
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://u:hunter2@host/b",
        "postgresql://u:hunter2@x@host/b",
        "postgresql://u:hun/ter2@host/b",
        "postgresql://host/b?user=u&password=hunter2&sslmode=require",
    ],
)
def test_a_shown_uri_has_no_password(uri: str) -> None:
    shown = redact_uri(uri)
    assert "ter2" not in shown
    assert "host/b" in shown


# --- files that are no store


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="folder must exist"):
        SqlJobStore(f"sqlite:///{tmp_path}/nowhere/burnish.db")


def test_a_folder_that_cannot_be_written() -> None:
    with pytest.raises(InvalidInput, match=r"store_uri.*writable"):
        SqlJobStore("sqlite:////proc/burnish.db")  # not writable even for root


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be opened"):
        SqlJobStore(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Dear diary, " * 1000)
    with pytest.raises(InvalidInput, match=r"notes\.txt.*not a SQLite database"):
        SqlJobStore(f"sqlite:///{file}")
    assert file.read_text().startswith("Dear diary")


@pytest.mark.usefixtures("real_migrations")
def test_a_full_disk_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _limit_pages(monkeypatch, 3)
    with pytest.raises(InvalidInput, match="the disk is full"):
        SqlJobStore(f"sqlite:///{tmp_path}/burnish.db")


async def test_a_full_disk_while_running(
    sqlite_uri: str, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(sqlite_uri) as store:
        await store.create(a_job("small"))
    _limit_pages(monkeypatch, 1)  # no page beyond those there are
    async with open_store(sqlite_uri) as store:
        with pytest.raises(StoreUnavailable, match="full") as refused:
            await store.create(a_job(status_message="x" * 3_000_000))
        assert "xxx" not in str(refused.value)
        assert await store.unfinished() == ("small",)  # and it goes on reading


def _limit_pages(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    connect = sqlite3.dbapi2.connect

    def limited(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(sqlite3.dbapi2, "connect", limited)


# --- at run time


def _pragma(name: str) -> Callable[[Connection], Any]:
    return lambda connection: connection.scalar(text(f"PRAGMA {name}"))


async def test_the_settings_of_sqlite(sqlite_uri: str) -> None:
    database = Database(sqlite_uri)
    settings = {
        name: await database.read(_pragma(name))
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    await database.close()
    assert settings == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 30_000}


async def test_the_event_loop_goes_on_while_the_database_works(sqlite_uri: str) -> None:
    database = Database(sqlite_uri)
    release = threading.Event()
    writing = asyncio.create_task(database.write(lambda connection: release.wait(10)))
    reads = [await database.read(lambda connection: connection.scalar(text("SELECT 1"))) for _ in range(8)]
    assert reads == [1] * 8
    assert not writing.done()
    release.set()
    assert await writing
    await database.close()


async def test_a_reader_sees_the_last_commit_while_another_writes(sqlite_uri: str, open_store: Open) -> None:
    async with open_store(sqlite_uri) as store:
        await store.create(a_job("first"))
        other = sqlite3.connect(_file_of(sqlite_uri), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM burnish_jobs")
        assert await store.unfinished() == ("first",)
        other.execute("ROLLBACK")
        other.close()


async def test_errors_tell_neither_sql_nor_values(sqlite_uri: str) -> None:
    database = Database(sqlite_uri)
    with pytest.raises(StoreUnavailable) as refused:
        await database.read(
            lambda connection: connection.execute(text("SELECT :x FROM nowhere"), {"x": "hunter2"})
        )
    await database.close()
    for error in (refused.value, refused.value.__cause__):
        assert "hunter2" not in str(error)
    assert "SELECT" not in str(refused.value)
    assert "no such table: nowhere" in str(refused.value)


async def test_the_check_notices_a_broken_store(sqlite_uri: str, open_store: Open) -> None:
    async with open_store(sqlite_uri) as store:
        await store.check()
        other = sqlite3.connect(_file_of(sqlite_uri))
        other.execute("UPDATE burnish_version SET version_num = '9999'")
        other.commit()
        with pytest.raises(StoreUnavailable, match="9999"):
            await store.check()
        other.execute("DROP TABLE burnish_version")
        other.commit()
        other.close()
        with pytest.raises(StoreUnavailable, match="burnish_version"):
            await store.check()


# --- PostgreSQL


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(StoreUnavailable) as refused:
        SqlJobStore("postgresql://u:hunter2@127.0.0.1:1/b")
    assert "hunter2" not in str(refused.value)
    assert "127.0.0.1" in str(refused.value)


@pytest.mark.postgres
def test_a_database_that_is_not_there(postgres_uri: str) -> None:
    name = store_url(postgres_uri).database
    with pytest.raises(StoreUnavailable, match="does not exist"):
        SqlJobStore(postgres_uri.replace(str(name), "nobody"))


@pytest.mark.postgres
async def test_a_lost_connection_is_reported_and_the_next_call_has_another(
    migrated_postgres_uri: str,
) -> None:
    database = Database(migrated_postgres_uri)
    kill_me = text("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(StoreUnavailable, match="terminat"):
        await database.read(lambda connection: connection.execute(kill_me))
    assert await database.read(lambda connection: connection.scalar(text("SELECT 1"))) == 1
    await database.close()


@pytest.mark.postgres
async def test_a_connection_that_died_while_idle_is_replaced_unseen(migrated_postgres_uri: str) -> None:
    database, other = Database(migrated_postgres_uri), Database(migrated_postgres_uri)
    pid = await database.read(lambda connection: connection.scalar(text("SELECT pg_backend_pid()")))
    await other.read(lambda connection: connection.execute(text(f"SELECT pg_terminate_backend({pid})")))
    again = await database.read(lambda connection: connection.scalar(text("SELECT pg_backend_pid()")))
    assert again not in (None, pid)
    await other.close()
    await database.close()

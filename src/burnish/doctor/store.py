"""The store of jobs: is it there, can it be used, has it this version's schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from burnish.doctor import Finding, note, ok, problem
from burnish.doctor.databases import check_place, read_sqlite, reading
from burnish.domain.job import JobStatus
from burnish.errors import InvalidInput
from burnish.redaction import redact, redact_uri, uri_secrets
from burnish.store.location import sqlite_path, store_url
from burnish.store.tables import SCHEMA_VERSION, VERSION_TABLE

STORE, MIGRATIONS = "store", "migrations"

_VERSION = f"SELECT version_num FROM {VERSION_TABLE}"
_COUNTS = "SELECT status, count(*) FROM burnish_jobs GROUP BY status"


@dataclass(slots=True)
class StoreState:
    """What is known of the store after :func:`check_store`.

    Attributes:
        unfinished: jobs that wait or run.
    """

    readable: bool = False
    unfinished: int = 0


def check_store(uri: str, state: StoreState) -> Iterator[Finding]:
    """The store and its migrations. Fills ``state``."""
    try:
        path = sqlite_path(uri)
    except InvalidInput as error:
        yield problem(STORE, str(error.problems[0]), "correct --store-uri or BURNISH_STORE_URI")
        return
    found = _look_at_file(path, state) if path is not None else _look_at_server(uri, state)
    shown = str(path) if path is not None else redact_uri(uri)
    for finding in found:
        yield replace(finding, message=f"{shown}: {finding.message}")


def _look_at_file(path: Path, state: StoreState) -> Iterator[Finding]:
    if found := check_place(STORE, path):
        yield found
    if not path.exists():
        yield ok(STORE, "not there yet; the first job makes it")
        return
    try:
        tables = read_sqlite(path, f"SELECT name FROM sqlite_master WHERE name = '{VERSION_TABLE}'")
        if not tables[0]:
            yield note(MIGRATIONS, "no Burnish tables in it yet; they are made at the next start")
            return
        version, counts = read_sqlite(path, _VERSION, _COUNTS)
    except sqlite3.OperationalError as error:
        yield problem(STORE, str(error), "stop what holds the file, or name another one")
        return
    except sqlite3.DatabaseError as error:
        yield problem(STORE, str(error), "restore it from a backup, or name another file")
        return
    yield from _judge(str(version[0][0]) if version else "", dict(counts), state)


def _look_at_server(uri: str, state: StoreState) -> Iterator[Finding]:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        with reading(store_url(uri)) as connection:
            server = connection.scalar(text("SHOW server_version"))
            yield ok(STORE, f"PostgreSQL {server} answers")
            if connection.scalar(text(f"SELECT to_regclass('{VERSION_TABLE}')")) is None:
                may = connection.scalar(
                    text("SELECT has_schema_privilege(current_user, current_schema(), 'CREATE')")
                )
                yield (
                    note(MIGRATIONS, "no Burnish tables in it yet; they are made at the first start")
                    if may
                    else problem(MIGRATIONS, "this user may not make tables", "GRANT CREATE ON SCHEMA to it")
                )
                return
            version = str(connection.scalar(text(_VERSION)))
            counts = {row[0]: row[1] for row in connection.execute(text(_COUNTS))}
    except ModuleNotFoundError:
        yield problem(STORE, "PostgreSQL needs an extra", "pip install 'burnish[postgres]'")
    except SQLAlchemyError as error:
        said = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
        said = " ".join(redact(said, secrets=uri_secrets(uri)).split())
        yield problem(STORE, said, "start PostgreSQL, or correct the address, user and password")
    else:
        yield from _judge(version, counts, state)


def _judge(version: str, counts: dict[str, int], state: StoreState) -> Iterator[Finding]:
    state.readable = True
    state.unfinished = sum(counts.get(s.value, 0) for s in (JobStatus.PENDING, JobStatus.IN_PROGRESS))
    jobs = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no jobs"
    yield ok(STORE, jobs)
    if version == SCHEMA_VERSION:
        yield ok(MIGRATIONS, f"schema {version} is this version's")
    elif version < SCHEMA_VERSION:  # revisions are numbered
        remedy = f"make a backup; the next start brings it to {SCHEMA_VERSION}"
        yield note(MIGRATIONS, f"schema {version} is older than this version's", remedy)
    else:
        remedy = f"upgrade Burnish, which knows schemas up to {SCHEMA_VERSION}, or name another store"
        yield problem(MIGRATIONS, f"schema {version} was written by a newer Burnish", remedy)

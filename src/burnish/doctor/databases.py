"""Reading a database without leaving a trace in it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from burnish.doctor import Finding, note, problem

_SMALL_BYTES = 200 * 1024**2
_CONNECT_SECONDS = 5


def read_sqlite(path: Path, *queries: str) -> list[list[tuple[Any, ...]]]:
    """The rows of each query.

    Raises:
        sqlite3.Error: no such table, not a database, damaged.
    """
    # A reader of a database in WAL mode makes two files beside it. They are there while somebody else
    # has it open; when they are not, nobody writes, and the file can be read as it stands.
    quiet = not path.with_name(path.name + "-wal").exists()
    uri = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if quiet else ''}"
    with closing(sqlite3.connect(uri, uri=True, timeout=2.0)) as connection:
        return [connection.execute(query).fetchall() for query in queries]


@contextmanager
def reading(url: Any) -> Iterator[Any]:
    """A SQLAlchemy connection in a transaction that cannot write.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, ModuleNotFoundError (no driver)
    """
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.pool import NullPool

    made = make_url(url)
    postgres = made.get_backend_name() == "postgresql"
    engine = create_engine(
        made,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": _CONNECT_SECONDS} if postgres else {},
    )
    with engine.connect() as connection:
        if postgres:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        yield connection


def check_place(check: str, path: Path) -> Finding | None:
    """What stands in the way of writing a SQLite file there; ``None``: nothing."""
    folder = path.parent
    if not folder.is_dir():
        return problem(check, f"{folder} is not a folder", "make it, or name a file elsewhere")
    for place in (folder, path):
        if place.exists() and not os.access(place, os.R_OK | os.W_OK):
            return problem(
                check, f"{place} cannot be written", "make it readable and writable, or name another file"
            )
    free = shutil.disk_usage(folder).free
    if free < _SMALL_BYTES:
        return note(
            check, f"{folder} has {free // 1024**2} MB left", "make room: journals grow with the jobs"
        )
    return None

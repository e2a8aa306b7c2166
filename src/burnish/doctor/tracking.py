"""MLflow: is it there, does it answer, does its schema fit the MLflow that is installed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from burnish.doctor import Finding, note, ok, problem
from burnish.doctor.databases import check_place, read_sqlite, reading
from burnish.errors import BurnishError, InvalidInput
from burnish.tracking.mlflow.address import Address, sqlite_uri

TRACKING = "tracking"

_VERSION = "SELECT version_num FROM alembic_version"
_REVISION = re.compile(r"^(down_revision|revision)\b[^=]*=\s*[\"'](\w+)[\"']", re.MULTILINE)


def check_tracking(uri: str, ask_server: Callable[[str], None]) -> Iterator[Finding]:
    """
    Args:
        ask_server: sends a harmless question to an MLflow server; raises BurnishError.
    """
    try:
        address = Address(uri)
    except InvalidInput as error:
        yield problem(TRACKING, str(error.problems[0]), "correct --tracking-uri or MLFLOW_TRACKING_URI")
        return
    if address.sqlite_path is not None:
        yield from _check_file(address.sqlite_path)
    elif address.is_database:
        yield _check_database(address)
    else:
        try:
            ask_server(uri)
        except BurnishError as error:
            remedy = "start it, or correct its address, user (MLFLOW_TRACKING_USERNAME) and password or token"
            yield problem(TRACKING, address.redact(str(error)), remedy)
        else:
            yield ok(TRACKING, f"{address} answers")


def _check_file(path: Path) -> Iterator[Finding]:
    if found := check_place(TRACKING, path):
        yield found
    if not path.exists():
        yield ok(TRACKING, f"{path}: not there yet; the first job makes it, which takes some seconds")
        return
    try:
        (version,) = read_sqlite(path, _VERSION)
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error):
            yield note(TRACKING, f"{path}: no MLflow tables in it yet; they are made at the next start")
        else:
            yield problem(TRACKING, f"{path}: {error}", "restore it from a backup, or name another file")
        return
    yield _judge(str(path), sqlite_uri(path), str(version[0][0]) if version else "")


def _check_database(address: Address) -> Finding:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        with reading(address.tracking_uri) as connection:
            version = str(connection.scalar(text(_VERSION)))
    except ModuleNotFoundError as error:
        return problem(TRACKING, f"{address}: its driver {error.name} is not installed", "install the driver")
    except SQLAlchemyError as error:
        said = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
        if "alembic_version" in said:
            return note(TRACKING, f"{address}: no MLflow tables in it yet; they are made at the first start")
        remedy = "start the database, or correct the address, user and password"
        return problem(TRACKING, address.redact(f"{address}: {' '.join(said.split())}"), remedy)
    return _judge(str(address), str(address), version)


def _judge(shown: str, uri: str, version: str) -> Finding:
    known, head = _revisions()
    installed = f"MLflow {metadata.version('mlflow')}"
    if version == head:
        return ok(TRACKING, f"{shown}: schema {version} is that of {installed}")
    if version in known:
        remedy = f"make a backup, stop what uses it, then: mlflow db upgrade {uri}"
        return problem(TRACKING, f"{shown}: schema {version} is older than that of {installed}", remedy)
    remedy = "upgrade MLflow here to the version that wrote it"
    return problem(TRACKING, f"{shown}: schema {version} is unknown to {installed}", remedy)


def _revisions() -> tuple[set[str], str]:
    """All revisions of the installed MLflow, and the newest: read, not imported (that takes seconds)."""
    spec = find_spec("mlflow")
    folders = spec.submodule_search_locations if spec else None
    assert folders, "mlflow is a dependency"
    known: set[str] = set()
    followed: set[str] = set()
    for file in (Path(folders[0]) / "store" / "db_migrations" / "versions").glob("*.py"):
        for kind, revision in _REVISION.findall(file.read_text(encoding="utf-8")):
            (known if kind == "revision" else followed).add(revision)
    (head,) = known - followed
    return known, head

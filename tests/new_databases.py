"""A new SQLite database of ours or MLflow's is a copy of one that has been migrated.

Migrating takes longer than most tests do: 25 ms for a store, 750 ms for an MLflow. Only a database with
nothing in it is filled; opening it then goes its usual way, finds today's schema, and is done. Tests about
the migrations themselves ask for ``real_migrations``.

Loaded as a plugin by ``conftest.py``.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from burnish.mlflow_import import load_mlflow
from burnish.store import database
from burnish.store.migrations import migrate
from burnish.tracking.mlflow.connection import Connection

_open_mlflow = Connection._open_stores


@dataclass(frozen=True)
class Migrated:
    """Databases without rows, to be copied."""

    folder: Path

    @functools.cached_property
    def store(self) -> Path:
        file = self.folder / "burnish.db"
        engine = create_engine(f"sqlite:///{file}")
        migrate(engine)
        engine.dispose()
        return file

    @functools.cached_property
    def mlflow(self) -> Path:
        """Made only where a test needs it: importing MLflow takes seconds."""
        load_mlflow()
        from mlflow.store.db.utils import _initialize_tables

        file = self.folder / "mlflow.db"
        engine = create_engine(f"sqlite:///{file}")
        _initialize_tables(engine)  # without the default experiment, which knows its folder
        engine.dispose()
        return file

    def copy_to(self, folder: Path) -> None:
        """Put both, under their usual names, where a process of its own will look for them."""
        for file in (self.store, self.mlflow):
            shutil.copyfile(file, folder / file.name)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    return Migrated(tmp_path_factory.mktemp("migrated"))


@pytest.fixture(autouse=True, scope="session")
def _new_databases_are_copies(migrated: Migrated) -> Iterator[None]:
    def copy_and_migrate(engine: Engine, shown_uri: str = "") -> None:
        file = engine.url.database if engine.dialect.name == "sqlite" else None
        if file:
            _fill(Path(file), lambda: migrated.store)
        migrate(engine, shown_uri)

    def copy_and_open(connection: Connection) -> Any:
        if connection.address.sqlite_path:
            _fill(connection.address.sqlite_path, lambda: migrated.mlflow)
        return _open_mlflow(connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "migrate", copy_and_migrate)
        patch.setattr(Connection, "_open_stores", copy_and_open)
        yield


@pytest.fixture
def real_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """New databases are migrated, as they are outside the tests."""
    monkeypatch.setattr(database, "migrate", migrate)
    monkeypatch.setattr(Connection, "_open_stores", _open_mlflow)


def _fill(file: Path, find_migrated: Callable[[], Path]) -> None:
    """Copy the migrated database, if there is none and one can be made."""
    with contextlib.suppress(OSError):  # opening it will say why
        if file.stat().st_size == 0 if file.exists() else file.parent.is_dir():
            shutil.copyfile(find_migrated(), file)

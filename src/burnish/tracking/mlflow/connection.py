"""The way to one MLflow: its tracking store, its registry store, its artifacts.

MLflow's public client takes parts of its work through the process-wide tracking URI (evaluation
datasets, the link of a prompt to a run). Burnish talks to the stores behind it, which take the URI
as an argument and are the same interface over a database and over HTTP.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from burnish.domain.job import DEFAULT_WORKSPACE
from burnish.errors import BurnishError, InvalidInput, NotFound, TrackingUnavailable
from burnish.mlflow_import import load_mlflow
from burnish.tracking.mlflow.address import Address
from burnish.tracking.mlflow.transaction import Transaction, write_together
from burnish.tracking.workspace import current_workspace

T = TypeVar("T")

_GONE = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
_REFUSED = ("INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS", "INVALID_STATE")
_DELETED = "Current state is deleted"  # to MLflow an invalid parameter: a write to a deleted run
_OLD_SCHEMA = "out-of-date database schema"
_SQLITE_BUSY_SECONDS = 20.0


class Connection:
    """Opens MLflow's stores when they are first needed. Safe to share between threads.

    Args:
        address: where MLflow is.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._opening = threading.Lock()
        # SQLite has one writer. Taking turns here is fair, where its own waiting is in no order and
        # ends in "database is locked", and spares MLflow's pool of fifteen connections.
        self._turn: threading.RLock | None = threading.RLock() if address.sqlite_path else None
        self._turns = tuple(threading.Lock() for _ in range(64))
        self._stores: tuple[Any, Any] | None = None
        self._together = threading.local()

    @contextmanager
    def tracking(self, what: str = "", name: str = "") -> Iterator[Any]:
        """MLflow's tracking store, with its failures turned into ours.

        Args:
            what, name: what a "does not exist" would be about.

        Raises:
            NotFound, InvalidInput, TrackingUnavailable
        """
        with self.translated(what, name), self._in_turn(), self._in_workspace():
            yield getattr(self._together, "store", None) or self._open()[0]

    def together(self, what: str, name: str, work: Callable[[], T]) -> T:
        """Do ``work`` with all that this thread writes to the tracking store in one transaction.

        Over HTTP, and where somebody else writes the same at this moment, it is done piece by piece.

        Args:
            what, name: as for :meth:`tracking`.
            work: may be called twice, the first time without an effect on MLflow.

        Raises:
            NotFound, InvalidInput, TrackingUnavailable
        """
        results: list[T] = []

        def write(store: Any, transaction: Transaction | None) -> None:
            self._together.store = store if transaction is not None else None
            try:
                results.append(work())
            finally:
                self._together.store = None

        with self.tracking(what, name) as store:
            write_together(store, None, write)
        return results[-1]

    @contextmanager
    def registry(self, what: str = "", name: str = "") -> Iterator[Any]:
        """MLflow's registry store, likewise."""
        with self.translated(what, name), self._in_turn(), self._in_workspace():
            yield self._open()[1]

    @contextmanager
    def artifacts(self, artifact_uri: str) -> Iterator[Any]:
        """The artifact repository of one run."""
        with self.translated("artifact location", artifact_uri), self._in_workspace():
            load_mlflow()
            from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

            yield get_artifact_repository(
                self.address.resolve_artifacts(artifact_uri), tracking_uri=self.address.tracking_uri
            )

    @property
    def opened(self) -> bool:
        """Whether MLflow has been there once."""
        return self._stores is not None

    def turn(self, key: str) -> threading.Lock:
        """A lock for what concerns ``key``, so that "is it there?" and "make it" are not torn apart
        by another thread of this process. Do not nest: keys share locks."""
        return self._turns[hash(key) % len(self._turns)]

    def check(self) -> None:
        """
        Raises:
            TrackingUnavailable: cannot be reached, or cannot be written.
        """
        if self.address.sqlite_path:
            check_sqlite(self.address.sqlite_path)
        with self.tracking() as store:
            store.search_experiments(max_results=1)

    def _open(self) -> tuple[Any, Any]:
        if self._stores is None:
            with self._opening:
                if self._stores is None:
                    self._stores = self._open_stores()
        return self._stores

    def _open_stores(self) -> tuple[Any, Any]:
        address = self.address
        load_mlflow()
        # MLflow retries a database it cannot open for a hundred seconds, printing each failure.
        # Look first.
        if address.sqlite_path:
            check_sqlite(address.sqlite_path)
        elif address.is_database:
            _check_database(address.tracking_uri)
        from mlflow.tracking._model_registry import utils as registries
        from mlflow.tracking._tracking_service import utils as trackings

        tracking = trackings._get_store(address.tracking_uri, address.artifact_root)
        registry = registries._get_store(address.registry_uri, address.tracking_uri)
        return tracking, registry

    @contextmanager
    def _in_workspace(self) -> Iterator[None]:
        """MLflow's stores look up themselves which workspace they are asked in."""
        load_mlflow()
        try:
            from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
            from mlflow.utils.workspace_context import ServerWorkspaceContext
        except ImportError:  # of before there were workspaces
            yield
            return
        name = current_workspace()
        # To a server that is not named one it is its default one, or none where it knows no workspaces.
        if name == DEFAULT_WORKSPACE if self.address.is_server else not MLFLOW_ENABLE_WORKSPACES.get():
            yield
            return
        with ServerWorkspaceContext(name):
            yield

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
        else:
            with self._turn:
                yield

    @contextmanager
    def translated(self, what: str = "", name: str = "") -> Iterator[None]:
        """MLflow's failures, and its database's, as ours.

        Raises:
            NotFound, InvalidInput, TrackingUnavailable
        """
        try:
            yield
        except BurnishError:
            raise
        except (OSError, sqlite3.Error) as error:  # requests' exceptions are OSErrors too
            raise TrackingUnavailable(self._said(error)) from error
        except Exception as error:
            load_mlflow()
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError

            if isinstance(error, SQLAlchemyError):
                raise TrackingUnavailable(self._said(error)) from error
            if not isinstance(error, MlflowException):
                raise
            deleted = what == "run" and _DELETED in str(error)
            if _OLD_SCHEMA in str(error):
                remedy = (
                    "another version of MLflow made this database; an older one: back it up, then run mlflow "
                    "db upgrade URI; a newer one: install that MLflow here"
                )
                raise InvalidInput.of("tracking_uri", self.address, remedy) from error
            if what and (error.error_code in _GONE or deleted):
                raise NotFound(what, name) from error
            if error.error_code in _REFUSED:
                raise InvalidInput.of(what or "tracking", name, self._said(error)) from error
            raise TrackingUnavailable(self._said(error)) from error

    def _said(self, error: Exception) -> str:
        # The first line only: what follows in a database error is the statement and its values.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return self.address.redact(f"MLflow at {self.address}: {lines[0]}")


def check_sqlite(path: Path) -> None:
    """See that a SQLite file can be read and written, or made, and is one.

    Raises:
        TrackingUnavailable: says which file, and what is wrong with it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_SQLITE_BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise TrackingUnavailable(
            f"MLflow's database {path} cannot be opened for writing: {error}"
        ) from error


def _check_database(uri: str) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    try:
        create_engine(uri, poolclass=NullPool).connect().close()
    except ModuleNotFoundError as error:
        raise InvalidInput.of(
            "tracking_uri",
            uri.split(":", 1)[0],
            f"its driver {error.name!r} is not installed; name one that is, as in postgresql+psycopg://",
        ) from error

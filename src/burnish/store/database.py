"""A database reached from coroutines, and the one place where its errors get our names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy.orm  # noqa: F401 - see docs/decisions/0016
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from burnish.errors import InvalidInput, StoreUnavailable
from burnish.redaction import redact, redact_uri, uri_secrets
from burnish.store.location import store_url
from burnish.store.migrations import check_version, migrate

Answer = TypeVar("Answer")
Entry = TypeVar("Entry")

_BUSY_SECONDS = 30.0
_SQLITE_READERS = 4
_SQLITE_CACHE_KIB = 8000  # of each connection; the 2 MB by default make a search of many jobs thrash
_POSTGRES_THREADS = 8
_POSTGRES_IDLE_SECONDS = 5
_LIMIT_EXCEEDED = "54"  # PostgreSQL's class of errors for what is too large or too complex


class Database:
    """An engine with threads of its own: the event loop never waits for the database.

    SQLite takes one writer at a time, so one thread writes and a few read. PostgreSQL sorts its
    writers out itself, so all threads do both. Opening runs the migrations.

    Raises:
        InvalidInput: the URI is wrong, its file cannot be used, or a newer Burnish wrote it.
        StoreUnavailable: the server does not answer.
    """

    def __init__(self, uri: str) -> None:
        url = store_url(uri)
        self.uri = redact_uri(uri)
        self._secrets = uri_secrets(uri)
        self.engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgres(url, self.uri)
        self._reading, self._writing = self.engine, self.engine.execution_options(writes=True)
        if self.dialect == "sqlite":
            self._readers = ThreadPoolExecutor(_SQLITE_READERS, "store-read")
            self._writer = ThreadPoolExecutor(1, "store-write")
        else:
            # Each statement sees what is committed when it begins, in a transaction or out of one; out
            # of one it costs a round trip instead of three.
            self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")
            self._readers = self._writer = ThreadPoolExecutor(_POSTGRES_THREADS, "store")
        try:
            with self._translating_errors(opening=True):
                migrate(self._writing, self.uri)
        except BaseException:
            self.close_now()
            raise

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work``, which only reads, on a reading thread. On SQLite all of it sees the same moment,
        on PostgreSQL each statement sees its own.

        Raises:
            StoreUnavailable
        """
        return await self._run(self._readers, self._reading, work)

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction that commits unless it raises. A caller that is cancelled
        while it waits does not take the write back.

        Raises:
            StoreUnavailable
        """
        return await self._run(self._writer, self._writing, work)

    async def check(self) -> None:
        """
        Raises:
            StoreUnavailable: cannot be reached or written, or another schema than this version's.
        """
        await self.write(check_version)

    async def close(self) -> None:
        """Wait for what is under way, then let go of every connection. May be called twice."""
        await asyncio.get_running_loop().run_in_executor(None, self.close_now)

    def begin_together(
        self, work: Callable[[Connection, Sequence[Entry]], Sequence[Answer]], entries: Sequence[Entry]
    ) -> asyncio.Future[Sequence[Answer | Exception]]:
        """Begin one writing transaction for all entries; ``work`` answers for each in their order.

        Where the database refuses what is written (a text too large, a number out of range), each entry
        gets a transaction of its own, so that only the one at fault fails.

        Returns:
            A future of the answers; it raises StoreUnavailable where nothing could be written.

        Raises:
            StoreUnavailable: the store has been closed.
        """

        def all_together() -> Sequence[Answer | Exception]:
            try:
                return self._transaction(self._writing, lambda connection: work(connection, entries))
            except Exception as error:
                if len(entries) == 1 or not _lies_in_the_data(error):
                    raise
            return [alone(entry) for entry in entries]

        def alone(entry: Entry) -> Answer | Exception:
            try:
                [answer] = self._transaction(self._writing, lambda connection: work(connection, [entry]))
            except Exception as error:  # noqa: BLE001 - whoever brought the entry gets it
                return error
            return answer

        return self._start(self._writer, all_together)

    async def _run(
        self, threads: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], Answer]
    ) -> Answer:
        return await self._start(threads, lambda: self._transaction(engine, work))

    def _start(self, threads: ThreadPoolExecutor, work: Callable[[], Answer]) -> asyncio.Future[Answer]:
        try:
            return asyncio.get_running_loop().run_in_executor(threads, work)
        except RuntimeError:
            raise StoreUnavailable(f"the store {self.uri} has been closed") from None

    def _transaction(self, engine: Engine, work: Callable[[Connection], Answer]) -> Answer:
        with self._translating_errors(), engine.begin() as connection:
            return work(connection)

    def close_now(self) -> None:
        """As :meth:`close`, outside an event loop."""
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self.engine.dispose()

    @contextmanager
    def _translating_errors(self, opening: bool = False) -> Iterator[None]:
        """Raise the database's errors as ours, without SQL, values or passwords."""
        try:
            yield
        except SQLAlchemyError as error:
            reason = self._reason(error)
            if opening and self.dialect == "sqlite":
                raise InvalidInput.of("store_uri", self.uri, _remedy(reason)) from error
            raise StoreUnavailable(f"the store {self.uri} failed: {reason}") from error

    def _reason(self, error: SQLAlchemyError) -> str:
        if isinstance(error, PoolTimeout):
            return "all connections are busy"
        text = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
        return " ".join(redact(text, secrets=self._secrets).split()) or type(error).__name__


def _lies_in_the_data(error: Exception) -> bool:
    """Whether a transaction failed for what was written, and not because the database is away."""
    if not isinstance(error, StoreUnavailable):
        return True
    cause = error.__cause__
    state = getattr(getattr(cause, "orig", None), "sqlstate", None) or ""
    return isinstance(cause, (DataError, IntegrityError)) or state.startswith(_LIMIT_EXCEEDED)


def _remedy(reason: str) -> str:
    if "unable to open" in reason:
        return "the file cannot be opened or made; its folder must exist and be readable and writable"
    if "not a database" in reason or "malformed" in reason:
        return "the file is not a SQLite database; name another file"
    if "readonly" in reason or "read-only" in reason:
        return "the file or its folder is read-only; make both writable or name another file"
    if "full" in reason:
        return "the disk is full; make room or name a file elsewhere"
    if "locked" in reason:
        return f"another process has held the file for {_BUSY_SECONDS:.0f} s; stop it"
    return f"the file cannot be used: {reason}"


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=_SQLITE_READERS + 1,
        max_overflow=0,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is sent below, never by the driver
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{_SQLITE_CACHE_KIB}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that starts by reading and then writes would fail at once where another
        # process wrote in between; one that asks for the lock first waits its turn.
        if connection.get_execution_options().get("writes"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # sent by the driver itself: it takes no lock, and every read begins with it
            connection.connection.cursor().execute("BEGIN")

    return engine


def _postgres(url: URL, shown: str) -> Engine:
    try:
        engine = create_engine(
            url,
            hide_parameters=True,
            pool_size=_POSTGRES_THREADS,
            max_overflow=0,
            pool_pre_ping=True,  # after a restart of the server the first call finds a live connection
            connect_args={
                "connect_timeout": 5,
                "application_name": "burnish",
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
            },
        )
    except ModuleNotFoundError as error:
        raise InvalidInput.of(
            "store_uri", shown, "PostgreSQL needs the extra: pip install 'burnish[postgres]'"
        ) from error

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # A process that was stopped in the middle of a transaction must not hold its locks for ever.
        connection.execute(f"SET idle_in_transaction_session_timeout = '{_POSTGRES_IDLE_SECONDS}s'")
        # To begin a second process for a page of jobs takes longer than to read it.
        connection.execute("SET max_parallel_workers_per_gather = 0")
        connection.commit()

    return engine

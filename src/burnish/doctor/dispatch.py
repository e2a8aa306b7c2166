"""Whether somebody works on the jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from burnish.dispatch.lock import WorkerLock
from burnish.doctor import Finding, note, ok, problem
from burnish.doctor.databases import reading
from burnish.doctor.store import StoreState
from burnish.errors import InvalidInput
from burnish.store.location import sqlite_path, store_url

DISPATCHER = "dispatcher"

_WORKERS = """
SELECT count(*) FROM procrastinate_workers
WHERE last_heartbeat > now() - make_interval(secs => %(seconds)s)
"""
_WAITING = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'burnish.run_job'"


def check_dispatcher(uri: str, takeover_seconds: float, state: StoreState) -> Iterator[Finding]:
    """Workers that live. Nothing is said where the store cannot be read."""
    try:
        path = sqlite_path(uri)
    except InvalidInput:
        return
    if path is not None:
        holder = lock_holder(WorkerLock(path).path)
        if holder is not None:
            yield ok(DISPATCHER, f"process {holder} works on this store")
        else:
            yield _nobody(state, "burnish server")
    elif state.readable:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield from _check_queue(uri, takeover_seconds, state)
        except SQLAlchemyError as error:
            found = f"the queue cannot be read: {type(error).__name__}"
            yield problem(DISPATCHER, found, "look at PostgreSQL's log, then start a worker")


def _check_queue(uri: str, takeover_seconds: float, state: StoreState) -> Iterator[Finding]:
    with reading(store_url(uri)) as connection:
        if connection.exec_driver_sql("SELECT to_regclass('procrastinate_workers')").scalar() is None:
            yield note(DISPATCHER, "the queue has no tables yet; the first server or worker makes them")
            return
        workers = connection.exec_driver_sql(_WORKERS, {"seconds": takeover_seconds}).scalar()
        waiting = connection.exec_driver_sql(_WAITING).scalar()
    if workers:
        yield ok(DISPATCHER, f"{workers} workers, {waiting} jobs waiting in the queue")
    else:
        yield _nobody(state, "burnish worker --store-uri ...")


def _nobody(state: StoreState, command: str) -> Finding:
    if state.unfinished:
        found = f"{state.unfinished} jobs are not finished and no worker runs"
        return note(DISPATCHER, found, f"start one: {command}")
    return ok(DISPATCHER, "no worker runs, and no job waits for one")


def lock_holder(path: Path) -> str | None:
    """The process that holds the lock, by the kernel's list: asking for the lock could keep out a server
    that starts at this moment."""
    try:
        status = path.stat()
        locks = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return None
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in locks.splitlines():
        words = line.split()
        if words[1] == "FLOCK" and device in words:
            return words[words.index(device) - 1]
    return None

"""One worker process for one SQLite store, enforced by a lock the kernel drops when the process dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from burnish.errors import InvalidInput, InvalidState


class WorkerLock:
    """An exclusive lock beside the store's file.

    The lock belongs to the open file, so ``kill -9`` releases it and a second process never waits
    for one that is gone.
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".worker.lock")
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """
        Raises:
            InvalidState: another process holds it; the message has its process id.
            InvalidInput: the store's folder is not there or cannot be written.
        """
        try:
            file = self.path.open("a+", encoding="utf-8")
        except OSError as error:
            remedy = f"cannot work on a store there: {error.strerror}; its folder must exist and be writable"
            raise InvalidInput.of("store_uri", self.path.parent, remedy) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise InvalidState(
                f"process {holder} already works on this store (lock {self.path}); stop it, "
                "send your job to its server with `burnish jobs create`, or use a PostgreSQL store"
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """May be called twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

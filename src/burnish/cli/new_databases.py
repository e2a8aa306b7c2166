"""A job that cannot even be written down leaves no half-made database behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from burnish.config import Settings
from burnish.errors import InvalidInput, OutsideFailure
from burnish.redaction import redact_uri
from burnish.store.location import sqlite_path
from burnish.tracking.mlflow.address import Address

_SIDE_FILES = ("", "-wal", "-shm", "-journal", ".worker.lock")


@contextmanager
def cleanup_new_databases(settings: Settings) -> Iterator[None]:
    """Remove the SQLite files that did not exist before, if what happens inside fails.

    A database whose creation was cut short (a full disk) could never be opened again.

    Raises:
        InvalidInput: in place of a failure to make a new file.
    """
    files = {
        "store_uri": sqlite_path(settings.store_uri),
        "tracking_uri": Address(settings.tracking_uri).sqlite_path,
    }
    new = {name: path for name, path in files.items() if path is not None and not path.exists()}
    try:
        yield
    except OutsideFailure as error:
        _remove(new)
        if not new:
            raise
        name = "tracking_uri" if "tracking_uri" in new else "store_uri"
        raise InvalidInput.of(
            name,
            redact_uri(getattr(settings, name)),
            f"cannot be made ({error}); make sure that its folder is writable and the disk has room",
        ) from error
    except BaseException:
        _remove(new)
        raise


def _remove(databases: dict[str, Path]) -> None:
    for path in databases.values():
        for suffix in _SIDE_FILES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)

"""Where a store is: its URI, read and checked."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from burnish.errors import InvalidInput
from burnish.redaction import redact_uri

_REMEDY = "must be sqlite:///FILE.db, sqlite:////ABSOLUTE/FILE.db or postgresql://USER@HOST/DATABASE"


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite store, absolute; ``None`` for any other database.

    Raises:
        InvalidInput: not a store's URI.
    """
    url = store_url(uri)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def store_url(uri: str) -> URL:
    """The URI as SQLAlchemy needs it: driver chosen, file path absolute.

    Raises:
        InvalidInput: not a store's URI.
    """
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError):
        raise InvalidInput.of("store_uri", redact_uri(uri), _REMEDY) from None
    if url.drivername == "sqlite":
        if url.database in (None, "", ":memory:") or url.query or url.host:
            raise InvalidInput.of("store_uri", redact_uri(uri), _REMEDY)
        return url.set(database=str(Path(str(url.database)).absolute()))
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    raise InvalidInput.of("store_uri", redact_uri(uri), _REMEDY)


def postgres_conninfo(uri: str) -> str:
    """The URI of a PostgreSQL store as PostgreSQL's own clients read it, with its password.

    Raises:
        InvalidInput: not a store's URI.
    """
    return store_url(uri).set(drivername="postgresql").render_as_string(hide_password=False)

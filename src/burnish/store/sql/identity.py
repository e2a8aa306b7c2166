"""What tells one store from every other, so that a shared MLflow knows whose run is whose."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

from sqlalchemy import Connection, text

_MAY_ASK = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"
_POSTGRES = """
SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database())
FROM pg_control_system()
"""


def identity_of(connection: Connection) -> str:
    """16 hexadecimal digits, the same for every process that has this store open, whatever URI it used.

    On PostgreSQL the cluster's own number and the database's (where a provider hides the first, host, port
    and name); on SQLite the host, the file's path and its inode. A store that is copied or moved is another
    one.
    """
    if connection.dialect.name == "postgresql":
        url = connection.engine.url
        known = connection.scalar(text(_MAY_ASK))
        found = connection.execute(text(_POSTGRES)).one() if known else (url.host, url.port, url.database)
        parts = [str(part) for part in found]
    else:
        databases = {name: file for _, name, file in connection.execute(text("PRAGMA database_list"))}
        file = Path(databases["main"]).resolve()
        parts = [socket.gethostname(), str(file), str(file.stat().st_ino)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

"""The schema's history, run by the store itself when it opens."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table, text, update

from burnish.errors import InvalidInput, StoreUnavailable
from burnish.store.tables import SCHEMA_VERSION, VERSION_TABLE

_ADVISORY_LOCK = 0x6275726E697368  # "burnish": one number for everybody who migrates
_version = table(VERSION_TABLE, column("version_num"))


def migrate(engine: Engine, shown_uri: str = "") -> None:
    """Bring the schema to this version's, once, however many processes try at the same time.

    Args:
        shown_uri: the store's URI without secrets, for the message.

    Raises:
        InvalidInput: a newer Burnish wrote this store.
    """
    if _found(engine) == SCHEMA_VERSION:
        return
    from alembic import command  # 0.4 s of import, needed once in a store's life
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        found = _found(connection)
        if found is not None and found not in known:
            raise InvalidInput.of(
                "store_uri",
                shown_uri,
                f"has schema {found}, this version knows up to {SCHEMA_VERSION}: "
                "a newer Burnish wrote it; upgrade, or name another store",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_version(connection: Connection) -> None:
    """Write to the database, and see that its schema is this version's.

    Raises:
        StoreUnavailable: it has another schema.
    """
    connection.execute(update(_version).values(version_num=_version.c.version_num))
    found = connection.scalar(select(_version.c.version_num))
    if found != SCHEMA_VERSION:
        raise StoreUnavailable(
            f"the store's schema is {found}, this process needs {SCHEMA_VERSION}; restart it"
        )


def _found(source: Engine | Connection) -> str | None:
    """The schema's revision, or ``None`` in a database without one."""
    if not inspect(source).has_table(VERSION_TABLE):
        return None
    if isinstance(source, Engine):
        with source.connect() as connection:
            return connection.scalar(select(_version.c.version_num))
    return source.scalar(select(_version.c.version_num))

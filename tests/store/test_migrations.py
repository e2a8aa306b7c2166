"""The schema's history leads to the tables, on both databases, once, whoever opens first."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, select, text

import burnish.store.migrations
from burnish.domain.app import App
from burnish.errors import InvalidInput
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.location import store_url
from burnish.store.rows import job_to_row
from burnish.store.tables import SCHEMA_VERSION, VERSION_TABLE, metadata
from burnish.store.testing.samples import ODD_TEXT, a_config, a_job

pytestmark = pytest.mark.usefixtures("real_migrations")
BOTH = pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])


@pytest.fixture
def empty_uri(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if database == "sqlite":
        return f"sqlite:///{tmp_path}/burnish.db"
    make: Callable[[], str] = request.getfixturevalue("postgres_database")
    return make()


def test_the_tables_are_those_of_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(burnish.store.migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_VERSION


@BOTH
def test_migrations_make_exactly_the_tables(empty_uri: str) -> None:
    database = Database(empty_uri)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []
    database.close_now()


@BOTH
def test_many_may_open_an_empty_database_at_once(empty_uri: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        for database in threads.map(lambda _: Database(empty_uri), range(6)):
            database.close_now()


@BOTH
def test_a_newer_store_is_refused_and_left_alone(empty_uri: str) -> None:
    Database(empty_uri).close_now()
    engine = create_engine(store_url(empty_uri))
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(InvalidInput, match=r"schema 9999.*newer Burnish.*upgrade"):
        Database(empty_uri)
    with engine.begin() as connection:
        assert connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) == "9999"
    engine.dispose()


@BOTH
def test_the_store_leaves_room_for_tables_of_others(empty_uri: str) -> None:
    engine = create_engine(store_url(empty_uri))
    with engine.begin() as connection:  # as MLflow's, which has both of these names
        connection.execute(text("CREATE TABLE jobs (id VARCHAR)"))
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('mlflow')"))
    Database(empty_uri).close_now()
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "mlflow"
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "burnish.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE burnish_scores (id TEXT)")
    connection.close()
    with pytest.raises(InvalidInput, match="burnish_scores already exists"):
        Database(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
    connection.close()
    assert tables == {"burnish_scores"}


@BOTH
def test_jobs_of_before_users_and_workspaces_are_in_the_default_one(empty_uri: str) -> None:
    Database(empty_uri).close_now()
    to_revision(empty_uri, "0002")
    engine = create_engine(store_url(empty_uri))
    with engine.begin() as connection:
        connection.execute(text(AN_OLD_JOB))
        connection.execute(text("INSERT INTO burnish_events VALUES ('old', 1, 0, 7, 'CREATED', '{}')"))
    engine.dispose()
    database = Database(empty_uri)
    with database.engine.begin() as connection:
        job = connection.execute(select(tables.jobs)).one()
        assert (job.job_id, job.workspace, job.created_by, job.canceled_by) == ("old", "default", None, None)
        assert connection.execute(select(tables.events)).one().actor is None
    database.close_now()


@BOTH
def test_jobs_of_before_kinds_are_of_the_kind_that_their_config_says(empty_uri: str) -> None:
    configs = {
        "prompt": a_config(),
        "named": a_config(optimizer_config={"app": {"x": 1}}),
        "function": a_config(app=App(function="helpdesk.answer")),
        "odd": a_config(app=App(url="http://app.test"), scorers=(ODD_TEXT,)),
    }
    Database(empty_uri).close_now()
    to_revision(empty_uri, "0004")
    engine = create_engine(store_url(empty_uri))
    rows = [job_to_row(a_job(name, config=config)) for name, config in configs.items()]
    with engine.begin() as connection:
        for row in rows:
            del row["kind"]
            connection.execute(insert(tables.jobs).values(row | {"last_sequence": 1}))
        connection.execute(text(AN_OLD_JOB))
    engine.dispose()
    database = Database(empty_uri)
    with database.engine.begin() as connection:
        found = connection.execute(select(tables.jobs.c.job_id, tables.jobs.c.kind))
        assert dict(map(tuple, found)) == {
            "prompt": "prompt",
            "named": "prompt",
            "function": "app",
            "odd": "app",
            "old": "prompt",
        }
    database.close_now()


AN_OLD_JOB = """
INSERT INTO burnish_jobs (job_id, experiment_id, status, attempt, last_sequence, cancel_requested,
                          creation_timestamp_ms, optimizer_type, source_prompt_uri, usage_calls, config, body)
VALUES ('old', '7', 'PENDING', 0, 1, false, 7, 'GEPA', 'prompts:/p/1', 0, '{}', '{}')
"""


def to_revision(uri: str, revision: str) -> None:
    """Take a store's schema back."""
    config = Config()
    config.set_main_option("script_location", str(Path(burnish.store.migrations.__file__).parent))
    engine = create_engine(store_url(uri))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()

"""``burnish doctor`` finds what is wrong, says what to do, and leaves everything as it was."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from burnish.dispatch.lock import WorkerLock
from burnish.doctor.databases import reading
from burnish.doctor.tracking import check_tracking
from burnish.store.location import store_url
from burnish.store.sql import SqlJobStore
from tests.cli.conftest import Folder, Said

Report = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def doctor(folder: Folder, burnish: Callable[..., Said]) -> Report:
    """The exit code and the findings of ``burnish doctor --json ARGUMENTS``."""

    def report(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
        said = burnish("doctor", "--json", *arguments)
        document = json.loads(said.stdout)
        assert document["ok"] is (said.exit_code == 0)
        return said.exit_code, document["findings"]

    return report


def of(findings: list[dict[str, Any]], check: str) -> list[dict[str, Any]]:
    return [finding for finding in findings if finding["check"] == check]


def problems(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [finding for finding in findings if finding["severity"] == "problem"]


def state(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file()
    }


def make_store(uri: str) -> None:
    asyncio.run(SqlJobStore(uri).close())


def test_a_new_folder_is_well_and_stays_empty(doctor: Report, folder: Folder) -> None:
    code, findings = doctor()
    assert (code, problems(findings)) == (0, [])
    assert {f["check"] for f in findings} == {
        "versions",
        "store",
        "dispatcher",
        "tracking",
        "models",
        "traces",
    }
    assert "not there yet" in of(findings, "store")[0]["message"]
    assert folder.left_behind() == set()


def test_it_reads_well_for_people(folder: Folder, burnish: Callable[..., Said]) -> None:
    said = burnish("doctor", "--model", "nowhere:/m")
    assert said.exit_code == 1
    assert "ok     store" in said.stdout
    assert "to do  models      nowhere:/m cannot be used" in said.stdout
    assert "→ unknown provider 'nowhere'" in said.stdout


def test_a_store_is_looked_at_and_not_touched(doctor: Report, folder: Folder) -> None:
    make_store("sqlite:///burnish.db")
    before = state(folder.path)
    code, findings = doctor()
    assert code == 0
    assert of(findings, "store")[0]["message"].endswith("no jobs")
    assert of(findings, "migrations")[0]["severity"] == "ok"
    assert state(folder.path) == before


def test_a_store_in_use(doctor: Report, folder: Folder) -> None:
    store = SqlJobStore("sqlite:///burnish.db")
    lock = WorkerLock(folder.path / "burnish.db")
    lock.acquire()
    try:
        files = set(state(folder.path))
        code, findings = doctor()
        assert code == 0
        assert of(findings, "dispatcher")[0]["message"] == f"process {os.getpid()} works on this store"
        assert set(state(folder.path)) == files
    finally:
        lock.release()
        asyncio.run(store.close())
    assert "no worker runs" in of(doctor()[1], "dispatcher")[0]["message"]


def test_unfinished_jobs_without_a_worker(doctor: Report, folder: Folder) -> None:
    make_store("sqlite:///burnish.db")
    with closing(sqlite3.connect("burnish.db", isolation_level=None)) as connection:
        columns = connection.execute("PRAGMA table_info(burnish_jobs)").fetchall()
        values = {name: "0" for _, name, _, needed, default, _ in columns if needed and default is None}
        values["status"] = "PENDING"
        marks = ", ".join("?" for _ in values)
        connection.execute(
            f"INSERT INTO burnish_jobs ({', '.join(values)}) VALUES ({marks})", tuple(values.values())
        )
    (found,) = of(doctor()[1], "dispatcher")
    assert (found["severity"], found["remedy"]) == ("note", "start one: burnish server")
    assert found["message"].startswith("1 jobs")


def test_a_store_of_another_version(doctor: Report, folder: Folder) -> None:
    make_store("sqlite:///burnish.db")
    for version, verdict, code in (("0000", "note", 0), ("9999", "problem", 1)):
        with closing(sqlite3.connect("burnish.db", isolation_level=None)) as connection:
            connection.execute("UPDATE burnish_version SET version_num = ?", (version,))
        found_code, findings = doctor()
        (found,) = of(findings, "migrations")
        assert (found_code, found["severity"]) == (code, verdict)
        assert version in found["message"]
        assert found["remedy"]


def test_a_file_that_is_no_database(doctor: Report, folder: Folder) -> None:
    for name, check in (("burnish.db", "store"), ("mlflow.db", "tracking")):
        (folder.path / name).write_text("this is no database, whatever its name says" * 30, encoding="utf-8")
        code, findings = doctor()
        assert code == 1
        found = [f for f in problems(findings) if f["check"] == check]
        assert "not a database" in found[0]["message"]


@pytest.mark.parametrize(
    ("arguments", "check", "said"),
    [
        (("--store-uri", "sqlite:///nowhere/b.db"), "store", "is not a folder"),
        (("--store-uri", "mysql://u:hidden@h/b"), "store", "must be sqlite"),
        (("--tracking-uri", "./mlruns"), "tracking", "MLflow keeps no datasets in a folder"),
        (("--tracking-uri", "sqlite:////nowhere/m.db"), "tracking", "is not a folder"),
    ],
)
def test_what_cannot_work(doctor: Report, arguments: tuple[str, ...], check: str, said: str) -> None:
    code, findings = doctor(*arguments)
    found = [finding for finding in problems(findings) if finding["check"] == check]
    assert code == 1
    assert said in found[0]["message"]
    assert found[0]["remedy"]
    assert "hidden" not in json.dumps(findings)


def test_a_variable_of_the_wrong_type(doctor: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURNISH_PORT", "many")
    code, findings = doctor()
    assert code == 1
    assert of(findings, "settings")[0]["message"] == "BURNISH_PORT is 'many'"


def test_mlflow_of_another_version(folder: Folder) -> None:
    def nobody(uri: str) -> None:
        raise AssertionError("a database is not asked over HTTP")

    def found(version: str) -> tuple[str, str]:
        with closing(sqlite3.connect("mlflow.db", isolation_level=None)) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT)")
            connection.execute("DELETE FROM alembic_version")
            connection.execute("INSERT INTO alembic_version VALUES (?)", (version,))
        (finding,) = check_tracking("sqlite:///mlflow.db", nobody)
        return finding.severity.value, finding.remedy

    from mlflow.store.db.utils import _get_latest_schema_revision

    assert found(_get_latest_schema_revision()) == ("ok", "")
    first = "451aebb31d03"  # of MLflow 1.0
    assert found(first) == (
        "problem",
        f"make a backup, stop what uses it, then: mlflow db upgrade sqlite:///{folder.path}/mlflow.db",
    )
    assert found("0123456789ab") == ("problem", "upgrade MLflow here to the version that wrote it")


def test_a_tracking_server_that_does_not_answer(doctor: Report) -> None:
    code, findings = doctor("--tracking-uri", "http://someone:hidden@127.0.0.1:9")
    (found,) = of(findings, "tracking")
    assert (code, found["severity"]) == (1, "problem")
    assert "hidden" not in json.dumps(findings)


def test_keys_are_named_and_never_shown(doctor: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key-of-mine")
    _, findings = doctor()
    messages = [finding["message"] for finding in of(findings, "models")]
    assert "openai:/ has a key (OPENAI_API_KEY)" in messages
    assert any(message.startswith("no key for anthropic:/") for message in messages)
    assert "very-secret" not in json.dumps(findings)


def test_a_named_model_is_asked(doctor: Report) -> None:
    code, findings = doctor("--model", "scripted:/sentiment", "--model", "openai:/gpt-4o-mini")
    asked = {f["message"].split(" ")[0]: f for f in of(findings, "models")}
    assert asked["scripted:/sentiment"]["severity"] == "ok"
    assert asked["openai:/gpt-4o-mini"]["severity"] == "problem"
    assert "OPENAI_API_KEY" in asked["openai:/gpt-4o-mini"]["remedy"]
    assert code == 1


def test_traces_that_cannot_be_sent(doctor: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    code, findings = doctor()
    (found,) = of(findings, "traces")
    assert (code, found["remedy"]) == (1, "pip install 'burnish[otlp]'")


@pytest.mark.postgres
def test_an_empty_postgresql_stays_empty(doctor: Report, postgres_uri: str) -> None:
    code, findings = doctor("--store-uri", postgres_uri)
    assert (code, problems(findings)) == (0, [])
    assert "made at the first start" in of(findings, "migrations")[0]["message"]
    with reading(store_url(postgres_uri)) as connection:
        tables = connection.exec_driver_sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.scalar() == 0


@pytest.mark.postgres
def test_a_store_on_postgresql(doctor: Report, postgres_uri: str) -> None:
    make_store(postgres_uri)
    code, findings = doctor("--store-uri", postgres_uri)
    assert (code, problems(findings)) == (0, [])
    assert of(findings, "migrations")[0]["severity"] == "ok"
    assert "the queue has no tables yet" in of(findings, "dispatcher")[0]["message"]


def test_a_postgresql_that_does_not_answer(doctor: Report) -> None:
    code, findings = doctor("--store-uri", "postgresql://me:hidden@127.0.0.1:9/b")
    (found,) = of(findings, "store")
    assert (code, found["severity"]) == (1, "problem")
    assert "start PostgreSQL" in found["remedy"]
    assert "hidden" not in json.dumps(findings)

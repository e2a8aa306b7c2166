"""The tracker and the world around it: silence, folders, disks, servers that are away, secrets."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.prompt import Prompt
from burnish.errors import InvalidInput, TrackingUnavailable
from burnish.tracking.mlflow import MlflowTracker
from burnish.tracking.mlflow.address import Address
from burnish.tracking.testing import fresh, small_dataset

FIRST_USE = """
import socket, sys
def refuse(self, address):
    raise AssertionError(f"a connection to {address}")
socket.socket.connect = refuse
from burnish.domain.prompt import Prompt
from burnish.tracking.mlflow import MlflowTracker
assert "mlflow" not in sys.modules
tracker = MlflowTracker("sqlite:///deep/down/mlflow.db")
tracker.check()
tracker.ensure_prompt(Prompt(name="p", template="A"))
"""


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_first_use_is_silent_and_calls_nobody(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_nothing_of_the_process_is_changed_or_used(
    own: MlflowTracker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither MLflow's process-wide tracking URI nor the working directory."""
    import mlflow

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    before = mlflow.get_tracking_uri()
    experiment_id = own.ensure_experiment(fresh("experiment"))
    own.ensure_dataset(small_dataset(fresh("data")), experiment_id)
    own.ensure_prompt(Prompt(name=fresh("prompt"), template="A"))
    assert mlflow.get_tracking_uri() == before
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert list(elsewhere.iterdir()) == []


def test_artifacts_lie_beside_the_database(own: MlflowTracker, tmp_path: Path) -> None:
    experiment_id = own.ensure_experiment(fresh("experiment"))
    with own._connection.tracking() as store:
        location = store.get_experiment(experiment_id).artifact_location
    assert location == f"{tmp_path}/mlruns/{experiment_id}"


def test_a_relative_database_stays_where_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    address = Address("sqlite:///mlflow.db")
    monkeypatch.chdir("/")
    assert address.tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert str(address) == address.tracking_uri


def test_proxied_artifacts_go_to_the_folder_behind_the_server(own: MlflowTracker, tmp_path: Path) -> None:
    """A database that `mlflow server` has made says mlflow-artifacts:/, which only a server resolves."""
    proxied = MlflowTracker(own.address.tracking_uri, artifact_root="mlflow-artifacts:/")
    experiment_id = proxied.ensure_experiment(fresh("proxied"))
    with own._connection.tracking() as store:
        run = store.create_run(experiment_id, "me", 1, [], "run")
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    own.log_text(run.info.run_id, "here", "note.txt")
    (written,) = (tmp_path / "mlartifacts").rglob("note.txt")
    assert written.read_text() == "here"


@pytest.mark.parametrize(
    "uri", ["mlruns", "./mlruns", "file:///tmp/mlruns", "", "sqlite://", "sqlite:///:memory:"]
)
def test_what_keeps_no_datasets_is_refused_at_once(uri: str) -> None:
    with pytest.raises(InvalidInput, match="tracking_uri"):
        MlflowTracker(uri)


def test_a_driver_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"psycopg2.*postgresql\+psycopg://"):
        MlflowTracker("postgresql+psycopg2://localhost/mlflow").check()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("This is not a database, but a text of some length. " * 50)
    tracker = MlflowTracker(f"sqlite:///{tmp_path}/notes.db")
    with pytest.raises(TrackingUnavailable, match=r"notes\.db.*not a database"):
        tracker.check()
    with pytest.raises(TrackingUnavailable, match=r"notes\.db.*not a database"):
        tracker.ensure_experiment("any")


def test_a_folder_where_the_database_should_be(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(TrackingUnavailable, match=r"mlflow\.db cannot be opened"):
        MlflowTracker(f"sqlite:///{tmp_path}/mlflow.db").check()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackingUnavailable, match=r"mlflow\.db cannot be opened"):
        MlflowTracker(f"sqlite:///{tmp_path}/file/mlflow.db").check()


def test_a_read_only_folder() -> None:
    """Read-only to root as well."""
    with pytest.raises(TrackingUnavailable, match=r"/proc/mlflow\.db cannot be opened for writing"):
        MlflowTracker("sqlite:////proc/mlflow.db").check()


def test_a_full_disk_is_reported_and_the_work_goes_on_when_there_is_room(own: MlflowTracker) -> None:
    import sqlalchemy

    experiment_id = own.ensure_experiment(fresh("experiment"))
    dataset = Dataset.of([({"text": "x" * 2_000_000}, {})], fresh("large"))
    with own._connection.tracking() as store:
        engine = store.engine

    def no_more_pages(connection: Any, _: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 20}")

    sqlalchemy.event.listen(engine, "connect", no_more_pages)
    engine.dispose()
    with pytest.raises(TrackingUnavailable, match="full") as caught:
        own.ensure_dataset(dataset, experiment_id)
    assert "xxx" not in str(caught.value)  # neither the statement nor its values
    sqlalchemy.event.remove(engine, "connect", no_more_pages)
    engine.dispose()
    assert own.ensure_dataset(dataset, experiment_id).examples == dataset.examples


def test_a_full_disk_under_the_artifacts(own: MlflowTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    with own._connection.tracking() as store:
        run = store.create_run(own.ensure_experiment(fresh("experiment")), "me", 1, [], "run")

    def no_space(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for way in ("copy2", "copyfileobj"):  # by which MLflow writes a local artifact, then and now
        monkeypatch.setattr(shutil, way, no_space)
    with pytest.raises(TrackingUnavailable, match="No space left"):
        own.log_text(run.info.run_id, "text", "note.txt")


def test_a_database_of_a_newer_mlflow_says_how_to_go_on(own: MlflowTracker) -> None:
    import sqlite3

    connection = sqlite3.connect(str(own.address.sqlite_path))
    connection.execute("UPDATE alembic_version SET version_num = 'future'")
    connection.commit()
    connection.close()
    with pytest.raises(InvalidInput, match=r"mlflow db upgrade.*a newer one: install that MLflow"):
        own.check()


def test_a_server_that_is_away_is_reported_without_its_password() -> None:
    tracker = MlflowTracker(f"http://me:hunter2@127.0.0.1:{closed_port()}", sleep=lambda seconds: None)
    with pytest.raises(TrackingUnavailable, match=r"127\.0\.0\.1") as caught:
        tracker.check()
    assert "hunter2" not in str(caught.value)


def test_a_database_server_that_is_away_is_reported_at_once_without_its_password() -> None:
    uri = f"postgresql+psycopg://me:hunter2@127.0.0.1:{closed_port()}/mlflow"
    with pytest.raises(TrackingUnavailable, match="refused") as caught:
        MlflowTracker(uri).check()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:p%40ss@mlflow.example/base", "https://mlflow.example/base"),
        ("https://token@mlflow.example/", "https://mlflow.example"),
        ("postgresql+psycopg://u:s3cret@db:5432/m?password=x", "postgresql+psycopg://db:5432/m"),
    ],
)
def test_an_address_is_shown_without_credentials(uri: str, shown: str) -> None:
    assert str(Address(uri)) == shown


def test_secrets_are_taken_out_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok-123")
    address = Address("https://me:p%40ss@mlflow.example")
    said = address.redact("401 for https://me:p%40ss@mlflow.example: p@ss, Bearer tok-123, http://a:b@c")
    assert said == "401 for https://***@mlflow.example: ***, ***, http://***@c"


def test_pages_only_where_there_is_a_server(own: MlflowTracker) -> None:
    assert own.link("runs:/abc").url is None
    assert own.link("prompts:/p/1").uri == "prompts:/p/1"


def test_a_database_of_an_older_mlflow_is_named(own: MlflowTracker) -> None:
    file = own.address.sqlite_path
    assert file is not None
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0a8213491aaa'")
    connection.close()
    with pytest.raises(InvalidInput, match=r"tracking_uri.*an older one.*mlflow db upgrade"):
        own.check()

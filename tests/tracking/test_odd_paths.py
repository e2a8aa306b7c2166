"""A folder's name is never read as a part of a URI: everything lands in the folder, nothing beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.domain.job import Job, JobConfig
from burnish.domain.prompt import Prompt
from burnish.errors import InvalidInput
from burnish.tracking.mlflow import MlflowTracker
from burnish.tracking.mlflow.address import Address, folder_location, sqlite_uri

NAMES = [
    *("a?b", "a%20b", "a b", "a#b", "a;b", "a:b", "100%", "a%3Fb", "a[b]{c}", "a&b=c", "a+b@c", "~x"),
    *("ü ñ 漢", "a'b\"c", "a\\b", "a|b<c>", "a\tb", "a\nb"),
]


@pytest.mark.parametrize("name", NAMES)
def test_the_way_to_a_database_is_found_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / name / f"{name}.db"
    assert Address(sqlite_uri(path)).sqlite_path == path


@pytest.mark.parametrize("name", NAMES)
def test_a_relative_database_stands_in_the_working_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    address = Address("sqlite:///mlflow.db")
    assert address.sqlite_path == folder / "mlflow.db"
    assert Address(address.tracking_uri).sqlite_path == folder / "mlflow.db"


def test_a_quoted_uri_is_read_as_mlflow_reads_it(tmp_path: Path) -> None:
    assert Address(f"sqlite:///{tmp_path}/a%20b/x.db").sqlite_path == tmp_path / "a b" / "x.db"


def test_a_plain_folder_stays_a_path(tmp_path: Path) -> None:
    assert folder_location(tmp_path / "plain folder") == str(tmp_path / "plain folder")


def test_a_path_that_is_not_utf8_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="plainer name"):
        sqlite_uri(tmp_path / "caf\udce9" / "mlflow.db")


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a'b\"c;d"])
def test_mlflow_writes_there_and_nowhere_else(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    tracker = MlflowTracker("sqlite:///mlflow.db")
    experiment_id = tracker.ensure_experiment("films")
    prompt = tracker.ensure_prompt(Prompt(name="film", template="{{review}}"))
    config = JobConfig(source_prompt_uris=(str(prompt.uri),))
    job = Job(job_id="j", experiment_id=experiment_id, config=config, creation_timestamp_ms=1, attempt=1)
    tracker.log_text(tracker.ensure_run(job), "hello", "note.txt")
    (note,) = folder.rglob("note.txt")
    assert note.read_text() == "hello"
    assert (folder / "mlflow.db").exists()
    assert list(tmp_path.iterdir()) == [folder]

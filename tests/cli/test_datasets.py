"""``burnish datasets from-traces``, on a real MLflow."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from burnish.tracking.mlflow import MlflowTracker
from burnish.tracking.protocol import LoggedTrace, TraceValues
from tests.cli.conftest import Said
from tests.tracking.app_traces import log_trace


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URI of an MLflow with three traces, of which a person has approved two; one has an e-mail address."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    experiment_id = MlflowTracker(uri).ensure_experiment("production")
    for question, feedback in (("When?", {"ok": True}), ("Who is ada@example.org?", {"ok": True}), ("?", {})):
        trace = LoggedTrace(trace_id=f"tr-{uuid.uuid4().hex}", feedback=feedback)
        values = TraceValues({"messages": [{"role": "user", "content": question}]}, f"About {question}")
        log_trace(uri, experiment_id, trace, values)
    return uri


def from_traces(burnish: Callable[..., Said], uri: str, *more: str) -> Said:
    return burnish("datasets", "from-traces", "--tracking-uri", uri, "--experiment", "production", *more)


def test_personal_data_is_refused_then_masked(burnish: Callable[..., Said], production: str) -> None:
    refused = from_traces(burnish, production, "--feedback", "ok")
    assert refused.exit_code == 2
    assert "error: inputs.messages[].content: 'ad…rg': personal data (e-mail address)" in refused.stderr
    made = from_traces(burnish, production, "--feedback", "ok", "--mask", "--name", "approved", "--json")
    assert made.exit_code == 0, made.stderr
    said = json.loads(made.stdout)
    assert (said["name"], said["records"], said["with_expected_response"]) == ("approved", 2, 2)
    records = MlflowTracker(production).dataset(said["dataset_id"]).examples
    assert records[0].inputs == {"messages": [{"role": "user", "content": "Who is [EMAIL]?"}]}
    assert records[1].expected == "About When?"
    assert all(record.place.startswith("tr-") for record in records)


def test_a_dry_run_says_what_would_be_made(burnish: Callable[..., Said], production: str) -> None:
    said = from_traces(burnish, production, "--dry-run")
    assert said.exit_code == 0
    assert "only looked at" in said.stdout
    assert "3 records, 0 with an expected response" in said.stdout
    assert "note: inputs.messages[].content" in said.stderr


def test_an_experiment_that_is_not_there(burnish: Callable[..., Said], production: str) -> None:
    said = burnish("datasets", "from-traces", "--tracking-uri", production, "--experiment", "nowhere")
    assert said.exit_code == 2
    assert "experiment_id: 'nowhere': there is no such experiment" in said.stderr


def test_a_trace_server_that_is_away(burnish: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = from_traces(burnish, f"sqlite:///{tmp_path}/file/mlflow.db")
    assert said.exit_code == 1
    assert "MLflow" in said.stderr


def test_traces_of_equal_inputs_are_one_record_and_the_newest_counts(
    burnish: Callable[..., Said], tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    experiment_id = MlflowTracker(uri).ensure_experiment("production")
    for said in ("Soon.", "On Monday."):
        trace = LoggedTrace(trace_id=f"tr-{uuid.uuid4().hex}", feedback={"better": said})
        log_trace(uri, experiment_id, trace, TraceValues({"question": "When?"}, "Later."))
    made = from_traces(burnish, uri, "--feedback", "better", "--json")
    found = json.loads(made.stdout)
    assert found["records"] == 1
    assert "1 traces have the inputs of a newer one and were left out" in found["notes"]
    [record] = MlflowTracker(uri).dataset(found["dataset_id"]).examples
    assert record.expected == "On Monday."

"""Judges registered in a real MLflow, found by the tracker, asked through a gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.usage import Usage
from burnish.errors import InvalidInput
from burnish.evaluation.judges.mlflow_adapter import import_mlflow_scorers
from burnish.evaluation.scorer import Sample
from burnish.evaluation.scorers.registry import make_scorers
from burnish.llm.protocol import Completion, Purpose, Request
from burnish.tracking.mlflow import MlflowTracker

EXAMPLE = Dataset.of([({"question": "Hello?"}, {})]).examples[0]


class Model:
    async def complete(self, request: Request, purpose: Purpose) -> Completion:
        return Completion(
            text=json.dumps({"result": True, "rationale": request.model}), usage=Usage(1, 1, 1, 1)
        )


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> MlflowTracker:
    folder: Path = tmp_path_factory.mktemp("mlflow")
    tracker = MlflowTracker(f"sqlite:///{folder}/mlflow.db", artifact_root=str(folder / "artifacts"))
    tracker.check()  # makes the database and imports MLflow
    import_mlflow_scorers()
    return tracker


def register(tracker: MlflowTracker, experiment_id: str, serialized: dict[str, Any]) -> None:
    with tracker._connection.tracking() as store:
        store.register_scorer(experiment_id, serialized["name"], json.dumps(serialized))


async def test_the_latest_registered_judge_of_the_experiment_is_asked(tracker: MlflowTracker) -> None:
    from mlflow.genai.judges import make_judge

    experiment_id = tracker.ensure_experiment("judged")
    for version in ("first", "second"):
        judge = make_judge(
            name="polite",
            instructions=f"Is {{{{ outputs }}}} polite? This is the {version}.",
            model=f"openai:/{version}",
            feedback_value_type=bool,
        )
        register(tracker, experiment_id, judge.model_dump())
    (made,) = make_scorers(["polite"], experiment_id=experiment_id, find_registered=tracker.find_scorer)
    feedback = await made.scorer.score(Sample(example=EXAMPLE, output="Hello!", model=Model()))
    assert (feedback.value, feedback.rationale) == (1.0, "openai:/second")


def test_one_of_another_experiment_is_not_found(tracker: MlflowTracker) -> None:
    elsewhere = tracker.ensure_experiment("not judged")
    assert tracker.find_scorer(elsewhere, "polite") is None
    with pytest.raises(InvalidInput, match="no such scorer"):
        make_scorers(["polite"], experiment_id=elsewhere, find_registered=tracker.find_scorer)


def test_a_registered_function_is_refused_and_never_run(tracker: MlflowTracker, tmp_path: Path) -> None:
    experiment_id = tracker.ensure_experiment("judged by code")
    trace = tmp_path / "it ran"
    serialized = {
        "name": "evil",
        "call_source": f"open({str(trace)!r}, 'w').close()\nreturn True",
        "call_signature": "(outputs)",
        "original_func_name": "evil",
    }
    register(tracker, experiment_id, serialized)
    with pytest.raises(InvalidInput, match="code is not taken from the registry"):
        make_scorers(["evil"], experiment_id=experiment_id, find_registered=tracker.find_scorer)
    assert not trace.exists()

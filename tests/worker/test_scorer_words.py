"""Ratings, silence and several right answers, through a whole job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.job import Job, JobStatus, StopReason
from burnish.errors import InvalidInput
from burnish.evaluation.scorers import installed
from burnish.proto.convert import job_to_json
from tests.worker.harness import EXPERIMENT, WorkerHarness, WorkerProcess


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path, records=48)
    yield harness
    await harness.close()


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs functions as scorers."""

    def install(**functions: Callable[..., Any]) -> None:
        points = EntryPoints(EntryPoint(name, "none:none", installed.GROUP) for name in functions)
        monkeypatch.setattr(installed, "entry_points", lambda group: points)
        monkeypatch.setattr(installed, "_load", lambda point: functions[point.name])

    return install


async def job_with(harness: WorkerHarness, *scorers: str, **changes: Any) -> Job:
    await harness.submit(scorers=scorers, **changes)
    await WorkerProcess(harness).run()
    return (await harness.result()).job


def stars(outputs: str, expectations: dict[str, Any]) -> int:
    return 5 if outputs == expectations["expected_response"] else 2


async def test_ratings_are_compared_in_0_to_1_and_shown_as_they_were(
    harness: WorkerHarness, install: Callable[..., None]
) -> None:
    install(stars=stars)
    job = await job_with(harness, "stars:1-5", "exact_match")
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert job.score_ranges == {"stars": "1-5"}
    assert 0.25 <= job.initial_eval_scores["stars"] < job.final_eval_scores["stars"] <= 1.0
    assert 0.0 <= job.initial_eval_scores["aggregate"] < job.final_eval_scores["aggregate"] <= 1.0
    notes = job_to_json(job)["scorer_notes"]["stars"]
    assert notes["range"] == "1-5"
    assert notes["final_raw"] == pytest.approx(1 + 4 * job.final_eval_scores["stars"])
    assert notes["initial_raw"] == pytest.approx(1 + 4 * job.initial_eval_scores["stars"])
    (record, *_) = await harness.store.evaluations("job", str(job.best_candidate_id), limit=10)
    score = record.evaluation.scores["stars"]
    assert score.raw == 1 + 4 * score.value


async def test_a_mediocre_prompt_is_not_perfect(harness: WorkerHarness, install: Callable[..., None]) -> None:
    install(stars=lambda outputs: 3)
    job = await job_with(harness, "stars:1-5")
    assert job.stop_reason is not StopReason.NO_HEADROOM
    assert job.initial_eval_scores["aggregate"] == 0.5


async def test_ratings_without_a_range_stop_the_job_with_the_remedy(
    harness: WorkerHarness, install: Callable[..., None]
) -> None:
    install(stars=stars)
    job = await job_with(harness, "stars")
    assert job.status is JobStatus.FAILED
    assert "stars:1-5" in str(job.error_message)
    assert job.usage.total.calls <= 8


async def test_no_opinion_is_counted_and_warned_of(
    harness: WorkerHarness, install: Callable[..., None]
) -> None:
    def shy(inputs: dict[str, Any], outputs: str) -> bool | None:
        return None if "Film 3" in inputs["review"] else bool(outputs)

    install(shy=shy)
    job = await job_with(harness, "shy", "exact_match")
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert job.unscored_answers["shy"] > 0
    assert any("shy had no opinion on" in warning for warning in job.warnings)
    assert job.final_eval_scores["shy"] == 1.0
    assert job_to_json(job)["scorer_notes"]["shy"] == {"unscored_answers": job.unscored_answers["shy"]}


async def test_silence_stops_the_job_with_its_cause(
    harness: WorkerHarness, install: Callable[..., None]
) -> None:
    install(silent=lambda outputs: None)
    job = await job_with(harness, "silent", "exact_match")
    assert job.status is JobStatus.FAILED
    assert "silent" in str(job.error_message)
    assert "has no opinion on" in str(job.error_message)


async def test_any_of_several_right_answers_counts(harness: WorkerHarness) -> None:
    answers = {"positive": ["positive", "good"], "negative": ["negative", "bad"]}
    records = [
        (dict(example.inputs), {"expected_response": answers[example.expected]})
        for example in harness.dataset.examples
    ]
    dataset = harness.tracker.ensure_dataset(Dataset.of(records, "several"), EXPERIMENT)
    job = await job_with(harness, "exact_match", dataset_id=dataset.dataset_id)
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert job.final_eval_scores["exact_match"] == 1.0


async def test_an_object_is_refused_before_anything_is_paid(harness: WorkerHarness) -> None:
    records = [
        (dict(example.inputs), {"expected_response": {"label": example.expected}})
        for example in harness.dataset.examples
    ]
    dataset = harness.tracker.ensure_dataset(Dataset.of(records, "objects"), EXPERIMENT)
    with pytest.raises(InvalidInput, match="json_match"):
        await harness.submit(scorers=("exact_match",), dataset_id=dataset.dataset_id)
    assert await harness.store.unfinished() == ()

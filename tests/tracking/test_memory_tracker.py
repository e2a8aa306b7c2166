"""The fake keeps the contract, and can fail on demand."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.domain.job import Job
from burnish.domain.prompt import Prompt
from burnish.errors import TrackingUnavailable
from burnish.tracking.memory import FakeTracker
from burnish.tracking.protocol import LoggedTrace, TraceValues
from burnish.tracking.testing import RunView, TraceView, TrackerContract


class TestFakeTracker(TrackerContract):
    @pytest.fixture
    def tracker(self) -> FakeTracker:
        return FakeTracker()

    def view(self, tracker: Any, run_id: str) -> RunView:
        run = tracker.runs[run_id]
        datasets = [tracker.datasets[dataset_id].name for dataset_id in run.datasets]
        return RunView(
            run.status.value, run.tags, run.params, run.metrics, run.artifacts, run.prompts, datasets
        )

    def traces(self, tracker: Any, job: Job, run_id: str) -> list[TraceView]:
        return [
            TraceView(
                inputs=dict(trace.example.inputs),
                output=trace.record.evaluation.output,
                failed=trace.record.evaluation.error is not None,
                scores={name: score.value for name, score in trace.record.evaluation.scores.items()},
                expectations=dict(trace.example.expectations),
                split=trace.record.split,
            )
            for trace in tracker.runs[run_id].traces.values()
        ]

    def log_trace(self, tracker: Any, experiment_id: str, trace: LoggedTrace, values: TraceValues) -> None:
        tracker.traces.append((experiment_id, trace, values))

    def run_ids(self, tracker: Any, job: Job) -> list[str]:
        return [run.run_id for run in tracker.runs_of(job.job_id)]


def test_while_it_is_away_everything_fails() -> None:
    tracker = FakeTracker()
    tracker.away = True
    with pytest.raises(TrackingUnavailable):
        tracker.check()
    with pytest.raises(TrackingUnavailable):
        tracker.ensure_prompt(Prompt(name="p", template="A"))
    tracker.away = False
    tracker.check()
    assert tracker.versions == {}


def test_a_failure_asked_for_comes_once() -> None:
    tracker = FakeTracker()
    tracker.failures["delete_run"] = TrackingUnavailable("half-way")
    with pytest.raises(TrackingUnavailable, match="half-way"):
        tracker.delete_run("any")
    tracker.delete_run("any")
    assert tracker.calls == ["delete_run", "delete_run"]

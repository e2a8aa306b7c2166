"""Jobs that MLflow's own prompt optimization has left in the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.domain.job import JobStatus, OptimizerType
from burnish.domain.origin import Origin
from burnish.errors import InvalidState, NotFound
from burnish.tracking.mlflow import MlflowTracker
from burnish.tracking.mlflow.earlier_jobs import MlflowEarlierJobs
from tests.tracking.mlflow_jobs import Mlflow


@pytest.fixture
def mlflow(own: MlflowTracker) -> Mlflow:
    return Mlflow.behind(own)


def test_a_completed_job_is_shown_with_its_scores(own: MlflowTracker, mlflow: Mlflow) -> None:
    made = mlflow.submit()
    mlflow.finish(made)
    job = own.earlier_jobs.get(made.job_id)
    assert job.origin is Origin.MLFLOW
    assert (job.status, job.experiment_id) == (JobStatus.COMPLETED, "0")
    assert job.run_id == mlflow.run_of(made).info.run_id
    assert (job.source_prompt_uri, job.optimized_prompt_uri) == (
        "prompts:/sentiment/1",
        "prompts:/sentiment/2",
    )
    assert job.initial_eval_scores == {"aggregate": 0.5, "correctness": 0.5}
    assert job.final_eval_scores == {"aggregate": 0.75, "correctness": 0.75}
    assert (job.config.optimizer_type, job.config.scorers) == (OptimizerType.GEPA, ("Correctness",))
    assert job.config.optimizer_config == {"max_metric_calls": 100}
    assert job.config.reflection_model == "openai:/large"
    assert job.config.dataset_id == "d-1"
    assert job.creation_timestamp_ms == made.creation_time
    assert job.completion_timestamp_ms is not None
    assert own.earlier_jobs.list() == (job,)


def test_every_state_of_mlflow_s_is_one_of_ours(own: MlflowTracker, mlflow: Mlflow) -> None:
    waiting, running, failed, late, canceled = (mlflow.submit() for _ in range(5))
    for job in (running, failed, late):
        mlflow.jobs.start_job(job.job_id)
    mlflow.jobs.fail_job(failed.job_id, "the model said no: api_key=sk-abcdefghijklmnop1234")
    mlflow.jobs.mark_job_timed_out(late.job_id)
    mlflow.jobs.cancel_job(canceled.job_id)
    found = {job.job_id: job for job in own.earlier_jobs.list()}
    assert [found[job.job_id].status for job in (waiting, running, failed, late, canceled)] == [
        JobStatus.PENDING,
        JobStatus.IN_PROGRESS,
        JobStatus.FAILED,
        JobStatus.FAILED,
        JobStatus.CANCELED,
    ]
    assert "the model said no" in str(found[failed.job_id].error_message)
    assert "sk-abc" not in str(found[failed.job_id].error_message)
    assert "timeout" in str(found[late.job_id].error_message)


def test_mlflow_s_other_jobs_and_what_cannot_be_read_are_none(own: MlflowTracker, mlflow: Mlflow) -> None:
    other = mlflow.submit(name="invoke_scorer")
    unknown = mlflow.submit(optimizer_type="telepathy")
    broken = mlflow.jobs.create_job("optimize_prompts", '"no object"')
    homeless = mlflow.jobs.create_job("optimize_prompts", '{"optimizer_type": "gepa"}')
    assert own.earlier_jobs.list() == ()
    for job_id in (other.job_id, unknown.job_id, broken.job_id, homeless.job_id):
        with pytest.raises(NotFound):
            own.earlier_jobs.get(job_id)


def test_a_running_job_is_canceled_with_its_run_and_then_deleted(own: MlflowTracker, mlflow: Mlflow) -> None:
    made = mlflow.submit()
    mlflow.jobs.start_job(made.job_id)
    with pytest.raises(InvalidState, match="cancel it first"):
        own.earlier_jobs.delete(made.job_id)
    assert mlflow.run_of(made).info.lifecycle_stage == "active"
    assert own.earlier_jobs.cancel(made.job_id).status is JobStatus.CANCELED
    assert own.earlier_jobs.cancel(made.job_id).status is JobStatus.CANCELED
    assert mlflow.jobs.get_job(made.job_id).status == "CANCELED"
    assert mlflow.run_of(made).info.status == "KILLED"
    own.earlier_jobs.delete(made.job_id)
    assert mlflow.run_of(made).info.lifecycle_stage == "deleted"
    with pytest.raises(NotFound):
        own.earlier_jobs.delete(made.job_id)


def test_a_completed_job_is_not_canceled_and_keeps_its_run(own: MlflowTracker, mlflow: Mlflow) -> None:
    made = mlflow.submit()
    mlflow.finish(made)
    with pytest.raises(InvalidState):
        own.earlier_jobs.cancel(made.job_id)
    assert mlflow.run_of(made).info.status == "FINISHED"


def test_a_run_deleted_by_hand_takes_only_the_scores_with_it(own: MlflowTracker, mlflow: Mlflow) -> None:
    made = mlflow.submit()
    mlflow.finish(made)
    mlflow.tracking.delete_run(mlflow.run_of(made).info.run_id)
    assert own.earlier_jobs.get(made.job_id).final_eval_scores == {}
    own.earlier_jobs.delete(made.job_id)
    assert own.earlier_jobs.list() == ()


def test_scores_of_many_jobs_are_read_together_and_of_ended_ones_once(
    own: MlflowTracker, mlflow: Mlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = [mlflow.submit() for _ in range(7)]
    for job in ended:
        mlflow.finish(job)
    mlflow.submit()
    searches: list[int] = []
    read = own._runs.metrics

    def counting(experiment_ids: list[str], run_ids: list[str]) -> object:
        searches.append(len(run_ids))
        return read(experiment_ids, run_ids)

    monkeypatch.setattr(own._runs, "metrics", counting)
    before = own.earlier_jobs.list()
    assert own.earlier_jobs.list(before) == before
    assert searches == [8, 1]


def test_nothing_is_opened_or_made_where_there_are_no_such_jobs(tmp_path: Path) -> None:
    tracker = MlflowTracker(f"sqlite:///{tmp_path}/none.db")
    assert tracker.earlier_jobs.list() == ()
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "none.db").touch()  # a database without tables
    assert tracker.earlier_jobs.list() == ()
    with pytest.raises(NotFound):
        tracker.earlier_jobs.get("0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a")
    assert not tracker._connection.opened
    server = MlflowTracker("http://127.0.0.1:1")
    assert server.earlier_jobs.list() == ()
    assert isinstance(server.earlier_jobs, MlflowEarlierJobs)

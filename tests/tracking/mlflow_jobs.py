"""Jobs of MLflow's own prompt optimization, made as its server and its runner make them: by its own code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from burnish.tracking.mlflow import MlflowTracker

SCORES = {
    "initial_eval_score": 0.5,
    "initial_eval_score.correctness": 0.5,
    "final_eval_score": 0.75,
    "final_eval_score.correctness": 0.75,
    "total_metric_calls": 40.0,
}


@dataclass(frozen=True)
class Mlflow:
    """MLflow's stores over the tracker's database."""

    tracking: Any
    jobs: Any

    @classmethod
    def behind(cls, tracker: MlflowTracker) -> Mlflow:
        tracker.check()
        from mlflow.store.jobs.sqlalchemy_store import SqlAlchemyJobStore

        with tracker._connection.tracking() as tracking:
            return cls(tracking, SqlAlchemyJobStore(tracker.address.tracking_uri))

    def submit(self, experiment_id: str = "0", name: str = "optimize_prompts", **params: Any) -> Any:
        """What its server does with a create: a run with params, and a job that waits."""
        from mlflow.entities import Param

        run = self.tracking.create_run(experiment_id, "somebody", 1_000, [], "optimize_prompt")
        self.tracking.log_batch(run.info.run_id, [], [Param("source_prompt_uri", "prompts:/sentiment/1")], [])
        asked = {
            "run_id": run.info.run_id,
            "experiment_id": experiment_id,
            "prompt_uri": "prompts:/sentiment/1",
            "dataset_id": "d-1",
            "optimizer_type": "gepa",
            "optimizer_config": {"reflection_model": "openai:/large", "max_metric_calls": 100},
            "scorer_names": ["Correctness"],
        }
        return self.jobs.create_job(name, json.dumps(asked | params))

    def run_of(self, job: Any) -> Any:
        return self.tracking.get_run(json.loads(job.params)["run_id"])

    def finish(self, job: Any, optimized: str = "prompts:/sentiment/2") -> None:
        """What its runner does: the run's metrics, then the result."""
        from mlflow.entities import Metric, RunStatus

        run_id = json.loads(job.params)["run_id"]
        self.jobs.start_job(job.job_id)
        metrics = [Metric(name, value, 2_000, 0) for name, value in SCORES.items()]
        self.tracking.log_batch(run_id, metrics, [], [])
        self.tracking.update_run_info(run_id, RunStatus.FINISHED, 3_000, None)
        result = {"run_id": run_id, "optimized_prompt_uri": optimized}
        self.jobs.finish_job(job.job_id, json.dumps(result))

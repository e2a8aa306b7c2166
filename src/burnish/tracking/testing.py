"""What every tracker promises, as tests. Subclass ``TrackerContract`` for an implementation.

The tests use fresh names and ids, so one tracker may serve them all.
"""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Dataset
from burnish.domain.job import Job, JobConfig, OptimizerType
from burnish.domain.prompt import Message, Prompt, Template
from burnish.domain.records import CandidateRecord, EvaluationRecord
from burnish.domain.score import Evaluation, Score
from burnish.errors import InvalidInput, NotFound
from burnish.tracking.protocol import (
    EvaluationTrace,
    LoggedTrace,
    MeasuredCandidate,
    RunEntries,
    RunStatus,
    TraceBatch,
    TraceValues,
    Tracker,
)


@dataclass(frozen=True)
class RunView:
    """A run as somebody else sees it.

    Attributes:
        metrics: name → [(step, value), ...].
        artifacts: path → text.
        prompts: URIs of the linked versions.
        datasets: names of the dataset inputs.
    """

    status: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, list[tuple[int, float]]]
    artifacts: Mapping[str, str]
    prompts: list[str]
    datasets: list[str]


@dataclass(frozen=True)
class TraceView:
    """A trace as somebody else sees it."""

    inputs: Any
    output: str
    failed: bool
    scores: Mapping[str, float]
    expectations: Mapping[str, Any]
    split: str


def fresh(stem: str) -> str:
    """A name that no other test uses."""
    return f"{stem}-{uuid.uuid4().hex[:12]}"


def small_dataset(name: str) -> Dataset:
    """Six rows: two with the same inputs and other expectations, one without any, one of 200 kB."""
    return Dataset.of(
        [
            ({"review": "zest"}, {"expected_response": "positive"}),
            ({"review": "dull"}, {"expected_response": "negative"}),
            ({"review": "zest"}, {"expected_response": "negative"}),
            ({"review": "a" * 200_000}, {"expected_response": "positive", "guidelines": ["be brief"]}),
            ({"review": "Größe ✓", "n": 3, "list": [1, None, {"x": 1.5}]}, {}),
            ({"review": "zest"}, {"expected_response": "positive"}),
        ],
        name,
    )


def measured(number: int, text: str, prompt_name: str, dataset: Dataset) -> tuple[CandidateRecord, list[Any]]:
    """A candidate with its evaluations on the whole dataset."""
    candidate = Candidate({prompt_name: text})
    evaluations = [
        EvaluationRecord(
            evaluation=Evaluation(
                candidate.candidate_id, example.example_id, "positive", {"exact_match": Score(1.0)}, 1.0
            ),
            split="validation",
        )
        for example in dataset.examples
    ]
    record = CandidateRecord(
        candidate=candidate,
        number=number,
        status=CandidateStatus.ACCEPTED,
        scores={"aggregate": 0.5, "exact_match": 0.5},
    )
    return record, evaluations


class TrackerContract(ABC):
    """Promises of :class:`~burnish.tracking.protocol.Tracker`."""

    @pytest.fixture
    @abstractmethod
    def tracker(self) -> Tracker:
        """The tracker under test."""

    @abstractmethod
    def view(self, tracker: Any, run_id: str) -> RunView:
        """The run as MLflow shows it."""

    @abstractmethod
    def traces(self, tracker: Any, job: Job, run_id: str) -> list[TraceView]:
        """The run's traces, as somebody else sees them."""

    @abstractmethod
    def run_ids(self, tracker: Any, job: Job) -> list[str]:
        """Ids of the job's runs that are not deleted."""

    @abstractmethod
    def log_trace(self, tracker: Any, experiment_id: str, trace: LoggedTrace, values: TraceValues) -> None:
        """Log a trace as an app and the people who look at it do, younger than those before."""

    def other(self, tracker: Any) -> Tracker:
        """What another process would use: a second tracker on the same MLflow, where there can be one."""
        return tracker  # type: ignore[no-any-return]

    def make_job(self, tracker: Tracker, template: Template = "Hi {{review}}", **changes: Any) -> Job:
        """A job whose prompt, dataset and experiment exist."""
        experiment_id = tracker.ensure_experiment(fresh("experiment"))
        prompt = tracker.ensure_prompt(Prompt(name=fresh("prompt"), template=template))
        dataset = tracker.ensure_dataset(small_dataset(fresh("data")), experiment_id)
        config = JobConfig(
            source_prompt_uris=(str(prompt.uri),),
            dataset_id=dataset.dataset_id,
            scorers=("exact_match", "contains:x=2"),
            optimizer_type=OptimizerType.JOINT_SEARCH,
            optimizer_config={"depth": 2},
            model="local:/smollm2",
        )
        job = Job(
            job_id=fresh("job"),
            experiment_id=experiment_id,
            config=config,
            creation_timestamp_ms=1,
            tags={"team": "search"},
        )
        return replace(job, **changes)

    # --- prompts

    def test_records_keep_where_they_were_read(self, tracker: Tracker) -> None:
        rows = [({"x": "a"}, {"y": 1}), ({"x": "b"}, {}), ({"x": "a"}, {"y": 2})]
        sources = ["films.csv:2", "films.csv:3", "films.csv:4"]
        dataset = Dataset.of(rows, fresh("read"), sources=sources)
        kept = tracker.ensure_dataset(dataset, "0")
        assert kept.dataset_id is not None
        again = tracker.dataset(kept.dataset_id)
        assert [example.source for example in again.examples] == sources
        assert again.digest == dataset.digest

    def test_a_text_prompt_comes_back_as_it_went_in(self, tracker: Tracker) -> None:
        prompt = Prompt(
            name=fresh("text"),
            template="Ünïcode {{review}}\n\n```{not a variable}```  ",
            model_config={
                "provider": "openai",
                "model_name": "gpt",
                "temperature": 0.0,
                "stop_sequences": ["\n"],
                "extra_params": {"seed": 7},
            },
            response_format={"type": "object", "properties": {"label": {"type": "string"}}},
        )
        stored = tracker.ensure_prompt(prompt)
        assert stored == replace(prompt, uri=f"prompts:/{prompt.name}/1")
        assert tracker.prompt(str(stored.uri)) == stored

    def test_a_chat_prompt_comes_back_as_it_went_in(self, tracker: Tracker) -> None:
        template = (Message("system", "Be brief."), Message("user", "{{question}}"))
        stored = tracker.ensure_prompt(Prompt(name=fresh("chat"), template=template))
        assert tracker.prompt(str(stored.uri)).template == template

    def test_a_prompt_is_registered_once_until_it_changes(self, tracker: Tracker) -> None:
        first = Prompt(name=fresh("once"), template="A {{x}}", model_config={"temperature": 0.5})
        assert tracker.ensure_prompt(first).uri == tracker.ensure_prompt(first).uri
        warmer = replace(first, model_config={"temperature": 0.6})
        assert tracker.ensure_prompt(warmer).uri == f"prompts:/{first.name}/2"
        assert tracker.ensure_prompt(first).uri == f"prompts:/{first.name}/3"

    @pytest.mark.parametrize(
        "uri", ["prompts:/x", "x", "models:/x/1", "prompts:/x/1/2", "prompts:/x y/1", "prompts:/x@a b", ""]
    )
    def test_anything_but_a_prompt_uri_is_refused(self, tracker: Tracker, uri: str) -> None:
        with pytest.raises(InvalidInput, match="prompts:/NAME/VERSION"):
            tracker.prompt(uri)

    def test_missing_names_versions_and_aliases_are_not_found(self, tracker: Tracker) -> None:
        name = fresh("there")
        tracker.ensure_prompt(Prompt(name=name, template="A"))
        for uri in (
            f"prompts:/{fresh('nowhere')}/1",
            f"prompts:/{name}/2",
            f"prompts:/{name}/0",
            f"prompts:/{name}/{10**30}",
            f"prompts:/{name}@nobody",
            f"prompts:/{name}@1",
            f"prompts:/{fresh('nowhere')}@latest",
        ):
            with pytest.raises(NotFound, match=uri):
                tracker.prompt(uri)

    @pytest.mark.parametrize("name", ["has space", "a/b", "", "naïve", "quote'"])
    def test_a_name_mlflow_does_not_take_is_refused_with_one_it_takes(
        self, tracker: Tracker, name: str
    ) -> None:
        with pytest.raises(InvalidInput, match="letters, digits") as caught:
            tracker.ensure_prompt(Prompt(name=name, template="A"))
        assert caught.value.problems[0].field == "prompt.name"

    def test_a_prompt_longer_than_mlflow_keeps_is_refused(self, tracker: Tracker) -> None:
        with pytest.raises(InvalidInput, match="100000"):
            tracker.ensure_prompt(Prompt(name=fresh("long"), template="x" * 100_001))

    # --- datasets and experiments

    def test_a_dataset_comes_back_as_it_went_in(self, tracker: Tracker) -> None:
        """Order, ids, repeated inputs and large values included, although MLflow merges and shuffles."""
        dataset = small_dataset(fresh("data"))
        experiment_id = tracker.ensure_experiment(fresh("experiment"))
        stored = tracker.ensure_dataset(dataset, experiment_id)
        assert stored.dataset_id is not None
        assert stored.name == dataset.name
        for read in (stored, tracker.dataset(stored.dataset_id)):
            assert read.examples == dataset.examples
            assert read.digest == dataset.digest

    def test_a_dataset_is_made_once_until_it_changes(self, tracker: Tracker) -> None:
        dataset = small_dataset(fresh("data"))
        experiment_id = tracker.ensure_experiment(fresh("experiment"))
        first = tracker.ensure_dataset(dataset, experiment_id)
        assert tracker.ensure_dataset(dataset, experiment_id).dataset_id == first.dataset_id
        other_order = Dataset(dataset.name, dataset.examples[::-1])
        assert tracker.ensure_dataset(other_order, experiment_id).dataset_id != first.dataset_id
        other_name = Dataset(fresh("data"), dataset.examples)
        assert tracker.ensure_dataset(other_name, experiment_id).dataset_id != first.dataset_id

    def test_the_same_dataset_in_two_experiments_is_two(self, tracker: Tracker) -> None:
        """Who may read the one may be others than who may read the other."""
        dataset = small_dataset(fresh("data"))
        one, two = (tracker.ensure_experiment(fresh("experiment")) for _ in range(2))
        first, second = tracker.ensure_dataset(dataset, one), tracker.ensure_dataset(dataset, two)
        assert first.dataset_id != second.dataset_id
        assert tracker.ensure_dataset(dataset, one).dataset_id == first.dataset_id
        assert second.examples == first.examples

    @pytest.mark.parametrize("dataset_id", ["d-nope", "", "../../experiments", "d-1' OR '1'='1", "a" * 300])
    def test_a_missing_dataset_is_not_found(self, tracker: Tracker, dataset_id: str) -> None:
        with pytest.raises(NotFound, match="dataset"):
            tracker.dataset(dataset_id)

    def test_a_dataset_needs_an_experiment_that_exists(self, tracker: Tracker) -> None:
        with pytest.raises(NotFound, match="experiment"):
            tracker.ensure_dataset(small_dataset(fresh("data")), "987654321")

    def test_an_experiment_is_made_once(self, tracker: Tracker) -> None:
        name = fresh("experiment")
        experiment_id = tracker.ensure_experiment(name)
        assert tracker.ensure_experiment(name) == experiment_id
        assert tracker.experiment_exists(experiment_id)

    @pytest.mark.parametrize("experiment_id", ["987654321", "abc", "", "9" * 40, "-1", "1.5"])
    def test_a_missing_experiment_does_not_exist(self, tracker: Tracker, experiment_id: str) -> None:
        assert not tracker.experiment_exists(experiment_id)

    # --- runs

    def test_the_run_names_its_job(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        view = self.view(tracker, tracker.ensure_run(job))
        assert view.status == "RUNNING"
        assert view.tags["mlflow.run.isPromptOptimization"] == "true"
        assert view.tags["burnish.job_id"] == job.job_id
        assert view.tags["team"] == "search"
        assert view.params["source_prompt_uri"] == job.source_prompt_uri
        assert view.params["optimizer_type"] == "joint_search"
        assert view.params["dataset_id"] == job.config.dataset_id
        assert json.loads(view.params["scorer_names"]) == ["exact_match", "contains:x=2"]
        assert json.loads(view.params["optimizer_config_json"]) == {"depth": 2}
        assert view.params["model"] == "local:/smollm2"
        assert view.prompts == [job.source_prompt_uri]
        assert len(view.datasets) == 1

    def test_a_run_is_scheduled_with_the_request_and_runs_later(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        run_id = tracker.schedule_run(job, fresh("store"))
        view = self.view(tracker, run_id)
        assert view.status == "SCHEDULED"
        assert view.tags["burnish.job_id"] == job.job_id
        assert view.params["source_prompt_uri"] == job.source_prompt_uri
        taken = replace(job, run_id=run_id, attempt=1)
        assert tracker.ensure_run(taken) == run_id
        view = self.view(tracker, run_id)
        assert view.status == "RUNNING"
        assert view.prompts == [job.source_prompt_uri]
        assert len(view.datasets) == 1
        assert self.run_ids(tracker, job) == [run_id]

    def test_a_scheduled_run_starts_though_what_the_job_names_is_gone(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        run_id = tracker.schedule_run(job, fresh("store"))
        config = replace(job.config, dataset_id="d-nope", source_prompt_uris=(f"prompts:/{fresh('gone')}/1",))
        assert tracker.ensure_run(replace(job, config=config, run_id=run_id, attempt=1)) == run_id
        assert self.view(tracker, run_id).status == "RUNNING"

    def test_open_runs_are_found_by_their_store(self, tracker: Tracker) -> None:
        ours, theirs = fresh("store"), fresh("store")
        jobs = [self.make_job(tracker) for _ in range(4)]
        waiting, running, ended, foreign = jobs
        ids = [tracker.schedule_run(job, theirs if job is foreign else ours) for job in jobs]
        tracker.ensure_run(replace(running, run_id=ids[1], attempt=1))
        tracker.end_run(ids[2], RunStatus.KILLED)
        found = {run.run_id: (run.job_id, run.status) for run in self.other(tracker).open_runs(ours)}
        assert found == {
            ids[0]: (waiting.job_id, RunStatus.SCHEDULED),
            ids[1]: (running.job_id, RunStatus.RUNNING),
        }
        assert [run.run_id for run in tracker.open_runs(theirs)] == [ids[3]]
        assert list(tracker.open_runs(fresh("store"))) == []
        assert ended.job_id not in {run.job_id for run in tracker.open_runs(ours)}

    def test_a_job_has_one_run_however_often_and_by_whom_it_is_asked_for(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        run_id = tracker.ensure_run(job)
        assert self.other(tracker).ensure_run(job) == run_id
        assert tracker.ensure_run(replace(job, run_id=run_id, attempt=2)) == run_id
        assert self.run_ids(tracker, job) == [run_id]
        view = self.view(tracker, run_id)
        assert view.prompts == [job.source_prompt_uri]
        assert len(view.datasets) == 1

    def test_many_threads_at_once_make_one_run(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        with ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(tracker.ensure_run, [job] * 8))
        assert len(ids) == 1
        assert self.run_ids(tracker, job) == list(ids)

    def test_two_workers_of_two_attempts_leave_one_run_that_of_the_later(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        earlier, later = replace(job, attempt=1), replace(job, attempt=2)
        workers = [(tracker, earlier), (self.other(tracker), later)]
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(worker.ensure_run, attempt) for worker, attempt in workers]
            kept = futures[1].result()
            futures[0].result()
        assert self.run_ids(tracker, job) == [kept]
        assert tracker.ensure_run(later) == kept

    def test_long_values_are_cut_not_refused(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        config = replace(job.config, optimizer_config={"text": "x" * 50_000})
        view = self.view(
            tracker, tracker.ensure_run(replace(job, config=config, tags={"odd (key)?": "y" * 9_000}))
        )
        assert view.params["optimizer_config_json"].endswith("...")
        assert view.tags["odd _key__"].startswith("yyy")

    def test_a_run_deleted_by_hand_is_made_anew(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        gone = tracker.ensure_run(job)
        tracker.delete_run(gone)
        again = tracker.ensure_run(replace(job, run_id=gone))
        assert again != gone
        assert self.run_ids(tracker, job) == [again]

    def test_a_run_needs_its_prompt_dataset_and_experiment(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        with pytest.raises(NotFound, match="dataset"):
            tracker.ensure_run(replace(job, config=replace(job.config, dataset_id="d-nope")))
        with pytest.raises(NotFound, match="experiment"):
            tracker.ensure_run(replace(job, experiment_id="987654321"))
        assert self.run_ids(tracker, job) == []

    def test_ending_twice_is_ending_once_and_a_resumed_run_is_running(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        run_id = tracker.ensure_run(job)
        tracker.end_run(run_id, RunStatus.FAILED)
        tracker.end_run(run_id, RunStatus.FAILED)
        assert self.view(tracker, run_id).status == "FAILED"
        assert tracker.ensure_run(job) == run_id
        assert self.view(tracker, run_id).status == "RUNNING"
        tracker.end_run(run_id, RunStatus.FINISHED)
        assert self.view(tracker, run_id).status == "FINISHED"

    def test_deleting_is_repeatable_and_skips_what_is_gone(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        run_id = tracker.ensure_run(job)
        tracker.delete_run(run_id)
        tracker.delete_run(run_id)
        tracker.delete_run(uuid.uuid4().hex)
        assert self.run_ids(tracker, job) == []

    def test_nothing_can_be_written_to_a_deleted_run(self, tracker: Tracker) -> None:
        run_id = tracker.ensure_run(self.make_job(tracker))
        tracker.delete_run(run_id)
        with pytest.raises(NotFound, match="run"):
            tracker.log(run_id, RunEntries(metrics=[({"a": 1.0}, 0)]))
        with pytest.raises(NotFound, match="run"):
            tracker.log_text(run_id, "late", "late.txt")
        ended = tracker.end_run(run_id, RunStatus.FINISHED, RunEntries(metrics=[({"a": 1.0}, 0)]))
        assert ended is False
        view = self.view(tracker, run_id)
        assert view.status == "FINISHED"  # among the deleted ones
        assert "a" not in view.metrics
        with pytest.raises(NotFound, match="run"):
            tracker.log_text(run_id, "still deleted", "late.txt")
        assert tracker.end_run(uuid.uuid4().hex, RunStatus.FINISHED) is False

    # --- metrics and artifacts

    def test_each_metric_and_step_is_logged_once(self, tracker: Tracker) -> None:
        run_id = tracker.ensure_run(self.make_job(tracker))
        tracker.log(
            run_id,
            RunEntries(metrics=[({"initial_eval_score": 0.25, "initial_eval_score.contains:x": 1.0}, 0)]),
        )
        tracker.log(run_id, RunEntries(metrics=[({"initial_eval_score": 0.75}, 0)]))
        for step in (0, 1, 3, 2, 1):
            tracker.log(run_id, RunEntries(metrics=[({"eval_score": step / 10}, step)]))
        metrics = self.view(tracker, run_id).metrics
        assert metrics["initial_eval_score"] == [(0, 0.25)]
        assert metrics["initial_eval_score.contains_x"] == [(0, 1.0)]
        assert sorted(metrics["eval_score"]) == [(0, 0.0), (1, 0.1), (2, 0.2), (3, 0.3)]

    def test_a_run_ends_with_its_last_entries_however_often(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        run_id = tracker.ensure_run(job)
        uri = tracker.register_winner(job, tracker.prompt(job.source_prompt_uri), "Better {{review}}")
        record, evaluations = measured(0, "Better {{review}}", "p", small_dataset("d"))
        last = RunEntries(
            metrics=[({"final_eval_score": 0.5}, 0), ({"usage.calls": 9.0}, 2)],
            candidates=[MeasuredCandidate(record, evaluations)],
            prompt_uris=[uri],
        )
        tracker.end_run(run_id, RunStatus.FINISHED, last)
        tracker.end_run(run_id, RunStatus.FINISHED, last)
        view = self.view(tracker, run_id)
        assert view.status == "FINISHED"
        assert view.prompts == [job.source_prompt_uri, uri]
        assert "prompt_candidates/iteration_0/scores.json" in view.artifacts
        assert view.metrics["final_eval_score"] == [(0, 0.5)]
        assert view.metrics["usage.calls"] == [(2, 9.0)]
        assert view.metrics["eval_score"] == [(0, 0.5)]

    def test_more_metrics_than_one_request_takes(self, tracker: Tracker) -> None:
        run_id = tracker.ensure_run(self.make_job(tracker))
        tracker.log(run_id, RunEntries(metrics=[({f"m{n}": float(n) for n in range(1_050)}, 0)]))
        assert len(self.view(tracker, run_id).metrics) == 1_050

    def test_a_candidate_is_laid_out_as_mlflow_does(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        assert job.config.dataset_id is not None
        dataset = tracker.dataset(job.config.dataset_id)
        run_id = tracker.ensure_run(job)
        name = job.source_prompt_uri.removeprefix("prompts:/").partition("/")[0]
        record, evaluations = measured(3, "Größer {{review}}", name, dataset)
        examples = {example.example_id: example for example in dataset.examples}
        tracker.log(
            run_id, RunEntries(candidates=[MeasuredCandidate(record, evaluations)], examples=examples)
        )

        view = self.view(tracker, run_id)
        folder = "prompt_candidates/iteration_3"
        assert view.artifacts[f"{folder}/{name}.txt"] == "Größer {{review}}"
        assert json.loads(view.artifacts[f"{folder}/scores.json"]) == {
            "aggregate": 0.5,
            "per_scorer": {"exact_match": 0.5},
        }
        table = json.loads(view.artifacts[f"{folder}/eval_results.json"])
        assert table["columns"] == ["inputs", "output", "expectation", "aggregate_score", "exact_match"]
        assert [row[0] for row in table["data"]] == [dict(e.inputs) for e in dataset.examples]
        assert table["data"][0][1:] == ["positive", {"expected_response": "positive"}, 1.0, 1.0]
        assert view.metrics["eval_score"] == [(3, 0.5)]
        assert view.metrics["eval_score.exact_match"] == [(3, 0.5)]

    def test_a_candidate_that_is_there_is_not_written_again(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        run_id = tracker.ensure_run(job)
        first, evaluations = measured(0, "first {{review}}", "p", small_dataset("d"))
        second, _ = measured(0, "second {{review}}", "p", small_dataset("d"))
        tracker.log(run_id, RunEntries(candidates=[MeasuredCandidate(first, evaluations)]))
        tracker.log(run_id, RunEntries(candidates=[MeasuredCandidate(second, evaluations)]))
        view = self.view(tracker, run_id)
        assert view.artifacts["prompt_candidates/iteration_0/p.txt"] == "first {{review}}"
        assert view.metrics["eval_score"] == [(0, 0.5)]

    def test_a_chat_candidate_is_written_as_json(self, tracker: Tracker) -> None:
        run_id = tracker.ensure_run(self.make_job(tracker))
        candidate = Candidate({"p": (Message("user", "{{x}}"),)})
        record = CandidateRecord(candidate=candidate, number=1, status=CandidateStatus.PROPOSED)
        tracker.log(run_id, RunEntries(candidates=[MeasuredCandidate(record)]))
        view = self.view(tracker, run_id)
        text = view.artifacts["prompt_candidates/iteration_1/p.txt"]
        assert json.loads(text) == [{"role": "user", "content": "{{x}}"}]
        assert "eval_score" not in view.metrics

    def test_the_description_of_the_run(self, tracker: Tracker) -> None:
        run_id = tracker.ensure_run(self.make_job(tracker))
        tracker.log(run_id, RunEntries(note="**better** ✓"))
        tracker.log(run_id, RunEntries(metrics=[({"x": 1.0}, 0)]))
        assert self.view(tracker, run_id).tags["mlflow.note.content"] == "**better** ✓"
        tracker.end_run(run_id, RunStatus.FINISHED, RunEntries(note="newer"))
        assert self.view(tracker, run_id).tags["mlflow.note.content"] == "newer"

    def test_traces_show_what_went_in_and_out_and_the_scores(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        run_id = tracker.ensure_run(job)
        dataset = small_dataset("d")
        _, records = measured(0, "first {{review}}", "p", dataset)
        failed = replace(records[1].evaluation, output="", scores={}, aggregate=0.0, error="refused")
        records = [records[0], replace(records[1], evaluation=failed, split="test")]
        batch = TraceBatch(
            job_id=job.job_id,
            experiment_id=job.experiment_id,
            traces=[
                EvaluationTrace(record=record, example=example, role="best", model="scripted:/x")
                for record, example in zip(records, dataset.examples, strict=False)
            ],
        )
        tracker.log_traces(run_id, batch)
        self.other(tracker).log_traces(run_id, batch)  # again, after a crash: nothing is doubled
        good, bad = sorted(self.traces(tracker, job, run_id), key=lambda trace: trace.failed)
        first = dataset.examples[0]
        assert good == TraceView(
            dict(first.inputs),
            "positive",
            False,
            {"exact_match": 1.0},
            dict(first.expectations),
            "validation",
        )
        assert (bad.failed, bad.scores, bad.split) == (True, {}, "test")

    def test_texts(self, tracker: Tracker) -> None:
        run_id = tracker.ensure_run(self.make_job(tracker))
        tracker.log_text(run_id, "Ünïcode ✓", "error.txt")
        tracker.log_text(run_id, "newer", "deep/down/note.txt")
        artifacts = self.view(tracker, run_id).artifacts
        assert artifacts["error.txt"] == "Ünïcode ✓"
        assert artifacts["deep/down/note.txt"] == "newer"

    # --- the winner, and aliases

    def test_the_winner_keeps_what_the_source_said_of_the_model(self, tracker: Tracker) -> None:
        config = {"provider": "openai", "model_name": "gpt", "temperature": 0.3, "extra_params": {"k": 1}}
        schema = {"type": "object"}
        source = tracker.ensure_prompt(
            Prompt(name=fresh("kept"), template="A {{x}}", model_config=config, response_format=schema)
        )
        job = self.make_job(tracker)
        job = replace(job, config=replace(job.config, source_prompt_uris=(str(source.uri),)))
        job = replace(job, run_id=tracker.ensure_run(job))
        uri = tracker.register_winner(job, source, "B {{x}}")
        assert uri == f"prompts:/{source.name}/2"
        assert tracker.prompt(uri) == replace(source, template="B {{x}}", uri=uri)

    def test_a_winner_is_registered_once(self, tracker: Tracker) -> None:
        """Also when the worker died after registering, and also beside others' versions."""
        job = self.make_job(tracker)
        source = tracker.prompt(job.source_prompt_uri)
        tracker.ensure_run(job)
        uri = tracker.register_winner(job, source, "B {{review}}")
        tracker.ensure_prompt(replace(source, template="somebody else's"))
        assert self.other(tracker).register_winner(job, source, "B {{review}}") == uri

    def test_the_same_text_by_another_job_is_another_version(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        source = tracker.prompt(job.source_prompt_uri)
        first = tracker.register_winner(job, source, "B {{review}}")
        assert tracker.register_winner(replace(job, job_id=fresh("job")), source, "B {{review}}") != first

    def test_a_resumed_job_with_another_winner_registers_that(self, tracker: Tracker) -> None:
        job = self.make_job(tracker)
        source = tracker.prompt(job.source_prompt_uri)
        first = tracker.register_winner(job, source, "B {{review}}")
        second = tracker.register_winner(job, source, "C {{review}}")
        assert second != first
        assert tracker.prompt(second).template == "C {{review}}"

    def test_a_chat_winner(self, tracker: Tracker) -> None:
        job = self.make_job(tracker, template=(Message("user", "{{review}}"),))
        source = tracker.prompt(job.source_prompt_uri)
        better = (Message("system", "Label it."), Message("user", "{{review}}"))
        uri = tracker.register_winner(job, source, better)
        assert tracker.prompt(uri).template == better
        assert tracker.register_winner(job, source, better) == uri

    def test_an_alias_points_at_one_version_and_returns_the_one_before(self, tracker: Tracker) -> None:
        name = fresh("aliased")
        for text in ("A", "B"):
            tracker.ensure_prompt(Prompt(name=name, template=text))
        assert tracker.set_alias(name, "production", 1) is None
        assert tracker.set_alias(name, "production", 2) == 1
        assert tracker.prompt(f"prompts:/{name}@production").uri == f"prompts:/{name}/2"
        assert tracker.set_alias(name, "production", 1) == 2
        assert tracker.prompt(f"prompts:/{name}@production").template == "A"

    def test_an_alias_needs_a_version_that_exists(self, tracker: Tracker) -> None:
        name = fresh("aliased")
        tracker.ensure_prompt(Prompt(name=name, template="A"))
        with pytest.raises(NotFound, match=f"prompts:/{name}/2"):
            tracker.set_alias(name, "production", 2)
        with pytest.raises(NotFound):
            tracker.set_alias(fresh("nowhere"), "production", 1)

    @pytest.mark.parametrize("alias", ["", "latest", "LATEST", "v1", "1", "a b", "a/b", "é"])
    def test_an_alias_mlflow_does_not_take_is_refused(self, tracker: Tracker, alias: str) -> None:
        with pytest.raises(InvalidInput, match="alias"):
            tracker.set_alias("some-prompt", alias, 1)

    def test_check_passes_when_all_is_well(self, tracker: Tracker) -> None:
        tracker.check()

    # --- traces that apps have logged

    def test_traces_come_back_newest_first_with_what_people_said(self, tracker: Tracker) -> None:
        experiment_id = tracker.ensure_experiment(fresh("production"))
        first, second = (f"tr-{uuid.uuid4().hex}" for _ in range(2))
        said = LoggedTrace(
            trace_id=first,
            expectations={"expected_response": "Monday", "guidelines": ["be brief"]},
            feedback={"correct": True, "stars": 4},
        )
        messages = {"messages": [{"role": "user", "content": "When? ✓"}]}
        self.log_trace(tracker, experiment_id, said, TraceValues(messages, {"answer": "Monday"}))
        plain = LoggedTrace(trace_id=second, job_id="job-1")
        self.log_trace(tracker, experiment_id, plain, TraceValues("text", None))
        assert list(tracker.search_traces(experiment_id, "", 10)) == [plain, said]
        assert list(tracker.search_traces(experiment_id, "", 1)) == [plain]
        assert list(tracker.search_traces(experiment_id, f"request_id = '{first}'", 10)) == [said]
        assert list(tracker.search_traces(tracker.ensure_experiment(fresh("other")), "", 10)) == []
        assert tracker.trace_values([first, second, "tr-" + "0" * 32]) == {
            first: TraceValues(messages, {"answer": "Monday"}),
            second: TraceValues("text", None),
        }

    def test_a_filter_that_cannot_be_read_is_the_caller_s(self, tracker: Tracker) -> None:
        experiment_id = tracker.ensure_experiment(fresh("production"))
        with pytest.raises(InvalidInput) as refused:
            tracker.search_traces(experiment_id, "bogus =", 10)
        assert refused.value.problems[0].field == "filter"

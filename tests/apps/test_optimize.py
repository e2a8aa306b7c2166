"""``burnish.optimize_prompts`` on the example's help desk: two prompts, a retriever and a parser."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy import update

import burnish
from burnish.domain.job import JobStatus
from burnish.domain.records import JobQuery
from burnish.domain.usage import Role
from burnish.errors import InvalidInput, InvalidState
from burnish.sdk.errors import JobFailed
from burnish.store.sql import SqlJobStore
from burnish.store.tables import jobs

Call = Any


@pytest.fixture
def desk(mlflow: Any, model: Any, example: Any) -> Call:
    """``desk(...)`` optimizes the prompts of the example; arguments replace its own."""
    uris = example("desk").register_prompts()
    app = example("desk").Desk(*uris)

    def call(**changes: Any) -> Any:
        arguments = {
            "predict_fn": app.answer,
            "train_data": example("questions").RECORDS,
            "prompt_uris": uris,
            "optimizer": "gepa",
            "reflection_model": "openai:/gpt-4o",
            "scorers": ["exact_match"],
            "budget": {"max_calls": 500, "max_usd": 1.0},
            "enable_tracking": False,
            "seed": 1,
        }
        return burnish.optimize_prompts(**(arguments | changes))

    call.answer = app.answer  # type: ignore[attr-defined]
    return call


def in_store(work: Any) -> Any:
    """What ``work(store)`` returns."""

    async def run() -> Any:
        store = SqlJobStore("sqlite:///burnish.db")
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def test_both_prompts_are_improved_and_the_test_says_so(desk: Call, model: Any) -> None:
    result = desk()
    assert result.verdict is burnish.Verdict.IMPROVED
    assert [prompt.uri for prompt in result.optimized_prompts] == [
        "prompts:/desk_topic/2",
        "prompts:/desk_answer/2",
    ]
    assert result.optimizer_name == "GEPA"
    assert result.initial_eval_score < 0.5 < result.final_eval_score == 1.0
    assert result.final_eval_score_per_scorer == {"exact_match": 1.0}
    target = result.usage.roles[Role.TARGET]
    assert target.calls + result.usage.roles[Role.REFLECTION].calls == model.requests
    assert target.tokens > 0
    assert target.usd > 0
    job = in_store(lambda store: store.get(result.job_id))
    assert job.config.app.function == "desk.Desk.answer"
    assert job.run_id == ""
    asked = [body["messages"][0]["content"] for _, _, body in model.bodies if body["model"] == "gpt-4o"]
    of_topic = [text for text in asked if "Given to desk_topic" in text]
    assert of_topic
    assert all("What came of desk_topic" in text and "Given to desk_answer" not in text for text in of_topic)

    requests = model.requests
    again = desk(resume=True)  # it is there
    assert (again.job_id, again.verdict, model.requests) == (result.job_id, result.verdict, requests)


def test_ctrl_c_leaves_a_job_that_goes_on(desk: Call, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from burnish.apps import blocking

    enough = threading.Event()
    runs: list[str] = []

    def answer(question: str) -> str:
        found = str(desk.answer(question))
        runs.append(question)
        if len(runs) >= 40:
            enough.set()
        return found

    class Interrupted(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:
            enough.wait()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(blocking, "Future", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            desk(predict_fn=answer, concurrency=2)
    first = len(runs)
    (job,) = in_store(lambda store: store.search(JobQuery())).jobs
    assert job.status is JobStatus.PENDING  # given back
    finished = in_store(lambda store: store.journal_read(job.job_id))

    result = desk(predict_fn=answer, concurrency=2, resume=True)
    assert result.job_id == job.job_id
    assert result.verdict is burnish.Verdict.IMPROVED
    journal = in_store(lambda store: store.journal_read(job.job_id))
    evaluations = [entry for entry in journal if entry.run is not None]
    kept = [entry for entry in finished if entry.run is not None]
    assert 0 <= first - len(kept) <= 2  # in flight
    assert len(runs) - first == len(evaluations) - len(kept)


def test_it_works_inside_a_running_loop(desk: Call) -> None:
    async def notebook_cell() -> Any:
        return desk(budget={"max_calls": 120})

    assert asyncio.run(notebook_cell()).job_id


def test_mlflow_s_scorers_and_an_aggregation(desk: Call, mlflow: Any) -> None:
    seen = []

    @mlflow.genai.scorers.scorer  # type: ignore[untyped-decorator]
    def right(inputs: Any, outputs: Any, expectations: Any, trace: Any) -> Any:
        seen.append(trace.info.trace_id if trace else None)
        good = outputs == expectations["expected_response"]
        return mlflow.entities.Feedback(value=good, rationale=f"asked {inputs['question']}")

    @mlflow.genai.scorers.scorer  # type: ignore[untyped-decorator]
    def length(outputs: Any) -> int:
        return len(outputs)

    def aggregate(scores: dict[str, Any]) -> float:
        return float(scores["right"].value) * (1.0 if scores["length"] < 60 else 0.5)

    result = desk(scorers=[right, length], aggregation=aggregate, budget={"max_calls": 150})
    assert 0.0 <= result.initial_eval_score <= result.final_eval_score <= 1.0
    assert set(result.final_eval_score_per_scorer) == {"right", "length"} - {"length"}
    assert None not in seen


def test_with_tracking_there_is_a_run_and_traces(desk: Call, mlflow: Any) -> None:
    result = desk(enable_tracking=True, budget={"max_calls": 120})
    job = in_store(lambda store: store.get(result.job_id))
    run = mlflow.get_run(job.run_id)
    assert run.data.tags["burnish.job_id"] == result.job_id
    mlflow.flush_trace_async_logging()
    records = in_store(lambda store: store.evaluations(result.job_id, job.best_candidate_id))
    trace = mlflow.get_trace(records[0].evaluation.run.trace_id)
    assert {span.name for span in trace.data.spans} >= {"answer", "chat", "retrieve"}


class TestBadInput:
    def refused(self, desk: Call, field: str, words: str, **changes: Any) -> None:
        with pytest.raises(InvalidInput) as refused:
            desk(**changes)
        said = [problem for problem in refused.value.problems if problem.field.startswith(field)]
        assert said, refused.value
        assert words in str(said[0])

    def test_is_refused_before_anything_is_paid(self, desk: Call, model: Any) -> None:
        row = {"inputs": {"question": "Q"}, "expectations": {"expected_response": "A"}}
        self.refused(desk, "predict_fn", "must be a function", predict_fn="desk.answer")
        self.refused(desk, "prompt_uris", "list the prompts", prompt_uris="prompts:/desk_topic/1")
        self.refused(desk, "prompt_uris", "no such prompt version", prompt_uris=["prompts:/nobody/1"])
        self.refused(desk, "optimizer_type", "no such optimizer", optimizer="geppa")
        self.refused(desk, "optimizer", "name their optimizer", optimizer={"merge": True})
        self.refused(desk, "budget.max_dollars", "must be one of", budget={"max_dollars": 1})
        self.refused(desk, "batch", "there is no such option", batch=3)
        self.refused(desk, "scorers[0]", "decorate a function with @scorer", scorers=[len])
        self.refused(desk, "train_data", "must be", train_data={"inputs": []})
        self.refused(desk, "train_data[1]", "must be a dict", train_data=[row, "text"])
        self.refused(desk, "train_data[0].inputs", "is given the inputs", train_data=[{"inputs": {"q": "Q"}}])
        self.refused(desk, "train_data[0].inputs", "not empty", train_data=[{"inputs": {}}])
        self.refused(
            desk, "train_data[0].inputs.question", "no JSON value", train_data=[{"inputs": {"question": {1}}}]
        )
        assert model.requests == 0

    def test_dollars_cannot_be_limited_where_no_trace_says_what_a_run_costs(self, desk: Call) -> None:
        from mlflow.genai import load_prompt

        def untraced(question: str) -> str:
            return str(load_prompt("prompts:/desk_topic/1").format(question=question))

        self.refused(
            desk,
            "budget.max_usd",
            "leave no trace",
            predict_fn=untraced,
            prompt_uris=["prompts:/desk_topic/1"],
        )
        assert in_store(lambda store: store.search(JobQuery())).jobs == ()

    def test_a_function_that_always_fails_is_refused_with_its_own_words(self, desk: Call) -> None:
        def broken(question: str) -> str:
            raise ConnectionError("the database is away")

        self.refused(desk, "predict_fn", "ConnectionError: the database is away", predict_fn=broken)

    def test_a_function_that_does_not_use_its_prompts_stops_the_job(self, desk: Call) -> None:
        with pytest.raises((InvalidInput, JobFailed), match="none of its prompts"):
            desk(predict_fn=lambda question: "42", budget={"max_calls": 200})

    def test_a_job_that_fails_half_way_says_why_and_goes_on_when_it_is_mended(self, desk: Call) -> None:
        runs: list[int] = []
        broken = threading.Event()
        broken.set()

        def answer(question: str) -> str:
            runs.append(1)
            if len(runs) > 30 and broken.is_set():
                raise ConnectionError("the database is away")
            return str(desk.answer(question))

        with pytest.raises(JobFailed, match="ConnectionError: the database is away"):
            desk(predict_fn=answer, budget={"max_calls": 500})
        broken.clear()
        assert desk(predict_fn=answer, resume=True).verdict is burnish.Verdict.IMPROVED

    @pytest.mark.parametrize("alive", [True, False])
    def test_a_job_that_runs_elsewhere_is_not_taken_away(
        self, desk: Call, monkeypatch: pytest.MonkeyPatch, alive: bool
    ) -> None:
        from burnish.apps import session

        result = desk(budget={"max_calls": 120})
        beats = iter(range(100))

        async def pretend_to_run(store: SqlJobStore) -> None:
            values = {"status": "IN_PROGRESS", "worker_id": "elsewhere-1-ab"}
            if alive:
                values["heartbeat_timestamp_ms"] = str(next(beats))
            await store._database.write(lambda connection: connection.execute(update(jobs).values(**values)))

        async def look_again(seconds: float) -> None:
            store = SqlJobStore("sqlite:///burnish.db")
            await pretend_to_run(store)
            await store.close()

        in_store(pretend_to_run)
        monkeypatch.setattr(session, "_pause", look_again)
        if alive:
            with pytest.raises(InvalidState, match="runs in another process"):
                desk(budget={"max_calls": 120}, resume=True)
        else:
            assert desk(budget={"max_calls": 120}, resume=True).job_id == result.job_id

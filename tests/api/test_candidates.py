"""What a job has tried: lineage, scores, usage, texts, and each example's result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from burnish.api.candidates import _trace_of
from burnish.api.testing import play_job
from burnish.api.wire import candidates_to_proto
from burnish.domain.app import App, AppRun
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import JobStatus, TracePolicy
from burnish.domain.records import CandidateRecord, EvaluationRecord, Report
from burnish.domain.score import Evaluation, Score
from burnish.tracking.names import trace_id_of
from burnish.worker.traces import is_traced


async def test_candidates_have_lineage_scores_and_usage(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    assert await api.call("GET", f"/{job_id}/candidates") == {}
    await play_job(api.services, job_id)
    source, winner = (await api.call("GET", f"/{job_id}/candidates"))["candidates"]
    assert (source["number"], source["status"], source["origin"]) == (0, "SOURCE", "source")
    assert (winner["number"], winner["status"]) == (1, "ACCEPTED")
    assert winner["parents"] == [source["candidate_id"]]
    assert winner["scores"] == {"aggregate": 0.75, "exact_match": 0.75}
    assert winner["usage"]["roles"]["target"]["calls"] == 10
    assert "texts" not in winner


async def test_candidates_come_in_pages(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await play_job(api.services, job_id)
    whole = await api.call("GET", f"/{job_id}/candidates")
    assert "next_page_token" not in whole
    first = await api.call("GET", f"/{job_id}/candidates?max_results=1")
    second = await api.call(
        "GET", f"/{job_id}/candidates?max_results=1&page_token={first['next_page_token']}"
    )
    assert first["candidates"] + second["candidates"] == whole["candidates"]
    assert "next_page_token" not in second


async def test_a_page_of_candidates_that_there_is_not(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    refused = await api.call("GET", f"/{job_id}/candidates?page_token=nothing", status=400)
    assert refused["problems"][0]["field"] == "page_token"
    refused = await api.call("GET", f"/{job_id}/candidates?max_results=0", status=400)
    assert refused["problems"][0]["field"] == "max_results"


async def test_one_candidate_has_texts_and_pages_of_results(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await play_job(api.services, job_id)
    best = (await api.call("GET", f"/{job_id}"))["job"]["best_candidate_id"]
    seen: list[dict[str, Any]] = []
    token = ""
    while True:
        page = await api.call("GET", f"/{job_id}/candidates/{best}?max_results=4&page_token={token}")
        texts = page["candidate"]["texts"]
        assert texts == {"sentiment": {"text": "Answer positive or negative. {{review}}"}}
        seen += page["evaluations"]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert [entry["example_id"] for entry in seen] == [f"e{n:03}" for n in range(10)]
    assert seen[0]["scores"] == {"exact_match": {"value": 1.0, "rationale": "as expected"}}
    assert seen[0]["usage"] == {"calls": 1, "prompt_tokens": 10, "completion_tokens": 2, "usd": 0.0001}
    assert (seen[0]["split"], seen[0]["output"], seen[0]["aggregate"]) == ("validation", "positive", 1.0)


async def test_results_name_their_traces(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await play_job(api.services, job_id)
    job = await api.services.store.get(job_id)
    path = f"/{job_id}/candidates/{job.best_candidate_id}"
    written = (await api.call("GET", path))["evaluations"][0]["trace_id"]
    evaluation = (await api.services.store.evaluations(job_id, job.best_candidate_id, after="", limit=1))[0]
    assert written == trace_id_of(job_id, evaluation)
    app = App(url="https://app.example")
    record = CandidateRecord(candidate=Candidate({"p": "t"}), number=0, status=CandidateStatus.SOURCE)
    own = replace(evaluation, evaluation=replace(evaluation.evaluation, run=AppRun(trace_id="tr-its-own")))
    of_app = replace(job, config=replace(job.config, app=app))
    assert _trace_of(of_app, record, own) == "tr-its-own"
    assert _trace_of(replace(of_app, run_id=""), record, own) is None, "it was made without tracking"
    for policy, split, finalist, traced in (
        ("none", "test", True, False),
        ("finalists", "test", True, True),
        ("finalists", "test", False, False),
        ("finalists", "train", True, False),
        ("all", "train", False, True),
    ):
        assert is_traced(TracePolicy(policy), split, finalist) is traced


def test_the_pareto_front_is_marked() -> None:
    def record(number: int, **objectives: float) -> CandidateRecord:
        candidate = Candidate({"p": f"text {number}"})
        return CandidateRecord(
            candidate=candidate, number=number, status=CandidateStatus.REJECTED, objectives=objectives
        )

    records = [
        record(0, aggregate=0.2, prompt_tokens=10),
        record(1, aggregate=0.9, prompt_tokens=90),
        record(2, aggregate=0.8, prompt_tokens=20),
        record(3, aggregate=0.8, prompt_tokens=25),
        record(4),
    ]
    marked = [message.on_pareto_front for message in candidates_to_proto(records)]
    assert marked == [True, True, True, False, False]


async def test_an_unknown_candidate_does_not_exist(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    answer = await api.call("GET", f"/{job_id}/candidates/none", status=404)
    assert (answer["what"], answer["name"]) == ("candidate", "none")


async def test_texts_that_are_not_unicode_are_shown_all_the_same(api: Any) -> None:
    odd, shown = "half a pair \ud800", "half a pair ?"
    job_id = (await api.create())["job_id"]
    store = api.services.store
    await store.take(job_id, "worker-1")
    candidate = Candidate({"p": odd})
    record = CandidateRecord(candidate=candidate, number=0, status=CandidateStatus.REFUSED, reason=odd)
    evaluation = Evaluation(candidate.candidate_id, "e1", odd, {"s": Score(0.0, odd)}, 0.0, error=odd)
    event = NewEvent(EventKind.WARNING, {"message": odd, "n": 1})
    kept = EvaluationRecord(evaluation=evaluation, split="train")
    await store.report(job_id, 1, Report(candidates=[record], evaluations=[kept], events=[event]))
    await store.update(
        job_id,
        1,
        {"status_message": odd, "error_message": odd, "warnings": (odd,), "status": JobStatus.FAILED},
    )

    job = (await api.call("GET", f"/{job_id}"))["job"]
    assert (job["state"]["status_message"], job["state"]["error_message"]) == (shown, shown)
    assert job["warnings"] == [shown]
    assert (await api.call("GET", f"/{job_id}/events"))["events"][-1]["data"] == {"message": shown, "n": 1}
    answer = await api.call("GET", f"/{job_id}/candidates/{candidate.candidate_id}")
    assert answer["candidate"]["texts"] == {"p": {"text": shown}}
    assert answer["candidate"]["reason"] == shown
    [result] = answer["evaluations"]
    assert (result["output"], result["error"], result["scores"]["s"]["rationale"]) == (shown, shown, shown)

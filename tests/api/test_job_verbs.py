"""Get, search, cancel, delete, resume, promote, roll back: what each promises, and to many at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx2 as httpx
import pytest
from starlette.responses import PlainTextResponse

from burnish.api.app import create_app
from burnish.api.routes import BASE_PATHS
from burnish.api.testing import play_job
from burnish.config import Settings
from burnish.domain.app import App
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import JobStatus
from burnish.domain.records import CandidateRecord, Report
from burnish.errors import AttemptSuperseded, TrackingUnavailable
from burnish.service.jobs import Jobs
from burnish.store.testing.samples import a_config, a_job
from burnish.tracking.protocol import NOTHING, RunEntries, RunStatus

UNKNOWN = {"error_code": "RESOURCE_DOES_NOT_EXIST", "what": "job", "name": "nobody"}


async def test_a_finished_job_shows_scores_usage_and_verdict_in_get_and_search_alike(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await play_job(api.services, job_id)
    job = (await api.call("GET", f"/{job_id}"))["job"]
    assert job["state"]["status"] == "JOB_STATUS_COMPLETED"
    assert job["state"]["progress"] == {"phase": "test", "completed": 20, "total": 20, "unit": "calls"}
    assert job["state"]["metadata"] == {"progress": "1.0"}
    assert isinstance(job["state"]["progress_updated_at"], int)
    assert job["completion_timestamp_ms"] >= job["creation_timestamp_ms"]
    assert job["initial_eval_scores"] == {"aggregate": 0.25, "exact_match": 0.25}
    assert job["final_eval_scores"] == {"aggregate": 0.75, "exact_match": 0.75}
    assert job["optimized_prompt_uri"] == "prompts:/sentiment/2"
    assert job["verdict"] == "IMPROVED"
    assert job["test_scores"]["examples"] == 10
    target = {"calls": 20, "prompt_tokens": 200, "completion_tokens": 40, "usd": 0.002}
    assert job["usage"] == {**target, "roles": {"target": target}}
    found = await api.call("GET", "/search?experiment_id=0")
    assert found["jobs"] == [job]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("POST", "/resume"),
        ("GET", "/events"),
        ("GET", "/candidates"),
        ("GET", "/candidates/c"),
    ],
)
async def test_an_unknown_job_does_not_exist(api: Any, method: str, path: str) -> None:
    answer = await api.call(method, f"/nobody{path}", status=404)
    assert answer == {**UNKNOWN, "message": "job 'nobody' does not exist"}


async def test_mlflow_clients_may_repeat_the_id_in_the_body(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await api.call("POST", f"/{job_id}/cancel", {"job_id": job_id})
    other = await api.call("POST", f"/{job_id}/cancel", {"job_id": "another"}, status=400)
    assert "is another than the one in the path" in other["message"]


async def test_search_by_post_and_by_get_is_the_same(api: Any) -> None:
    for _ in range(3):
        await api.create()
    by_get = await api.call("GET", "/search?experiment_id=0&max_results=2&order_by=creation_timestamp_ms ASC")
    body = {"experiment_id": "0", "max_results": 2, "order_by": ["creation_timestamp_ms ASC"]}
    assert await api.call("POST", "/search", body) == by_get
    assert len(by_get["jobs"]) == 2


async def test_pages_hold_every_job_once(api: Any) -> None:
    made = [(await api.create())["job_id"] for _ in range(5)]
    seen: list[str] = []
    token: str | None = ""
    while token is not None:
        body = {"experiment_ids": ["0", "1"], "max_results": 2, "page_token": token}
        page = await api.call("POST", "/search", body)
        seen += [job["job_id"] for job in page["jobs"]]
        token = page.get("next_page_token")
    assert sorted(seen) == sorted(made)


async def test_search_filters(api: Any) -> None:
    wanted = (await api.create(tags=[{"key": "team", "value": "maps"}]))["job_id"]
    await api.create()
    found = await api.call("POST", "/search", {"filter": "tags.team = 'maps' AND status = 'PENDING'"})
    assert [job["job_id"] for job in found["jobs"]] == [wanted]


async def test_jobs_are_found_by_their_kind(api: Any) -> None:
    prompt = (await api.create())["job_id"]
    app = a_job("app", config=a_config(app=App(function="helpdesk.answer")))
    await api.services.store.create(app)
    for kind, job_id in {"prompt": prompt, "app": "app"}.items():
        found = await api.call("GET", f"/search?filter=kind = '{kind}'")
        assert [(job["job_id"], job["kind"]) for job in found["jobs"]] == [(job_id, kind)]
        assert (await api.call("GET", f"/{job_id}"))["job"]["kind"] == kind
    refused = await api.call("GET", "/search?filter=kind = 'model'", status=400)
    assert "kind is one of prompt, app" in refused["message"]


@pytest.mark.parametrize(
    "query",
    [
        "max_results=0",
        "max_results=1001",
        "max_results=x",
        "page_token=zzz",
        "filter=status%20=",
        "order_by=nothing",
        "maximum=1",
        "filter=%00",
    ],
)
async def test_a_search_that_cannot_be_read_is_refused(api: Any, query: str) -> None:
    answer = await api.call("GET", f"/search?{query}", status=400)
    assert answer["error_code"] == "INVALID_PARAMETER_VALUE"


async def test_cancel_is_the_same_the_second_time_and_refused_after_the_end(api: Any) -> None:
    waiting = (await api.create())["job_id"]
    first = await api.call("POST", f"/{waiting}/cancel")
    assert first["job"]["state"]["status"] == "JOB_STATUS_CANCELED"
    assert await api.call("POST", f"/{waiting}/cancel") == first
    done = (await api.create())["job_id"]
    await play_job(api.services, done)
    answer = await api.call("POST", f"/{done}/cancel", status=400)
    assert answer["error_code"] == "INVALID_STATE"


async def test_a_cancel_answers_canceled_though_the_worker_does_not(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    job = await api.services.store.take(job_id, "worker-1")
    answer = await api.call("POST", f"/{job_id}/cancel")
    assert answer["job"]["state"]["status"] == "JOB_STATUS_CANCELED"
    assert answer["job"]["run_id"] == job.run_id
    with pytest.raises(AttemptSuperseded):
        await api.services.store.report(job_id, job.attempt, Report())


async def test_delete_removes_job_and_run(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await play_job(api.services, job_id)
    assert await api.call("DELETE", f"/{job_id}") == {}
    assert api.services.tracker.runs_of(job_id) == []
    await api.call("GET", f"/{job_id}", status=404)
    await api.call("DELETE", f"/{job_id}", status=404)


async def test_delete_skips_a_run_that_was_deleted_by_hand(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await play_job(api.services, job_id)
    api.services.tracker.runs_of(job_id)[0].deleted = True
    await api.call("DELETE", f"/{job_id}")
    await api.call("GET", f"/{job_id}", status=404)


async def test_delete_that_fails_half_way_leaves_the_job(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await play_job(api.services, job_id)
    api.services.tracker.failures["delete_run"] = TrackingUnavailable("MLflow is away")
    answer = await api.call("DELETE", f"/{job_id}", status=503)
    assert answer == {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "MLflow is away"}
    assert (await api.call("GET", f"/{job_id}"))["job"]["state"]["status"] == "JOB_STATUS_COMPLETED"
    await api.call("DELETE", f"/{job_id}")


async def test_delete_of_a_running_job_fences_its_worker_off(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    job = await api.services.store.take(job_id, "worker-1")
    await api.call("DELETE", f"/{job_id}")
    with pytest.raises(AttemptSuperseded):
        await api.services.store.report(job_id, job.attempt, Report())


async def test_the_run_of_a_running_job_is_ended_before_it_is_deleted(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    job = await api.services.store.take(job_id, "worker-1")
    run = api.services.tracker.runs[api.services.tracker.ensure_run(job)]
    await api.call("DELETE", f"/{job_id}")
    assert (run.status, run.deleted) == (RunStatus.KILLED, True)


async def test_delete_of_a_running_job_does_not_wait_for_mlflow_for_long(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    job = await api.services.store.take(job_id, "worker-1")
    run = api.services.tracker.runs[api.services.tracker.ensure_run(job)]
    locked = LockedTracker(api.services.tracker)
    hurried = Jobs(
        api.services.store,
        locked,
        api.services.jobs._resolver,
        api.services.dispatcher,
        stop_seconds=0.05,
    )
    with pytest.raises(TrackingUnavailable, match="was not deleted; try again"):
        await hurried.delete(job_id)
    locked.released.set()
    assert (await api.services.store.get(job_id)).status is JobStatus.CANCELED
    assert not run.deleted
    await api.call("DELETE", f"/{job_id}")
    assert run.deleted


class LockedTracker:
    """A tracker whose database is locked: it ends a run when it is ``released``."""

    def __init__(self, tracker: Any) -> None:
        self._tracker = tracker
        self.released = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracker, name)

    def end_run(self, run_id: str, status: RunStatus, entries: RunEntries = NOTHING) -> bool:
        assert self.released.wait(10)
        ended: bool = self._tracker.end_run(run_id, status, entries)
        return ended


async def test_twenty_clients_delete_one_job_once(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await play_job(api.services, job_id)
    path = f"/api/3.0/mlflow/prompt-optimization/jobs/{job_id}"
    answers = await asyncio.gather(*(api.http.delete(path) for _ in range(20)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 1
    assert statuses.count(404) == 19


async def test_twenty_clients_cancel_create_and_search_at_once(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    canceled, created, found = await asyncio.gather(
        asyncio.gather(*(api.call("POST", f"/{job_id}/cancel") for _ in range(20))),
        asyncio.gather(*(api.create() for _ in range(20))),
        asyncio.gather(*(api.call("POST", "/search", {}) for _ in range(20))),
    )
    assert {answer["job"]["state"]["status"] for answer in canceled} == {"JOB_STATUS_CANCELED"}
    assert len({job["job_id"] for job in created}) == 20
    assert all(1 <= len(page["jobs"]) <= 21 for page in found)
    events = await api.services.store.events(job_id)
    assert [event.kind for event in events].count(EventKind.ENDED) == 1


async def test_resume_takes_a_canceled_job_up_again(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    refused = await api.call("POST", f"/{job_id}/resume", status=400)
    assert refused["error_code"] == "INVALID_STATE"
    await api.call("POST", f"/{job_id}/cancel")
    resumed = await api.call("POST", f"/{job_id}/resume")
    assert resumed["job"]["state"]["status"] == "JOB_STATUS_PENDING"


async def test_a_failed_job_says_why(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    job = await api.services.store.take(job_id, "worker-1")
    changes = {"status": JobStatus.FAILED, "error_message": "openai:/x: 401; set OPENAI_API_KEY"}
    await api.services.store.update(job_id, job.attempt, changes, [NewEvent(EventKind.ENDED, {})])
    state = (await api.call("GET", f"/{job_id}"))["job"]["state"]
    assert state["error_message"] == "openai:/x: 401; set OPENAI_API_KEY"


async def test_a_candidate_is_registered_by_hand_once(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    early = await api.call("POST", f"/{job_id}/candidates/x/register", status=404)
    assert "candidate 'x' does not exist" in early["message"]
    await play_job(api.services, job_id)
    source, winner = await api.services.store.candidates(job_id)
    path = f"/{job_id}/candidates/{winner.candidate.candidate_id}/register"
    versions = len(api.services.tracker.versions["sentiment"])
    for _ in range(2):
        answer = await api.call("POST", path)
        assert answer == {"prompt_uris": ["prompts:/sentiment/2"]}
    assert len(api.services.tracker.versions["sentiment"]) == versions
    events = await api.services.store.events(job_id)
    by_hand = [event.data for event in events if event.data.get("reason") == "by hand"]
    assert by_hand == [
        {
            "optimized_prompt_uri": "prompts:/sentiment/2",
            "candidate_id": winner.candidate.candidate_id,
            "reason": "by hand",
        }
    ]
    nothing_new = await api.call(
        "POST", f"/{job_id}/candidates/{source.candidate.candidate_id}/register", status=400
    )
    assert nothing_new["error_code"] == "INVALID_STATE"
    assert "nothing is new" in nothing_new["message"]


async def test_a_candidate_of_a_running_job_is_not_registered_by_hand(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await api.services.store.take(job_id, "worker-1")
    candidate = Candidate({"sentiment": "Better. {{review}}"})
    record = CandidateRecord(candidate=candidate, number=0, status=CandidateStatus.ACCEPTED)
    await api.services.store.report(job_id, 1, Report(candidates=[record]))
    path = f"/{job_id}/candidates/{candidate.candidate_id}/register"
    refused = await api.call("POST", path, status=400)
    assert "IN_PROGRESS; register a candidate when it has ended" in refused["message"]
    await api.services.store.update(
        job_id, 1, {"status": JobStatus.COMPLETED, "best_candidate_id": candidate.candidate_id}
    )
    answer = await api.call("POST", path)
    job = (await api.call("GET", f"/{job_id}"))["job"]
    assert [job["optimized_prompt_uri"]] == answer["prompt_uris"]


async def test_promote_and_roll_back_move_the_alias(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    early = await api.call("POST", f"/{job_id}/promote", {"alias": "production"}, status=400)
    assert early["error_code"] == "INVALID_STATE"
    await play_job(api.services, job_id)
    aliases = api.services.tracker.aliases
    aliases["sentiment", "production"] = 1
    moved = await api.call("POST", f"/{job_id}/promote", {"alias": "production"})
    expected = {"name": "sentiment", "alias": "production", "version": 2, "previous_version": 1}
    assert moved["promotion"] == expected
    assert aliases["sentiment", "production"] == 2
    await api.call("POST", f"/{job_id}/rollback", {"alias": "production"})
    assert aliases["sentiment", "production"] == 1


@pytest.mark.parametrize("body", [{}, {"alias": " "}, {"alias": 5}, {"alis": "x"}])
async def test_promote_needs_an_alias(api: Any, body: dict[str, Any]) -> None:
    job_id = (await api.create())["job_id"]
    await play_job(api.services, job_id)
    answer = await api.call("POST", f"/{job_id}/promote", body, status=400)
    assert "alias" in answer["message"]


async def test_an_unexpected_error_is_named_by_a_number_only(
    api: Any, caplog: pytest.LogCaptureFixture
) -> None:
    api.services.tracker.failures["experiment_exists"] = RuntimeError("password=hunter2")  # no BurnishError
    answer = await api.call("POST", "", api.services.request(), status=500)
    assert answer["error_code"] == "INTERNAL_ERROR"
    assert "hunter2" not in str(answer)
    assert answer["message"].split()[-1] in caplog.text


async def test_no_route_and_a_wrong_method_answer_in_the_same_form(api: Any) -> None:
    answer = await api.http.get("/nowhere")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    answer = await api.http.put("/api/3.0/mlflow/prompt-optimization/jobs/x")
    assert (answer.status_code, answer.json()["error_code"]) == (405, "ENDPOINT_NOT_FOUND")
    assert answer.headers["allow"] == "DELETE, GET, HEAD"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PATCH", "", 405), ("PUT", "/", 405), ("GET", "/a/b/c", 404), ("PATCH", "/x/cancel", 405)],
)
async def test_what_we_do_not_answer_below_our_paths_never_reaches_mlflow(
    services: Any, method: str, path: str, status: int
) -> None:
    async def mlflow_app(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(scope["path"])(scope, receive, send)

    app = create_app(services, Settings(), mlflow_app=mlflow_app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        for base in BASE_PATHS:
            answer = await http.request(method, base + path)
            assert (answer.status_code, answer.json()["error_code"]) == (status, "ENDPOINT_NOT_FOUND")
        assert (await http.get("/api/3.0/mlflow/other")).text == "/api/3.0/mlflow/other"


async def test_under_a_prefix_as_mlflow_has_one(services: Any) -> None:
    app = create_app(services, Settings(), prefix="/mlflow")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        assert (await http.get("/mlflow/ajax-api/3.0/mlflow/prompt-optimization/jobs/search")).json() == {}
        assert (await http.get("/mlflow/health")).status_code == 200
        assert (await http.get("/health")).status_code == 404

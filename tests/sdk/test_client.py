"""The SDK against a real server: one core, with and without await."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish.api.app import create_app
from burnish.api.streams import Streams
from burnish.api.testing import (
    FakeServices,
    ServerElsewhere,
    fake_services,
    play_job,
    server_elsewhere,
    serving,
)
from burnish.concurrency import Backoff
from burnish.config import Settings
from burnish.domain.events import Event
from burnish.domain.job import JobStatus, OptimizerType, Verdict
from burnish.errors import Conflict, InvalidInput, InvalidState, NotFound
from burnish.sdk.errors import JobFailed, NotAllowed, ServerFailed, ServerUnavailable

TOKEN = "correct-horse-battery-staple"


@dataclass
class Running:
    """A server, and what stands behind it."""

    url: str
    services: FakeServices

    def fields(self) -> dict[str, Any]:
        return fields(self.services)


def fields(services: FakeServices) -> dict[str, Any]:
    """What to create a job with."""
    return {
        "source_prompt_uri": services.source(),
        "experiment_id": "0",
        "dataset_id": services.dataset(),
        "scorers": ["exact_match"],
        "optimizer_type": "gepa",
    }


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with fake_services(tmp_path) as services:
        streams = Streams.of(services.store, 0.005)
        async with serving(create_app(services, Settings(), streams=streams)) as url:
            yield Running(url, services)


@pytest.fixture
async def client(server: Running) -> AsyncIterator[burnish.AsyncClient]:
    async with burnish.AsyncClient(server.url) as opened:
        yield opened


async def test_jobs_are_compared(server: Running, client: burnish.AsyncClient) -> None:
    jobs = [await client.create_job(**server.fields(), seed=seed) for seed in (1, 2)]
    for job in jobs:
        await play_job(server.services, job.job_id)
    (found,) = await client.compare_jobs([job.job_id for job in jobs])
    assert (found.job_id, found.same_dataset, found.scores) == (jobs[1].job_id, True, None)
    assert "0 test examples in common" in found.reason
    with pytest.raises(InvalidInput, match="two to 6"):
        await client.compare_jobs([jobs[0].job_id])


async def test_a_job_from_creation_to_result(server: Running, client: burnish.AsyncClient) -> None:
    job = await client.create_job(
        **server.fields(), tags={"team": "search"}, budget=burnish.Budget(max_calls=900), seed=3
    )
    assert job.data.status is JobStatus.PENDING
    assert job.data.config.optimizer_type is OptimizerType.GEPA
    assert (job.data.config.seed, job.data.config.budget.max_calls) == (3, 900)
    assert job.data.tags == {"team": "search"}
    seen: list[Event] = []
    waiting = asyncio.create_task(job.result(progress=seen.append))
    await play_job(server.services, job.job_id)
    done = await asyncio.wait_for(waiting, 60)
    assert done == await server.services.store.get(job.job_id)
    assert done.verdict is Verdict.IMPROVED
    assert [event.sequence for event in seen] == [1, 2, 3, 4, 5]
    again = await client.get_job(job.job_id)
    assert again.data == done


async def test_candidates_and_their_results(server: Running, client: burnish.AsyncClient) -> None:
    job = await client.create_job(**server.fields())
    await play_job(server.services, job.job_id)
    source, winner = [entry async for entry in job.candidates(page_size=1)]
    assert winner.parents == (source.candidate_id,)
    assert winner.texts == {}
    detail = await job.candidate(winner.candidate_id)
    assert detail.texts == {"sentiment": "Answer positive or negative. {{review}}"}
    results = [entry async for entry in job.example_results(winner.candidate_id, page_size=3)]
    assert [entry.example_id for entry in results] == [f"e{n:03}" for n in range(10)]
    assert results[0].scores["exact_match"].rationale == "as expected"
    matrix = await job.scores()
    assert matrix.example_ids == tuple(f"e{n:03}" for n in range(10))
    assert matrix.scores[winner.candidate_id] == dict.fromkeys(matrix.example_ids, 1.0)
    assert matrix.errors == frozenset()
    assert (await job.scores("test")).scores == {}


async def test_the_list_is_watched_from_reset_on(server: Running, client: burnish.AsyncClient) -> None:
    events = client.watch_jobs(experiment_ids=["0"])
    assert (await asyncio.wait_for(anext(events), 60)).kind == "RESET"
    job = await client.create_job(**server.fields())
    created = await asyncio.wait_for(anext(events), 60)
    assert (created.kind, created.job_id, created.job) == ("CREATED", job.job_id, job.data)
    await job.delete()
    while (deleted := await asyncio.wait_for(anext(events), 60)).kind == "CHANGED":
        assert deleted.job is not None and deleted.job.status is JobStatus.CANCELED  # first it is stopped
    assert (deleted.kind, deleted.job_id, deleted.job) == ("DELETED", job.job_id, None)
    await events.aclose()  # type: ignore[attr-defined]


async def test_what_a_job_can_be_made_of(server: Running, client: burnish.AsyncClient) -> None:
    fields = server.fields()
    assert [entry.name async for entry in client.list_experiments("def")] == ["Default"]
    (prompt,) = [entry async for entry in client.list_prompts("senti")]
    assert (prompt.name, prompt.latest_version) == ("sentiment", 1)
    (version,) = await client.prompt_versions("sentiment")
    assert version.uri == fields["source_prompt_uri"]
    assert (version.variables, version.model, version.aliases) == (("review",), None, ())
    (dataset,) = [entry async for entry in client.list_datasets()]
    assert (dataset.dataset_id, dataset.records) == (fields["dataset_id"], 40)
    assert dataset.last_update_timestamp_ms is None
    preview = await client.preview_dataset(dataset.dataset_id, 2)
    assert (preview.dataset, len(preview.records)) == (dataset, 2)
    assert [column.name for column in preview.columns] == ["review", "expected_response"]
    scorers = {entry.name: entry for entry in await client.list_scorers()}
    assert (scorers["exact_match"].kind, scorers["exact_match"].argument) == ("BUILT_IN", "NONE")
    assert {entry.name for entry in await client.list_optimizers()} >= {"gepa", "joint-search"}
    assert {entry.scheme: entry.has_key for entry in await client.list_providers()}["openai"] is True


async def test_a_file_becomes_a_dataset(server: Running, client: burnish.AsyncClient, tmp_path: Path) -> None:
    file = tmp_path / "films.csv"
    file.write_text("text,verdict\ngood,positive\nbad,negative\n")
    given: dict[str, Any] = {"experiment_id": "0", "columns": {"review": "text"}, "target": "verdict"}
    looked = await client.upload_dataset(file, dry_run=True, **given)
    assert (looked.dataset.dataset_id, looked.dataset.records) == ("", 2)
    assert [column.name for column in looked.columns] == ["review", "expected_response"]
    made = await client.upload_dataset(file, name="Films", **given)
    assert (made.dataset.name, made.notes) == ("Films", ())
    assert (await client.preview_dataset(made.dataset.dataset_id)).records == looked.records
    with pytest.raises(InvalidInput) as refused:
        await client.upload_dataset(file, **given | {"target": "verdikt"})
    assert refused.value.problems[0].field == "target"


async def test_search_walks_all_pages(server: Running, client: burnish.AsyncClient) -> None:
    made = [(await client.create_job(**server.fields())).job_id for _ in range(5)]
    found = [
        job.job_id
        async for job in client.search_jobs(
            "status = 'PENDING'", experiment_ids=["0"], order_by=["creation_timestamp_ms ASC"], page_size=2
        )
    ]
    assert sorted(found) == sorted(made)


async def test_cancel_resume_delete_promote(server: Running, client: burnish.AsyncClient) -> None:
    job = await client.create_job(**server.fields())
    assert (await job.cancel()).status is JobStatus.CANCELED
    with pytest.raises(JobFailed, match="CANCELED"):
        await job.result()
    assert (await job.resume()).status is JobStatus.PENDING
    await play_job(server.services, job.job_id)
    [_, winner] = [candidate async for candidate in job.candidates()]
    assert await job.register(winner.candidate_id) == ("prompts:/sentiment/2",)
    moved = await job.promote("production")
    assert (moved.version, moved.previous_version) == (2, None)
    assert (await job.roll_back("production")).previous_version == 2
    with pytest.raises(InvalidState):
        await job.cancel()
    await job.delete()
    with pytest.raises(NotFound) as caught:
        await job.refresh()
    assert (caught.value.what, caught.value.name) == ("job", job.job_id)


async def test_errors_of_the_server_are_raised_as_its_own(
    server: Running, client: burnish.AsyncClient
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await client.create_job(**server.fields() | {"experiment_id": "77", "dataset_id": "d-none"})
    assert {problem.field for problem in caught.value.problems} == {"experiment_id", "dataset_id"}
    await client.create_job(**server.fields(), idempotency_key="k")
    with pytest.raises(Conflict):
        await client.create_job(**server.fields(), idempotency_key="k", seed=1)
    with pytest.raises(InvalidInput, match="did you mean 'gepa'"):
        await client.create_job(**server.fields() | {"optimizer_type": "gpa"})
    with pytest.raises(InvalidInput, match="sed: there is no such option of a job; did you mean 'seed'"):
        await client.create_job(**server.fields() | {"sed": 1})
    with pytest.raises(InvalidInput):
        [job async for job in client.search_jobs("status =")]
    server.services.tracker.failures["experiment_exists"] = RuntimeError("boom")  # type: ignore[assignment]
    with pytest.raises(ServerFailed):
        await client.estimate_job(**server.fields())
    server.services.tracker.away = True
    with pytest.raises(ServerUnavailable):
        await client.estimate_job(source_prompt_uri="prompts:/sentiment/1", experiment_id="0")


async def test_an_estimate(server: Running, client: burnish.AsyncClient) -> None:
    found = await client.estimate_job(**server.fields(), budget=burnish.Budget(max_calls=100))
    assert 0 < found.calls_low <= found.calls_high <= 100


async def test_a_timeout_leaves_the_job_alone(server: Running, client: burnish.AsyncClient) -> None:
    job = await client.create_job(**server.fields())
    with pytest.raises(TimeoutError):
        await job.wait(timeout_seconds=0.05)
    assert (await job.refresh()).status is JobStatus.PENDING


async def test_tokens(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(TOKEN)
    async with (
        fake_services(tmp_path) as services,
        serving(create_app(services, Settings(auth_token_file=str(file)))) as url,
        burnish.AsyncClient(url) as stranger,
        burnish.AsyncClient(url, token=TOKEN) as friend,
    ):
        with pytest.raises(NotAllowed, match="BURNISH_TOKEN"):
            [job async for job in stranger.search_jobs()]
        assert [job async for job in friend.search_jobs()] == []


async def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("burnish.sdk.transport.RETRY", Backoff(base_seconds=0))
    async with burnish.AsyncClient("http://127.0.0.1:1") as client:
        with pytest.raises(ServerUnavailable, match=r"127\.0\.0\.1"):
            await client.get_job("x")
    with pytest.raises(InvalidInput, match="must begin with http"):
        burnish.AsyncClient("localhost:5000")


async def test_a_server_that_is_not_burnish(server: Running) -> None:
    async with burnish.AsyncClient(f"{server.url}/elsewhere") as client:
        with pytest.raises(ServerFailed, match="404"):
            await client.get_job("x")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[ServerElsewhere]:
    with server_elsewhere(tmp_path) as running:
        yield running


def test_without_await(elsewhere: ServerElsewhere) -> None:
    with burnish.Client(elsewhere.url) as client:
        job = client.create_job(**fields(elsewhere.services), tags={"team": "maps"})
        assert isinstance(job, burnish.Job)
        playing = play_job(elsewhere.services, job.job_id)
        played = asyncio.run_coroutine_threadsafe(playing, elsewhere.loop)
        assert job.result(progress=True, timeout_seconds=10).verdict is Verdict.IMPROVED
        played.result(60)
        assert [event.sequence for event in job.events(after=2)] == [3, 4, 5]
        assert [found.job_id for found in client.search_jobs("tags.team = 'maps'")] == [job.job_id]
        assert len(list(job.candidates())) == 2
        events = job.events()
        assert next(events).sequence == 1
        events.close()  # type: ignore[attr-defined]
        job.delete()
        with pytest.raises(NotFound):
            client.get_job(job.job_id)


def test_the_thread_ends_with_the_client_or_when_it_is_forgotten(elsewhere: ServerElsewhere) -> None:
    client = burnish.Client(elsewhere.url)
    assert list(client.search_jobs()) == []
    client.close()
    client.close()
    forgotten = burnish.Client(elsewhere.url)
    assert list(forgotten.search_jobs()) == []
    del forgotten
    assert not [thread for thread in threading.enumerate() if thread.name == "burnish-client"]


def test_every_verb_of_the_core_is_there_without_await() -> None:
    for blocking, core in ((burnish.Client, burnish.AsyncClient), (burnish.Job, burnish.AsyncJob)):
        verbs = {name for name in vars(core) if not name.startswith("_")}
        assert verbs - {"data"} <= set(vars(blocking)), core

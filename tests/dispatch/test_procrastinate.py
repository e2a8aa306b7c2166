"""Procrastinate on a real PostgreSQL keeps the contract, and what only many machines need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import psycopg
import pytest

from burnish.concurrency import eventually
from burnish.dispatch.procrastinate import ProcrastinateDispatcher
from burnish.dispatch.protocol import Delivery
from burnish.dispatch.queue import Message, Queue
from burnish.dispatch.testing import DispatcherContract, working
from burnish.domain.job import JobStatus
from burnish.domain.records import Report
from burnish.errors import StoreUnavailable
from burnish.store.sql import SqlJobStore
from burnish.store.testing.samples import a_job
from tests.killable_postgres import KillablePostgres

pytestmark = pytest.mark.postgres

TAKEOVER_SECONDS = 0.4


class PostgresHarness:
    """A dispatcher beside a real store."""

    def __init__(self, uri: str, takeover_seconds: float = 10.0) -> None:
        self.uri = uri
        self.dispatcher = ProcrastinateDispatcher(
            uri, self._heartbeats, self._unfinished, 0.1, takeover_seconds
        )
        self.store = SqlJobStore(uri, hand_over=self.dispatcher.hand_over)

    async def _heartbeats(self) -> Any:
        return await self.store.heartbeats()

    async def _unfinished(self, but: str) -> Any:
        return await self.store.unfinished(but)

    async def submit(self, job_id: str, priority: int = 0) -> None:
        await self.store.create(a_job(job_id, tags={"burnish.priority": str(priority)}))
        self.dispatcher.announce(job_id)

    async def finish(self, job_id: str) -> None:
        await self.store.request_cancel(job_id)

    async def resume(self, job_id: str) -> None:
        await eventually(lambda: self.messages() == [(job_id, "todo")])
        await self.store.request_cancel(job_id)
        await self.store.reopen(job_id)

    async def advance(self, seconds: float) -> None:
        """Every delay began so much earlier."""
        waiting = "SELECT 1 FROM procrastinate_jobs WHERE scheduled_at > now()"
        await eventually(lambda: bool(self.ask(waiting)))
        self.ask(
            "UPDATE procrastinate_jobs SET scheduled_at = scheduled_at - make_interval(secs => %s)", seconds
        )

    def ask(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.uri, autocommit=True) as connection:
            cursor = connection.execute(query, arguments)
            return cursor.fetchall() if cursor.description else []

    def messages(self) -> list[tuple[Any, ...]]:
        return self.ask("SELECT queueing_lock, status::text FROM procrastinate_jobs ORDER BY id")


@asynccontextmanager
async def open_harness(uri: str, takeover_seconds: float = 10.0) -> AsyncIterator[PostgresHarness]:
    harness = PostgresHarness(uri, takeover_seconds)
    try:
        await harness.dispatcher.open()
        yield harness
    finally:
        await harness.dispatcher.close()
        await harness.store.close()


@pytest.fixture(scope="module")
def _queue_uri(postgres_database: Callable[[], str]) -> Iterator[str]:
    yield postgres_database()


@pytest.fixture
def uri(_queue_uri: str) -> str:
    """An empty store with an empty queue."""
    with psycopg.connect(_queue_uri, autocommit=True) as connection:
        for table in ("burnish_jobs", "procrastinate_jobs", "procrastinate_workers"):
            if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() != (None,):
                connection.execute(f"DELETE FROM {table}".encode())
    return _queue_uri


class TestProcrastinate(DispatcherContract):
    @pytest.fixture(autouse=True)
    def _uri(self, uri: str) -> None:
        self.uri = uri

    def harness(self) -> AbstractAsyncContextManager[PostgresHarness]:
        return open_harness(self.uri)


class Worker:
    """A job's worker as the dispatcher sees it: records what is delivered, and may hold on to it."""

    def __init__(self, harness: PostgresHarness) -> None:
        self.harness = harness
        self.delivered: list[Delivery] = []
        self.go_on = asyncio.Event()

    async def hold(self, delivery: Delivery) -> None:
        self.delivered.append(delivery)
        await self.go_on.wait()

    async def finish(self, delivery: Delivery) -> None:
        self.delivered.append(delivery)
        await self.harness.finish(delivery.job_id)


async def test_the_job_and_its_message_commit_together(uri: str) -> None:
    async with open_harness(uri) as harness:
        await harness.submit("a")
        assert harness.messages() == [("a", "todo")]


async def test_a_create_that_is_rolled_back_leaves_neither(uri: str) -> None:
    async with open_harness(uri) as harness:
        handed = []

        def hand_over(connection: Any, job_id: str, priority: int) -> None:
            harness.dispatcher.hand_over(connection, job_id, priority)
            handed.append(connection.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs").scalar())
            raise StoreUnavailable("lost in between")

        store = SqlJobStore(uri, hand_over=hand_over)
        with pytest.raises(StoreUnavailable):
            await store.create(a_job("a"))
        await store.close()
        assert handed == [1]
        assert harness.messages() == []
        assert await harness.store.unfinished() == ()


async def test_no_worker_is_notified_of_a_job_before_its_commit(uri: str) -> None:
    async with open_harness(uri) as harness, open_harness(uri) as other:
        worker, inside, commit = Worker(other), asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hand_over(connection: Any, job_id: str, priority: int) -> None:
            harness.dispatcher.hand_over(connection, job_id, priority)
            loop.call_soon_threadsafe(inside.set)
            asyncio.run_coroutine_threadsafe(commit.wait(), loop).result(60)

        store = SqlJobStore(uri, hand_over=hand_over)
        async with working(other.dispatcher, worker.finish):
            creating = asyncio.create_task(store.create(a_job("a")))
            await inside.wait()
            await harness.submit("b")
            await eventually(lambda: len(worker.delivered) == 1)
            commit.set()
            await eventually(lambda: [delivery.job_id for delivery in worker.delivered] == ["b", "a"])
            await creating
        await store.close()


@pytest.mark.parametrize("_again", range(2))
async def test_processes_that_start_together_make_the_queue_once(
    postgres_database: Callable[[], str], _again: int
) -> None:
    uri = postgres_database()
    queues = [Queue(uri) for _ in range(6)]
    try:
        await asyncio.gather(*(queue.open() for queue in queues))
        assert not any([await queue.stalled(1.0) for queue in queues])
    finally:
        await asyncio.gather(*(queue.close() for queue in queues))


async def test_two_workers_share_the_jobs(uri: str) -> None:
    async with open_harness(uri) as one, open_harness(uri) as other:
        first, second = Worker(one), Worker(other)
        async with working(one.dispatcher, first.hold, 2), working(other.dispatcher, second.hold, 2):
            for number in range(4):
                await one.submit(f"job-{number}")
            await eventually(lambda: len(first.delivered) == 2 and len(second.delivered) == 2)
            delivered = {delivery.job_id for delivery in first.delivered + second.delivered}
            assert delivered == {f"job-{number}" for number in range(4)}


async def test_an_ended_job_leaves_no_message(uri: str) -> None:
    async with open_harness(uri) as harness:
        worker = Worker(harness)
        async with working(harness.dispatcher, worker.finish):
            await harness.submit("a")
            await eventually(lambda: len(worker.delivered) == 1)
        assert harness.messages() == []
        assert harness.ask("SELECT id FROM procrastinate_workers") == []


async def test_a_silent_attempt_is_handed_out_with_its_number(uri: str) -> None:
    async with open_harness(uri, TAKEOVER_SECONDS) as harness:
        worker = Worker(harness)
        await harness.submit("a")
        harness.ask("UPDATE procrastinate_jobs SET status = 'doing'")  # fetched by a worker that is no more
        await harness.store.take("a", "dead")
        async with working(harness.dispatcher, worker.hold):
            await eventually(lambda: len(worker.delivered) == 1)
            assert worker.delivered[0].over_attempt == 1
            assert "attempt 1 wrote no heartbeat" in worker.delivered[0].reason
            assert harness.messages() == [("a", "doing")]


async def test_a_job_that_writes_heartbeats_is_left_alone(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_harness(uri, TAKEOVER_SECONDS) as harness:
        worker = Worker(harness)
        for job_id in ("alive", "dead"):
            await harness.submit(job_id)
            await harness.store.take(job_id, "elsewhere")
        harness.ask("UPDATE procrastinate_jobs SET status = 'doing'")
        heartbeats = harness.store.heartbeats

        async def beat_before_each_look() -> Any:
            await harness.store.report("alive", 1, Report())
            return await heartbeats()

        monkeypatch.setattr(harness.store, "heartbeats", beat_before_each_look)
        async with working(harness.dispatcher, worker.hold):
            await eventually(lambda: len(worker.delivered) == 1)
        assert [delivery.job_id for delivery in worker.delivered] == ["dead"]


async def test_a_message_of_a_dead_worker_is_freed(uri: str) -> None:
    async with open_harness(uri, TAKEOVER_SECONDS) as harness:
        worker = Worker(harness)
        await harness.submit("a")
        harness.ask(
            "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1h')"
            " RETURNING id) UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead)"
        )
        async with working(harness.dispatcher, worker.finish):
            await eventually(lambda: [delivery.over_attempt for delivery in worker.delivered] == [0])


async def test_a_waiting_job_without_a_message_is_found(uri: str) -> None:
    async with open_harness(uri, TAKEOVER_SECONDS) as harness:
        worker = Worker(harness)
        await harness.submit("a")
        harness.ask("DELETE FROM procrastinate_jobs")
        async with working(harness.dispatcher, worker.finish):
            await eventually(lambda: len(worker.delivered) == 1)
            assert worker.delivered[0].reason == "was in no queue"


async def test_taken_over_work_goes_before_new_work(uri: str) -> None:
    async with open_harness(uri, TAKEOVER_SECONDS) as harness:
        worker = Worker(harness)
        await harness.submit("begun")
        harness.ask("DELETE FROM procrastinate_jobs")
        await harness.store.take("begun", "dead")
        async with working(harness.dispatcher, worker.hold, concurrency=1):
            for name in ("new", "newer"):
                await harness.submit(name)
            await eventually(lambda: len(worker.delivered) == 1)
            await eventually(lambda: ("begun", "todo") in harness.messages())
            worker.go_on.set()
            await eventually(lambda: len(worker.delivered) > 2)
        assert [delivery.job_id for delivery in worker.delivered[:3]] == ["new", "begun", "newer"]


async def test_a_worker_that_was_struck_out_registers_again_and_keeps_its_jobs(uri: str) -> None:
    async with open_harness(uri) as harness:
        worker = Worker(harness)
        async with working(harness.dispatcher, worker.hold):
            await harness.submit("a")
            await eventually(lambda: len(worker.delivered) == 1)
            harness.ask("DELETE FROM procrastinate_workers")  # as others do with one that was silent for long
            await eventually(lambda: harness.ask("SELECT id FROM procrastinate_workers") != [])
            await eventually(lambda: harness.ask("SELECT worker_id FROM procrastinate_jobs") != [(None,)])
            await harness.submit("b")
            await eventually(lambda: len(worker.delivered) == 2)
            assert [delivery.job_id for delivery in worker.delivered] == ["a", "b"]


async def test_a_message_that_another_worker_has_now_is_not_finished(uri: str) -> None:
    async with open_harness(uri) as harness:
        worker = Worker(harness)
        async with working(harness.dispatcher, worker.hold):
            await harness.submit("a")
            await eventually(lambda: len(worker.delivered) == 1)
            harness.ask(
                "WITH other AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id)"
                " UPDATE procrastinate_jobs SET worker_id = (SELECT id FROM other)"
            )
            worker.go_on.set()
        assert harness.messages() == [("a", "doing")]


async def test_a_cancel_before_the_start_removes_the_message(uri: str) -> None:
    async with open_harness(uri) as harness:
        await harness.submit("a")
        harness.dispatcher.announce_cancel("a")
        await eventually(lambda: harness.messages() == [])


async def test_a_cancel_reaches_another_process_worker(uri: str) -> None:
    async with open_harness(uri) as server, open_harness(uri) as harness:
        interrupted, begun = asyncio.Event(), asyncio.Event()

        async def run(delivery: Delivery) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                interrupted.set()

        async with working(harness.dispatcher, run):
            await server.submit("a")
            await asyncio.wait_for(begun.wait(), 60)
            server.dispatcher.announce_cancel("a")
            async with asyncio.timeout(60):
                await interrupted.wait()


async def test_a_job_resumed_while_its_end_is_written_runs_once_more(uri: str) -> None:
    async with open_harness(uri) as harness:
        worker = Worker(harness)
        async with working(harness.dispatcher, worker.hold):
            await harness.submit("a")
            await eventually(lambda: len(worker.delivered) == 1)
            await harness.store.take("a", "w")
            await harness.store.update("a", 1, {"status": JobStatus.FAILED})
            await harness.store.reopen("a")
            await eventually(lambda: harness.messages() == [("a", "doing"), ("a", "doing")])
            assert len(worker.delivered) == 1  # not beside the one that still winds down
            worker.go_on.set()
            await eventually(lambda: len(worker.delivered) == 2)


async def test_resuming_a_job_whose_old_message_still_waits_adds_none(uri: str) -> None:
    async with open_harness(uri) as harness:
        await harness.submit("a")
        await harness.store.request_cancel("a")
        await harness.store.reopen("a")
        assert harness.messages() == [("a", "todo")]


async def test_opening_many_at_once_makes_the_tables_once(postgres_database: Callable[[], str]) -> None:
    uri = postgres_database()
    dispatchers = [PostgresHarness(uri) for _ in range(1)] + [PostgresHarness(uri) for _ in range(3)]
    try:
        await asyncio.gather(*(harness.dispatcher.open() for harness in dispatchers))
        await dispatchers[0].submit("a")
        assert dispatchers[1].messages() == [("a", "todo")]
    finally:
        for harness in dispatchers:
            await harness.dispatcher.close()
            await harness.store.close()


async def test_a_server_that_does_not_answer_is_named_without_secrets() -> None:
    async def none(*_: str) -> tuple[()]:
        return ()

    dispatcher = ProcrastinateDispatcher("postgresql://user:hunter2@127.0.0.1:1/none", none, none)
    with pytest.raises(StoreUnavailable) as caught:
        await dispatcher.open()
    assert "hunter2" not in str(caught.value)
    await dispatcher.close()


async def test_work_goes_on_when_postgresql_has_been_killed_and_begun_again() -> None:
    a_while = 30.0  # how long a real server takes to come back depends on the machine
    with KillablePostgres() as server:
        async with open_harness(server.uri) as harness:
            worker = Worker(harness)
            async with working(harness.dispatcher, worker.hold):
                await harness.submit("before")
                await eventually(lambda: len(worker.delivered) == 1)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
                await harness.submit("after")
                await eventually(lambda: len(worker.delivered) == 2, a_while)
                workers = "SELECT count(DISTINCT worker_id) FROM procrastinate_jobs"
                await eventually(lambda: harness.ask(workers) == [(1,)], a_while)
                worker.go_on.set()
                await eventually(lambda: harness.messages() == [], a_while)
            assert [delivery.job_id for delivery in worker.delivered] == ["before", "after"]


async def test_a_message_that_comes_while_the_worker_stops_is_not_kept(uri: str) -> None:
    async with open_harness(uri) as harness:
        worker = Worker(harness)
        for number in range(20):
            await harness.submit(f"job-{number}")
        async with working(harness.dispatcher, worker.hold, concurrency=50):
            await eventually(lambda: len(worker.delivered) > 2)
        assert harness.ask("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") == [(0,)]
        assert len(harness.messages()) == 20


async def test_a_message_that_comes_late_goes_back_before_the_worker_leaves(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, fetching, answered = Queue.fetch, asyncio.Event(), asyncio.Event()

    async def slow(queue: Queue, worker_id: int) -> Message | None:
        message = await fetch(queue, worker_id)
        fetching.set()
        await answered.wait()
        return message

    monkeypatch.setattr(Queue, "fetch", slow)
    async with open_harness(uri) as harness:
        await harness.submit("a")
        work = asyncio.create_task(harness.dispatcher.work(Worker(harness).hold, 1))
        await fetching.wait()
        stop = asyncio.create_task(harness.dispatcher.stop())
        await work
        assert harness.messages() == [("a", "doing")]
        answered.set()
        await stop
        assert harness.messages() == [("a", "todo")]

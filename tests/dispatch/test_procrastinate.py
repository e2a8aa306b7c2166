"""Procrastinate on a real PostgreSQL keeps the contract, and what only many machines need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import psycopg
import pytest

from burnish.dispatch.procrastinate import ProcrastinateDispatcher
from burnish.dispatch.protocol import Delivery
from burnish.dispatch.queue import Message, Queue
from burnish.dispatch.testing import DispatcherContract, eventually, working
from burnish.domain.job import JobStatus
from burnish.domain.records import Report
from burnish.errors import StoreUnavailable
from burnish.store.sql import SqlJobStore
from burnish.store.testing.samples import a_job
from tests.chaos.postgres import MortalPostgres

pytestmark = pytest.mark.postgres

TAKEOVER_SECONDS = 0.4


class PostgresBench:
    """A dispatcher beside a real store."""

    def __init__(self, uri: str, takeover_seconds: float = 10.0) -> None:
        self.uri = uri
        self.dispatcher = ProcrastinateDispatcher(
            uri, self._heartbeats, self._unfinished, 0.1, takeover_seconds
        )
        self.store = SqlJobStore(uri, hand_over=self.dispatcher.hand_over)

    async def _heartbeats(self) -> Any:
        return await self.store.heartbeats()

    async def _unfinished(self) -> Any:
        return await self.store.unfinished()

    async def submit(self, job_id: str, priority: int = 0) -> None:
        await self.store.create(a_job(job_id, tags={"burnish.priority": str(priority)}))
        self.dispatcher.announce(job_id)

    async def finish(self, job_id: str) -> None:
        await self.store.request_cancel(job_id)

    def ask(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.uri, autocommit=True) as connection:
            cursor = connection.execute(query, arguments)
            return cursor.fetchall() if cursor.description else []

    def messages(self) -> list[tuple[Any, ...]]:
        return self.ask("SELECT queueing_lock, status::text FROM procrastinate_jobs ORDER BY id")


@asynccontextmanager
async def open_bench(uri: str, takeover_seconds: float = 10.0) -> AsyncIterator[PostgresBench]:
    bench = PostgresBench(uri, takeover_seconds)
    try:
        await bench.dispatcher.open()
        yield bench
    finally:
        await bench.dispatcher.close()
        await bench.store.close()


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

    def bench(self) -> AbstractAsyncContextManager[PostgresBench]:
        return open_bench(self.uri)


class Worker:
    """A job's worker as the dispatcher sees it: notes what is brought, and may hold on to it."""

    def __init__(self, bench: PostgresBench) -> None:
        self.bench = bench
        self.brought: list[Delivery] = []
        self.go_on = asyncio.Event()

    async def hold(self, delivery: Delivery) -> None:
        self.brought.append(delivery)
        await self.go_on.wait()

    async def finish(self, delivery: Delivery) -> None:
        self.brought.append(delivery)
        await self.bench.finish(delivery.job_id)


async def test_the_job_and_its_message_commit_together(uri: str) -> None:
    async with open_bench(uri) as bench:
        await bench.submit("a")
        assert bench.messages() == [("a", "todo")]


async def test_a_create_that_is_rolled_back_leaves_neither(uri: str) -> None:
    async with open_bench(uri) as bench:
        handed = []

        def hand_over(connection: Any, job_id: str, priority: int) -> None:
            bench.dispatcher.hand_over(connection, job_id, priority)
            handed.append(connection.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs").scalar())
            raise StoreUnavailable("lost in between")

        store = SqlJobStore(uri, hand_over=hand_over)
        with pytest.raises(StoreUnavailable):
            await store.create(a_job("a"))
        await store.close()
        assert handed == [1]
        assert bench.messages() == []
        assert await bench.store.unfinished() == ()


async def test_nobody_hears_of_a_job_before_its_commit(uri: str) -> None:
    async with open_bench(uri) as bench, open_bench(uri) as other:
        worker, inside, commit = Worker(other), asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hand_over(connection: Any, job_id: str, priority: int) -> None:
            bench.dispatcher.hand_over(connection, job_id, priority)
            loop.call_soon_threadsafe(inside.set)
            asyncio.run_coroutine_threadsafe(commit.wait(), loop).result(10)

        store = SqlJobStore(uri, hand_over=hand_over)
        async with working(other.dispatcher, worker.finish):
            creating = asyncio.create_task(store.create(a_job("a")))
            await inside.wait()
            await asyncio.sleep(0.05)
            assert worker.brought == []
            commit.set()
            await eventually(lambda: len(worker.brought) == 1)
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
        assert not any([await queue.job_ids() for queue in queues])
    finally:
        await asyncio.gather(*(queue.close() for queue in queues))


async def test_two_workers_share_the_jobs(uri: str) -> None:
    async with open_bench(uri) as one, open_bench(uri) as other:
        first, second = Worker(one), Worker(other)
        async with working(one.dispatcher, first.hold, 2), working(other.dispatcher, second.hold, 2):
            for number in range(4):
                await one.submit(f"job-{number}")
            await eventually(lambda: len(first.brought) == 2 and len(second.brought) == 2)
            brought = {delivery.job_id for delivery in first.brought + second.brought}
            assert brought == {f"job-{number}" for number in range(4)}


async def test_an_ended_job_leaves_no_message(uri: str) -> None:
    async with open_bench(uri) as bench:
        worker = Worker(bench)
        async with working(bench.dispatcher, worker.finish):
            await bench.submit("a")
            await eventually(lambda: len(worker.brought) == 1)
        assert bench.messages() == []
        assert bench.ask("SELECT id FROM procrastinate_workers") == []


async def test_a_silent_attempt_is_handed_out_with_its_number(uri: str) -> None:
    async with open_bench(uri, TAKEOVER_SECONDS) as bench:
        worker = Worker(bench)
        await bench.submit("a")
        bench.ask("UPDATE procrastinate_jobs SET status = 'doing'")  # fetched by a worker that is no more
        await bench.store.take("a", "dead")
        async with working(bench.dispatcher, worker.hold):
            await eventually(lambda: len(worker.brought) == 1)
            assert worker.brought[0].over_attempt == 1
            assert "attempt 1 gave no sign of life" in worker.brought[0].reason
            assert bench.messages() == [("a", "doing")]


async def test_a_job_that_gives_heartbeats_is_left_alone(uri: str) -> None:
    async with open_bench(uri, TAKEOVER_SECONDS) as bench:
        worker = Worker(bench)
        await bench.submit("a")
        bench.ask("UPDATE procrastinate_jobs SET status = 'doing'")
        await bench.store.take("a", "alive")
        async with working(bench.dispatcher, worker.hold):
            for _ in range(12):
                await asyncio.sleep(TAKEOVER_SECONDS / 6)
                await bench.store.report("a", 1, Report())
        assert worker.brought == []


async def test_a_message_of_a_dead_worker_is_freed(uri: str) -> None:
    async with open_bench(uri, TAKEOVER_SECONDS) as bench:
        worker = Worker(bench)
        await bench.submit("a")
        bench.ask(
            "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1h')"
            " RETURNING id) UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead)"
        )
        async with working(bench.dispatcher, worker.finish):
            await eventually(lambda: [delivery.over_attempt for delivery in worker.brought] == [0])


async def test_a_waiting_job_without_a_message_is_found(uri: str) -> None:
    async with open_bench(uri, TAKEOVER_SECONDS) as bench:
        worker = Worker(bench)
        await bench.submit("a")
        bench.ask("DELETE FROM procrastinate_jobs")
        async with working(bench.dispatcher, worker.finish):
            await eventually(lambda: len(worker.brought) == 1)
            assert worker.brought[0].reason == "was in no queue"


async def test_taken_over_work_goes_before_new_work(uri: str) -> None:
    async with open_bench(uri, TAKEOVER_SECONDS) as bench:
        worker = Worker(bench)
        await bench.submit("begun")
        bench.ask("DELETE FROM procrastinate_jobs")
        await bench.store.take("begun", "dead")
        async with working(bench.dispatcher, worker.hold, concurrency=1):
            for name in ("new", "newer"):
                await bench.submit(name)
            await eventually(lambda: len(worker.brought) == 1)
            await eventually(lambda: ("begun", "todo") in bench.messages())
            worker.go_on.set()
            await eventually(lambda: len(worker.brought) > 2)
        assert [delivery.job_id for delivery in worker.brought[:3]] == ["new", "begun", "newer"]


async def test_a_worker_that_was_struck_out_registers_again_and_keeps_its_jobs(uri: str) -> None:
    async with open_bench(uri) as bench:
        worker = Worker(bench)
        async with working(bench.dispatcher, worker.hold):
            await bench.submit("a")
            await eventually(lambda: len(worker.brought) == 1)
            bench.ask("DELETE FROM procrastinate_workers")  # as others do with one that was silent for long
            await eventually(lambda: bench.ask("SELECT id FROM procrastinate_workers") != [])
            await eventually(lambda: bench.ask("SELECT worker_id FROM procrastinate_jobs") != [(None,)])
            await bench.submit("b")
            await eventually(lambda: len(worker.brought) == 2)
            assert [delivery.job_id for delivery in worker.brought] == ["a", "b"]


async def test_a_message_that_another_worker_has_now_is_not_finished(uri: str) -> None:
    async with open_bench(uri) as bench:
        worker = Worker(bench)
        async with working(bench.dispatcher, worker.hold):
            await bench.submit("a")
            await eventually(lambda: len(worker.brought) == 1)
            bench.ask(
                "WITH other AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id)"
                " UPDATE procrastinate_jobs SET worker_id = (SELECT id FROM other)"
            )
            worker.go_on.set()
            await asyncio.sleep(0.05)
        assert bench.messages() == [("a", "doing")]


async def test_a_cancel_before_the_start_removes_the_message(uri: str) -> None:
    async with open_bench(uri) as bench:
        await bench.submit("a")
        bench.dispatcher.announce_cancel("a")
        await eventually(lambda: bench.messages() == [])


async def test_a_cancel_reaches_another_process_worker(uri: str) -> None:
    async with open_bench(uri) as server, open_bench(uri) as bench:
        interrupted, begun = asyncio.Event(), asyncio.Event()

        async def run(delivery: Delivery) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                interrupted.set()

        async with working(bench.dispatcher, run):
            await server.submit("a")
            await asyncio.wait_for(begun.wait(), 10)
            server.dispatcher.announce_cancel("a")
            async with asyncio.timeout(1.0):
                await interrupted.wait()


async def test_a_job_resumed_while_its_end_is_written_runs_once_more(uri: str) -> None:
    async with open_bench(uri) as bench:
        worker = Worker(bench)
        async with working(bench.dispatcher, worker.hold):
            await bench.submit("a")
            await eventually(lambda: len(worker.brought) == 1)
            await bench.store.take("a", "w")
            await bench.store.update("a", 1, {"status": JobStatus.FAILED})
            await bench.store.reopen("a")
            await eventually(lambda: bench.messages() == [("a", "doing"), ("a", "doing")])
            assert len(worker.brought) == 1  # not beside the one that still winds down
            worker.go_on.set()
            await eventually(lambda: len(worker.brought) == 2)


async def test_resuming_a_job_whose_old_message_still_waits_adds_none(uri: str) -> None:
    async with open_bench(uri) as bench:
        await bench.submit("a")
        await bench.store.request_cancel("a")
        await bench.store.reopen("a")
        assert bench.messages() == [("a", "todo")]


async def test_opening_many_at_once_makes_the_tables_once(postgres_database: Callable[[], str]) -> None:
    uri = postgres_database()
    dispatchers = [PostgresBench(uri) for _ in range(1)] + [PostgresBench(uri) for _ in range(3)]
    try:
        await asyncio.gather(*(bench.dispatcher.open() for bench in dispatchers))
        await dispatchers[0].submit("a")
        assert dispatchers[1].messages() == [("a", "todo")]
    finally:
        for bench in dispatchers:
            await bench.dispatcher.close()
            await bench.store.close()


async def test_a_server_that_does_not_answer_is_named_without_secrets() -> None:
    async def none() -> tuple[()]:
        return ()

    dispatcher = ProcrastinateDispatcher("postgresql://user:hunter2@127.0.0.1:1/none", none, none)
    with pytest.raises(StoreUnavailable) as caught:
        await dispatcher.open()
    assert "hunter2" not in str(caught.value)
    await dispatcher.close()


async def test_work_goes_on_when_postgresql_has_been_killed_and_begun_again() -> None:
    a_while = 30.0  # how long a real server takes to come back depends on the machine
    with MortalPostgres() as server:
        async with open_bench(server.uri) as bench:
            worker = Worker(bench)
            async with working(bench.dispatcher, worker.hold):
                await bench.submit("before")
                await eventually(lambda: len(worker.brought) == 1)
                await asyncio.to_thread(server.kill)
                await asyncio.sleep(0.1)
                await asyncio.to_thread(server.start)
                await bench.submit("after")
                await eventually(lambda: len(worker.brought) == 2, a_while)
                workers = "SELECT count(DISTINCT worker_id) FROM procrastinate_jobs"
                await eventually(lambda: bench.ask(workers) == [(1,)], a_while)
                worker.go_on.set()
                await eventually(lambda: bench.messages() == [], a_while)
            assert [delivery.job_id for delivery in worker.brought] == ["before", "after"]


async def test_a_message_that_comes_while_the_worker_stops_is_not_kept(uri: str) -> None:
    async with open_bench(uri) as bench:
        worker = Worker(bench)
        for number in range(20):
            await bench.submit(f"job-{number}")
        async with working(bench.dispatcher, worker.hold, concurrency=50):
            await eventually(lambda: len(worker.brought) > 2)
        assert bench.ask("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") == [(0,)]
        assert len(bench.messages()) == 20


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
    async with open_bench(uri) as bench:
        await bench.submit("a")
        work = asyncio.create_task(bench.dispatcher.work(Worker(bench).hold, 1))
        await fetching.wait()
        stop = asyncio.create_task(bench.dispatcher.stop())
        await work
        assert bench.messages() == [("a", "doing")]
        answered.set()
        await stop
        assert bench.messages() == [("a", "todo")]

"""The embedded dispatcher keeps the contract, and one process alone works on a store."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from burnish.concurrency import eventually
from burnish.dispatch.embedded import EmbeddedDispatcher
from burnish.dispatch.lock import WorkerLock
from burnish.dispatch.protocol import Delivery
from burnish.dispatch.testing import DispatcherContract, working
from burnish.errors import InvalidState, StoreUnavailable


class EmbeddedHarness:
    def __init__(self, unfinished: dict[str, None]) -> None:
        self._unfinished = unfinished
        self._delays: list[tuple[float, asyncio.Event]] = []
        self.dispatcher = EmbeddedDispatcher(self._list, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        over = asyncio.Event()
        self._delays.append((seconds, over))
        await over.wait()

    async def advance(self, seconds: float) -> None:
        await eventually(lambda: bool(self._delays))
        for delay_seconds, over in self._delays:
            if delay_seconds <= seconds:
                over.set()

    async def resume(self, job_id: str) -> None:
        await eventually(lambda: bool(self._delays))
        self.dispatcher.announce(job_id)

    async def _list(self) -> list[str]:
        return list(self._unfinished)

    async def submit(self, job_id: str, priority: int = 0) -> None:
        self._unfinished[job_id] = None
        self.dispatcher.hand_over(None, job_id, priority)
        self.dispatcher.announce(job_id)

    async def finish(self, job_id: str) -> None:
        self._unfinished.pop(job_id, None)


class TestEmbedded(DispatcherContract):
    @pytest.fixture(autouse=True)
    def _jobs(self) -> None:
        self.unfinished: dict[str, None] = {}

    def harness(self) -> AbstractAsyncContextManager[EmbeddedHarness]:
        @asynccontextmanager
        async def open_harness() -> AsyncIterator[EmbeddedHarness]:
            yield EmbeddedHarness(self.unfinished)

        return open_harness()


async def test_a_job_announced_while_it_winds_down_is_run_again() -> None:
    harness = EmbeddedHarness({})
    release = asyncio.Event()
    runs: list[str] = []

    async def run(delivery: Delivery) -> None:
        runs.append(delivery.reason)
        if len(runs) == 1:
            await release.wait()
        await harness.finish(delivery.job_id)

    async with working(harness.dispatcher, run):
        await harness.submit("a")
        await eventually(lambda: len(runs) == 1)
        harness.dispatcher.announce("a")
        await asyncio.sleep(0)
        release.set()
        await eventually(lambda: len(runs) == 2)


async def test_a_job_that_another_process_has_written_is_found() -> None:
    harness = EmbeddedHarness({})
    ran: list[str] = []
    away = True

    async def unfinished() -> list[str]:
        nonlocal away
        if ran == ["a"] and away:
            away = False
            raise StoreUnavailable("for a moment")
        return [job_id for job_id in ("a", "b") if job_id in jobs and job_id not in ran]

    async def run(delivery: Delivery) -> None:
        ran.append(delivery.job_id)

    jobs = ["a"]
    harness.dispatcher = EmbeddedDispatcher(unfinished, search_every_seconds=0.01)
    async with working(harness.dispatcher, run):
        await eventually(lambda: ran == ["a"])
        jobs.append("b")
        await eventually(lambda: ran == ["a", "b"])


def test_a_second_process_on_the_same_store_is_refused(tmp_path: Path) -> None:
    lock = WorkerLock(tmp_path / "burnish.db")
    lock.acquire()
    code = (
        "import sys; from pathlib import Path; from burnish.dispatch.lock import WorkerLock\n"
        "from burnish.errors import InvalidState\n"
        "try:\n    WorkerLock(Path(sys.argv[1])).acquire()\n"
        "except InvalidState as error:\n    print(error)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "burnish.db")], capture_output=True, text=True, check=True
    )
    assert "already works on this store" in ran.stdout
    lock.release()
    again = WorkerLock(tmp_path / "burnish.db")
    again.acquire()
    again.release()


def test_the_lock_names_its_holder(tmp_path: Path) -> None:
    import os

    first, second = WorkerLock(tmp_path / "s.db"), WorkerLock(tmp_path / "s.db")
    first.acquire()
    with pytest.raises(InvalidState, match=f"process {os.getpid()} "):
        second.acquire()
    first.release()

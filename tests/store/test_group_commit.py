"""Group commit: who writes at the same time shares a transaction, and nobody is left waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from burnish.errors import StoreUnavailable
from burnish.store.database import Database
from burnish.store.group_commit import GroupCommit


class Disk:
    """Where transactions go. Each ends when the test says so."""

    def __init__(self) -> None:
        self.transactions: list[Sequence[str]] = []
        self.under_way: list[asyncio.Future[Sequence[str | Exception]]] = []
        self.now = 0.0

    def begin(self, entries: Sequence[str]) -> asyncio.Future[Sequence[str | Exception]]:
        self.transactions.append(entries)
        self.under_way.append(asyncio.get_running_loop().create_future())
        return self.under_way[-1]

    def end(self, error: Exception | None = None) -> None:
        if error is not None:
            self.under_way[-1].set_exception(error)
        else:
            self.under_way[-1].set_result([f"{entry} is kept" for entry in self.transactions[-1]])

    def clock(self) -> float:
        return self.now


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def commit(disk: Disk) -> GroupCommit[str, str]:
    return GroupCommit(disk.begin, disk.clock)


async def keep(commit: GroupCommit[str, str], entry: str) -> str:
    return await commit(entry)


async def turn() -> None:
    """Let everything happen that can happen now."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_comes_meanwhile_shares_the_next_transaction(
    disk: Disk, commit: GroupCommit[str, str]
) -> None:
    writing = [
        asyncio.create_task(keep(commit, "first")),
        asyncio.create_task(keep(commit, "in the same moment")),
    ]
    await turn()
    writing += [asyncio.create_task(keep(commit, f"meanwhile {number}")) for number in range(64)]
    await turn()
    assert [len(entries) for entries in disk.transactions] == [2]
    assert not any(task.done() for task in writing)
    disk.end()
    await turn()
    assert [task.result() for task in writing[:2]] == ["first is kept", "in the same moment is kept"]
    assert [len(entries) for entries in disk.transactions] == [2, 64]
    disk.end()
    assert (await asyncio.gather(*writing))[-1] == "meanwhile 63 is kept"


async def test_a_transaction_has_a_largest_size(disk: Disk, commit: GroupCommit[str, str]) -> None:
    writing = [asyncio.create_task(keep(commit, str(number))) for number in range(1200)]
    await turn()
    while not all(task.done() for task in writing):
        disk.end()
        await turn()
    assert [len(entries) for entries in disk.transactions] == [500, 500, 200]


async def test_slow_transactions_are_followed_by_a_rest(disk: Disk, commit: GroupCommit[str, str]) -> None:
    first = asyncio.create_task(keep(commit, "first"))
    await turn()
    disk.now = 0.004
    disk.end()
    await first
    second = asyncio.create_task(keep(commit, "second"))
    await turn()
    assert len(disk.transactions) == 1  # it gathers for three times as long as the first one took
    disk.now = 0.017
    third = asyncio.create_task(keep(commit, "third"))
    while len(disk.transactions) == 1:  # noqa: ASYNC110 - a timer of the loop
        await asyncio.sleep(0.001)
    disk.end()
    await asyncio.gather(second, third)
    assert disk.transactions[1] == ["second", "third"]


async def test_each_hears_of_its_own_error(disk: Disk, commit: GroupCommit[str, str]) -> None:
    good, bad = asyncio.create_task(keep(commit, "good")), asyncio.create_task(keep(commit, "bad"))
    await turn()
    disk.under_way[0].set_result(["kept", ValueError("not this one")])
    assert await good == "kept"
    with pytest.raises(ValueError, match="not this one"):
        await bad


async def test_all_hear_that_the_transaction_failed_and_the_next_goes_on(
    disk: Disk, commit: GroupCommit[str, str]
) -> None:
    writing = [asyncio.create_task(keep(commit, name)) for name in "abc"]
    await turn()
    disk.end(StoreUnavailable("disk full"))
    results = await asyncio.gather(*writing, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    after = asyncio.create_task(keep(commit, "after"))
    await turn()
    disk.end()
    assert await after == "after is kept"


async def test_a_store_that_is_closed_leaves_nobody_waiting() -> None:
    def closed(entries: Sequence[str]) -> asyncio.Future[Sequence[str | Exception]]:
        raise StoreUnavailable("closed")

    commit: GroupCommit[str, str] = GroupCommit(closed)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="closed"):
            await commit("late")


async def test_who_leaves_does_not_take_anything_along(disk: Disk, commit: GroupCommit[str, str]) -> None:
    leaving, staying = (
        asyncio.create_task(keep(commit, "leaving")),
        asyncio.create_task(keep(commit, "staying")),
    )
    await turn()
    leaving.cancel()
    await turn()
    disk.end()
    assert await staying == "staying is kept"
    assert disk.transactions == [["leaving", "staying"]]


async def test_cancelling_every_task_does_not_stop_it(disk: Disk, commit: GroupCommit[str, str]) -> None:
    leaving = asyncio.create_task(keep(commit, "leaving"))
    await turn()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    after = asyncio.create_task(keep(commit, "after"))
    await turn()
    disk.end()
    await turn()
    disk.end()
    assert await after == "after is kept"
    assert leaving.cancelled()


def test_a_new_event_loop_begins_anew(disk: Disk, commit: GroupCommit[str, str]) -> None:
    async def abandon() -> None:
        task = asyncio.create_task(keep(commit, "abandoned"))
        await turn()
        task.cancel()

    async def go_on() -> str:
        task = asyncio.create_task(keep(commit, "anew"))
        await turn()
        disk.end()
        return await task

    asyncio.run(abandon())
    assert asyncio.run(go_on()) == "anew is kept"


class TestOneTransactionForAll:
    """``Database.begin_together``."""

    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        opened = Database(f"sqlite:///{tmp_path / 'burnish.db'}")
        await opened.write(lambda connection: connection.execute(text("CREATE TABLE t (n INTEGER UNIQUE)")))
        yield opened
        await opened.close()

    @staticmethod
    def insert(connection: Connection, numbers: Sequence[int]) -> list[int]:
        for number in numbers:
            connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
        return [10 * number for number in numbers]

    @staticmethod
    async def kept(database: Database) -> list[int]:
        return await database.read(
            lambda connection: list(connection.scalars(text("SELECT n FROM t ORDER BY n")))
        )

    async def test_all_are_kept(self, database: Database) -> None:
        assert await database.begin_together(self.insert, [1, 2, 3]) == [10, 20, 30]
        assert await self.kept(database) == [1, 2, 3]

    async def test_only_the_one_at_fault_fails(self, database: Database) -> None:
        answers = await database.begin_together(self.insert, [1, 2, 2**70, 2, 4])
        assert [type(answer) for answer in answers] == [int, int, OverflowError, StoreUnavailable, int]
        assert await self.kept(database) == [1, 2, 4]

    async def test_one_alone_raises(self, database: Database) -> None:
        with pytest.raises(OverflowError):
            await database.begin_together(self.insert, [2**70])
        assert await self.kept(database) == []

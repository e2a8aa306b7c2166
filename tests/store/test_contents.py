"""Records are kept once, in pieces, as long as a job has them; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from burnish.domain.inputs import JobData
from burnish.domain.records import Idempotency
from burnish.errors import Conflict, NotFound, StoreUnavailable
from burnish.store import tables
from burnish.store.contents import Content
from burnish.store.sql import SqlJobStore
from burnish.store.testing.inputs import create, some_data
from burnish.store.testing.samples import NOON_MS, ODD_TEXT, Clock, a_job

HOUR_MS = 3_600_000


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest, open_store: Callable[..., Any]) -> AsyncIterator[SqlJobStore]:
    async with open_store(request.getfixturevalue(f"{request.param}_uri"), Clock()) as opened:
        yield opened


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few records, and transactions of one chunk."""
    monkeypatch.setattr("burnish.store.contents._CHUNK_CHARACTERS", 200)
    monkeypatch.setattr("burnish.store.sql.contents._MOST_BYTES", 1)


async def count(store: SqlJobStore) -> tuple[int, int]:
    """Contents, and chunks."""

    def read(connection: Connection) -> tuple[int, int]:
        contents, chunks = (
            connection.scalars(select(func.count()).select_from(table)).one()
            for table in (tables.contents, tables.content_chunks)
        )
        return contents, chunks

    return await store._database.read(read)


async def test_a_thousand_jobs_on_one_dataset_keep_it_once(store: SqlJobStore) -> None:
    data = some_data()
    for n in range(30):
        await create(store, f"job{n}", data)
    assert await count(store) == (2, 2)  # the records, and their splits
    await create(store, "other splits", replace(data, train=data.test, test=data.train))
    assert await count(store) == (3, 3)
    for n in range(30):
        await store.delete(f"job{n}")
        assert await count(store) == ((3, 3) if n < 29 else (2, 2))
    await store.delete("other splits")
    assert await count(store) == (0, 0)


@pytest.mark.usefixtures("in_pieces")
async def test_large_records_are_written_in_pieces_and_go_as_a_whole(store: SqlJobStore) -> None:
    data = some_data(60)
    await create(store, "one", data)
    contents, chunks = await count(store)
    assert contents == 2
    assert chunks > 10
    assert await store.find_data("one") == data
    for start in (0, 1, 7, 59):
        (record,) = await store.examples("one", start, limit=1)
        assert record.example == data.examples[start]
    await create(store, "two", data)
    assert await count(store) == (contents, chunks)
    await store.delete("one")
    await store.delete("two")
    assert await count(store) == (0, 0)


@pytest.mark.usefixtures("in_pieces")
async def test_what_a_create_left_behind_is_pruned_when_it_is_old(store: SqlJobStore) -> None:
    clock: Any = store.create.__self__._inputs._contents._clock_ms  # type: ignore[attr-defined]
    await create(store, "kept", some_data(20, "kept"))
    kept = await count(store)
    await store.create(a_job("job"))
    with pytest.raises(Conflict):  # the records of the second are written before its row is refused
        await create(store, "job", some_data(60, "lost"))
    assert (await count(store))[0] == kept[0]
    assert (await count(store))[1] > kept[1]
    assert await store.prune_contents(NOON_MS) == 0
    clock.now_ms += HOUR_MS
    assert await store.prune_contents(NOON_MS + 1) == 1
    assert await count(store) == kept
    assert await store.find_data("kept") == some_data(20, "kept")


async def test_a_refused_create_leaves_no_records(store: SqlJobStore) -> None:
    await store.create(a_job("job"), Idempotency(key="k", body_digest="b"))
    with pytest.raises(Conflict):
        await create(store, "job")
    assert await count(store) == (0, 0)


@pytest.mark.usefixtures("in_pieces")
async def test_records_that_go_while_a_create_needs_them_are_written_again(
    store: SqlJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = some_data(30)
    await create(store, "old", data)
    write = store._database.write
    deleted: list[bool] = []

    async def write_behind_a_delete(work: Callable[..., Any]) -> Any:
        if not deleted:  # the create has seen that the records are there, and has not begun its transaction
            deleted.append(True)
            await store.delete("old")
        return await write(work)

    monkeypatch.setattr(store._database, "write", write_behind_a_delete)
    await create(store, "new", data)
    assert deleted
    assert await store.find_data("new") == data


@pytest.mark.usefixtures("in_pieces")
async def test_a_store_that_is_away_in_the_middle_leaves_no_job(
    store: SqlJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = store._database.write, []

    async def fail_the_fifth(work: Callable[..., Any]) -> Any:
        written.append(work)
        if len(written) == 5:
            raise StoreUnavailable("away")
        return await write(work)

    monkeypatch.setattr(store._database, "write", fail_the_fifth)
    with pytest.raises(StoreUnavailable):
        await create(store, data=some_data(60))
    assert await store.unfinished() == ()
    await create(store, data=some_data(60))
    assert await store.find_data("job") == some_data(60)


async def test_many_create_and_delete_jobs_on_the_same_records_at_once(store: SqlJobStore) -> None:
    data = some_data(12)

    async def once(n: int) -> JobData | None:
        await create(store, f"job{n}", data)
        found = await store.find_data(f"job{n}")
        await store.delete(f"job{n}")
        return found

    assert await asyncio.gather(*map(once, range(40))) == [data] * 40
    assert await count(store) == (0, 0)


@pytest.mark.parametrize("entries", [[], [1], [ODD_TEXT] * 9, [{"a": [None, 2**70, 0.5]}, [], ""]])
def test_chunks_hold_what_went_in(entries: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("burnish.store.contents._CHUNK_CHARACTERS", 60)
    content = Content.of(lambda: entries)
    chunks = list(content.chunks())
    assert [entry for chunk in chunks for entry in chunk.entries()] == entries
    assert [chunk.first for chunk in chunks] == [
        sum(chunk.size for chunk in chunks[:n]) for n in range(len(chunks))
    ]
    assert content.size == len(entries)
    assert Content.of(lambda: [*entries, 0]).digest != content.digest


async def test_a_job_that_is_deleted_while_it_is_read_does_not_exist(
    store: SqlJobStore,
) -> None:
    """Where each statement sees its own moment, the records may be gone when the job's row is read."""
    await create(store)
    query = f"DELETE FROM {tables.content_chunks.name}"
    await store._database.write(lambda connection: connection.exec_driver_sql(query))
    for read in (store.find_data, store.examples):
        with pytest.raises(NotFound):
            await read("job")

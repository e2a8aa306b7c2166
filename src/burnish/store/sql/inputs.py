"""What jobs were given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, select

from burnish.domain.dataset import SPLITS
from burnish.domain.inputs import JobData, JobInputs
from burnish.domain.job import Job
from burnish.domain.records import ExampleRecord
from burnish.errors import NotFound
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.encoding import from_json, storable, to_json
from burnish.store.inputs import (
    data_from_contents,
    data_to_contents,
    example_from_json,
    inputs_from_json,
    inputs_to_json,
)
from burnish.store.rows import job_from_row
from burnish.store.sql.contents import (
    ContentIncomplete,
    Contents,
    PreparedContent,
    read_chunks,
    refer_to,
    release,
)
from burnish.store.sql.job_writer import JobWriter
from burnish.store.sql.locking import lock_attempt
from burnish.store.sql.statements import insert_new

Answer = TypeVar("Answer")
_Row = Row[Any, Any, Any]

_jobs = tables.jobs
_inputs = tables.job_inputs


@dataclass(frozen=True, slots=True)
class PreparedInputs:
    """Inputs ready to be written with a job. ``records`` and ``splits`` are ``None`` without data."""

    body: str
    records: PreparedContent | None = None
    splits: PreparedContent | None = None


class Inputs:
    """``InputRecords``."""

    def __init__(self, database: Database, writer: JobWriter, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._writer = writer
        self._contents = Contents(database, clock_ms)
        self.prune_contents = self._contents.prune

    async def keep_inputs(self, job_id: str, attempt: int, inputs: JobInputs, data: JobData | None) -> Job:
        def keep(connection: Connection, prepared: PreparedInputs) -> Job:
            row = lock_attempt(connection, job_id, attempt)
            job = job_from_row(row)
            if job.inputs is not None:  # what it has run on stays
                return job
            write_inputs(connection, job_id, prepared)
            return self._writer.write(connection, row, replace(job, inputs=inputs.summary), (), attempt)

        return await self.write_with(inputs, data, keep)

    async def write_with(
        self,
        inputs: JobInputs,
        data: JobData | None,
        work: Callable[[Connection, PreparedInputs], Answer],
    ) -> Answer:
        """Run ``work`` in one transaction with inputs that it can hand to :func:`write_inputs`.

        Raises:
            StoreUnavailable
        """
        records = splits = None
        if data is not None:
            records, splits = await asyncio.to_thread(data_to_contents, data)
        while True:
            prepared = PreparedInputs(
                body=to_json(inputs_to_json(inputs)),
                records=await self._contents.prepare(records) if records else None,
                splits=await self._contents.prepare(splits) if splits else None,
            )
            try:
                return await self._database.write(lambda connection: work(connection, prepared))  # noqa: B023
            except ContentIncomplete:
                continue

    async def find_inputs(self, job_id: str) -> JobInputs | None:
        def read(connection: Connection) -> JobInputs | None:
            row = _row_of(connection, job_id)
            return None if row.body is None else inputs_from_json(from_json(row.body))

        return await self._database.read(read)

    async def find_data(self, job_id: str) -> JobData | None:
        def read(connection: Connection) -> JobData | None:
            row = _row_of(connection, job_id)
            if row.records_digest is None:
                return None
            splits = _read_splits(connection, row, job_id)
            chunks = read_chunks(connection, row.records_digest)
            data = data_from_contents((entry for chunk in chunks for entry in chunk.entries()), splits)
            if len(data.examples) != sum(map(len, splits)):
                raise NotFound("job", job_id)  # deleted in this moment; each statement sees its own
            return data

        return await self._database.read(read)

    async def examples(
        self,
        job_id: str,
        start: int = 0,
        limit: int = 1000,
        split: str | None = None,
        example_ids: Collection[str] = (),
    ) -> tuple[ExampleRecord, ...]:
        wanted = frozenset(example_ids)

        def read(connection: Connection) -> tuple[ExampleRecord, ...]:
            row = _row_of(connection, job_id)
            if row.records_digest is None:
                return ()
            names = zip(SPLITS, _read_splits(connection, row, job_id), strict=True)
            split_of = {position: name for name, positions in names for position in positions}
            found = (
                ExampleRecord(example_from_json(entry), position, split_of[position])
                for chunk in read_chunks(connection, row.records_digest, start)
                for position, entry in enumerate(chunk.entries(), chunk.first)
                if position >= start and split in (None, split_of[position])
            )
            if wanted:
                found = (record for record in found if record.example.example_id in wanted)
                return tuple(islice(found, min(limit, len(wanted))))  # reads no further than the last of them
            return tuple(islice(found, limit))

        return await self._database.read(read)


# --- inside a transaction


def write_inputs(connection: Connection, job_id: str, prepared: PreparedInputs) -> None:
    """Give inputs to a job whose row is there.

    Raises:
        ContentIncomplete
    """
    contents = [content for content in (prepared.records, prepared.splits) if content]
    for content in sorted(contents, key=lambda content: content.digest):  # one order of locks for everybody
        refer_to(connection, content)
    row = {
        "job_id": job_id,
        "body": prepared.body,
        "records_digest": prepared.records.digest if prepared.records else None,
        "splits_digest": prepared.splits.digest if prepared.splits else None,
    }
    insert_new(connection, _inputs, [row])


def delete_inputs(connection: Connection, job_id: str) -> None:
    """Take a job's inputs away, and what no other job has."""
    columns = (_inputs.c.records_digest, _inputs.c.splits_digest)
    row = connection.execute(select(*columns).where(_inputs.c.job_id == job_id)).first()
    if row is not None:
        connection.execute(_inputs.delete().where(_inputs.c.job_id == job_id))
        release(connection, sorted(digest for digest in row if digest is not None))


def _row_of(connection: Connection, job_id: str) -> _Row:
    """The job's inputs; all columns are ``None`` where it has none.

    Raises:
        NotFound: there is no such job.
    """
    row: _Row | None = None
    if storable(job_id):
        query = select(_inputs.c.body, _inputs.c.records_digest, _inputs.c.splits_digest)
        source = _jobs.outerjoin(_inputs, _inputs.c.job_id == _jobs.c.job_id)
        row = connection.execute(query.select_from(source).where(_jobs.c.job_id == job_id)).one_or_none()
    if row is None:
        raise NotFound("job", job_id)
    return row


def _read_splits(connection: Connection, row: _Row, job_id: str) -> Sequence[Sequence[int]]:
    """
    Raises:
        NotFound: the job was deleted in this moment.
    """
    chunks = read_chunks(connection, row.splits_digest)
    splits = [positions for chunk in chunks for positions in chunk.entries()]
    if not splits:
        raise NotFound("job", job_id)
    return splits

"""The durable record of calls."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Table,
    bindparam,
    cast,
    delete,
    func,
    select,
)

from burnish.domain.app import AppRun
from burnish.domain.hashing import digest
from burnish.domain.job import JobStatus
from burnish.domain.records import CallKey, JournalEntry, JournalTotals
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.errors import AttemptSuperseded
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.encoding import from_json, storable, to_json
from burnish.store.group_commit import GroupCommit
from burnish.store.sql.locking import Fenced, lock_fenced
from burnish.store.sql.statements import insert_new

_jobs = tables.jobs
_begun = tables.calls_begun
_finished = tables.calls_finished
_JOBS_PRUNED_AT_ONCE = 50
_TERMINAL = tuple(status for status in JobStatus if status.terminal)


_SETTLE = delete(_begun).where(
    _begun.c.job_id == bindparam("of_job"),
    _begun.c.attempt == bindparam("of_attempt"),
    _begun.c.call_id == bindparam("settled"),
)
"""Forget that an attempt had begun a call."""


@dataclass(slots=True, kw_only=True)
class _Page(Fenced):
    """What one attempt writes, as rows; ``settled`` are the parameters of ``_SETTLE``."""

    begun: list[dict[str, Any]]
    finished: list[dict[str, Any]]
    settled: list[dict[str, Any]]


class Journal:
    """``JournalRecords``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pages: GroupCommit[_Page, None] = GroupCommit(
            lambda pages: database.begin_together(self._write_pages, pages)
        )

    def write(
        self,
        job_id: str,
        attempt: int,
        begun: Sequence[tuple[CallKey, Usage]],
        finished: Sequence[JournalEntry],
        abandoned: Sequence[CallKey] = (),
    ) -> Awaitable[None]:
        answered = [entry_to_row(job_id, entry) for entry in finished]
        over = [*(row["call_id"] for row in answered), *map(_call_id, abandoned)]
        page = _Page(
            job_id=job_id,
            attempt=attempt,
            begun=[call_to_row(job_id, key, reserved) | {"attempt": attempt} for key, reserved in begun],
            finished=answered,
            settled=[{"of_job": job_id, "of_attempt": attempt, "settled": call_id} for call_id in over],
        )
        page.check_storable()
        return self._pages(page)

    def _write_pages(self, connection: Connection, pages: Sequence[_Page]) -> list[AttemptSuperseded | None]:
        rows = lock_fenced(connection, pages)
        owned = [page for page in pages if rows.owns(page)]
        insert_new(connection, _begun, [row for page in owned for row in page.begun])
        insert_new(connection, _finished, [row for page in owned for row in page.finished])
        if settled := [row for page in owned for row in page.settled]:
            connection.execute(_SETTLE, settled)
        return [None if rows.owns(page) else AttemptSuperseded(page.job_id, page.attempt) for page in pages]

    async def read(self, job_id: str) -> tuple[JournalEntry, ...]:
        if not storable(job_id):
            return ()
        query = select(_finished).where(_finished.c.job_id == job_id)

        def read(connection: Connection) -> tuple[JournalEntry, ...]:
            return tuple(_entry_from_row(row) for row in connection.execute(query))

        return await self._database.read(read)

    async def totals(self, job_id: str) -> JournalTotals:
        if not storable(job_id):
            return JournalTotals(UsageByRole(), UsageByRole())
        current = select(_jobs.c.attempt).where(_jobs.c.job_id == job_id).scalar_subquery()

        def add_up(connection: Connection) -> JournalTotals:
            return JournalTotals(
                finished=_sum(connection, _finished, _finished.c.job_id == job_id),
                lost=_sum(connection, _begun, (_begun.c.job_id == job_id) & (_begun.c.attempt < current)),
            )

        return await self._database.read(add_up)

    async def prune(self, completed_before_ms: int) -> int:
        ended = _jobs.c.status.in_(_TERMINAL) & (_jobs.c.completion_timestamp_ms < completed_before_ms)
        finished = select(_finished.c.job_id).where(_finished.c.job_id == _jobs.c.job_id).exists()
        begun = select(_begun.c.job_id).where(_begun.c.job_id == _jobs.c.job_id).exists()
        kept = select(_jobs.c.job_id).where(ended, finished | begun)
        job_ids = await self._database.read(lambda connection: connection.scalars(kept).all())

        def prune(connection: Connection, some: Sequence[str]) -> int:
            still = select(_jobs.c.job_id).where(_jobs.c.job_id.in_(some), ended)  # not reopened meanwhile
            found = connection.scalars(still.with_for_update(key_share=True)).all()
            for table in (_begun, _finished):
                connection.execute(delete(table).where(table.c.job_id.in_(found)))
            return len(found)

        pruned = 0
        # A short transaction for some jobs at a time: no other writer waits long.
        for start in range(0, len(job_ids), _JOBS_PRUNED_AT_ONCE):
            some = job_ids[start : start + _JOBS_PRUNED_AT_ONCE]
            pruned += await self._database.write(partial(prune, some=some))
        return pruned


def _call_id(key: CallKey) -> str:
    parts = (key.role, key.candidate_id, key.example_id, key.phase, key.sample, key.request_hash)
    return digest(parts, length=40)


def call_to_row(job_id: str, key: CallKey, usage: Usage) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "call_id": _call_id(key),
        "role": key.role,
        "calls": usage.calls,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "usd_nanos": usage.usd_nanos,
        "unmetered": usage.unmetered,
    }


def entry_to_row(job_id: str, entry: JournalEntry) -> dict[str, Any]:
    """The row of ``tables.calls_finished`` for a finished call."""
    key = entry.key
    body = {
        "candidate_id": key.candidate_id,
        "example_id": key.example_id,
        "phase": key.phase,
        "sample": key.sample,
        "request_hash": key.request_hash,
        "text": entry.text,
        "finish_reason": entry.finish_reason,
    }
    if entry.run is not None:
        body["run"] = entry.run.to_json()
    return call_to_row(job_id, key, entry.usage) | {"body": to_json(body)}


def _entry_from_row(row: Row[Any]) -> JournalEntry:
    body = from_json(row.body)
    text, finish_reason, run = body.pop("text"), body.pop("finish_reason"), body.pop("run", None)
    return JournalEntry(
        key=CallKey(role=Role(row.role), **body),
        text=text,
        finish_reason=finish_reason,
        usage=Usage(row.calls, row.prompt_tokens, row.completion_tokens, row.usd_nanos, row.unmetered),
        run=AppRun.from_json(run) if run else None,
    )


def _sum(connection: Connection, table: Table, which: ColumnElement[bool]) -> UsageByRole:
    columns = table.c
    query = (
        select(
            columns.role,
            cast(func.sum(columns.calls), BigInteger),
            cast(func.sum(columns.prompt_tokens), BigInteger),
            cast(func.sum(columns.completion_tokens), BigInteger),
            cast(func.sum(columns.usd_nanos), BigInteger),
            func.count() > func.count(columns.usd_nanos),
            cast(func.sum(columns.unmetered), BigInteger),
        )
        .where(which)
        .group_by(columns.role)
        .order_by(columns.role)
    )
    return UsageByRole(
        {
            Role(role): Usage(calls, prompt_tokens, completion_tokens, None if unknown else nanos, unmetered)
            for (
                role,
                calls,
                prompt_tokens,
                completion_tokens,
                nanos,
                unknown,
                unmetered,
            ) in connection.execute(query)
        }
    )

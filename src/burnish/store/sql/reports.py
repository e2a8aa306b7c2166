"""What running attempts report: those of many jobs in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, update

from burnish.domain.records import Report
from burnish.errors import AttemptSuperseded
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.encoding import from_json, to_json
from burnish.store.group_commit import GroupCommit
from burnish.store.rows import usage_to_json
from burnish.store.sql.candidates import candidate_to_row, evaluation_to_row
from burnish.store.sql.events import EncodedEvent, encode_event, event_rows
from burnish.store.sql.locking import FENCE, Fenced, lock_fenced
from burnish.store.sql.statements import upsert

_jobs = tables.jobs
_COLUMNS = (*FENCE, _jobs.c.cancel_requested, _jobs.c.body, _jobs.c.usage_calls, _jobs.c.usage_usd_nanos)
_HEAVY = 1_000_000  # characters: neighbours do not wait for so much

_BEAT = (
    update(_jobs)
    .where(_jobs.c.job_id == bindparam("of_job"))
    .values({name: bindparam(name) for name in ("heartbeat_timestamp_ms", "last_sequence")})
)
_SHOW = _BEAT.values({name: bindparam(name) for name in ("body", "usage_calls", "usage_usd_nanos")})


@dataclass(slots=True, kw_only=True)
class _Entry(Fenced):
    """One report as rows.

    Attributes:
        shown: fields of the job's body.
    """

    evaluations: list[dict[str, Any]]
    candidates: list[dict[str, Any]]
    events: list[EncodedEvent]
    shown: dict[str, Any]
    usage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_heavy(self) -> bool:
        bodies = (*self.evaluations, *self.candidates)
        return sum(len(row["body"]) for row in bodies) + sum(len(data) for _, data, _ in self.events) > _HEAVY


class Reports:
    """``JobRecords.report``."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._reports: GroupCommit[_Entry, bool] = GroupCommit(
            lambda entries: database.begin_together(self._keep, entries)
        )

    async def report(self, job_id: str, attempt: int, report: Report) -> bool:
        entry = _Entry(
            job_id=job_id,
            attempt=attempt,
            evaluations=[evaluation_to_row(job_id, record) for record in report.evaluations],
            candidates=[candidate_to_row(job_id, record) for record in report.candidates],
            events=[encode_event(event) for event in report.events],
            shown=_shown(report, self._clock_ms()),
        )
        if report.usage is not None:
            total = report.usage.total
            entry.usage = {"usage_calls": total.calls, "usage_usd_nanos": total.usd_nanos}
        entry.check_storable()
        if not entry.is_heavy:
            return await self._reports(entry)
        [answer] = await self._database.write(lambda connection: self._keep(connection, [entry]))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _keep(self, connection: Connection, entries: Sequence[_Entry]) -> list[bool | AttemptSuperseded]:
        rows = lock_fenced(connection, entries, _COLUMNS)
        owned = [entry for entry in entries if rows.owns(entry)]
        upsert(connection, tables.evaluations, [row for entry in owned for row in entry.evaluations])
        upsert(connection, tables.candidates, [row for entry in owned for row in entry.candidates])
        now = self._clock_ms()
        after: dict[str, dict[str, Any]] = {}
        events: list[dict[str, Any]] = []
        for entry in owned:
            row = after.setdefault(entry.job_id, _row_before(rows.by_id[entry.job_id], now))
            events += event_rows(entry.job_id, entry.attempt, row["last_sequence"], entry.events, now)
            row["last_sequence"] += len(entry.events)
            row |= entry.usage
            if entry.shown:
                row["body"] = to_json(from_json(row["body"]) | entry.shown)
        if events:
            connection.execute(tables.events.insert(), events)
        shows = {entry.job_id for entry in owned if entry.shown}
        for statement, job_ids in ((_SHOW, shows), (_BEAT, after.keys() - shows)):
            if job_ids:
                connection.execute(statement, [after[job_id] for job_id in sorted(job_ids)])
        return [
            bool(rows.by_id[entry.job_id].cancel_requested)
            if rows.owns(entry)
            else AttemptSuperseded(entry.job_id, entry.attempt)
            for entry in entries
        ]


def _shown(report: Report, now_ms: int) -> dict[str, Any]:
    """The fields of the job's body that change, as ``rows.job_to_row`` writes them."""
    shown: dict[str, Any] = {}
    if report.progress is not None:
        shown |= {"progress": asdict(report.progress), "progress_updated_at_ms": now_ms}
    if report.usage is not None:
        shown["usage"] = usage_to_json(report.usage)
    if report.answers is not None:
        shown["answers"] = dict(report.answers)
    for name in ("best_score", "seconds_spent"):
        if (value := getattr(report, name)) is not None:
            shown[name] = value
    return shown


def _row_before(row: Row[Any], now_ms: int) -> dict[str, Any]:
    return {
        "of_job": row.job_id,
        "heartbeat_timestamp_ms": now_ms,
        "last_sequence": row.last_sequence,
        "body": row.body,
        "usage_calls": row.usage_calls,
        "usage_usd_nanos": row.usage_usd_nanos,
    }

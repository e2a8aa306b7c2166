"""Turns what a search does into records, events and progress, in the store and on the MLflow run.

An optimizer's calls are synchronous and cheap; a background task writes them down in order. On a
resumed job the search repeats itself from the journal: what is stored already is not reported again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.edit import EditReport
from burnish.domain.events import Event, EventKind, NewEvent
from burnish.domain.hashing import digest
from burnish.domain.job import Job, Progress
from burnish.domain.records import CandidateRecord, EvaluationRecord, Report
from burnish.domain.score import Evaluation
from burnish.domain.usage import UsageByRole
from burnish.evaluation.protocol import Means
from burnish.evaluation.splits import Splits
from burnish.llm.gateway import JobGateway
from burnish.store.protocol import JobStore
from burnish.tracking.protocol import NOTHING, MeasuredCandidate, RunEntries
from burnish.worker.serialized_calls import SerializedCalls

REPLAYED = (EventKind.PROPOSAL, EventKind.EDIT, EventKind.FORECAST)
Result = TypeVar("Result")

_KEPT = (CandidateStatus.SOURCE, CandidateStatus.ACCEPTED)


class Recorder:
    """One attempt's record. Implements ``optimizers.protocol.Observe``.

    Args:
        known, known_events: what earlier attempts stored, so that a replay does not repeat it; of the
            events, those of ``REPLAYED``.
        splits: the job's examples, with the teacher's answers where it has one.
        on_phase: called with the name of each phase as it begins.

    Attributes:
        best: the best candidate that was kept so far.
    """

    def __init__(
        self,
        job: Job,
        store: JobStore,
        model: JobGateway,
        splits: Splits,
        known: Sequence[CandidateRecord] = (),
        on_phase: Callable[[str], None] = lambda phase: None,
        known_events: Sequence[Event] = (),
    ) -> None:
        self._job = job
        self._store = store
        self._model = model
        self._split_of = splits.split_of()
        everything = (*splits.train, *splits.validation, *splits.test)
        self._examples = {example.example_id: example for example in everything}
        self._on_phase = on_phase
        self._known = {record.candidate.candidate_id: record for record in known}
        self._logged: set[str] = set()  # by this attempt; the tracker looks before it repeats
        self._logging = asyncio.Lock()
        self._records: dict[str, CandidateRecord] = {}
        self._evaluations: list[EvaluationRecord] = []
        self._validated: dict[str, dict[str, EvaluationRecord]] = defaultdict(dict)  # by candidate, example
        self._changed: dict[str, CandidateRecord] = {}
        self._events: list[NewEvent] = []
        self._writing = asyncio.Lock()
        self._phase = "starting"
        self.best: CandidateRecord | None = None
        self._reported_best = max(
            (r.scores["aggregate"] for r in known if r.scores and r.status in _KEPT), default=None
        )
        self._known_events = {(event.kind, digest(event.data)) for event in known_events}
        self._warned: set[str] = set(job.warnings)
        self.warnings: list[str] = list(job.warnings)

    # --- what the optimizer says

    def candidate(
        self,
        candidate: Candidate,
        status: CandidateStatus,
        *,
        means: Means | None = None,
        reason: str = "",
        objectives: Mapping[str, float] | None = None,
    ) -> None:
        before = self._records.get(candidate.candidate_id)
        if before is not None and status in (CandidateStatus.REFUSED, CandidateStatus.PROPOSED):
            return  # proposed again: what is known of it stands
        record = CandidateRecord(
            candidate=before.candidate if before else candidate,
            number=before.number if before else len(self._records),
            status=CandidateStatus.SOURCE if before and before.status is CandidateStatus.SOURCE else status,
            scores=means.scores if means else before.scores if before else {},
            reason=reason,
            usage=self._model.answers.usage_by_candidate.get(candidate.candidate_id, UsageByRole()),
            objectives=objectives or (before.objectives if before else {}),
        )
        self._records[candidate.candidate_id] = record
        if record == before:
            return
        self._changed[candidate.candidate_id] = record
        if not self._is_known(record):
            self._events.append(NewEvent(EventKind.CANDIDATE, _candidate_data(record)))
        self._consider(record)

    def proposal(
        self, number: int, parent: Candidate, outcome: str = "", candidate: Candidate | None = None
    ) -> None:
        data: dict[str, object] = {"number": number, "parent": parent.candidate_id}
        if outcome:
            data["outcome"] = outcome
        if candidate is not None:
            data["candidate_id"] = candidate.candidate_id
        self._append_new(EventKind.PROPOSAL, data)

    def edit(self, report: EditReport) -> None:
        self._append_new(EventKind.EDIT, report.to_data())

    def forecast(self, calls: int, expected_gain: float, minimum_gain: float) -> None:
        data = {"calls": calls, "expected_gain": expected_gain, "minimum_gain": minimum_gain}
        self._append_new(EventKind.FORECAST, data)

    def find(self, candidate_id: str | None) -> CandidateRecord | None:
        """What is known of a candidate of this attempt."""
        return self._records.get(candidate_id or "")

    def phase(self, phase: str, total: int, unit: str = "evaluations") -> None:
        self._phase = phase
        self._on_phase(phase)
        self._events.append(NewEvent(EventKind.PHASE, {"phase": phase, "total": total, "unit": unit}))

    def warning(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            self.warnings.append(message)
            self._events.append(NewEvent(EventKind.WARNING, {"message": message}))

    def evaluated(self, evaluation: Evaluation) -> None:
        """One new evaluation (an ``evaluator.Record``)."""
        split = self._split_of.get(evaluation.example_id, "train")
        record = EvaluationRecord(evaluation=evaluation, split=split)
        self._evaluations.append(record)
        if split == "validation":
            self._validated[evaluation.candidate_id][evaluation.example_id] = record

    def same_as(self, source: Candidate) -> tuple[int, int]:
        """How many outputs of other candidates on validation are the source's own, and how many there are."""
        own = self._validated[source.candidate_id]
        others = [
            record.evaluation.output == own[example_id].evaluation.output
            for candidate_id, records in self._validated.items()
            for example_id, record in records.items()
            if candidate_id != source.candidate_id and example_id in own and record.evaluation.error is None
        ]
        return sum(others), len(others)

    def event(self, kind: EventKind, **data: object) -> None:
        """Any other event, in its place in the order."""
        self._events.append(NewEvent(kind, data))

    # --- what a watcher sees

    @property
    def best_score(self) -> float | None:
        """Aggregate of the best on validation; ``None`` before the source has been measured."""
        return self.best.scores["aggregate"] if self.best else None

    def progress(self, calls: int, planned_calls: int) -> Progress:
        return Progress(self._phase, calls, max(calls, planned_calls), "calls")

    async def flush(self, **shown: Any) -> bool:
        """Write down everything observed so far, and say that we live. Returns when it is stored.

        Args:
            shown: fields of the job that a watcher sees, see :class:`~burnish.domain.records.Report`.

        Returns:
            Whether a cancel has been requested.

        Raises:
            AttemptSuperseded
        """
        # A caller who is cancelled does not take along what has been handed to this write.
        writing = asyncio.create_task(self._write_down(shown))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait((writing,))
            if not writing.cancelled():
                writing.exception()  # seen: whoever writes next meets the same
            raise

    async def log_to_run(
        self, log: Callable[[RunEntries], Result], mlflow_calls: SerializedCalls, others: RunEntries = NOTHING
    ) -> Result | None:
        """Log each measured candidate that this attempt has not put on the run yet, and other entries.

        Returns:
            What ``log`` returns; ``None`` where there was nothing to log.

        Raises:
            TrackingUnavailable, StoreUnavailable
        """
        async with self._logging:
            new = [
                record
                for candidate_id, record in self._records.items()
                if record.scores and candidate_id not in self._logged
            ]
            if not new and others == NOTHING:
                return None
            await self.flush()  # the store first: it also knows whether we may still write
            measured = [self._measured(record) for record in new]
            entries = replace(others, candidates=measured, examples=self._examples)
            result = await mlflow_calls(log, entries)
            self._logged |= {record.candidate.candidate_id for record in new}
            return result

    # --- inside

    def _append_new(self, kind: EventKind, data: Mapping[str, object]) -> None:
        """An event that a replay would report again."""
        key = (kind, digest(data))
        if key not in self._known_events:
            self._known_events.add(key)
            self._events.append(NewEvent(kind, data))

    def _measured(self, record: CandidateRecord) -> MeasuredCandidate:
        found = self._validated[record.candidate.candidate_id]  # no copies: the evaluator keeps them, too
        return MeasuredCandidate(record, [found[example_id] for example_id in sorted(found)])

    async def _write_down(self, shown: dict[str, Any]) -> bool:
        async with self._writing:
            report = Report(
                evaluations=self._evaluations,
                candidates=list(self._changed.values()),
                events=self._events,
                **shown,
            )
            self._evaluations, self._changed, self._events = [], {}, []
            return await self._store.report(self._job.job_id, self._job.attempt, report)

    def _consider(self, record: CandidateRecord) -> None:
        if record.status not in _KEPT or not record.scores:
            return
        score = record.scores["aggregate"]
        if self.best is not None and score <= self.best.scores["aggregate"]:
            return
        self.best = record
        if self._reported_best is None or score > self._reported_best:
            self._reported_best = score
            data = {"candidate_id": record.candidate.candidate_id, "score": score, "number": record.number}
            self._events.append(NewEvent(EventKind.BEST, data))

    def _is_known(self, record: CandidateRecord) -> bool:
        """Whether an earlier attempt reported exactly this, or what came of it later."""
        known = self._known.get(record.candidate.candidate_id)
        if known is None:
            return False
        return record.status is CandidateStatus.PROPOSED or replace(known, usage=record.usage) == record


def _candidate_data(record: CandidateRecord) -> dict[str, object]:
    return {
        "candidate_id": record.candidate.candidate_id,
        "number": record.number,
        "status": record.status.value,
        "parents": list(record.candidate.parents),
        "origin": record.candidate.origin,
        "score": record.scores.get("aggregate"),
        "reason": record.reason,
    }

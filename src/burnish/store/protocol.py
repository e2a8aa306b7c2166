"""What every store promises. One contract test runs against all of them.

All methods are coroutines and safe to call from several tasks and processes at once. Every failure
of the database itself is a ``StoreUnavailable``. Timestamps come from the store's injected clock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, Protocol

from burnish.domain.events import Event, NewEvent
from burnish.domain.inputs import JobData, JobInputs
from burnish.domain.job import Job, JobStatus
from burnish.domain.records import (
    CallKey,
    CandidateRecord,
    EvaluationRecord,
    ExampleRecord,
    Heartbeat,
    Idempotency,
    JobPage,
    JobQuery,
    JobVersion,
    JournalEntry,
    JournalTotals,
    Report,
    ScoredExample,
)
from burnish.domain.usage import Usage


class JobRecords(Protocol):
    """Rows of jobs."""

    async def create(
        self,
        job: Job,
        idempotency: Idempotency | None = None,
        calls: Sequence[JournalEntry] = (),
        inputs: JobInputs | None = None,
        data: JobData | None = None,
    ) -> tuple[Job, bool]:
        """Insert a PENDING job, its inputs, its CREATED event and its hand-over to the dispatcher, in one
        transaction. Records that another job has as well are kept once.

        Args:
            calls: finished calls that were made for the job before it existed; its journal begins
                with them.
            inputs: ``None``: its first attempt keeps them.
            data: its records, where it has any.

        Returns:
            The stored job, and ``False`` where the idempotency key had already made it.

        Raises:
            Conflict: the idempotency key was used with another body, or the job id exists.
            InvalidInput: a text to search by is too long or holds NUL characters or lone surrogates.
            InvalidState: the job is not PENDING.
        """
        ...

    async def find_made(self, idempotency: Idempotency) -> Job | None:
        """The job that an earlier create made with this key, if there is one.

        Raises:
            Conflict: the key was used with another body.
            InvalidInput: the key holds what cannot be searched for.
        """
        ...

    async def get(self, job_id: str) -> Job:
        """
        Raises:
            NotFound
        """
        ...

    async def get_existing(self, job_ids: Sequence[str]) -> Mapping[str, tuple[Job, JobVersion]]:
        """Those of the jobs that there are, by id."""
        ...

    async def versions(self, *, unfinished: bool = False) -> Mapping[str, JobVersion]:
        """Job id → version, of all jobs or of those that have not ended."""
        ...

    async def search(self, query: JobQuery) -> JobPage:
        """
        Raises:
            InvalidInput: filter, order or page token cannot be read; the message has a caret.
        """
        ...

    async def experiment_ids(self) -> frozenset[str]:
        """Those of all jobs. It costs as many steps as there are experiments."""
        ...

    async def workspaces(self) -> frozenset[str]:
        """Those of all jobs; likewise."""
        ...

    async def take(
        self,
        job_id: str,
        worker_id: str,
        reason: str = "",
        *,
        over_attempt: int | None = None,
        max_running_per_experiment: int | None = None,
    ) -> Job:
        """Begin an attempt: status IN_PROGRESS, ``attempt`` + 1, a STARTED event. The heartbeat starts;
        ``start_timestamp_ms`` stays that of the first attempt. ``deaths`` counts one more where the attempt
        before was still running, on another worker, and starts anew where calls were finished since.

        A job whose cancel was requested is taken like any other: the answer has ``cancel_requested``,
        so the worker can end it properly (its run as KILLED, its best candidate kept).

        Args:
            over_attempt: the attempt known to be dead: a job that runs in any other one is left alone.
                ``None``: whatever ran is dead, since nobody else works on this store.
            max_running_per_experiment: how many other jobs of its experiment may run beside it, and it.

        Raises:
            NotFound
            InvalidState: the job is in a terminal state, or runs in another attempt.
            ExperimentFull: so many jobs of its experiment run already.
        """
        ...

    async def update(
        self, job_id: str, attempt: int, changes: Mapping[str, Any], events: Sequence[NewEvent] = ()
    ) -> Job:
        """Change fields of ``Job`` by name and append events, in one transaction, fenced by the attempt.

        Setting ``status`` to a terminal one also sets ``completion_timestamp_ms``; setting ``progress``
        also sets ``progress_updated_at_ms``. ``job_id``, ``experiment_id``, ``config``, ``attempt``,
        ``cancel_requested``, ``creation_timestamp_ms``, ``workspace`` and the actors cannot be changed this
        way.

        Raises:
            InvalidInput: there is no such field, or it cannot be changed.
            AttemptSuperseded: ``attempt`` is not the current one, or the job is gone or terminal.
            InvalidState: illegal change of status.
        """
        ...

    async def report(self, job_id: str, attempt: int, report: Report) -> bool:
        """Keep what an attempt reports, in one transaction, which reports of other jobs may share. It is
        a heartbeat too. ``progress`` also sets ``progress_updated_at_ms``.

        Returns:
            Whether a cancel has been requested.

        Raises:
            AttemptSuperseded: ``attempt`` is not the current one, or the job is gone or terminal.
        """
        ...

    async def request_cancel(self, job_id: str, actor: str | None = None) -> Job:
        """A PENDING job becomes CANCELED at once (CANCEL_REQUESTED and ENDED events); a running one is
        marked (one CANCEL_REQUESTED event, however often it is asked). CANCELED stays as it is.

        Raises:
            NotFound
            InvalidState: COMPLETED or FAILED.
        """
        ...

    async def reopen(self, job_id: str, actor: str | None = None) -> Job:
        """A FAILED or CANCELED job becomes PENDING again and is handed over (resume), with a RESUMED
        event. What it has found stays; its error, stop reason, completion time, who canceled it, deaths and
        retries go.

        Raises:
            NotFound
            InvalidState: any other status.
        """
        ...

    async def record_registration(
        self, job_id: str, registered: NewEvent, optimized_prompt_uris: Sequence[str]
    ) -> Job:
        """Append the event, unless the job has an equal one, and set the versions where it has none yet.

        Args:
            registered: a REGISTERED event.
            optimized_prompt_uris: empty: they stay as they are.

        Raises:
            NotFound
            InvalidState: the job has not ended, so its attempt writes these itself.
        """
        ...

    async def record_act(self, job_id: str, act: NewEvent) -> Job:
        """Append what a user did to a job, whatever its state, and who did it last.

        Raises:
            NotFound
        """
        ...

    async def fence(
        self, job_id: str, found: Mapping[str, Any] | None = None, actor: str | None = None
    ) -> Job:
        """Increment ``attempt`` so that no running worker can write any more (before a delete, or where a
        worker does not heed a cancel).

        A job that has not ended becomes CANCELED, with an ENDED event: nobody takes it between the
        fence and the delete, and if the delete fails the job is not left running without a worker.

        Args:
            found: fields of the job to be set where it has not ended: what its attempt found so far.
            actor: who ends it that way.

        Raises:
            NotFound
        """
        ...

    async def delete(self, job_id: str) -> None:
        """Remove the job and all that belongs to it, in one transaction.

        Raises:
            NotFound
        """
        ...

    async def unfinished(self, but: str = "") -> tuple[str, ...]:
        """Ids of all jobs that are not terminal, oldest first.

        Args:
            but: an SQL query on the store's own database; the jobs whose ``job_id`` it gives are left out.
        """
        ...

    async def heartbeats(self) -> tuple[Heartbeat, ...]:
        """Of all jobs that are IN_PROGRESS, oldest first."""
        ...


class EventLog(Protocol):
    """Numbered events."""

    async def events(self, job_id: str, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        """Events with ``sequence > after``, in order.

        Raises:
            NotFound: there is no such job.
        """
        ...


class InputRecords(Protocol):
    """What jobs were given."""

    async def keep_inputs(self, job_id: str, attempt: int, inputs: JobInputs, data: JobData | None) -> Job:
        """Give inputs to a job that was created without, fenced by its attempt. It has ``inputs.summary``
        from then on.

        Raises:
            AttemptSuperseded
        """
        ...

    async def find_inputs(self, job_id: str) -> JobInputs | None:
        """``None``: the job was created without and has not kept any.

        Raises:
            NotFound: there is no such job.
        """
        ...

    async def find_data(self, job_id: str) -> JobData | None:
        """All records; ``None``: the job has none.

        Raises:
            NotFound: there is no such job.
        """
        ...

    async def examples(
        self,
        job_id: str,
        start: int = 0,
        limit: int = 1000,
        split: str | None = None,
        example_ids: Collection[str] = (),
    ) -> tuple[ExampleRecord, ...]:
        """In the order of the dataset, from position ``start``; none where the job has no records.

        Args:
            split: only those of this one.
            example_ids: only these; empty: all.

        Raises:
            NotFound: there is no such job.
        """
        ...

    async def prune_contents(self, written_before_ms: int) -> int:
        """Drop what a create that was cut short had begun to write before then. Returns how many contents."""
        ...


class CandidateRecords(Protocol):
    """Candidates and evaluations; readable while the job runs."""

    async def candidates(self, job_id: str) -> tuple[CandidateRecord, ...]:
        """By number."""
        ...

    async def evaluations(
        self, job_id: str, candidate_id: str, after: str = "", limit: int = 1000
    ) -> tuple[EvaluationRecord, ...]:
        """By example id, those behind ``after``."""
        ...

    async def scores(self, job_id: str, split: str, scorer: str = "aggregate") -> list[ScoredExample]:
        """Every evaluation on a split, without texts, by candidate and example id. Those without a value
        of the scorer are left out; a failed one counts 0."""
        ...


class JournalRecords(Protocol):
    """The durable record of calls."""

    def journal_write(
        self,
        job_id: str,
        attempt: int,
        begun: Sequence[tuple[CallKey, Usage]],
        finished: Sequence[JournalEntry],
        abandoned: Sequence[CallKey] = (),
    ) -> Awaitable[None]:
        """Note calls about to be made (with their reservation), calls finished, and calls that this
        attempt had begun and that certainly cost nothing, in one transaction, which other writers of any
        job may share. Writing a call again changes nothing.

        Raises:
            AttemptSuperseded
        """
        ...

    async def journal_read(self, job_id: str) -> tuple[JournalEntry, ...]:
        """Every finished call of a job."""
        ...

    async def journal_totals(self, job_id: str) -> JournalTotals: ...

    async def journal_prune(self, completed_before_ms: int) -> int:
        """Drop the journal of jobs that ended before then; their results stay. Returns how many jobs."""
        ...


class JobStore(JobRecords, InputRecords, EventLog, CandidateRecords, JournalRecords, Protocol):
    """All state of Burnish."""

    async def count_by_status(self) -> Mapping[JobStatus, int]: ...

    async def identity(self) -> str:
        """The same for every process that has this store open, and another one for every other store."""
        ...

    async def check(self) -> None:
        """
        Raises:
            StoreUnavailable: cannot be reached or written, or its schema is not this version's.
        """
        ...

    async def close(self) -> None: ...

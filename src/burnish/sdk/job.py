"""``AsyncJob``: a job on the server, and what can be done with it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from burnish.domain.edit import EditReport
from burnish.domain.events import Event
from burnish.domain.inputs import JobInputs
from burnish.domain.job import Job, JobStatus
from burnish.domain.records import ExampleRecord
from burnish.proto import prompt_optimization_pb2 as messages
from burnish.proto import service_pb2 as wire
from burnish.proto.convert import edit_from_proto, event_from_proto, job_from_proto
from burnish.proto.inputs import example_from_proto, inputs_from_proto
from burnish.proto.message import read_message
from burnish.sdk.errors import JobFailed
from burnish.sdk.results import (
    Candidate,
    ExampleResult,
    Promotion,
    ScoreMatrix,
    candidate_from_proto,
    example_result_from_proto,
    promotion_from_proto,
    score_matrix_from_proto,
)
from burnish.sdk.transport import Transport

Show = Callable[[Event], None]
"""Called with every event while one waits."""


class AsyncJob:
    """A handle. ``data`` is the job as it was when it was last asked for."""

    def __init__(self, transport: Transport, data: Job) -> None:
        self._transport = transport
        self.data = data

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.job_id} {self.data.status}>"

    @property
    def job_id(self) -> str:
        return self.data.job_id

    async def refresh(self) -> Job:
        """The job as it is now.

        Raises:
            NotFound: it was deleted.
        """
        answer = wire.GetPromptOptimizationJob.Response()
        await self._transport.call("GET", (self.job_id,), answer)
        self.data = job_from_proto(answer.job)
        return self.data

    async def wait(self, *, progress: bool | Show = False, timeout_seconds: float | None = None) -> Job:
        """Wait for the end of the job, however it ends.

        Args:
            progress: show a progress bar on standard error, or a function that is called with every event.

        Raises:
            TimeoutError: it had not ended in time; it goes on all the same.
            NotFound: it was deleted.
        """
        async with asyncio.timeout(timeout_seconds):
            with _shown(progress) as show:
                async for event in self.events():
                    show(event)
        return self.data

    async def result(self, *, progress: bool | Show = False, timeout_seconds: float | None = None) -> Job:
        """Wait for the end, and give the completed job.

        Raises:
            JobFailed: it failed or was canceled.
            TimeoutError, NotFound: as :meth:`wait`.
        """
        job = await self.wait(progress=progress, timeout_seconds=timeout_seconds)
        if job.status is not JobStatus.COMPLETED:
            raise JobFailed(job.job_id, job.status, job.error_message)
        return job

    async def events(self, after: int = 0) -> AsyncIterator[Event]:
        """Every event behind ``after`` as it happens, until the job has ended. A lost connection is
        taken up again where it broke off.

        Raises:
            NotFound: there is no such job.
            ServerUnavailable: the server stayed away.
        """
        path, last_id = (self.job_id, "events"), str(after) if after else ""
        async for part in self._transport.stream(path, self._has_ended, last_id):
            message = messages.JobEvent()
            read_message(json.loads(part.data), message)
            yield event_from_proto(message, self.job_id)

    async def _has_ended(self) -> bool:
        return (await self.refresh()).status.terminal

    async def candidates(self, *, page_size: int = 100) -> AsyncIterator[Candidate]:
        """Every candidate so far, in the order the optimizer brought them, without texts, page by page.

        Raises:
            NotFound: the job was deleted.
        """
        request = wire.ListPromptOptimizationCandidates(max_results=page_size)
        path, new_answer = (self.job_id, "candidates"), wire.ListPromptOptimizationCandidates.Response
        async for page in self._transport.pages("GET", path, new_answer, request):
            for entry in page.candidates:
                yield candidate_from_proto(entry)

    async def edits(self) -> tuple[EditReport, ...]:
        """What the search knows of each edit, the largest effect first; only FACTORIAL has edits.

        Raises:
            NotFound: the job was deleted.
        """
        answer = wire.ListPromptOptimizationEdits.Response()
        await self._transport.call("GET", (self.job_id, "edits"), answer)
        return tuple(edit_from_proto(entry) for entry in answer.edits)

    async def candidate(self, candidate_id: str) -> Candidate:
        """One candidate with its texts.

        Raises:
            NotFound
        """
        request = wire.GetPromptOptimizationCandidate(max_results=1)
        answer = wire.GetPromptOptimizationCandidate.Response()
        await self._transport.call("GET", (self.job_id, "candidates", candidate_id), answer, request)
        return candidate_from_proto(answer.candidate)

    async def example_results(
        self, candidate_id: str, *, page_size: int = 100
    ) -> AsyncIterator[ExampleResult]:
        """A candidate's result on every example it was tried on, page by page.

        Raises:
            NotFound
        """
        request = wire.GetPromptOptimizationCandidate(max_results=page_size)
        path = (self.job_id, "candidates", candidate_id)
        new_answer = wire.GetPromptOptimizationCandidate.Response
        async for page in self._transport.pages("GET", path, new_answer, request):
            for entry in page.evaluations:
                yield example_result_from_proto(entry)

    async def scores(self, split: str = "validation", scorer: str = "aggregate") -> ScoreMatrix:
        """The scores of all candidates on all examples of a split.

        Args:
            split: ``train``, ``validation`` or ``test`` (there, source and winner only, once it is tested).
            scorer: whose scores; by default their weighted mean.

        Raises:
            InvalidInput: there is no such split.
        """
        request = wire.ListPromptOptimizationEvaluations(split=split, scorer=scorer)
        answer = wire.ListPromptOptimizationEvaluations.Response()
        await self._transport.call("GET", (self.job_id, "evaluations"), answer, request)
        return score_matrix_from_proto(answer)

    async def inputs(self) -> JobInputs:
        """What the job runs on, as it was when it was created; all but the records.

        Raises:
            NotFound: the job was deleted, or an earlier version made it and it has not begun since.
        """
        answer = wire.GetPromptOptimizationJobInputs.Response()
        await self._transport.call("GET", (self.job_id, "inputs"), answer)
        return inputs_from_proto(answer.inputs)

    async def examples(
        self, split: str | None = None, *, example_ids: Sequence[str] = (), page_size: int = 100
    ) -> AsyncIterator[ExampleRecord]:
        """The job's records in the order of its dataset, each with its split, page by page.

        Args:
            split: only those of ``train``, ``validation`` or ``test``.
            example_ids: only these, at most 100; empty: all.

        Raises:
            NotFound: the job was deleted.
            InvalidInput: there is no such split.
        """
        request = wire.ListPromptOptimizationExamples(
            max_results=page_size, split=split, example_ids=example_ids
        )
        path, new_answer = (self.job_id, "examples"), wire.ListPromptOptimizationExamples.Response
        async for page in self._transport.pages("GET", path, new_answer, request):
            for entry in page.examples:
                yield example_from_proto(entry)

    async def cancel(self) -> Job:
        """Ask for a stop; the best candidate so far is kept.

        Raises:
            InvalidState: it has completed or failed.
        """
        answer = wire.CancelPromptOptimizationJob.Response()
        await self._transport.call("POST", (self.job_id, "cancel"), answer)
        self.data = job_from_proto(answer.job)
        return self.data

    async def resume(self) -> Job:
        """Let a canceled or failed job go on from what it has.

        Raises:
            InvalidState: it is neither.
        """
        answer = wire.ResumePromptOptimizationJob.Response()
        await self._transport.call("POST", (self.job_id, "resume"), answer, repeatable=False)
        self.data = job_from_proto(answer.job)
        return self.data

    async def delete(self) -> None:
        """Remove the job, its records and its run: all or nothing.

        Raises:
            NotFound
        """
        answer = wire.DeletePromptOptimizationJob.Response()
        await self._transport.call("DELETE", (self.job_id,), answer, repeatable=False)

    async def register(self, candidate_id: str) -> tuple[str, ...]:
        """Register a candidate as a new version of the job's prompts, whatever the job's own policy says.

        Doing it again finds the same versions.

        Returns:
            One URI for each prompt: the new version, or the source where the candidate leaves it as it is.

        Raises:
            NotFound: there is no such candidate.
            InvalidState: the job has not ended, or the candidate is its source or was refused.
        """
        answer = wire.RegisterPromptOptimizationCandidate.Response()
        path = (self.job_id, "candidates", candidate_id, "register")
        await self._transport.call("POST", path, answer)
        return tuple(answer.prompt_uris)

    async def promote(self, alias: str) -> Promotion:
        """Point an alias of the prompt at the job's new version.

        Raises:
            InvalidState: it has no new version.
        """
        request = wire.PromoteOptimizedPrompt(alias=alias)
        answer = wire.PromoteOptimizedPrompt.Response()
        await self._transport.call("POST", (self.job_id, "promote"), answer, request, repeatable=False)
        return promotion_from_proto(answer.promotion)

    async def roll_back(self, alias: str) -> Promotion:
        """Take a promotion back."""
        request = wire.RollbackOptimizedPrompt(alias=alias)
        answer = wire.RollbackOptimizedPrompt.Response()
        await self._transport.call("POST", (self.job_id, "rollback"), answer, request, repeatable=False)
        return promotion_from_proto(answer.promotion)


@contextlib.contextmanager
def _shown(progress: bool | Show) -> Iterator[Show]:
    if callable(progress):
        yield progress
    elif progress:
        from burnish.sdk.progress import progress_bar

        with progress_bar() as show:
            yield show
    else:
        yield lambda event: None

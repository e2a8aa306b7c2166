"""Values for tests of a store: a clock that stands still, jobs, calls."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from burnish.domain.app import AppRun, PromptUse
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.events import EventKind
from burnish.domain.job import Job, JobConfig, OptimizerType
from burnish.domain.records import CallKey, CandidateRecord, EvaluationRecord, JournalEntry
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Role, Usage
from burnish.store.protocol import JobStore

NOON_MS = 1_700_000_000_000
ODD_TEXT = "NUL \x00, a lone \ud800, 'quotes', \"more\", \\, 漢字 🙂\n"
"""What a model may well answer."""


A_USAGE = Usage(1, 10, 2, 30)


class Clock:
    """Milliseconds that only move when a test sets ``now_ms``."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Opener:
    """Base of all contracts. Override :meth:`open`."""

    def open(
        self, clock_ms: Callable[[], int] | None = None, hand_over: Callable[..., None] | None = None
    ) -> AbstractAsyncContextManager[JobStore]:
        """Another store on the same database, which is empty when the test begins.

        Args:
            clock_ms: the store's clock; ``None``: one that stands still at ``NOON_MS``.
        """
        raise NotImplementedError


def a_config(**changes: Any) -> JobConfig:
    values: dict[str, Any] = {
        "source_prompt_uris": ("prompts:/greet/1",),
        "dataset_id": "d-1",
        "scorers": ("exact_match",),
        "optimizer_type": OptimizerType.JOINT_SEARCH,
    }
    return JobConfig(**values | changes)


def a_job(job_id: str = "job", **changes: Any) -> Job:
    """A PENDING job of experiment 7."""
    values: dict[str, Any] = {
        "experiment_id": "7",
        "config": a_config(),
        "creation_timestamp_ms": NOON_MS,
    }
    return Job(job_id=job_id, **values | changes)


async def a_running_job(store: JobStore, job_id: str = "job", **changes: Any) -> Job:
    """A new job in its first attempt."""
    await store.create(a_job(job_id, **changes))
    return await store.take(job_id, "worker-1")


def a_candidate(text: str = "Say hello to {{name}}", number: int = 0, **changes: Any) -> CandidateRecord:
    values: dict[str, Any] = {"candidate": Candidate({"greet": text}), "status": CandidateStatus.PROPOSED}
    return CandidateRecord(number=number, **values | changes)


def an_evaluation(
    example_id: str = "e1", candidate_id: str = "c", output: str = "yes", split: str = "validation"
) -> EvaluationRecord:
    evaluation = Evaluation(
        candidate_id, example_id, output, {"exact_match": Score(1.0, "same")}, 1.0, None, Usage(1, 10, 2, 30)
    )
    return EvaluationRecord(evaluation=evaluation, split=split)


A_RUN = AppRun(is_json=True, trace_id="tr-1", uses=(PromptUse("greet", "llm", ODD_TEXT, "hello"),))


def a_call(number: int = 0, role: Role = Role.TARGET) -> CallKey:
    return CallKey(
        role=role, candidate_id="c", example_id="e", phase="search", sample=number, request_hash="abc"
    )


def an_answer(
    number: int = 0, text: str = "hello", usage: Usage = A_USAGE, role: Role = Role.TARGET
) -> JournalEntry:
    return JournalEntry(key=a_call(number, role), text=text, finish_reason="stop", usage=usage)


async def kinds(store: JobStore, job_id: str = "job") -> list[EventKind]:
    return [event.kind for event in await store.events(job_id)]

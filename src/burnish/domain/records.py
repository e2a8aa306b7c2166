"""What is kept beside a job's own row, and what is asked for and answered: values that carry no behaviour.

The store keeps them, the worker and the service make them, tracking and API show them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from burnish.domain.app import AppRun
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example
from burnish.domain.events import NewEvent
from burnish.domain.job import DEFAULT_WORKSPACE, Job, Progress, TestScores, Verdict
from burnish.domain.score import Evaluation
from burnish.domain.usage import Role, Usage, UsageByRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A client's key for one create, and the digest of its body."""

    key: str
    body_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """A search. ``filter`` and ``order_by`` are in the grammar of ``store.search``; empty: newest first.

    Attributes:
        workspace: only jobs of this one; ``None``: of all.
        readable_experiment_ids: only jobs of these, besides; ``None``: of all. They may change between
            two pages.
    """

    experiment_ids: tuple[str, ...] = ()
    filter: str = ""
    order_by: tuple[str, ...] = ()
    max_results: int = 1000
    page_token: str | None = None
    workspace: str | None = None
    readable_experiment_ids: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, and the token of the next page (``None`` on the last)."""

    jobs: tuple[Job, ...]
    next_page_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRecord:
    """A candidate with what became of it.

    Attributes:
        number: order in which the optimizer brought it, from 0 (the source).
        scores: means on validation, ``aggregate`` and by scorer; empty until measured.
        reason: why it was rejected or refused; empty otherwise.
        objectives: objective name → value, where there are several.
    """

    candidate: Candidate
    number: int
    status: CandidateStatus
    scores: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    usage: UsageByRole = field(default_factory=UsageByRole)
    objectives: Mapping[str, float] = field(default_factory=dict)


def best_so_far(records: Sequence[CandidateRecord]) -> dict[str, Any]:
    """Of what a search has brought so far, the fields of its job that show the best; none before the source
    has been measured."""
    kept = (CandidateStatus.SOURCE, CandidateStatus.ACCEPTED)
    known = [record for record in records if record.scores and record.status in kept]
    best = max(known, key=lambda record: record.scores["aggregate"], default=None)
    if best is None:
        return {}
    return {
        "best_candidate_id": best.candidate.candidate_id,
        "best_score": best.scores["aggregate"],
        "final_eval_scores": dict(best.scores),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord:
    """One evaluation and the split it was made on (``train``, ``validation`` or ``test``)."""

    evaluation: Evaluation
    split: str


class JobVersion(NamedTuple):
    """What tells two states of a job apart, as far as a list shows them (a heartbeat is no change)."""

    experiment_id: str
    status: str
    attempt: int
    last_sequence: int
    cancel_requested: bool
    calls: int
    workspace: str = DEFAULT_WORKSPACE


@dataclass(frozen=True, slots=True)
class ExampleRecord:
    """One example of a job's dataset.

    Attributes:
        position: in the dataset, from 0.
        split: ``train``, ``validation`` or ``test``.
    """

    example: Example
    position: int
    split: str


class ScoredExample(NamedTuple):
    """One evaluation without its texts.

    Attributes:
        value: of the scorer that was asked for, or the aggregate.
        failed: there is no output.
    """

    candidate_id: str
    example_id: str
    value: float
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobComparison:
    """The winner of one job against that of another, on the sealed test examples that both have.

    Attributes:
        scores: ``initial`` is the other job's winner; ``None`` where the two cannot be compared.
        reason: why they cannot be; empty otherwise.
    """

    job_id: str
    same_dataset: bool
    same_test_split: bool
    scores: TestScores | None = None
    verdict: Verdict | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an attempt has to report at one moment. An empty one says only that its worker lives.

    Attributes:
        evaluations: new ones, or new results of the same (candidate, example).
        candidates: new ones, or what became of known ones.
        events: in their order.
        progress, usage, answers, best_score, seconds_spent: the job's fields; ``None``: as they were.
    """

    evaluations: Sequence[EvaluationRecord] = ()
    candidates: Sequence[CandidateRecord] = ()
    events: Sequence[NewEvent] = ()
    progress: Progress | None = None
    usage: UsageByRole | None = None
    answers: Mapping[str, int] | None = None
    best_score: float | None = None
    seconds_spent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallKey:
    """What a call *is*, never when it was made. Unique within a job."""

    role: Role
    candidate_id: str
    example_id: str
    phase: str
    sample: int
    request_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A finished call.

    Attributes:
        text: the model's answer, or the app's output.
        usage: what it cost: one call of a model, or all that a run of an app made.
        run: of an app; ``None`` for a call of a model.
    """

    key: CallKey
    text: str
    finish_reason: str
    usage: Usage
    run: AppRun | None = None


@dataclass(frozen=True, slots=True)
class JournalTotals:
    """What a job's journal adds up to.

    Attributes:
        finished: usage of finished calls, by role.
        lost: reservations of calls that earlier attempts had begun and never finished (paid, answer lost).
    """

    finished: UsageByRole
    lost: UsageByRole


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What changes while somebody works on a job. Two equal ones, far apart in time: nobody does.

    Attributes:
        last_sequence: number of the job's last event: an attempt that appends events is alive, too.
    """

    job_id: str
    attempt: int
    heartbeat_timestamp_ms: int | None
    last_sequence: int = 0

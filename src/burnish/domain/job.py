"""A job: one request to optimize prompts, and everything known about it until it is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from burnish.domain.answer import Thinking
from burnish.domain.budget import Budget
from burnish.domain.inputs import InputSummary
from burnish.domain.optimizer_type import OptimizerType as OptimizerType  # noqa: PLC0414 - it is a job's word too
from burnish.domain.usage import UsageByRole
from burnish.errors import InvalidState, Problem


class JobStatus(StrEnum):
    """MLflow's ``JobStatus`` without its prefix."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    NEEDS_RECOVERY = "NEEDS_RECOVERY"

    @property
    def terminal(self) -> bool:
        return self in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED)


TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.IN_PROGRESS, JobStatus.CANCELED, JobStatus.FAILED}),
    JobStatus.IN_PROGRESS: frozenset(
        {
            JobStatus.IN_PROGRESS,  # taken over by another attempt
            JobStatus.PENDING,  # given back for a retry
            JobStatus.COMPLETED,
            JobStatus.FAILED,
            JobStatus.CANCELED,
        }
    ),
    JobStatus.NEEDS_RECOVERY: frozenset({JobStatus.PENDING, JobStatus.IN_PROGRESS, JobStatus.CANCELED}),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset({JobStatus.PENDING}),  # resume
    JobStatus.CANCELED: frozenset({JobStatus.PENDING}),  # resume
}
"""Every legal change of status. The store refuses any other."""


def check_transition(before: JobStatus, after: JobStatus) -> None:
    """
    Raises:
        InvalidState: the change is not legal.
    """
    if after not in TRANSITIONS[before]:
        raise InvalidState(f"a job that is {before} cannot become {after}")


PRIORITY_TAG = "burnish.priority"
MAX_PRIORITY = 1000


class StopReason(StrEnum):
    """Why a search ended."""

    FINISHED = "FINISHED"  # the optimizer had nothing more to try
    BUDGET = "BUDGET"
    TARGET_REACHED = "TARGET_REACHED"
    PATIENCE = "PATIENCE"
    NO_HEADROOM = "NO_HEADROOM"  # the source was already perfect
    CANCELED = "CANCELED"
    ERROR = "ERROR"


class Verdict(StrEnum):
    """From the paired difference on the sealed test split and its confidence interval."""

    IMPROVED = "IMPROVED"
    NO_DIFFERENCE = "NO_DIFFERENCE"
    WORSE = "WORSE"


@dataclass(frozen=True, slots=True)
class SplitFractions:
    """Shares of train, validation and test; they sum to 1."""

    train: float = 0.5
    validation: float = 0.25
    test: float = 0.25

    def __str__(self) -> str:
        return f"{self.train:g}/{self.validation:g}/{self.test:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobConfig:
    """What was asked for. What it meant at submission is in :class:`~burnish.domain.inputs.JobInputs`.

    Attributes:
        source_prompt_uris: ``prompts:/NAME/VERSION``, at least one; the first is the job's
            ``source_prompt_uri`` and the one whose answer is scored.
        dataset_id: MLflow's dataset; ``None`` only for METAPROMPT without data.
        scorers: as the user wrote them, see :class:`~burnish.domain.score.ScorerSpec`.
        optimizer_config: the optimizer's own settings (``optimizer_config_json`` on the wire).
        model: URI of the target model; ``None``: the prompt's own model config says it.
        reflection_model: URI of the model that writes proposals; ``None`` where none is needed.
        max_output_tokens: cap on each target answer, tokens.
        call_timeout_seconds: deadline of one model request.
        failure_share: a job stops as FAILED when more than this share of its recent calls failed.
        thinking: whether ``<think>…</think>`` in front of an answer is left out of what is scored.
    """

    source_prompt_uris: tuple[str, ...]
    dataset_id: str | None
    scorers: tuple[str, ...]
    optimizer_type: OptimizerType
    optimizer_config: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    reflection_model: str | None = None
    budget: Budget = field(default_factory=Budget)
    split: SplitFractions = field(default_factory=SplitFractions)
    seed: int = 0
    concurrency: int = 8
    max_output_tokens: int | None = None
    call_timeout_seconds: float = 60.0
    failure_share: float = 0.5
    thinking: Thinking = Thinking.STRIP

    def problems(self) -> list[Problem]:
        """What is wrong with the numbers in themselves; what they name is for the planner to check."""
        found = self.budget.problems()
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                found.append(Problem(f"config.{name}", str(value), f"must be from {least} to {most}"))
        return found


_RANGES = (
    ("seed", 0, 2**32 - 1),
    ("concurrency", 1, 1000),
    ("max_output_tokens", 1, 1_000_000),
    ("call_timeout_seconds", 0.1, 3600),
    ("failure_share", 0.0, 1.0),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a phase is; MLflow's ``JobProgress``."""

    phase: str
    completed: int
    total: int
    unit: str = "calls"


@dataclass(frozen=True, slots=True)
class TestScores:
    """Source and winner on the sealed test split.

    Attributes:
        difference: mean of final − initial over the same examples.
        ci_low, ci_high: 95 % interval of the difference, paired bootstrap.
        examples: how many pairs.
    """

    __test__ = False  # not a test class, whatever pytest thinks

    initial: float
    final: float
    difference: float
    ci_low: float
    ci_high: float
    examples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as the store has it. ``*_eval_scores`` hold ``aggregate`` and one entry for each scorer.

    Attributes:
        deaths: attempts in a row that died with their worker and had finished no new call.
        calls_when_taken: finished calls in the journal when the latest attempt began.
        inputs: what it runs on; ``None`` for a job of an earlier version that has not begun again.
    """

    job_id: str
    experiment_id: str
    config: JobConfig
    creation_timestamp_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)
    status: JobStatus = JobStatus.PENDING
    attempt: int = 0
    worker_id: str | None = None
    heartbeat_timestamp_ms: int | None = None
    cancel_requested: bool = False
    status_message: str | None = None
    error_message: str | None = None
    progress: Progress | None = None
    progress_updated_at_ms: int | None = None
    start_timestamp_ms: int | None = None
    completion_timestamp_ms: int | None = None
    seconds_spent: float = 0.0
    deaths: int = 0
    calls_when_taken: int = 0
    run_id: str | None = None
    optimized_prompt_uris: tuple[str, ...] = ()
    best_candidate_id: str | None = None
    initial_eval_scores: Mapping[str, float] = field(default_factory=dict)
    final_eval_scores: Mapping[str, float] = field(default_factory=dict)
    test_scores: TestScores | None = None
    verdict: Verdict | None = None
    stop_reason: StopReason | None = None
    usage: UsageByRole = field(default_factory=UsageByRole)
    warnings: tuple[str, ...] = ()
    inputs: InputSummary | None = None

    @property
    def source_prompt_uris(self) -> tuple[str, ...]:
        """With the version's number once it is known; what was asked for is in ``config``."""
        return self.inputs.source_prompt_uris if self.inputs else self.config.source_prompt_uris

    @property
    def source_prompt_uri(self) -> str:
        return self.source_prompt_uris[0]

    @property
    def priority(self) -> int:
        """Of waiting jobs the one with the highest goes first; from the tag ``burnish.priority``, else 0."""
        return int(self.tags.get(PRIORITY_TAG, 0))

    @property
    def optimized_prompt_uri(self) -> str | None:
        return self.optimized_prompt_uris[0] if self.optimized_prompt_uris else None

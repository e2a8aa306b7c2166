"""A job: one request to optimize prompts, and everything known about it until it is deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, TypedDict

from burnish.domain.answer import Thinking
from burnish.domain.app import App
from burnish.domain.budget import Budget
from burnish.domain.inputs import InputSummary
from burnish.domain.optimizer_type import OptimizerType as OptimizerType  # noqa: PLC0414 - it is a job's word too
from burnish.domain.options import Option, OptionRow, option_rows
from burnish.domain.origin import Origin
from burnish.domain.score import ScoreRange
from burnish.domain.usage import UsageByRole
from burnish.errors import InvalidInput, InvalidState, Problem


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


MAX_TAG_KEY_CHARACTERS = 250
MAX_TAG_VALUE_CHARACTERS = 5000  # tags go to the MLflow run too: it takes 8000 today, older servers 5000
PRIORITY_TAG = "burnish.priority"
MAX_PRIORITY = 1000
DEFAULT_WORKSPACE = "default"  # MLflow's name for it


DEFAULT_OPTIMIZER = OptimizerType.JOINT_SEARCH


class StopReason(StrEnum):
    """Why a search ended."""

    FINISHED = "FINISHED"  # the optimizer had nothing more to try
    BUDGET = "BUDGET"
    TARGET_REACHED = "TARGET_REACHED"
    PATIENCE = "PATIENCE"
    NO_HEADROOM = "NO_HEADROOM"  # the source was already perfect
    NO_NEW_IDEAS = "NO_NEW_IDEAS"  # the reflection model repeats itself, or writes nothing that can be used
    LITTLE_TO_GAIN = "LITTLE_TO_GAIN"  # the expected gain of another hundred calls is below minimum_gain
    CANCELED = "CANCELED"
    ERROR = "ERROR"


class Verdict(StrEnum):
    """From the paired difference on the sealed test split and its confidence interval."""

    IMPROVED = "IMPROVED"
    NO_DIFFERENCE = "NO_DIFFERENCE"
    WORSE = "WORSE"


class JobKind(StrEnum):
    """What a job's prompts are used by."""

    PROMPT = "prompt"  # a model is asked them
    APP = "app"  # ``config.app`` uses them


class TracePolicy(StrEnum):
    """Which evaluations are written as traces."""

    NONE = "none"
    FINALISTS = "finalists"
    ALL = "all"


class RegisterPolicy(StrEnum):
    """When a job registers its winner as a new prompt version. The winner is kept in any case."""

    IMPROVED = "improved"  # the sealed test's verdict is IMPROVED
    BETTER = "better"  # the sealed test's difference is above 0
    ALWAYS = "always"  # whenever it is another text than the source
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class SplitFractions:
    """Shares of train, validation and test; they sum to 1."""

    train: float = 0.5
    validation: float = 0.25
    test: float = 0.25

    @classmethod
    def parse(cls, text: str) -> SplitFractions:
        """Read ``TRAIN/VALIDATION/TEST``, such as ``0.5/0.25/0.25``; the planner checks what it says.

        Raises:
            InvalidInput: not three numbers.
        """
        try:
            train, validation, test = (float(part) for part in text.split("/"))
        except ValueError:
            remedy = "write three fractions TRAIN/VALIDATION/TEST, such as 0.5/0.25/0.25"
            raise InvalidInput.of("split", text, remedy) from None
        return cls(train, validation, test)

    def __str__(self) -> str:
        return f"{self.train:g}/{self.validation:g}/{self.test:g}"


def parse_settings(text: str, name: str = "the settings") -> dict[str, Any]:
    """An optimizer's own settings, one JSON object; an empty text is an empty one.

    Args:
        name: what a message calls them.

    Raises:
        InvalidInput
    """
    try:
        value = json.loads(text or "{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput.of("optimizer_config", text, f"Invalid JSON in {name}: {error}") from None
    if not isinstance(value, dict):
        remedy = 'must be a JSON object, such as {"max_metric_calls": 100}'
        raise InvalidInput.of("optimizer_config", text, remedy)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobConfig:
    """What was asked for. What it meant at submission is in :class:`~burnish.domain.inputs.JobInputs`.

    The annotations are the table of a job's options: command line, SDK, wire and ``docs/options.md``
    read it. A new option is a field here, its name in :class:`JobOptions`, and a field of
    ``PromptOptimizationJobConfig`` under the same name.

    Attributes:
        source_prompt_uris: ``prompts:/NAME/VERSION``, at least one; the first is the job's
            ``source_prompt_uri`` and the one whose answer is scored.
        dataset_id: ``None`` only for METAPROMPT without data, and for DISTILLATION from linked traces.
        inputs: variable → expression; without one a variable is the column of its name.
        scorers: as the user wrote them, see :class:`~burnish.domain.score.ScorerSpec`.
        optimizer_config: ``optimizer_config_json`` on the wire.
        reflection_model: ``None`` where none is needed.
        teacher_prompt_uri: MLflow's field; the key in ``optimizer_config`` says the same.
        app: runs in the place of ``model``; ``None``: the prompts are asked of the model themselves.
    """

    source_prompt_uris: tuple[str, ...]
    dataset_id: Annotated[
        str | None, Option("MLflow's id of the dataset (d-…).", flag="--dataset", metavar="ID")
    ] = None
    inputs: Annotated[
        Mapping[str, str],
        Option(
            "Where a variable stands in nested records, as a JMESPath expression "
            "(question=messages[-1].content); repeat for several.",
            flag="--input",
            metavar="VARIABLE=PATH",
        ),
    ] = field(default_factory=dict)
    scorers: Annotated[
        tuple[str, ...],
        Option(
            "NAME[:ARGUMENT][=WEIGHT|=must], such as exact_match; repeat for several.",
            flag="--scorer",
            metavar="SCORER",
        ),
    ] = ()
    optimizer_type: Annotated[
        OptimizerType,
        Option(
            f"The search algorithm: {', '.join(kind.cli_name for kind in OptimizerType)}.",
            flag="--optimizer",
            metavar="NAME",
            default_text=DEFAULT_OPTIMIZER.cli_name,
            read=OptimizerType.parse,
        ),
    ] = DEFAULT_OPTIMIZER
    optimizer_config: Annotated[
        Mapping[str, Any],
        Option(
            "The optimizer's own settings, a JSON object.",
            metavar="JSON",
            default_text="",
            read=parse_settings,
        ),
    ] = field(default_factory=dict)
    model: Annotated[
        str | None,
        Option(
            "Model that answers, such as openai:/gpt-4o-mini.",
            metavar="URI",
            default_text="the prompt's own",
        ),
    ] = None
    reflection_model: Annotated[str | None, Option("Model that writes proposals.", metavar="URI")] = None
    teacher_prompt_uri: Annotated[
        str | None,
        Option(
            "Prompt version that a distillation learns from; without a dataset the traces linked to it are "
            "the data.",
            flag="--teacher-prompt",
            metavar="URI",
        ),
    ] = None
    budget: Budget = field(default_factory=Budget)
    split: Annotated[
        SplitFractions | None,
        Option(
            "Shares of train/validation/test; left out, the optimizer's own: 0.5/0.25/0.25, of factorial and "
            "auto 0.45/0.2/0.35.",
            metavar="A/B/C",
            read=SplitFractions.parse,
        ),
    ] = None
    seed: Annotated[int, Option("Seed of every random choice.", least=0, most=2**32 - 1)] = 0
    concurrency: Annotated[
        int, Option("Evaluations in flight, and at most as many reflections beside them.", least=1, most=1000)
    ] = 8
    max_output_tokens: Annotated[
        int | None, Option("Cap on each answer of the target model, in tokens.", least=1, most=1_000_000)
    ] = None
    call_timeout_seconds: Annotated[
        float,
        Option("Seconds to wait for one answer.", flag="--call-timeout", least=0.1, most=3600),
    ] = 60.0
    failure_share: Annotated[
        float,
        Option("The job fails when more than this share of its recent calls failed.", least=0.0, most=1.0),
    ] = 0.5
    max_unscored_share: Annotated[
        float,
        Option(
            "The job fails when a scorer has no opinion on more than this share of the answers.",
            least=0.0,
            most=1.0,
        ),
    ] = 0.5
    thinking: Annotated[
        Thinking, Option("Whether <think>…</think> in front of an answer is left out of what is scored.")
    ] = Thinking.STRIP
    register: Annotated[
        RegisterPolicy,
        Option(
            "When to register the winner: if the sealed test says it is improved, if it did better there "
            "at all, always, or never."
        ),
    ] = RegisterPolicy.IMPROVED
    traces: Annotated[
        TracePolicy,
        Option(
            "Which evaluations become MLflow traces when the job has completed: none, those of source and "
            "winner on validation and test, or all."
        ),
    ] = TracePolicy.FINALISTS
    app: App | None = None

    @property
    def fractions(self) -> SplitFractions:
        """The split that was asked for; else the optimizer's own."""
        return self.split or SplitFractions(*self.optimizer_type.info.split)

    @classmethod
    def options(cls) -> tuple[OptionRow, ...]:
        """The table, in the order of ``--help``; a budget's limits among them."""
        return _options()

    def problems(self) -> list[Problem]:
        """What is wrong with the numbers in themselves; what they name is for the planner to check."""
        found = self.budget.problems()
        for row in self.options():
            least, most = row.option.least, row.option.most
            part = getattr(self, row.group) if row.group else self
            value = None if least is None or part is None else getattr(part, row.name)
            if value is not None and not least <= value <= most:
                name = f"{row.group}.{row.name}" if row.group else row.name
                found.append(Problem(f"config.{name}", str(value), f"must be from {least} to {most}"))
        if self.teacher_prompt_uri is not None:
            found += self._teacher_problems(self.teacher_prompt_uri)
        return found + (self.app.problems() if self.app else [])

    @property
    def optimizer_settings(self) -> Mapping[str, Any]:
        """``optimizer_config`` with what MLflow has a field for."""
        if self.teacher_prompt_uri is None:
            return self.optimizer_config
        return {**self.optimizer_config, "teacher_prompt_uri": self.teacher_prompt_uri}

    def _teacher_problems(self, uri: str) -> list[Problem]:
        if self.optimizer_type is not OptimizerType.DISTILLATION:
            remedy = f"goes with {OptimizerType.DISTILLATION.cli_name}; choose that, or leave it out"
        elif self.optimizer_config.get("teacher_prompt_uri", uri) != uri:
            remedy = "must be the same as in optimizer_config where both are given"
        else:
            return []
        return [Problem("config.teacher_prompt_uri", uri, remedy)]


@cache
def _options() -> tuple[OptionRow, ...]:
    return tuple(option_rows(JobConfig))


FREE_BESIDE_INPUTS = frozenset(
    {
        "budget",
        "concurrency",
        "call_timeout_seconds",
        "failure_share",
        "max_unscored_share",
        "thinking",
        "register",
        "traces",
    }
)
"""Options in which jobs on the same inputs may differ; every other one decides what the inputs are."""


class JobOptions(TypedDict, total=False):
    """The fields of :class:`JobConfig` as keyword arguments of the SDK, where a type checker sees them.

    Keys:
        optimizer_type: such as ``"joint-search"``, which is the default.
        further_source_prompt_uris: prompts to optimize together with the first.
    """

    dataset_id: str | None
    inputs: Mapping[str, str]
    scorers: Sequence[str]
    optimizer_type: OptimizerType | str
    optimizer_config: Mapping[str, Any]
    model: str | None
    reflection_model: str | None
    teacher_prompt_uri: str | None
    budget: Budget
    split: SplitFractions | None
    seed: int
    concurrency: int
    max_output_tokens: int | None
    call_timeout_seconds: float
    failure_share: float
    max_unscored_share: float
    thinking: Thinking | str
    traces: TracePolicy | str
    register: RegisterPolicy | str
    app: App | None
    further_source_prompt_uris: Sequence[str]


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
        detectable: the smallest true difference that a test like this one calls IMPROVED four times of
            five; ``None``: it is too small for any verdict, or an earlier version made it.
    """

    __test__ = False  # not a test class, whatever pytest thinks

    initial: float
    final: float
    difference: float
    ci_low: float
    ci_high: float
    examples: int
    detectable: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as the store has it. ``*_eval_scores`` hold ``aggregate`` and one entry for each scorer.

    Attributes:
        status_message: what it waits for; of a COMPLETED job, why its winner was registered or was not.
        deaths: attempts in a row that died with their worker and had finished no new call.
        retries: attempts in a row that failed for a cause outside the job and had finished no new call.
        calls_when_taken: finished calls in the journal when the latest attempt began.
        answers: calls by what became of them (:class:`~burnish.domain.answer.AnswerOutcome`).
        best_score: the highest aggregate on validation so far, the source's included; known while it runs.
        inputs: what it runs on; ``None`` for a job of an earlier version that has not begun again.
        score_ranges: scorer name → range of its own numbers (``1-5``), where that is declared.
        unscored_answers: scorer name → answers it had no opinion on, where there were any.
        workspace: MLflow's, in which its experiment is.
        created_by, canceled_by, resumed_by, registered_by, promoted_by: the user who did it last; ``None``:
            nobody, the server itself, or somebody who gave no name.
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
    retries: int = 0
    calls_when_taken: int = 0
    run_id: str | None = None
    optimized_prompt_uris: tuple[str, ...] = ()
    best_candidate_id: str | None = None
    best_score: float | None = None
    initial_eval_scores: Mapping[str, float] = field(default_factory=dict)
    final_eval_scores: Mapping[str, float] = field(default_factory=dict)
    test_scores: TestScores | None = None
    verdict: Verdict | None = None
    stop_reason: StopReason | None = None
    usage: UsageByRole = field(default_factory=UsageByRole)
    warnings: tuple[str, ...] = ()
    answers: Mapping[str, int] = field(default_factory=dict)
    score_ranges: Mapping[str, str] = field(default_factory=dict)
    unscored_answers: Mapping[str, int] = field(default_factory=dict)
    inputs: InputSummary | None = None
    workspace: str = DEFAULT_WORKSPACE
    created_by: str | None = None
    canceled_by: str | None = None
    resumed_by: str | None = None
    registered_by: str | None = None
    promoted_by: str | None = None

    @property
    def origin(self) -> Origin:
        """Who made it."""
        return Origin.of(self.job_id)

    @property
    def kind(self) -> JobKind:
        """Whether it optimizes an app's prompts, or prompts by themselves."""
        return JobKind.APP if self.config.app else JobKind.PROMPT

    def raw_scores(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Means in the scorers' own numbers, of those whose range is another than [0, 1]."""
        ranges = {name: ScoreRange.find(text) for name, text in self.score_ranges.items()}
        return {name: span.raw(scores[name]) for name, span in ranges.items() if span and name in scores}

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

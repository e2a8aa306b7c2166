"""What an optimizer is. It knows nothing of stores, HTTP or MLflow.

Promises (``optimizers.testing.contract.OptimizerContract``), whatever the latency of answers:
    * the same task, seed and answers give the same candidates in the same order;
    * every proposal is checked (``search.validator``) before it costs an evaluation;
    * ``BudgetExhausted`` and ``CancelledError`` are let through; the worker keeps the best so far
      from what was observed;
    * nothing better found: the outcome's ``best`` is the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example
from burnish.domain.edit import EditReport
from burnish.domain.job import StopReason
from burnish.domain.prompt import Message, Template, is_jinja, variables_of
from burnish.evaluation.protocol import Evaluate, Means
from burnish.llm.protocol import Completion, Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to optimize.

    Attributes:
        source: the candidate to beat.
        train: learn from these.
        validation: choose between candidates with these.
        seed: of every random choice.
        concurrency: evaluations worth keeping in flight.
        max_calls: the job's call limit less what is held for the sealed test, the source on validation
            included; the search sizes itself to end within it, and the gateway enforces it. ``None``:
            unlimited.
        teacher: what the reflection model answers to the same prompts, scored by the same scorers;
            ``None`` where the job names no such model.
        of_app: the prompts are those of an app, which fills them in itself.
        keep_room: holds so many calls of the budget back from now on, in the place of those held before, for
            a check at the end that must not fall to calls which were lost or paid twice; 0 gives them free.
    """

    source: Candidate
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    seed: int = 0
    concurrency: int = 8
    max_calls: int | None = None
    teacher: Evaluate | None = None
    of_app: bool = False
    keep_room: Callable[[int], None] = lambda calls: None

    @property
    def scored(self) -> str | None:
        """Name of the prompt whose answers the scorers see; ``None``: nobody knows."""
        return scored_prompt(self.source.texts, self.train) if self.of_app else next(iter(self.source.texts))

    @property
    def jinja(self) -> bool:
        """Whether the prompt whose answers are scored, the first, is a Jinja template."""
        return is_jinja(next(iter(self.source.texts.values())))


NO_WORKED_EXAMPLES = (
    "shows records as worked examples, and none is one of what these prompts answer: they are several, or "
    "are given other things than a record's inputs; take gepa, metaprompt, joint-search or factorial"
)
"""Why an optimizer that only demonstrates cannot work on an app."""


def scored_prompt(texts: Mapping[str, Template], examples: Sequence[Example]) -> str | None:
    """Of an app's prompts the one whose answers the scorers see: its only one, where an example's inputs are
    all it is given. ``None``: what each is given and answers is the app's affair."""
    if len(texts) != 1:
        return None
    ((name, template),) = texts.items()
    variables = variables_of(template)
    return name if variables and all(variables <= example.inputs.keys() for example in examples) else None


class Reflect(Protocol):
    """Ask the reflection model (or the teacher). Equal (messages, sample) are the same call, paid once.

    What comes back may be no answer: ``prompts.delimiters`` reads it.

    Raises:
        BudgetExhausted, ModelError
    """

    async def __call__(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion: ...


class Observe(Protocol):
    """How an optimizer reports what it does. Calls are cheap, in-process and must come in a
    deterministic order; the worker turns them into records and events."""

    def candidate(
        self,
        candidate: Candidate,
        status: CandidateStatus,
        *,
        means: Means | None = None,
        reason: str = "",
        objectives: Mapping[str, float] | None = None,
    ) -> None:
        """A candidate was proposed, measured on validation, accepted, rejected or refused.

        ``ACCEPTED`` with ``means`` makes it the best so far when its aggregate is the highest seen.
        """
        ...

    def proposal(
        self, number: int, parent: Candidate, outcome: str = "", candidate: Candidate | None = None
    ) -> None:
        """A proposal was launched, and, with its outcome, has ended.

        Args:
            number: in the order of launches, from 1.
            candidate: what it left, if anything.
        """
        ...

    def edit(self, report: EditReport) -> None:
        """An edit was proposed, given up, or settled at the end of the search."""
        ...

    def forecast(self, calls: int, expected_gain: float, minimum_gain: float) -> None:
        """What the next hundred calls may be expected to gain in the mean score, after ``calls`` of them; the
        search ends when that is less than ``minimum_gain``."""
        ...

    def phase(self, phase: str, total: int, unit: str = "evaluations") -> None:
        """A phase begins: ``total`` units are expected."""
        ...

    def warning(self, message: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a search found. ``best`` is the source when nothing beat it; ``means`` are on validation."""

    best: Candidate
    means: Means
    stop_reason: StopReason = StopReason.FINISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEstimate:
    """How many calls a search will make, from the least that works to the most it could use."""

    target_low: int
    target_high: int
    reflection_low: int = 0
    reflection_high: int = 0
    warnings: tuple[str, ...] = field(default_factory=tuple)


class Optimizer(Protocol):
    """A search algorithm, made from its settings (see ``optimizers.registry``)."""

    @property
    def needs_reflection(self) -> bool:
        """Whether it cannot work without a reflection model."""
        ...

    @property
    def only_demonstrates(self) -> bool:
        """Whether all it does is to show examples in the prompt whose answers are scored."""
        ...

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        """Calls of the search alone, for splits of these sizes (source on validation included).

        Args:
            max_calls: evaluations that the job's limit pays for, one call each; ``None``: no limit.
        """
        ...

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome: ...

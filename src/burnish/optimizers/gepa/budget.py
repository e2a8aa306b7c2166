"""The budget of one search: how it is sized before, and what may still be spent while it runs.

It is kept in evaluations, so that decisions never depend on timing.
"""

from __future__ import annotations

from dataclasses import dataclass

from burnish.domain.job import StopReason
from burnish.errors import InvalidInput
from burnish.optimizers.gepa.settings import GepaConfig
from burnish.optimizers.protocol import CallEstimate
from burnish.optimizers.settings import FIELD


@dataclass(frozen=True, slots=True)
class Cost:
    """New evaluations (one candidate on one example) and questions to the reflection model."""

    evaluations: int = 0
    reflections: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.evaluations + other.evaluations, self.reflections + other.reflections)

    def __mul__(self, times: int) -> Cost:
        return Cost(self.evaluations * times, self.reflections * times)


@dataclass(slots=True, kw_only=True)
class SearchBudget:
    """What may be spent, and what the proposals committed so far have spent.

    Attributes:
        max_evaluations: ``max_metric_calls``.
        max_reflections: questions to the reflection model.
        max_calls: the job's, over evaluations and reflections together; ``None``: no limit.
        calls_per_evaluation: the target's call, and the judges' where there are some.
    """

    max_evaluations: int
    max_reflections: int
    max_calls: int | None = None
    calls_per_evaluation: int = 1
    spent: Cost = Cost()

    def has_room_for(self, *costs: Cost) -> bool:
        """Whether all of these fit on top of what is spent."""
        would = sum(costs, self.spent)
        calls = would.evaluations * self.calls_per_evaluation + would.reflections
        return (
            would.evaluations <= self.max_evaluations
            and would.reflections <= self.max_reflections
            and (self.max_calls is None or calls <= self.max_calls)
        )

    def pay(self, cost: Cost) -> None:
        self.spent = self.spent + cost


PROPOSALS = 30
VALIDATIONS = 10
"""What a search without any limit gets."""

FEW_PROPOSALS = 6
"""Where fewer than these can be tried, luck decides."""

LOOKAHEAD_AT_MOST = 12
"""Beyond it, proposals are made that know too little of each other."""

COMPONENTS_AT_ONCE = 8
"""Room for this many where every proposal rewrites all components; how many there are is not known here."""


class BudgetPlan:
    """The size of one search.

    Args:
        validation: examples in the validation split.
        max_calls: the job's limit, as ``Task.max_calls``.
        calls_per_evaluation: the target's call, and the judges'.

    Attributes:
        validation_size: examples that choose between candidates.
        evaluations: the most it makes, the source's on validation included.
        stop_reason: of a search that makes all of them.
    """

    def __init__(
        self, config: GepaConfig, validation: int, max_calls: int | None, calls_per_evaluation: int = 1
    ) -> None:
        self._settings = settings = config.settings
        self._max_metric_calls = settings.max_metric_calls
        self._max_calls = max_calls
        self._calls_per_evaluation = calls_per_evaluation
        self._validation = validation
        self._components = COMPONENTS_AT_ONCE if config.kwargs.module_selector == "all" else 1
        self._minibatches = 2 * config.minibatch_size  # parent and child
        self._minibatches_of_one = 3 * config.minibatch_size  # and the one it is rebased onto
        self.validation_size = min(settings.validation_size or validation, validation)
        self._final = validation - self.validation_size  # the winner on the rest of the split
        default = (
            validation + self._final + PROPOSALS * self._minibatches + VALIDATIONS * self.validation_size
        )
        limits = [] if settings.max_metric_calls is None else [settings.max_metric_calls]
        limits += [] if max_calls is None else [max_calls // calls_per_evaluation]
        self.stop_reason = StopReason.BUDGET if limits else StopReason.FINISHED
        self.evaluations = min(limits, default=default)

    @property
    def least(self) -> int:
        """Evaluations of the source, of one proposal that may be rebased, and of its validation."""
        return 2 * self._validation + self._minibatches_of_one

    def lookahead(self, concurrency: int) -> int:
        """Proposals in flight, for a job of this concurrency."""
        calls = self._settings.concurrency or concurrency
        pays_for = (self.evaluations - 2 * self._validation) // self._minibatches_of_one
        return self._settings.lookahead or max(1, min(LOOKAHEAD_AT_MOST, calls * 3 // 4, pays_for // 2))

    @property
    def is_enough(self) -> bool:
        """Whether a single proposal can be seen through."""
        return self.evaluations >= self.least

    @property
    def most_reflections(self) -> int:
        """Two questions for each component of each proposal, if all of them were lost."""
        proposals = (self.evaluations - self._validation) // self._minibatches
        return max(3, 2 * proposals) * self._components

    @property
    def warning(self) -> str:
        """What to say of a small budget; empty when it is large enough."""
        proposals = (self.evaluations - 2 * self._validation) // self._minibatches
        if not self.is_enough:
            return (
                f"{self.evaluations} evaluations leave GEPA no room for a proposal: the source on "
                f"validation, three minibatches and a validation take {self.least}, which is the least that "
                f"is accepted; so that the result is more than luck, {self._remedy}"
            )
        if proposals >= FEW_PROPOSALS:
            return ""
        return (
            f"{self.evaluations} evaluations pay for the source on validation and {proposals} proposals, "
            f"one of them validated: the result will be luck; {self._remedy}"
        )

    def estimate(self) -> CallEstimate:
        """As :meth:`Optimizer.estimate`.

        Raises:
            InvalidInput: ``max_metric_calls`` itself is too small.
        """
        if self._max_metric_calls is not None and self._max_metric_calls < self.least:
            raise InvalidInput.of(f"{FIELD}.max_metric_calls", self._max_metric_calls, self.warning)
        most_reflections = self.most_reflections
        if self._max_calls is not None:
            most_reflections = min(most_reflections, self._max_calls)
        return CallEstimate(
            target_low=self.least,
            target_high=max(self.least, self.evaluations),
            reflection_low=1,
            reflection_high=most_reflections,
            warnings=(self.warning,) if self.warning else (),
        )

    def budget(self) -> SearchBudget:
        """The budget, from which the source's validation has been paid."""
        return SearchBudget(
            max_evaluations=self.evaluations,
            max_reflections=self.most_reflections,
            max_calls=self._max_calls,
            calls_per_evaluation=self._calls_per_evaluation,
            spent=Cost(evaluations=self._validation),
        )

    @property
    def _remedy(self) -> str:
        plenty = self.least + (PROPOSALS - 1) * self._minibatches + 3 * self.validation_size
        return f"give it {plenty} or more (max_metric_calls, max_calls), or a smaller validation split"

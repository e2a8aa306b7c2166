"""The budget of one search, kept in evaluations, so that its decisions never depend on timing."""

from __future__ import annotations

from dataclasses import dataclass


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
class Purse:
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

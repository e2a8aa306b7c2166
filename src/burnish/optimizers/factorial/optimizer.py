"""FACTORIAL: every call tests a randomized set of small edits; one model shares what all calls tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from burnish.domain.candidate import CandidateStatus
from burnish.domain.job import StopReason
from burnish.errors import BudgetExhausted, OptimizerFailed
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.factorial.final import FEWEST_TO_REWRITE, Final
from burnish.optimizers.factorial.pool import Entry
from burnish.optimizers.factorial.search import FIRST_LOOK, Search
from burnish.optimizers.factorial.settings import FactorialSettings, Method
from burnish.optimizers.protocol import CallEstimate, Observe, Outcome, Reflect, Task
from burnish.optimizers.search.rounds import calls_of_one_evaluation
from burnish.optimizers.settings import CommonSettings, read_settings

PERFECT = 1.0
LEAST_ROUNDS = 20
"""Evaluations on training examples, beyond the first look, below which a search makes no sense."""

REWRITE_SHARE = 0.05
"""Of the budget: room is held for the written-out winner where it takes no more."""

_TARGET_CHECKS = 3


class Factorial:
    """See the module. Made by :meth:`from_settings`.

    Args:
        method: parts to leave out, for benchmarks.
    """

    settings_class: ClassVar[type[CommonSettings]] = FactorialSettings
    needs_reflection = False
    only_demonstrates = False

    def __init__(self, settings: FactorialSettings, method: Method | None = None) -> None:
        self._settings = settings
        self._method = method or Method()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Factorial:
        """
        Raises:
            InvalidInput: an unknown setting or a wrong value.
        """
        return cls(read_settings(FactorialSettings, settings))

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        low = 2 * validation + min(train, FIRST_LOOK) + LEAST_ROUNDS
        most = self._limit(validation, None, 1)
        high = most if max_calls is None else max(low, min(most, max_calls))
        questions = self._settings.failure_tries * train + self._settings.rewordings + 1
        warnings = []
        if max_calls is not None and low <= max_calls < low + 100:
            warnings.append(
                f"{max_calls} calls leave {max_calls - low + LEAST_ROUNDS} for testing edits; "
                f"{low + 200} or more would allow the search to learn from what it finds"
            )
        return CallEstimate(
            target_low=low,
            target_high=high,
            reflection_high=min(questions, max(0, high - 2 * validation)),
            warnings=tuple(warnings),
        )

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        """
        Raises:
            OptimizerFailed: there is nothing to learn from, or nothing to choose with.
        """
        if not task.validation or not task.train:
            raise OptimizerFailed(
                "FACTORIAL needs training and validation examples; give both a share of the data"
            )
        settings = self._settings
        source = await evaluate(task.source, task.validation)
        if source.aggregate >= PERFECT:
            return Outcome(best=task.source, means=source, stop_reason=StopReason.NO_HEADROOM)
        if source.aggregate >= settings.target_score:
            return Outcome(best=task.source, means=source, stop_reason=StopReason.TARGET_REACHED)
        cost = calls_of_one_evaluation(source)
        limit = self._limit(len(task.validation), task.max_calls, cost)
        final_calls = len(task.validation) * cost
        rewrites = settings.rewrite and reflect is not None and final_calls + 1 <= REWRITE_SHARE * limit
        reserved = final_calls + (final_calls + 1 if rewrites else 0)
        search = Search(
            task,
            evaluate,
            reflect,
            observe,
            settings,
            self._method,
            source=source,
            limit=limit,
            reserved=reserved,
        )
        final = Final(task, evaluate, observe, search, source, cost, self._method.shrinkage)
        observe.phase("search", limit, "calls")
        return await self._run(search, final, reflect)

    async def _run(self, search: Search, final: Final, reflect: Reflect | None) -> Outcome:
        settings, task, cost = self._settings, final.task, final.cost
        each = len(task.validation) * cost
        best, means = task.source, final.source
        kept: list[Entry] = []
        reached = False
        for _ in range(_TARGET_CHECKS):
            task.keep_room(search.reserved)
            await search.run()
            task.keep_room(0)
            try:
                best, means, kept = await final.choose(search.limit - search.spent)
            except BudgetExhausted as exhausted:
                return self._unchecked(search, final, exhausted)
            reached = final.is_whole(means) and means.aggregate >= settings.target_score
            missed = search.stop_reason is StopReason.TARGET_REACHED and not reached
            if not missed or search.exhausted is not None or search.left < 2 * each:
                break
            search.target = min(PERFECT, search.target + max(0.01, search.target - means.aggregate))
            search.stop_reason = None
        stop_reason = search.stop_reason or StopReason.FINISHED
        if reached:
            stop_reason = StopReason.TARGET_REACHED
        elif stop_reason is StopReason.TARGET_REACHED:
            stop_reason = StopReason.BUDGET
        final.report_edits(kept)
        if search.exhausted is not None and not kept:
            raise search.exhausted
        roomy = search.limit - search.spent >= each + 1 and final.is_whole(means)
        if settings.rewrite and reflect is not None and roomy and len(kept) >= FEWEST_TO_REWRITE:
            best, means = await final.rewritten(reflect, best, means)
        return Outcome(best=best, means=means, stop_reason=stop_reason)

    def _unchecked(self, search: Search, final: Final, exhausted: BudgetExhausted) -> Outcome:
        """A limit ended the search, and there is no room left to check what it found.

        The sealed test has its own room, and decides.

        Raises:
            BudgetExhausted: nothing was found that is likely to do good.
        """
        kept = search.pool.careful(self._settings.settled_above)
        final.report_edits(kept)
        admitted = None
        if kept:
            candidate = search.composer.candidate([entry.edit for entry in kept], f"{len(kept)} edits")
            admitted = search.admit(candidate, kept)
        if admitted is None:
            raise exhausted
        gain = search.pool.gain(kept)
        final.observe.candidate(
            admitted,
            CandidateStatus.ACCEPTED,
            reason=f"not checked, the budget ended; expected gain {gain.mean:+.3f} ± {1.96 * gain.sd:.3f}",
        )
        final.observe.warning(f"the budget ended the search: {exhausted}")
        return Outcome(best=admitted, means=Means(evaluations=()), stop_reason=StopReason.BUDGET)

    def _limit(self, validation: int, max_calls: int | None, cost: int) -> int:
        """Calls of the whole search."""
        most = self._settings.search_calls * cost + 3 * validation * cost + 1
        return most if max_calls is None else min(most, max_calls)

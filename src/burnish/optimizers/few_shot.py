"""FEW_SHOT: worked examples in the prompt, and the search for the subset that helps most.

A demonstration is a training example with the answer the prompt itself gave, if that passed the
scorers (bootstrapping, after DSPy's BootstrapFewShot: Khattab et al., 2023), or with its expected
response. Where neither exists, the model behind ``reflect`` answers as a teacher.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from burnish.domain.dataset import Example
from burnish.domain.job import StopReason
from burnish.domain.prompt import render
from burnish.errors import BudgetExhausted, InvalidInput
from burnish.evaluation.protocol import Evaluate
from burnish.optimizers.champion import Champion
from burnish.optimizers.demonstrations import Demonstration, labelled, showable
from burnish.optimizers.effort import FINALISTS, Effort, calls_of_one_evaluation
from burnish.optimizers.proposals import Gate
from burnish.optimizers.protocol import CallEstimate, Observe, Outcome, Reflect, Task
from burnish.optimizers.race import Race
from burnish.optimizers.settings import FIELD, CommonSettings, read_settings
from burnish.optimizers.side_by_side import side_by_side
from burnish.optimizers.subsets import SubsetSearch

ENOUGH_TRACES = 2  # times the most demonstrations: enough to choose from


class FewShotSettings(CommonSettings):
    """
    Attributes:
        max_demonstrations: in one prompt.
        trials: subsets to try at most.
        width: subsets raced side by side.
        bootstrap_examples: training examples the prompt itself answers at most, to find passing traces.
        pass_score: the aggregate from which a trace passes.
    """

    max_demonstrations: int = Field(default=6, ge=1)
    trials: int = Field(default=24, ge=1)
    width: int = Field(default=6, ge=1)
    bootstrap_examples: int = Field(default=24, ge=0)
    pass_score: float = Field(default=1.0, gt=0, le=1)


class FewShot:
    """See the module. Made by :meth:`from_settings`."""

    needs_reflection = False

    def __init__(self, settings: FewShotSettings) -> None:
        self._settings = settings

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> FewShot:
        """
        Raises:
            InvalidInput: an unknown setting or a wrong value.
        """
        found = read_settings(FewShotSettings, settings)
        if found.refuse_copied_examples:
            remedy = (
                "FEW_SHOT puts training examples into the prompt; leave this out or take another optimizer"
            )
            raise InvalidInput.of(f"{FIELD}.refuse_copied_examples", True, remedy)
        return cls(found)

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        effort = self._effort(validation)
        bootstrap = min(train, self._settings.bootstrap_examples)
        low = validation + bootstrap + effort.least_evaluations
        high = validation + bootstrap + effort.most_evaluations
        return CallEstimate(
            target_low=low,
            target_high=high if max_calls is None else max(low, min(high, max_calls)),
            reflection_high=min(train, self._enough),
        )

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        champion = await Champion.of_source(task, evaluate, self._settings, observe)
        if reason := champion.stop_reason():
            return champion.outcome(reason)
        observe.phase("bootstrap", min(len(task.train), self._settings.bootstrap_examples))
        pools, spent = await self._pools(task, evaluate, reflect, champion)
        if not pools:
            observe.warning(
                "no training example can stand in the prompt: no passing trace, no expected response"
            )
            return champion.outcome()
        allowance = self._effort(len(task.validation)).allowance(task, champion.means, spent)
        race = Race(task.validation, evaluate, champion, allowance, task.seed)
        search = SubsetSearch(task, pools, self._settings.max_demonstrations)
        gate = Gate(task, self._settings, observe)
        observe.phase("search", allowance)
        stop_reason = StopReason.FINISHED
        left = self._settings.trials
        while left > 0:
            room = race.room_for(min(self._settings.width, left))
            entrants = search.draw(room, champion.candidate, gate)
            if not entrants:
                stop_reason = StopReason.FINISHED if room else StopReason.BUDGET
                break
            left -= len(entrants)
            await race.run(entrants)
            observe.advance(allowance - race.allowance)
            if champion.stop_reason():
                break
        await race.final(FINALISTS)
        observe.advance(allowance - race.allowance)
        return champion.outcome(champion.stop_reason() or stop_reason)

    async def _pools(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, champion: Champion
    ) -> tuple[list[list[Demonstration]], int]:
        """What may be shown, traces and expected responses apart, and the calls that took."""
        order = list(task.train)
        random.Random(f"{task.seed}/bootstrap").shuffle(order)
        traces, measured = await self._traces(order, evaluate, champion)
        spent = measured * calls_of_one_evaluation(champion.means)
        labels = labelled(order)
        if not traces and not labels and reflect is not None:
            traces = await self._taught(task, order[: self._enough], reflect)
            spent += min(len(order), self._enough)
        return [pool for pool in (traces, labels) if pool], spent

    async def _traces(
        self, order: Sequence[Example], evaluate: Evaluate, champion: Champion
    ) -> tuple[list[Demonstration], int]:
        """Answers of the source prompt that passed; not looked for when none passed on validation."""
        traces: list[Demonstration] = []
        measured = 0
        if not any(e.aggregate >= self._settings.pass_score for e in champion.means.evaluations):
            return traces, measured
        for start in range(0, min(len(order), self._settings.bootstrap_examples), self._settings.width):
            batch = order[start : min(start + self._settings.width, self._settings.bootstrap_examples)]
            means = await evaluate(champion.source, batch)
            measured += len(batch)
            for example, evaluation in zip(batch, means.evaluations, strict=True):
                trace = Demonstration(example, evaluation.output.strip())
                if evaluation.aggregate >= self._settings.pass_score and showable(trace):
                    traces.append(trace)
            if len(traces) >= self._enough:
                break
        return traces, measured

    async def _taught(self, task: Task, order: Sequence[Example], reflect: Reflect) -> list[Demonstration]:
        """The teacher's answers to the source prompt, where nothing says what is expected."""
        template = next(iter(task.source.texts.values()))
        answers = await side_by_side(reflect(render(template, example.inputs)) for example in order)
        taught = []
        for example, answer in zip(order, answers, strict=True):
            if isinstance(answer, BudgetExhausted):
                raise answer
            taught.append(Demonstration(example, answer.strip()))
        return [demonstration for demonstration in taught if showable(demonstration)]

    @property
    def _enough(self) -> int:
        return ENOUGH_TRACES * self._settings.max_demonstrations

    def _effort(self, validation: int) -> Effort:
        return Effort(self._settings.trials, self._settings.width, validation)

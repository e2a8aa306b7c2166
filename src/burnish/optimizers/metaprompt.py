"""METAPROMPT: the reflection model rewrites the whole prompt, several ways side by side, for some rounds.

Takes the settings of MLflow's ``MetaPromptOptimizer`` (``reflection_model``, ``guidelines``,
``lm_kwargs``). Without data it rewrites once, unmeasured, as MLflow's does; with data each round shows
where the best prompt so far fails, and only what is better on validation wins.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example
from burnish.domain.feedback import feedback
from burnish.domain.job import StopReason
from burnish.domain.prompt import Message
from burnish.errors import BudgetExhausted, InvalidInput, ModelError, OptimizerFailed
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.champion import Champion
from burnish.optimizers.effort import FINALISTS, Effort, calls_of_one_evaluation
from burnish.optimizers.proposals import Gate
from burnish.optimizers.protocol import CallEstimate, Observe, Outcome, Reflect, Task
from burnish.optimizers.race import Race
from burnish.optimizers.rewriting import Rewrite, again, read_prompts
from burnish.optimizers.settings import CommonSettings, SamplingOptions, read_settings
from burnish.optimizers.side_by_side import side_by_side


class MetapromptSettings(CommonSettings):
    """
    Attributes:
        guidelines: the user's own words for the reflection model.
        lm_kwargs: options of its calls: ``temperature``, ``max_tokens``, ``top_p``, ...
        rounds: each starts from the best so far.
        width: rewrites side by side in each round.
        retries: how often a rewrite that cannot be used is asked for again, with the reason.
        feedback_examples: training examples shown in each round.
        feedback_tokens: length of what is shown, tokens.
    """

    guidelines: str | None = None
    lm_kwargs: SamplingOptions = Field(default_factory=SamplingOptions)
    rounds: int = Field(default=3, ge=1)
    width: int = Field(default=4, ge=1)
    retries: int = Field(default=1, ge=0)
    feedback_examples: int = Field(default=8, ge=1)
    feedback_tokens: int = Field(default=4000, ge=100)


class Metaprompt:
    """See the module. Made by :meth:`from_settings`."""

    needs_reflection = True

    def __init__(self, settings: MetapromptSettings) -> None:
        self._settings = settings

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Metaprompt:
        """
        Raises:
            InvalidInput: an unknown setting or a wrong value.
        """
        return cls(read_settings(MetapromptSettings, settings))

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        settings = self._settings
        tries = 1 + settings.retries
        if not validation:
            return CallEstimate(target_low=0, target_high=0, reflection_low=1, reflection_high=tries)
        shown = min(train, settings.feedback_examples)
        effort = self._effort(validation)
        low = validation + shown + effort.least_evaluations
        high = validation + settings.rounds * shown + effort.most_evaluations
        return CallEstimate(
            target_low=low,
            target_high=high if max_calls is None else max(low, min(high, max_calls)),
            reflection_low=settings.width * tries,
            reflection_high=settings.rounds * settings.width * tries,
        )

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        """
        Raises:
            OptimizerFailed: there is no reflection model.
        """
        if reflect is None:
            raise OptimizerFailed("METAPROMPT needs a reflection model; name one in reflection_model")
        writer = _Writer(self._settings, reflect, Gate(task, self._settings, observe), observe)
        if not task.validation:
            return await self._unmeasured(task, writer, observe)
        champion = await Champion.of_source(task, evaluate, self._settings, observe)
        if reason := champion.stop_reason():
            return champion.outcome(reason)
        allowance = self._allowance(task, champion)
        race = Race(task.validation, evaluate, champion, allowance, task.seed)
        observe.phase("search", allowance)
        stop_reason = await self._rounds(task, evaluate, writer, champion, race)
        await race.final(FINALISTS)
        observe.advance(allowance - race.allowance)
        return champion.outcome(champion.stop_reason() or stop_reason)

    async def _rounds(
        self, task: Task, evaluate: Evaluate, writer: _Writer, champion: Champion, race: Race
    ) -> StopReason:
        settings = self._settings
        each = calls_of_one_evaluation(champion.means)
        for number in range(settings.rounds):
            shown = _shown(task, number, settings.feedback_examples)
            race.allowance -= len(shown) + math.ceil(settings.width * (1 + settings.retries) / each)
            room = race.room_for(settings.width)
            if not room:
                return StopReason.BUDGET
            means = await evaluate(champion.candidate, shown)
            asked = [
                Rewrite(
                    parent=champion.candidate,
                    feedback=feedback(means.evaluations, shown, settings.feedback_tokens) if shown else "",
                    guidelines=settings.guidelines or "",
                    number=rewrite,
                )
                for rewrite in range(room)
            ]
            candidates = await writer.write(asked, number)
            if candidates:
                await race.run(candidates)
            if reason := champion.stop_reason():
                return reason
        return StopReason.FINISHED

    async def _unmeasured(self, task: Task, writer: _Writer, observe: Observe) -> Outcome:
        """One rewrite, taken as it is when it can be used: there is nothing to measure it with."""
        observe.phase("rewrite", 1, "rewrites")
        rewrite = Rewrite(parent=task.source, guidelines=self._settings.guidelines or "")
        candidates = await writer.write([rewrite], 0)
        observe.advance(1)
        if not candidates:
            observe.warning("the reflection model wrote nothing that can be used; the source stays")
            return Outcome(best=task.source, means=Means(evaluations=()))
        observe.candidate(candidates[0], CandidateStatus.ACCEPTED, reason="not measured: there is no data")
        return Outcome(best=candidates[0], means=Means(evaluations=()))

    def _effort(self, validation: int) -> Effort:
        return Effort(self._settings.rounds * self._settings.width, self._settings.width, validation)

    def _allowance(self, task: Task, champion: Champion) -> int:
        """Evaluations, or calls of the reflection model in their place, beyond the source on validation."""
        settings, each = self._settings, calls_of_one_evaluation(champion.means)
        asked = math.ceil(settings.width * (1 + settings.retries) / each)
        shown = min(len(task.train), settings.feedback_examples)
        most = self._effort(len(task.validation)).most_evaluations + settings.rounds * (shown + asked)
        if task.max_calls is None:
            return most
        return min(most, max(0, task.max_calls // each - len(task.validation)))


@dataclass(slots=True)
class _Writer:
    """Asks for rewrites side by side, has them checked in launch order, asks again for what was refused."""

    settings: MetapromptSettings
    reflect: Reflect
    gate: Gate
    observe: Observe

    async def write(self, rewrites: Sequence[Rewrite], round_number: int) -> list[Candidate]:
        """
        Returns:
            What may be measured, in launch order.

        Raises:
            BudgetExhausted
            ModelError: a systemic one, or no rewrite of the first try was answered at all.
        """
        open_requests = {at: rewrite.messages() for at, rewrite in enumerate(rewrites)}
        admitted: dict[int, Candidate] = {}
        for _ in range(1 + self.settings.retries):
            answers = await self._ask(open_requests, round_number)
            still_open = {}
            for at, answer in answers.items():
                candidate, reasons = self._rule(
                    rewrites[at].parent, answer, f"rewrite {round_number + 1}.{at + 1}"
                )
                if candidate is not None:
                    admitted[at] = candidate
                else:
                    still_open[at] = again(open_requests[at], answer, reasons)
            open_requests = still_open
            if not open_requests:
                break
        return [admitted[at] for at in sorted(admitted)]

    def _rule(self, parent: Candidate, answer: str, origin: str) -> tuple[Candidate | None, Sequence[str]]:
        try:
            texts = read_prompts(answer, parent)
        except InvalidInput as error:
            reasons = [problem.remedy for problem in error.problems]
            self.observe.warning(f"{origin} was not understood: {'; '.join(reasons)}")
            return None, reasons
        ruling = self.gate.admit(Candidate(texts, parents=(parent.candidate_id,), origin=origin))
        return ruling.candidate, ruling.reasons

    async def _ask(self, requests: Mapping[int, Sequence[Message]], round_number: int) -> dict[int, str]:
        parameters = self.settings.lm_kwargs.parameters()

        async def one(at: int, messages: Sequence[Message]) -> str | ModelError:
            sample = round_number * self.settings.width + at
            try:
                return await self.reflect(messages, sample=sample, parameters=parameters)
            except ModelError as error:
                if error.systemic:
                    raise
                return error

        answers: dict[int, str] = {}
        failures: list[ModelError] = []
        results = await side_by_side(one(at, messages) for at, messages in requests.items())
        for at, result in zip(requests, results, strict=True):
            if isinstance(result, BudgetExhausted):
                raise result
            if isinstance(result, ModelError):
                failures.append(result)
                self.observe.warning(f"a rewrite was not answered: {result}")
            else:
                answers[at] = result
        if failures and not answers:
            raise failures[0]
        return answers


def _shown(task: Task, round_number: int, count: int) -> list[Example]:
    """The training examples of one round: the next ones of a seeded order, round and round."""
    order = list(task.train)
    random.Random(f"{task.seed}/feedback").shuffle(order)
    count = min(count, len(order))
    return [order[(round_number * count + at) % len(order)] for at in range(count)]

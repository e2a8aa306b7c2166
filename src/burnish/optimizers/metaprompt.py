"""METAPROMPT: the reflection model rewrites the whole prompt, several ways side by side, for some rounds.

Takes the settings of MLflow's ``MetaPromptOptimizer`` (``reflection_model``, ``guidelines``,
``lm_kwargs``). Without data it rewrites once, unmeasured, as MLflow's does; with data each round shows
where the best prompt so far fails, and only what is better on validation wins.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example
from burnish.domain.job import StopReason
from burnish.errors import OptimizerFailed
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.prompts.components import Components
from burnish.optimizers.prompts.proposal_format import ProposalFormat
from burnish.optimizers.prompts.rewriting import RewriteRequest
from burnish.optimizers.prompts.writer import Writer
from burnish.optimizers.protocol import CallEstimate, Observe, Outcome, Reflect, Task
from burnish.optimizers.search.feedback import examples_as_text, feedback
from burnish.optimizers.search.incumbent import Incumbent
from burnish.optimizers.search.racing import Race
from burnish.optimizers.search.rounds import FINALISTS, RacingBudget, calls_of_one_evaluation
from burnish.optimizers.search.validator import ProposalValidator
from burnish.optimizers.settings import CommonSettings, SamplingOptions, read_settings

EVALUATIONS_EACH = 16
"""In the race: a rewrite costs a question and is the parent of the next, so fewer are told apart better."""


class MetapromptSettings(CommonSettings):
    """How often is rewritten, and what the reflection model is shown.

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

    settings_class: ClassVar[type[CommonSettings]] = MetapromptSettings
    needs_reflection = True
    only_demonstrates = False

    def __init__(self, settings: MetapromptSettings) -> None:
        self._settings = settings

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Metaprompt:
        """The optimizer with checked settings.

        Raises:
            InvalidInput: an unknown setting or a wrong value.
        """
        return cls(read_settings(MetapromptSettings, settings))

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        settings = self._settings
        tries = 1 + settings.retries
        if not validation:  # no data, or nothing to measure it with
            return CallEstimate(target_low=0, target_high=0, reflection_low=1, reflection_high=tries)
        shown = min(train, settings.feedback_examples)
        budget = self._budget(validation)
        low = validation + shown + budget.least_evaluations
        high = validation + settings.rounds * shown + budget.most_evaluations
        return CallEstimate(
            target_low=low,
            target_high=high if max_calls is None else max(low, min(high, max_calls)),
            reflection_low=settings.width * tries,
            reflection_high=settings.rounds * settings.width * tries,
        )

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        """Rewrite round after round; once, unmeasured, where there is no data.

        Raises:
            OptimizerFailed: there is no reflection model.
        """
        if reflect is None:
            raise OptimizerFailed("METAPROMPT needs a reflection model; name one in reflection_model")
        settings = self._settings
        validator = ProposalValidator(task, settings, observe)
        components = Components(task.source, settings.roles)
        parameters = settings.lm_kwargs.parameters()
        writer = Writer(components, reflect, validator, observe, parameters, settings.retries)
        if not task.validation:
            return await self._unmeasured(task, writer, observe)
        incumbent = await Incumbent.of_source(task, evaluate, self._settings, observe)
        if reason := incumbent.stop_reason():
            return incumbent.outcome(reason)
        budget = self._budget(len(task.validation))
        beside = settings.rounds * self._beside(task, incumbent.means)
        allowance = budget.allowance(task, incumbent.means, beside=beside)
        race = Race(task.validation, evaluate, incumbent, allowance, task.seed, budget.evaluations_each)
        observe.phase("search", allowance)
        stop_reason = await self._rounds(task, evaluate, writer, incumbent, race)
        await race.final(FINALISTS)
        return incumbent.outcome(incumbent.stop_reason() or stop_reason)

    async def _rounds(
        self, task: Task, evaluate: Evaluate, writer: Writer, incumbent: Incumbent, race: Race
    ) -> StopReason:
        settings = self._settings
        beside = self._beside(task, incumbent.means)
        for number in range(settings.rounds):
            shown = _shown(task, number, settings.feedback_examples)
            race.allowance -= beside
            room = race.room_for(settings.width)
            if not room:
                return StopReason.BUDGET
            means = await evaluate(incumbent.candidate, shown)
            results = feedback(means.evaluations, shown, settings.feedback_tokens) if shown else ""
            asked = [
                self._request(writer.components, incumbent.candidate, results, rewrite)
                for rewrite in range(room)
            ]
            candidates = await writer.write(asked, number)
            if not candidates:
                writer.observe.warning("no rewrite of a whole round can be used; the search ends")
                return StopReason.NO_NEW_IDEAS
            await race.run(candidates)
            if reason := incumbent.stop_reason():
                return reason
        return StopReason.FINISHED

    async def _unmeasured(self, task: Task, writer: Writer, observe: Observe) -> Outcome:
        """One rewrite, taken as it is when it can be used: there is nothing to measure it with."""
        observe.phase("rewrite", 1, "rewrites")
        settings = self._settings
        shown = examples_as_text(task.train[: settings.feedback_examples], settings.feedback_tokens)
        candidates = await writer.write([self._request(writer.components, task.source, shown)], 0)
        if not candidates:
            observe.warning("the reflection model wrote nothing that can be used; the source stays")
            return Outcome(best=task.source, means=Means(evaluations=()))
        observe.candidate(candidates[0], CandidateStatus.ACCEPTED, reason="not measured")
        return Outcome(best=candidates[0], means=Means(evaluations=()))

    def _request(
        self, components: Components, parent: Candidate, results: str = "", number: int = 0
    ) -> RewriteRequest:
        guidelines = self._settings.guidelines or ""
        return RewriteRequest(
            parent=parent,
            format=ProposalFormat(components, parent, beside=(results, guidelines)),
            feedback=results,
            guidelines=guidelines,
            number=number,
        )

    def _budget(self, validation: int) -> RacingBudget:
        trials = self._settings.rounds * self._settings.width
        return RacingBudget(trials, self._settings.width, validation, EVALUATIONS_EACH)

    def _beside(self, task: Task, source: Means) -> int:
        """What a round takes beside its race, in evaluations: feedback, and the reflection model's calls."""
        shown = min(len(task.train), self._settings.feedback_examples)
        asked = self._settings.width * (1 + self._settings.retries)
        return shown + math.ceil(asked / calls_of_one_evaluation(source))


def _shown(task: Task, round_number: int, count: int) -> list[Example]:
    """The training examples of one round: the next ones of a seeded order, round and round."""
    order = list(task.train)
    random.Random(f"{task.seed}/feedback").shuffle(order)
    count = min(count, len(order))
    return [order[(round_number * count + at) % len(order)] for at in range(count)]

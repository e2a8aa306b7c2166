"""The end of a search: is its best prompt better than the source, and does it read well?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from burnish.concurrency import gather_affordable
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.edit import EditStatus
from burnish.errors import BudgetExhausted, ModelError
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.factorial.pool import Entry
from burnish.optimizers.factorial.reflection import rewrite_request
from burnish.optimizers.factorial.search import Search
from burnish.optimizers.prompts.components import Components
from burnish.optimizers.prompts.delimiters import UnusableAnswer
from burnish.optimizers.prompts.proposal_format import ProposalFormat
from burnish.optimizers.protocol import Observe, Reflect, Task
from burnish.optimizers.search.effects import Normal
from burnish.optimizers.search.incumbent import objectives_of

MISFIT_SD = 0.03
"""Of a prediction: effects do not add up exactly."""

OPTIMISM = 1.5
"""Standard deviations by which a prediction is too high: it is that of the best of many sets."""

CAREFUL_CHANCE = 0.8
"""Where the best set fails, the edits that are this likely to do good are tried by themselves."""

FEWEST_TO_REWRITE = 2
_SAMPLE_OF_THE_REWRITE = 1_000_000_000


@dataclass(slots=True)
class Final:
    """Measures finished prompts on the whole validation split.

    Args:
        source: the source's results there.
        cost: calls of one evaluation.
        shrinkage: see ``settings.Method``.
    """

    task: Task
    evaluate: Evaluate
    observe: Observe
    search: Search
    source: Means
    cost: int
    shrinkage: bool = True

    async def choose(self, calls: int) -> tuple[Candidate, Means, list[Entry]]:
        """The best prompt found, or the source.

        Args:
            calls: that may be spent on it.

        Raises:
            BudgetExhausted: there is no room to check the first of them.
        """
        pool = self.search.pool
        options = [pool.best(), pool.careful(CAREFUL_CHANCE)]
        each = len(self.task.validation) * self.cost
        tried: set[str] = set()
        for chosen in options:
            candidate = self.search.composer.candidate(
                [entry.edit for entry in chosen], f"{len(chosen)} edits"
            )
            if not chosen or candidate.candidate_id in tried or calls < each:
                continue
            tried.add(candidate.candidate_id)
            admitted = self.search.admit(candidate, chosen)
            if admitted is None:
                continue
            calls -= each
            self.search.spent += each
            try:
                means = await self._measured(admitted)
            except BudgetExhausted:
                if len(tried) == 1:
                    raise
                break
            gain = self._gain(chosen, means)
            if gain > 0:
                self._report(admitted, CandidateStatus.ACCEPTED, means)
                return admitted, means, chosen
            reason = f"{means.aggregate:.3f}; the source has {self.source.aggregate:.3f}"
            self._report(admitted, CandidateStatus.REJECTED, means, reason)
        return self.task.source, self.source, []

    def is_whole(self, means: Means) -> bool:
        """Whether they are of the whole validation split."""
        return len(means.evaluations) == len(self.task.validation)

    async def _measured(self, candidate: Candidate) -> Means:
        """Its results on the validation split, or on that of it for which the budget has room: calls that an
        earlier attempt lost in its own check are paid twice.

        Raises:
            BudgetExhausted: there is room for less than half of the split.
        """
        examples = self.task.validation
        try:
            return await self.evaluate(candidate, examples)
        except BudgetExhausted as exhausted:
            results = await gather_affordable(self.evaluate(candidate, [example]) for example in examples)
            answered = [
                example
                for example, result in zip(examples, results, strict=True)
                if not isinstance(result, BudgetExhausted)
            ]
            if 2 * len(answered) < len(examples):
                raise
            part = f"{len(answered)} of {len(examples)} validation examples"
            self.observe.warning(f"the last check was made on {part}: {exhausted}")
            return await self.evaluate(candidate, answered)

    async def rewritten(self, reflect: Reflect, chosen: Candidate, means: Means) -> tuple[Candidate, Means]:
        """The winner as one well-written text, if that does at least as well on the same examples.

        Raises:
            ModelError: a systemic one.
        """
        try:
            components = Components(chosen, self.search.roles)
            form = ProposalFormat(components, chosen)
            answer = await reflect(rewrite_request(chosen, form), sample=_SAMPLE_OF_THE_REWRITE)
            texts = components.templates(chosen, form.read(answer))
            candidate = Candidate(
                texts, parents=(chosen.candidate_id,), origin="the edits written out as one text"
            )
            admitted = self.search.admit(candidate, ())
            if admitted is None:
                return chosen, means
            rewritten = await self.evaluate(admitted, self.task.validation)
        except (BudgetExhausted, ModelError, UnusableAnswer) as error:
            if isinstance(error, ModelError) and error.systemic:
                raise
            self.observe.warning(f"the winner was not written out once more: {error}")
            return chosen, means
        if rewritten.aggregate < means.aggregate:
            reason = f"{rewritten.aggregate:.3f}; the list of edits has {means.aggregate:.3f}"
            self._report(admitted, CandidateStatus.REJECTED, rewritten, reason)
            return chosen, means
        self._report(admitted, CandidateStatus.ACCEPTED, rewritten)
        return admitted, rewritten

    def report_edits(self, kept: Sequence[Entry]) -> None:
        """What is known of every edit that was tested to the end."""
        pool = self.search.pool
        for entry in pool.entries:
            if entry.status is EditStatus.TESTING:
                status = EditStatus.KEPT if entry in kept else EditStatus.LEFT_OUT
                self.observe.edit(pool.report(entry, status))

    def _gain(self, chosen: Sequence[Entry], means: Means) -> float:
        """The measured gain, shrunk towards a careful prediction by their variances."""
        seen = mean_difference(self.source, means)
        if not self.shrinkage:
            return seen.mean
        predicted = self.search.pool.gain(chosen)
        variance = predicted.sd**2 + MISFIT_SD**2
        weight = variance / (variance + seen.sd**2)
        return weight * seen.mean + (1 - weight) * (predicted.mean - OPTIMISM * predicted.sd)

    def _report(self, candidate: Candidate, status: CandidateStatus, means: Means, reason: str = "") -> None:
        """Scores of a part of the split are told in words: they do not compare with those of others."""
        if self.is_whole(means):
            objectives = objectives_of(candidate, means)
            self.observe.candidate(candidate, status, means=means, reason=reason, objectives=objectives)
            return
        part = (
            f"{means.aggregate:.3f} on the {len(means.evaluations)} validation examples that were affordable"
        )
        self.observe.candidate(candidate, status, reason=f"{part}; {reason}" if reason else part)


def mean_difference(before: Means, after: Means) -> Normal:
    """The mean difference of two candidates, with its standard error, on the examples of ``after``, all of
    which ``before`` has."""
    first = {evaluation.example_id: evaluation.aggregate for evaluation in before.evaluations}
    differences = np.array(
        [evaluation.aggregate - first[evaluation.example_id] for evaluation in after.evaluations]
    )
    count = len(differences)
    # 0.5: a few equal pairs make nothing certain
    return Normal(float(differences.mean()), float(np.sqrt((differences.var() + 0.5 / count) / count)))

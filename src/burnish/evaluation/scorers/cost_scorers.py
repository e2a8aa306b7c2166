"""short_prompt and low_cost: what an answer takes, so that a search can weigh it against what it brings."""

from __future__ import annotations

import math

from burnish.domain.dataset import record_name
from burnish.errors import InvalidInput, ScorerFailed
from burnish.evaluation.scorer import Feedback, Sample
from burnish.evaluation.scorers.text import BuiltInScorer, Takes


class _CostScorer(BuiltInScorer):
    """Half a point for taking just as much as the argument says, more for less; 1 for nothing at all.

    So the limit itself passes as a constraint (``short_prompt:200=must``).

    Raises:
        InvalidInput: the argument is not a number above 0.
    """

    takes = Takes.REQUIRED
    requires = frozenset()

    def __init__(self, name: str, argument: str | None = None) -> None:
        super().__init__(name, argument)
        try:
            self._limit = float(argument or "")
        except ValueError:
            self._limit = math.nan
        if not (math.isfinite(self._limit) and self._limit > 0):
            remedy = f"{self.argument_is} must be a number above 0"
            raise InvalidInput.of("scorers", f"{name}:{argument}", remedy)

    def _rated(self, taken: float, what: str) -> Feedback:
        return Feedback(self._limit / (self._limit + taken), f"{taken:g} {what}")


class ShortPrompt(_CostScorer):
    """TOKENS / (TOKENS + n), where the request, its inputs included, had n tokens by the provider's count."""

    argument_is = "the number of tokens"

    async def score(self, sample: Sample) -> Feedback:
        return self._rated(sample.usage.prompt_tokens, "tokens in the request")


class LowCost(_CostScorer):
    """USD / (USD + n), where the answer cost n dollars; judges are not counted."""

    argument_is = "the dollars of one answer"
    needs_price = True

    async def score(self, sample: Sample) -> Feedback:
        usd = sample.usage.usd
        if usd is None:  # no opinion would let a candidate off; the planner has asked for the price
            raise ScorerFailed(self.name, record_name(sample.example), "the price of the answer is unknown")
        return self._rated(usd, "dollars")

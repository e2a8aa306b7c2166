"""What a request will take, before anything is paid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from burnish.domain.prompt import text_of
from burnish.domain.usage import NANOS_PER_USD
from burnish.llm.pricing import price
from burnish.llm.uri import parse_model_uri
from burnish.plan import Plan, TargetModel

Number = TypeVar("Number", int, float)

CHARACTERS_PER_TOKEN = 4
SECONDS_PER_CALL = (0.1, 5.0)  # a small local model, and a slow large one
DEFAULT_OUTPUT_TOKENS = 256
REFLECTION_TOKENS = (500, 6000)  # one proposal, in and out each: the prompt alone, with long feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Ranges, low and high.

    Attributes:
        usd_low, usd_high: ``None`` when the price of a model is unknown.
        seconds_low, seconds_high: wall clock at the job's concurrency.
    """

    calls_low: int
    calls_high: int
    tokens_low: int
    tokens_high: int
    usd_low: float | None
    usd_high: float | None
    seconds_low: float
    seconds_high: float
    warnings: tuple[str, ...]


def estimate(plan: Plan) -> Estimate:
    """From the plan alone. The budget caps every range."""
    budget, needed = plan.config.budget, plan.needed
    low = _Work(plan, needed.target_low, needed.reflection_low, plan.test_calls // 2, generous=False)
    high = _Work(plan, needed.target_high, needed.reflection_high, plan.test_calls, generous=True)
    return Estimate(
        calls_low=_capped(low.calls, budget.max_calls),
        calls_high=_capped(high.calls, budget.max_calls),
        tokens_low=_capped(low.tokens, budget.max_tokens),
        tokens_high=_capped(high.tokens, budget.max_tokens),
        usd_low=None if low.usd is None else _capped(low.usd, budget.max_usd),
        usd_high=None if high.usd is None else _capped(high.usd, budget.max_usd),
        seconds_low=_capped(low.rounds * SECONDS_PER_CALL[0], budget.max_seconds),
        seconds_high=_capped(high.rounds * SECONDS_PER_CALL[1], budget.max_seconds),
        warnings=plan.warnings,
    )


class _Work:
    """So many calls, and what they take."""

    def __init__(self, plan: Plan, target: int, reflections: int, test_calls: int, generous: bool) -> None:
        evaluations = target * plan.calls_per_evaluation + plan.teacher_calls + test_calls
        most = plan.config.budget.max_calls
        self.calls = evaluations + reflections
        if most is not None:
            evaluations = min(evaluations, most)
        question = _tokens_of_one_question(plan) * (2 if generous else 1)
        answer = (plan.target.parameters.max_tokens or DEFAULT_OUTPUT_TOKENS) if generous else 1
        reflection = REFLECTION_TOKENS[generous]
        self.tokens = evaluations * (question + answer) + 2 * reflections * reflection
        self.usd = _usd(plan.target, evaluations * question, evaluations * answer)
        if reflections and plan.reflection is not None and self.usd is not None:
            reflected = _usd(plan.reflection, reflections * reflection, reflections * reflection)
            self.usd = None if reflected is None else self.usd + reflected
        self.rounds = math.ceil(self.calls / plan.config.concurrency)


def _usd(model: TargetModel, prompt_tokens: int, completion_tokens: int) -> float | None:
    nanos = price(parse_model_uri(model.uri), prompt_tokens, completion_tokens)
    return None if nanos is None else nanos / NANOS_PER_USD


def _capped(value: Number, limit: Number | None) -> Number:
    return value if limit is None else min(value, limit)


def _tokens_of_one_question(plan: Plan) -> int:
    prompt = sum(len(text_of(prompt.template)) for prompt in plan.prompts)
    examples = plan.splits.validation or plan.splits.train
    inputs = sum(len(str(value)) for example in examples for value in example.inputs.values())
    mean_inputs = inputs / len(examples) if examples else 0
    return math.ceil((prompt + mean_inputs) / CHARACTERS_PER_TOKEN)

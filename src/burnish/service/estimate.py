"""What a request will take, before anything is paid."""

from __future__ import annotations

import math
from dataclasses import dataclass

from burnish.domain.prompt import text_of
from burnish.plan import Plan

CHARACTERS_PER_TOKEN = 4
SECONDS_PER_CALL = (0.1, 5.0)  # a small local model, and a slow large one
DEFAULT_OUTPUT_TOKENS = 256
REFLECTION_TOKENS = (500, 6000)  # one proposal: the prompt alone, and with long feedback


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
    per_evaluation = plan.calls_per_evaluation
    calls_low = needed.target_low * per_evaluation + needed.reflection_low + plan.test_calls // 2
    calls_high = needed.target_high * per_evaluation + needed.reflection_high + plan.test_calls
    if budget.max_calls is not None:
        calls_low, calls_high = min(calls_low, budget.max_calls), min(calls_high, budget.max_calls)
    prompt_tokens = _tokens_of_one_call(plan)
    output = plan.target.parameters.max_tokens or DEFAULT_OUTPUT_TOKENS
    tokens_low = calls_low * prompt_tokens + needed.reflection_low * REFLECTION_TOKENS[0]
    tokens_high = calls_high * (2 * prompt_tokens + output) + needed.reflection_high * REFLECTION_TOKENS[1]
    if budget.max_tokens is not None:
        tokens_low, tokens_high = min(tokens_low, budget.max_tokens), min(tokens_high, budget.max_tokens)
    rounds_low, rounds_high = (math.ceil(c / plan.config.concurrency) for c in (calls_low, calls_high))
    seconds_low, seconds_high = rounds_low * SECONDS_PER_CALL[0], rounds_high * SECONDS_PER_CALL[1]
    if budget.max_seconds is not None:
        seconds_low, seconds_high = min(seconds_low, budget.max_seconds), min(seconds_high, budget.max_seconds)
    usd = plan.usd_of(tokens_low), plan.usd_of(tokens_high)
    if budget.max_usd is not None:
        usd = tuple(None if value is None else min(value, budget.max_usd) for value in usd)  # type: ignore[assignment]
    return Estimate(
        calls_low=calls_low,
        calls_high=calls_high,
        tokens_low=tokens_low,
        tokens_high=tokens_high,
        usd_low=usd[0],
        usd_high=usd[1],
        seconds_low=seconds_low,
        seconds_high=seconds_high,
        warnings=plan.warnings,
    )


def _tokens_of_one_call(plan: Plan) -> int:
    prompt = sum(len(text_of(prompt.template)) for prompt in plan.prompts)
    examples = plan.splits.validation or plan.splits.train
    inputs = sum(len(str(value)) for e in examples for value in e.inputs.values())
    mean_inputs = inputs / len(examples) if examples else 0
    return math.ceil((prompt + mean_inputs) / CHARACTERS_PER_TOKEN)

"""What a request will take, before anything is paid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from burnish.domain.job import SplitFractions
from burnish.domain.prompt import text_of
from burnish.domain.text import estimate_tokens
from burnish.domain.usage import NANOS_PER_USD
from burnish.evaluation.statistics import FEWEST_PAIRS, detectable
from burnish.llm.pricing import price
from burnish.llm.uri import parse_model_uri
from burnish.planning.plan import Plan

Number = TypeVar("Number", int, float)

SECONDS_PER_CALL = (0.1, 5.0)  # a small local model, and a slow large one
DEFAULT_OUTPUT_TOKENS = 256
JUDGE_TOKENS = (50, 500)  # its instructions, and again its verdict
TRACE_TOKENS = 900  # what MLflow tells a judge about traces, and a trace's own names
_HALF = 0.5  # of the answers change their score
_LARGE_DIFFERENCE = 0.15  # a test that sees only more than this deserves a word
REFLECTION_TOKENS = (500, 6000)  # one proposal, in and out each: the prompt alone, with long feedback


SPLITS = (SplitFractions(0.6, 0.2, 0.2), SplitFractions(0.5, 0.25, 0.25), SplitFractions(0.45, 0.2, 0.35))
"""Choices that an estimate compares, the job's own beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitChoice:
    """What a split buys: examples to learn from and to choose by, and what its sealed test can show.

    Attributes:
        split: ``train/validation/test``, as the job option is written.
        detectable_low, detectable_high: as of :class:`Estimate`.
    """

    split: str
    train: int
    validation: int
    test: int
    detectable_low: float | None
    detectable_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Ranges, low and high.

    Attributes:
        usd_low, usd_high: ``None`` when the price of a model is unknown.
        seconds_low, seconds_high: wall clock at the job's concurrency.
        detectable_low, detectable_high: the smallest true difference that the sealed test would call IMPROVED
            four times of five, where every change of an answer is for the better, and where half of the
            answers change; ``None``: the test is too small for any verdict.
    """

    calls_low: int
    calls_high: int
    tokens_low: int
    tokens_high: int
    usd_low: float | None
    usd_high: float | None
    seconds_low: float
    seconds_high: float
    detectable_low: float | None
    detectable_high: float | None
    warnings: tuple[str, ...]
    splits: tuple[SplitChoice, ...] = ()


def estimate(plan: Plan) -> Estimate:
    """From the plan alone. The budget caps every range."""
    budget, needed = plan.config.budget, plan.needed
    answers = plan.test_calls // plan.calls_per_evaluation
    low = _Work.of(plan, needed.target_low + answers // 2, needed.reflection_low, generous=False)
    high = _Work.of(plan, needed.target_high + answers, needed.reflection_high, generous=True)
    return Estimate(
        calls_low=_capped(low.calls, budget.max_calls),
        calls_high=_capped(high.calls, budget.max_calls),
        tokens_low=_capped(low.tokens, budget.max_tokens),
        tokens_high=_capped(high.tokens, budget.max_tokens),
        usd_low=None if low.usd is None else _capped(low.usd, budget.max_usd),
        usd_high=None if high.usd is None else _capped(high.usd, budget.max_usd),
        seconds_low=_capped(round(low.rounds * SECONDS_PER_CALL[0], 1), budget.max_seconds),
        seconds_high=_capped(round(high.rounds * SECONDS_PER_CALL[1], 1), budget.max_seconds),
        detectable_low=detectable(len(plan.splits.test), 0.0),
        detectable_high=detectable(len(plan.splits.test), _HALF),
        warnings=(*_unit_of_apps(plan), *plan.warnings, *_what_the_test_cannot_show(plan)),
        splits=_split_choices(plan),
    )


def _split_choices(plan: Plan) -> tuple[SplitChoice, ...]:
    """The job's own split first."""
    if plan.dataset is None:
        return ()
    total = sum(len(part) for part in (plan.splits.train, plan.splits.validation, plan.splits.test))
    own = plan.config.fractions
    return tuple(_choice(split, total) for split in (own, *(split for split in SPLITS if split != own)))


def _choice(split: SplitFractions, total: int) -> SplitChoice:
    test, validation = round(split.test * total), round(split.validation * total)
    return SplitChoice(
        split=str(split),
        train=total - validation - test,
        validation=validation,
        test=test,
        detectable_low=detectable(test, 0.0),
        detectable_high=detectable(test, _HALF),
    )


def _unit_of_apps(plan: Plan) -> list[str]:
    if plan.config.app is None:
        return []
    return [
        "a run of the app counts as one call here, and its tokens and dollars are not in these figures: what "
        "a run takes is seen when the job makes its first ones, and search and test are sized by that"
    ]


def _what_the_test_cannot_show(plan: Plan) -> list[str]:
    """What a user should know of the sealed test before paying for it."""
    if plan.dataset is None:
        return []
    pairs = len(plan.splits.test)
    least = detectable(pairs, 0.0)
    if least is None:
        few = f"the sealed test has {pairs} examples" if pairs else "there is no test split"
        return [
            f"{few}: too few for any verdict ({FEWEST_PAIRS} at least), so whether the winner is registered "
            "is judged on validation; add records or a larger test share"
        ]
    if least > _LARGE_DIFFERENCE:
        return [
            f"the sealed test has {pairs} examples: a true gain below {least:.2f} will often be called "
            "NO_DIFFERENCE and not be registered; add records or a larger test share"
        ]
    return []


@dataclass(frozen=True, slots=True)
class _Asked:
    """So many calls of one model, with the tokens of each."""

    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class _Work:
    """What all models are asked. Dollars are ``None`` when the price of one of them is unknown."""

    calls: int
    tokens: int
    usd: float | None
    rounds: int

    @classmethod
    def of(cls, plan: Plan, answers: int, reflections: int, generous: bool) -> _Work:
        """
        Args:
            answers: evaluations, the sealed test included.
        """
        asked = [group for group in _asked(plan, answers, reflections, generous) if group.calls]
        calls = sum(group.calls for group in asked)
        share = _capped(calls, plan.config.budget.max_calls) / calls if calls else 0.0
        prices = [
            price(
                parse_model_uri(group.model),
                round(group.calls * group.prompt_tokens * share),
                round(group.calls * group.completion_tokens * share),
            )
            for group in asked
        ]
        known = [nanos for nanos in prices if nanos is not None]
        return cls(
            calls=calls,
            tokens=round(
                share * sum(group.calls * (group.prompt_tokens + group.completion_tokens) for group in asked)
            ),
            usd=sum(known) / NANOS_PER_USD if len(known) == len(prices) else None,
            rounds=math.ceil(calls / plan.config.concurrency),
        )


def _asked(plan: Plan, answers: int, reflections: int, generous: bool) -> list[_Asked]:
    question = _tokens_of_one_question(plan) * (2 if generous else 1)
    answer = (plan.target.parameters.max_tokens or DEFAULT_OUTPUT_TOKENS) if generous else 1
    of_app = plan.config.app is not None
    asked = [_Asked(plan.target.uri, answers, 0 if of_app else question, 0 if of_app else answer)]
    for entry in plan.scorers:
        if judge := entry.scorer.model:
            calls, verdict = answers * entry.scorer.calls, JUDGE_TOKENS[generous]
            seen = 2 * (question + answer) + TRACE_TOKENS if entry.scorer.reads_trace else question + answer
            asked.append(_Asked(judge, calls, seen + verdict, verdict))
    if plan.teacher is not None:
        asked.append(_Asked(plan.teacher[1].uri, plan.teacher_calls, question, answer))
    if plan.reflection is not None:
        tokens = REFLECTION_TOKENS[generous]
        asked.append(_Asked(plan.reflection.uri, reflections, tokens, tokens))
    return asked


def _capped(value: Number, limit: Number | None) -> Number:
    return value if limit is None else min(value, limit)


def _tokens_of_one_question(plan: Plan) -> int:
    prompt = sum(estimate_tokens(text_of(prompt.template)) for prompt in plan.prompts)
    examples = plan.splits.validation or plan.splits.train
    inputs = sum(estimate_tokens(str(value)) for example in examples for value in example.inputs.values())
    mean_inputs = inputs / len(examples) if examples else 0
    return math.ceil(prompt + mean_inputs)

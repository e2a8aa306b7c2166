"""The paired bootstrap: an honest interval, and a verdict that follows from it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.domain.job import TestScores, Verdict
from burnish.evaluation.statistics import FEWEST_PAIRS, paired_bootstrap, verdict_of

scores = st.floats(0, 1, width=32)
pairs = st.lists(st.tuples(scores, scores), max_size=30)


def compare(before: list[float], after: list[float], seed: int = 0) -> TestScores:
    return paired_bootstrap(before, after, seed=seed, resamples=500)


def verdict(before: list[float], after: list[float]) -> Verdict:
    return verdict_of(paired_bootstrap(before, after))


@settings(max_examples=60)
@given(pairs, st.integers(0, 10))
def test_the_interval_lies_among_the_differences(data: list[tuple[float, float]], seed: int) -> None:
    before, after = [b for b, _ in data], [a for _, a in data]
    found = compare(before, after, seed)
    assert found == compare(before, after, seed)
    differences = [a - b for b, a in data] or [0.0]
    tiny = 1e-9
    assert min(*differences, 0.0) - tiny <= found.ci_low <= found.ci_high <= max(*differences, 0.0) + tiny
    assert found.difference == pytest.approx(found.final - found.initial)
    assert found.examples == len(data)


@settings(max_examples=60)
@given(pairs)
def test_exchanging_the_two_mirrors_the_interval(data: list[tuple[float, float]]) -> None:
    before, after = [b for b, _ in data], [a for _, a in data]
    there, back = compare(before, after), compare(after, before)
    assert back.difference == pytest.approx(-there.difference)
    assert back.ci_low == pytest.approx(-there.ci_high, abs=1e-9)
    assert back.ci_high == pytest.approx(-there.ci_low, abs=1e-9)


def test_the_interval_holds_the_true_difference_about_as_often_as_it_says() -> None:
    draw = random.Random(7)
    truth, held, trials = 0.2, 0, 300
    for _ in range(trials):
        before = [float(draw.random() < 0.5) for _ in range(60)]
        after = [float(draw.random() < 0.5 + truth) for _ in range(60)]
        found = compare(before, after)
        held += found.ci_low <= truth <= found.ci_high
    assert 0.91 <= held / trials <= 0.98


def test_without_a_difference_a_verdict_is_rarely_passed() -> None:
    draw = random.Random(3)
    wrong = 0
    for _ in range(200):
        before = [float(draw.random() < 0.6) for _ in range(40)]
        after = [float(draw.random() < 0.6) for _ in range(40)]
        wrong += verdict_of(compare(before, after)) is not Verdict.NO_DIFFERENCE
    assert wrong / 200 < 0.11


def test_verdicts() -> None:
    assert verdict([0.0] * 20, [1.0] * 15 + [0.0] * 5) is Verdict.IMPROVED
    assert verdict([1.0] * 15 + [0.0] * 5, [0.0] * 20) is Verdict.WORSE
    assert verdict([0.0, 1.0] * 10, [1.0, 0.0] * 10) is Verdict.NO_DIFFERENCE


def test_all_ties_are_no_difference() -> None:
    assert verdict([0.5] * 30, [0.5] * 30) is Verdict.NO_DIFFERENCE
    found = compare([0.25] * 30, [0.75] * 30)
    assert (found.ci_low, found.difference, found.ci_high) == (0.5, 0.5, 0.5)


def test_nothing_follows_from_very_few_pairs() -> None:
    assert paired_bootstrap([], []) == TestScores(0.0, 0.0, 0.0, 0.0, 0.0, 0)
    for count in range(FEWEST_PAIRS):
        assert verdict([0.0] * count, [1.0] * count) is Verdict.NO_DIFFERENCE
    assert verdict([0.0] * FEWEST_PAIRS, [1.0] * FEWEST_PAIRS) is Verdict.IMPROVED


def test_what_does_not_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        paired_bootstrap([1.0], [1.0, 0.0])

"""The paired bootstrap: an honest interval, and a verdict that follows from it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.domain.job import TestScores, Verdict
from burnish.evaluation.statistics import FEWEST_PAIRS, detectable, paired_bootstrap, spread_of, verdict_of

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


def yes_no_pairs(pairs: int, before: float, after: float, worlds: int) -> list[Verdict]:
    """Verdicts on independent yes/no scores of so high a chance."""
    draw = random.Random(f"{pairs} {before} {after}")
    return [
        verdict_of(
            compare(
                [float(draw.random() < before) for _ in range(pairs)],
                [float(draw.random() < after) for _ in range(pairs)],
            )
        )
        for _ in range(worlds)
    ]


@pytest.mark.parametrize("pairs", [8, 10, 16, 30, 60, 100, 200])
@pytest.mark.parametrize("chance", [0.1, 0.5, 0.75])
def test_where_nothing_is_better_at_most_one_in_twenty_says_improved(pairs: int, chance: float) -> None:
    found = yes_no_pairs(pairs, chance, chance, 400)
    assert found.count(Verdict.IMPROVED) <= 0.05 * 400
    assert found.count(Verdict.WORSE) <= 0.05 * 400


@pytest.mark.parametrize("pairs", [8, 10, 16, 60])
def test_the_same_holds_for_scores_between_0_and_1(pairs: int) -> None:
    draw = random.Random(pairs)
    found = [
        verdict(
            [draw.betavariate(2, 1) for _ in range(pairs)], [draw.betavariate(2, 1) for _ in range(pairs)]
        )
        for _ in range(300)
    ]
    assert found.count(Verdict.IMPROVED) <= 0.05 * 300


@pytest.mark.parametrize("chance", [0.1, 0.3, 0.5, 0.7])
def test_a_gain_of_a_fifth_is_seen_with_100_pairs_four_times_of_five(chance: float) -> None:
    assert yes_no_pairs(100, chance, chance + 0.2, 300).count(Verdict.IMPROVED) >= 0.8 * 300


@pytest.mark.parametrize(("pairs", "differing"), [(8, 0.5), (20, 0.5), (60, 0.3), (100, 0.5), (300, 0.4)])
def test_what_is_detectable_is_improved_four_times_of_five(pairs: int, differing: float) -> None:
    difference = detectable(pairs, differing)
    assert difference is not None
    gains = (max(differing, difference) + difference) / 2
    losses = gains - difference
    draw = random.Random(pairs)
    improved = 0
    for _ in range(400):
        points = [draw.random() for _ in range(pairs)]
        after = [0.5 if p > gains + losses else 1.0 if p > losses else 0.0 for p in points]
        improved += verdict_of(compare([0.5] * pairs, after)) is Verdict.IMPROVED
    assert improved / 400 == pytest.approx(0.8, abs=0.06)


def test_more_pairs_detect_less() -> None:
    for differing in (0.0, 0.1, 0.3, 1.0):
        found = [detectable(pairs, differing) or 9 for pairs in (8, 12, 30, 90, 150, 400, 3000, 100_000)]
        assert found == sorted(found, reverse=True)
        assert 0 < found[-1] < found[0] <= 1


def test_smaller_differences_within_a_pair_are_detected_in_proportion() -> None:
    whole = detectable(50, 0.4)
    assert whole is not None
    assert detectable(50, 0.4, size=0.1) == pytest.approx(whole / 10)
    assert spread_of([0.0, 0.5, 1.0, 1.0], [0.3, 0.9, 1.0, 1.0]) == pytest.approx((0.5, 0.125**0.5))
    assert spread_of([1.0], [1.0]) == (0.0, 1.0)


def test_too_few_pairs_detect_nothing() -> None:
    assert detectable(FEWEST_PAIRS - 1, 1.0) is None
    assert detectable(0, 0.0) is None


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

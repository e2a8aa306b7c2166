"""The verdict's statistics: the paired bootstrap.

Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.job import TestScores, Verdict

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

FEWEST_PAIRS = 6
"""With fewer pairs even a gain on every one has a chance above 5 % (sign test: 2 · 0.5⁵ = 0.0625)."""

_CHUNK = 1_000_000  # drawn indices held in memory at once


def paired_bootstrap(
    initial: Sequence[float],
    final: Sequence[float],
    *,
    seed: int = 0,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> TestScores:
    """Compare two candidates on the same examples.

    Args:
        initial, final: aggregates of source and winner, pair by pair.

    Returns:
        Means, mean difference and its interval. With fewer than ``FEWEST_PAIRS`` pairs the interval is
        widened to hold 0, since no outcome of so few pairs could exclude chance; without pairs all is 0.

    Raises:
        ValueError: the two differ in length.
    """
    if len(initial) != len(final):
        raise ValueError(f"{len(initial)} initial scores and {len(final)} final scores are no pairs")
    pairs = len(initial)
    if not pairs:
        return TestScores(0.0, 0.0, 0.0, 0.0, 0.0, 0)
    import numpy as np

    before, after = np.asarray(initial, dtype=float), np.asarray(final, dtype=float)
    differences = after - before
    low, high = _interval(differences, seed, resamples, confidence)
    if pairs < FEWEST_PAIRS:
        low, high = min(low, 0.0), max(high, 0.0)
    return TestScores(float(before.mean()), float(after.mean()), float(differences.mean()), low, high, pairs)


def verdict_of(scores: TestScores) -> Verdict:
    """IMPROVED or WORSE when the interval lies wholly on one side of 0, else NO_DIFFERENCE."""
    if scores.ci_low > 0:
        return Verdict.IMPROVED
    if scores.ci_high < 0:
        return Verdict.WORSE
    return Verdict.NO_DIFFERENCE


def _interval(
    differences: NDArray[float64], seed: int, resamples: int, confidence: float
) -> tuple[float, float]:
    import numpy as np

    if np.ptp(differences) == 0:  # all ties: every resample is the same
        return float(differences[0]), float(differences[0])
    means = _resampled_means(differences, seed, resamples)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return float(low), float(high)


def _resampled_means(differences: NDArray[float64], seed: int, resamples: int) -> NDArray[float64]:
    import numpy as np

    random = np.random.default_rng(seed)
    pairs = len(differences)
    rows = max(1, _CHUNK // pairs)
    means = np.empty(resamples)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        means[start : start + count] = differences[random.integers(pairs, size=(count, pairs))].mean(axis=1)
    return means

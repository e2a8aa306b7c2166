"""The verdict's statistics: the paired bootstrap, and what a test of a given size can show.

Sources: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile
interval); T. Hesterberg, Unbiasing the Bootstrap: Bootknife Sampling vs. Smoothing (2004), and What
Teachers Should Know About the Bootstrap (2015), section 5.2 (quantiles of Student's t); M. Abramowitz and
I. Stegun, Handbook of Mathematical Functions (1964), 26.7.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import lgamma, log, log1p, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from burnish.domain.job import TestScores, Verdict

if TYPE_CHECKING:
    from numpy import float64
    from numpy.random import Generator
    from numpy.typing import NDArray

FEWEST_PAIRS = 8
"""With fewer pairs there is no verdict: what so few show is mostly luck."""

CONFIDENCE = 0.95
POWER = 0.8
"""How often a difference is called IMPROVED that the test is said to detect."""

_NORMAL = NormalDist()
_CHUNK = 1_000_000  # drawn indices held in memory at once
_ENUMERATED = 100  # pairs; beyond, the normal approximation is near enough and much faster
_RESOLUTION = 5e-4


def paired_bootstrap(
    initial: Sequence[float],
    final: Sequence[float],
    *,
    seed: int = 0,
    resamples: int = 10_000,
    confidence: float = CONFIDENCE,
) -> TestScores:
    """Compare two candidates on the same examples.

    Args:
        initial, final: aggregates of source and winner, pair by pair.

    Returns:
        Means, mean difference and its interval. With fewer than ``FEWEST_PAIRS`` pairs the interval is
        widened to hold 0; without pairs all is 0.

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


def detectable(pairs: int, differing: float, size: float = 1.0) -> float | None:
    """The smallest true difference of the means that this test would call IMPROVED four times of five.

    Args:
        pairs: examples of the test split.
        differing: share of the pairs in which the two scores differ, 0 to 1. A true difference larger
            than that makes more of them differ, which is taken into account.
        size: how large a difference within one pair is (its root mean square); 1 for yes/no scores.

    Returns:
        In (0, size], or ``None`` where the test is too small for any verdict.
    """
    if pairs < FEWEST_PAIRS:
        return None
    if pairs > _ENUMERATED:
        return size * _detectable_by_normal(pairs, differing)
    low, high = 0.0, 1.0
    while high - low > _RESOLUTION:
        middle = (low + high) / 2
        if _power(pairs, max(differing, middle), middle) < POWER:
            low = middle
        else:
            high = middle
    return size * high


def spread_of(initial: Sequence[float], final: Sequence[float]) -> tuple[float, float]:
    """``differing`` and ``size`` of :func:`detectable`, as measured on pairs; (0, 1) where none differ."""
    differences = [b - a for a, b in zip(initial, final, strict=True) if b != a]
    if not differences:
        return 0.0, 1.0
    mean_square = sum(difference**2 for difference in differences) / len(differences)
    return len(differences) / len(initial), sqrt(mean_square)


def _interval(
    differences: NDArray[float64], seed: int, resamples: int, confidence: float
) -> tuple[float, float]:
    """The percentile interval of a smoothed bootstrap.

    Resamples of few pairs spread less than samples do, and those of yes/no scores lie on a few points, so
    the plain percentile interval is too narrow for few pairs and jumps. A little normal noise, of the
    variance that is missing, mends both; quantiles of Student's t do for not knowing the variance.
    """
    import numpy as np

    pairs = len(differences)
    if np.ptp(differences) == 0:  # all ties: every resample is the same
        return float(differences[0]), float(differences[0])
    random = np.random.default_rng(seed)
    means = _resampled_means(differences, random, resamples)
    noise = random.normal(0.0, differences.std(ddof=1) / pairs, resamples)
    tail = _tail(pairs, confidence)
    low, high = (sign * float(np.quantile(sign * means + noise, tail)) for sign in (1, -1))
    return max(low, float(differences.min())), min(high, float(differences.max()))


def _tail(pairs: int, confidence: float = CONFIDENCE) -> float:
    """The quantile of the resampled means that bounds the interval on each side."""
    z, freedom = _NORMAL.inv_cdf((1 + confidence) / 2), pairs - 1
    student = (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
    return _NORMAL.cdf(-student)


def _resampled_means(differences: NDArray[float64], random: Generator, resamples: int) -> NDArray[float64]:
    import numpy as np

    pairs = len(differences)
    rows = max(1, _CHUNK // pairs)
    means = np.empty(resamples)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        means[start : start + count] = differences[random.integers(pairs, size=(count, pairs))].mean(axis=1)
    return means


@lru_cache(maxsize=32)
def _improving_gains(pairs: int) -> tuple[int, ...]:
    """For each number of differing yes/no pairs, how many of them must be gains for IMPROVED."""
    tail = _tail(pairs)
    found, gains = [], 1
    for differing in range(pairs + 1):
        gains = max(gains, differing // 2 + 1)
        while gains <= differing and _share_of_resamples_at_a_loss(pairs, gains, differing) >= tail:
            gains += 1
        found.append(gains)  # more than there are: no verdict from so few that differ
    return tuple(found)


def _share_of_resamples_at_a_loss(pairs: int, gains: int, differing: int) -> float:
    """Share of all smoothed resamples whose mean is not above 0 (see :func:`_interval`)."""
    import numpy as np

    if gains == pairs:
        return 0.0
    net = 2 * gains - differing
    deviation = sqrt((differing - net**2 / pairs) / (pairs - 1))
    not_above_0 = np.array([_NORMAL.cdf(-(n - pairs) / deviation) for n in range(2 * pairs + 1)])
    drawn = _binomial(pairs, differing / pairs)
    likely = np.flatnonzero(drawn > 1e-6)
    return float(
        sum(
            drawn[n]
            * (_binomial(int(n), gains / differing) * not_above_0[pairs - n : pairs + n + 1 : 2]).sum()
            for n in likely
        )
    )


def _power(pairs: int, differing: float, difference: float) -> float:
    """Chance of IMPROVED where a share of the pairs differ and their mean is ``difference``."""
    import numpy as np

    counts = _binomial(pairs, differing)
    gaining = min(1.0, (differing + difference) / (2 * differing))
    bounds = _improving_gains(pairs)
    likely = np.flatnonzero(counts > 1e-6)
    return float(sum(counts[n] * _binomial(int(n), gaining)[bounds[n] :].sum() for n in likely))


def _binomial(count: int, chance: float) -> NDArray[float64]:
    """Probabilities of 0 to ``count`` successes."""
    import numpy as np

    if chance in (0.0, 1.0):
        return np.asarray(np.eye(1, count + 1, round(chance * count))[0])
    k = np.arange(count + 1)
    exponents = _ways(count) + k * log(chance) + (count - k) * log1p(-chance)
    return np.asarray(np.exp(exponents))


@lru_cache(maxsize=256)
def _ways(count: int) -> NDArray[float64]:
    """Logarithms of how many ways there are to choose 0 to ``count`` of ``count``."""
    import numpy as np

    factorials = np.array([lgamma(n + 1) for n in range(count + 1)])
    return np.asarray(factorials[-1] - factorials - factorials[::-1])


def _detectable_by_normal(pairs: int, differing: float) -> float:
    """Solves difference = (z of the interval + z of the power) · standard error of the mean."""
    factor = (_NORMAL.inv_cdf(POWER) - _NORMAL.inv_cdf(_tail(pairs))) ** 2
    all_gains = factor / (pairs + factor)  # where every pair that differs is a gain
    return max(all_gains, sqrt(factor * differing / (pairs + factor)))

"""A Bayesian linear model of scores: what each edit of a prompt is worth.

    score = base + ability of the example + sum of the effects in the prompt + in-sample bonus + noise

Every call is one row; given the scales of noise, examples and effects, the posterior over all effects is
exact (Gaussian). So a call tells about every edit in its prompt, a hard example is not held against a
prompt, and the gain of an edit on the failures it was written from is not mistaken for its gain at large.
How noisy scores are, and how much examples differ, is chosen by marginal likelihood. The examples' block of
the normal equations is diagonal and is eliminated, so the cost grows with the square of the number of
effects, not of examples.

Source: Gelman et al., Bayesian Data Analysis (2013), chapter 14; Box, Hunter and Hunter, Statistics for
Experimenters (2005), for the factorial design and its interactions.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BASE, IN_SAMPLE = 0, 1
"""Features that every model has; effects are numbered from 2."""

_FIRST_EFFECT = 2
_NOISE_VARIANCES = (0.002, 0.005, 0.01, 0.03, 0.06, 0.09, 0.12, 0.16, 0.21, 0.25)
_EXAMPLE_SDS = (0.05, 0.15, 0.3, 0.45)
_FIRST_FIT = 30  # rows; fewer cannot tell noise from spread
_FIT_AGAIN = 1.4  # times as many rows


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal prior."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """What is believed before the first call, in units of the score.

    Attributes:
        base: mean score of the source.
        in_sample: bonus of an edit on the examples it was written from.
        noise_variance, example_sd: until there is enough data to choose them.
        degrees_of_freedom: of the effects' prior, Student's t: most effects are small, a few are not;
            infinite: a normal prior.
        fit: choose noise and spread by marginal likelihood.
    """

    base: Normal = Normal(0.5, 0.5)
    in_sample: Normal = Normal(0.15, 0.2)
    noise_variance: float = 0.16
    example_sd: float = 0.3
    degrees_of_freedom: float = 3.0
    fit: bool = True


@dataclass(frozen=True)
class Posterior:
    """Belief about some effects.

    Attributes:
        effects: their numbers, in the order of ``mean`` and ``covariance``.
        base: mean score of the source over examples.
        base_sd: its standard deviation.
    """

    effects: tuple[int, ...]
    mean: Array
    covariance: Array
    base: float
    base_sd: float

    def sd(self) -> Array:
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def chances(self) -> Array:
        """Probability of each effect being above 0."""
        z = self.mean / np.maximum(self.sd(), 1e-12)
        return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])

    @cached_property
    def _root(self) -> Array:
        """A square root of the covariance."""
        values, vectors = np.linalg.eigh(self.covariance)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))

    def sample(self, random: np.random.Generator) -> Array:
        """One draw from the joint posterior of the effects."""
        drawn: Array = self.mean + self._root @ random.standard_normal(len(self.mean))
        return drawn

    def total(self, effects: Collection[int]) -> Normal:
        """The sum of some of the effects: a prompt's gain over the source."""
        at = [self.effects.index(effect) for effect in effects]
        variance = float(self.covariance[np.ix_(at, at)].sum()) if at else 0.0
        return Normal(float(self.mean[at].sum()), math.sqrt(max(variance, 0.0)))


@dataclass(frozen=True, slots=True)
class Interaction:
    """How far the scores of two effects together are from the sum of both.

    Attributes:
        contrast: mean residual with both and with neither, less that with one of them alone.
        z: in standard errors.
    """

    first: int
    second: int
    contrast: float
    z: float


class EffectModel:
    """Takes scores in, gives beliefs out. Rows may come in any order; the posterior does not depend on it."""

    def __init__(self, priors: Priors | None = None) -> None:
        self._priors = priors or Priors()
        self.noise_variance = self._priors.noise_variance
        self.example_sd = self._priors.example_sd
        self._prior = [self._priors.base, self._priors.in_sample]
        self._first_prior = list(self._prior)
        self._places: dict[str, int] = {}  # example id → place
        self._rows: list[tuple[int, ...]] = []  # features of each row, the example's left out
        self._row_places: list[int] = []
        self._scores: list[float] = []
        self._gram = np.zeros((16, 16))  # X'X of the features
        self._cross = np.zeros((16, 64))  # features × examples
        self._sums = np.zeros(16)  # X'y of the features
        self._example_counts = np.zeros(64)
        self._example_sums = np.zeros(64)
        self._squares = 0.0
        self._next_fit = _FIRST_FIT
        self._abilities: dict[str, float] = {}

    @property
    def rows(self) -> int:
        return len(self._rows)

    def add_effect(self, prior: Normal) -> int:
        """A new effect.

        Returns:
            Its number, for :meth:`observe` and :meth:`posterior`.
        """
        self._prior.append(prior)
        self._first_prior.append(prior)
        if len(self._prior) > len(self._sums):
            size = 2 * len(self._sums)
            self._gram = _grown(self._gram, (size, size))
            self._cross = _grown(self._cross, (size, self._cross.shape[1]))
            self._sums = _grown(self._sums, (size,))
        return len(self._prior) - 1

    def observe(
        self, example_id: str, effects: Collection[int], score: float, in_sample: bool = False
    ) -> None:
        """One call: the score of a prompt with these effects on one example."""
        features = (BASE, *([IN_SAMPLE] if in_sample else []), *effects)
        place = self._place(example_id)
        at = list(features)
        self._gram[np.ix_(at, at)] += 1
        self._cross[at, place] += 1
        self._sums[at] += score
        self._example_counts[place] += 1
        self._example_sums[place] += score
        self._squares += score * score
        self._rows.append(features)
        self._row_places.append(place)
        self._scores.append(score)

    def posterior(self, effects: Sequence[int]) -> Posterior:
        """Belief about some effects, jointly."""
        if self._priors.fit and self.rows >= self._next_fit:
            self._fit()
            self._next_fit = math.ceil(_FIT_AGAIN * self.rows)
        solved = self._solve(self.noise_variance, self.example_sd)
        covariance = np.linalg.inv(solved.schur).astype(np.float64)
        mean: Array = covariance @ solved.right
        if math.isfinite(self._priors.degrees_of_freedom):
            self._adapt_scales(mean, np.diag(covariance))
        abilities = (solved.example_right - solved.cross.T @ mean) / solved.diagonal
        self._abilities = dict(zip(self._places, abilities.tolist(), strict=True))
        at = list(effects)
        return Posterior(
            effects=tuple(effects),
            mean=mean[at],
            covariance=covariance[np.ix_(at, at)],
            base=float(mean[BASE]),
            base_sd=math.sqrt(max(float(covariance[BASE, BASE]), 0.0)),
        )

    def ability(self, example_id: str) -> float:
        """How much easier than the others an example is, as of the last posterior; 0 for an unseen one."""
        return self._abilities.get(example_id, 0.0)

    def rows_of(self, effect: int) -> int:
        """Calls behind an effect."""
        return int(self._gram[effect, effect])

    def interactions(self, effects: Sequence[int], fewest: int) -> list[Interaction]:
        """Pairs of effects by how clearly they do not add up, the clearest first.

        Args:
            fewest: rows that each of the four cells (both, one, the other, neither) must have; of examples
                that none of the edits was written from.
        """
        if len(effects) < 2 or not self._rows:
            return []
        mean, solved = self._means()
        abilities = (solved.example_right - solved.cross.T @ mean) / solved.diagonal
        held = np.zeros((self.rows, len(self._prior)))
        for row, features in enumerate(self._rows):
            held[row, list(features)] = 1
        residuals = np.array(self._scores) - held @ mean - abilities[self._row_places]
        at_large = held[:, IN_SAMPLE] == 0  # the bonus differs from edit to edit; a pair would take it up
        residuals, has = residuals[at_large], held[np.ix_(at_large, list(effects))]
        both_n, one_n = has.T @ has, has.sum(0)
        both_r, one_r = has.T @ (has * residuals[:, None]), has.T @ residuals
        count = np.stack([both_n, one_n[:, None] - both_n, one_n[None, :] - both_n, np.zeros_like(both_n)])
        count[3] = len(residuals) - count[:3].sum(0)
        total = np.stack([both_r, one_r[:, None] - both_r, one_r[None, :] - both_r, np.zeros_like(both_r)])
        total[3] = residuals.sum() - total[:3].sum(0)
        enough = np.asarray(count.min(0) >= max(fewest, 1))
        means = total / np.maximum(count, 1)
        contrast = means[0] - means[1] - means[2] + means[3]
        spread = residuals.var() if len(residuals) else 0.0
        error = np.sqrt(spread * (1 / np.maximum(count, 1)).sum(0))
        z = np.where(enough, contrast / np.maximum(error, 1e-12), 0.0)
        found = [
            Interaction(effects[i], effects[j], float(contrast[i, j]), float(z[i, j]))
            for i in range(len(effects))
            for j in range(i + 1, len(effects))
            if enough[i, j]
        ]
        return sorted(found, key=lambda pair: -abs(pair.z))

    def add_interaction(self, first: int, second: int, prior: Normal) -> int:
        """A feature for two effects together; the rows that have both get it."""
        number = self.add_effect(prior)
        for row, features in enumerate(self._rows):
            if first in features and second in features:
                place, score = self._row_places[row], self._scores[row]
                others = list(features)
                self._gram[number, others] += 1
                self._gram[others, number] += 1
                self._gram[number, number] += 1
                self._cross[number, place] += 1
                self._sums[number] += score
                self._rows[row] = (*features, number)
        return number

    # --- inside

    def _adapt_scales(self, mean: Array, variance: Array) -> None:
        """One step of expectation-maximization on the scale of each effect: Student's t is a mixture of
        normals of many scales, and an effect that turns out large belongs to a wide one."""
        degrees = self._priors.degrees_of_freedom
        for number in range(_FIRST_EFFECT, len(self._prior)):
            prior = self._first_prior[number]
            squared = (mean[number] - prior.mean) ** 2 + variance[number]
            sd = math.sqrt((degrees * prior.sd**2 + squared) / (degrees + 1))
            self._prior[number] = Normal(prior.mean, sd)

    def _means(self) -> tuple[Array, _Solved]:
        solved = self._solve(self.noise_variance, self.example_sd)
        mean = np.linalg.solve(solved.schur, solved.right).astype(np.float64)
        return mean, solved

    def _place(self, example_id: str) -> int:
        place = self._places.setdefault(example_id, len(self._places))
        if place >= len(self._example_counts):
            size = 2 * len(self._example_counts)
            self._cross = _grown(self._cross, (self._cross.shape[0], size))
            self._example_counts = _grown(self._example_counts, (size,))
            self._example_sums = _grown(self._example_sums, (size,))
        return place

    def _solve(self, noise: float, example_sd: float) -> _Solved:
        size, examples = len(self._prior), len(self._places)
        precision = np.array([1 / prior.sd**2 for prior in self._prior])
        means = np.array([prior.mean for prior in self._prior])
        right = self._sums[:size] / noise + precision * means
        example_right = self._example_sums[:examples] / noise
        diagonal = self._example_counts[:examples] / noise + 1 / example_sd**2
        cross = self._cross[:size, :examples] / noise
        weighted = cross / diagonal
        schur = self._gram[:size, :size] / noise - weighted @ cross.T
        schur[np.diag_indices(size)] += precision
        reduced = right - weighted @ example_right
        return _Solved(schur, reduced, diagonal, example_right, cross)

    def _fit(self) -> None:
        grid = [(noise, sd) for noise in _NOISE_VARIANCES for sd in _EXAMPLE_SDS]
        self.noise_variance, self.example_sd = max(grid, key=lambda pair: self._log_evidence(*pair))

    def _log_evidence(self, noise: float, example_sd: float) -> float:
        """Log marginal likelihood, up to a constant."""
        solved = self._solve(noise, example_sd)
        explained = float(solved.right @ np.linalg.solve(solved.schur, solved.right))
        explained += float((solved.example_right**2 / solved.diagonal).sum())
        log_determinant = float(np.linalg.slogdet(solved.schur)[1]) + float(np.log(solved.diagonal).sum())
        prior_log_determinant = -2 * len(solved.diagonal) * math.log(example_sd)
        return -0.5 * (
            self.rows * math.log(noise)
            + log_determinant
            - prior_log_determinant
            + self._squares / noise
            - explained
        )


@dataclass(frozen=True, slots=True)
class _Solved:
    """The normal equations with the examples eliminated."""

    schur: Array
    right: Array
    diagonal: Array
    example_right: Array
    cross: Array


def _grown(array: Array, shape: tuple[int, ...]) -> Array:
    grown = np.zeros(shape)
    grown[tuple(slice(0, size) for size in array.shape)] = array
    return grown

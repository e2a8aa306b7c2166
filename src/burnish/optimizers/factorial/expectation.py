"""What the next hundred calls may be expected to gain."""

from __future__ import annotations

import numpy as np

from burnish.optimizers.factorial.pool import EditPool

HORIZON = 100  # calls
_SAMPLES = 48
_QUESTIONS_REMEMBERED = 20
_IMAGINED_QUESTIONS = 2  # before there are any of its own
_VALUE_OF_AN_IMAGINED = 0.015


def expected_gain(pool: EditPool, questions: float, random: np.random.Generator) -> float:
    """Gain in the mean score from asking on: from knowing better which edits do good, and from new ones.

    Knowing better: the expected score of the best set after another hundred calls, less that of the best set
    now (the expected value of sample information, by simulation from the posterior). New ones: as many as a
    hundred calls bring, each worth what the latest were.

    Args:
        questions: to the reflection model in a hundred calls; 0 when it is not asked.
    """
    return _from_knowing_better(pool, random) + questions * _worth_of_a_question(pool)


def _from_knowing_better(pool: EditPool, random: np.random.Generator) -> float:
    posterior = pool.posterior
    if not len(posterior.mean):
        return 0.0
    variance = np.diag(posterior.covariance)
    of_the_mean = 4 * pool.model.noise_variance / HORIZON  # an effect that is in every second call
    known_then = np.sqrt(variance / (variance + of_the_mean))
    now = pool.value_of_best(posterior.mean)
    later = [
        pool.value_of_best(posterior.mean + known_then * (posterior.sample(random) - posterior.mean))
        for _ in range(_SAMPLES)
    ]
    return max(0.0, float(np.mean(later)) - now)


def _worth_of_a_question(pool: EditPool) -> float:
    """Mean gain by an answer of the reflection model, from the latest ones."""
    answers: dict[str, float] = {}
    for entry in pool.entries:
        if entry.edit.written_from:
            worth = max(0.0, pool.mean(entry)) if entry in pool.active else 0.0
            answers[entry.edit.origin] = answers.get(entry.edit.origin, 0.0) + worth
    latest = list(answers.values())[-_QUESTIONS_REMEMBERED:]
    total = sum(latest) + _IMAGINED_QUESTIONS * _VALUE_OF_AN_IMAGINED
    return total / (len(latest) + _IMAGINED_QUESTIONS)

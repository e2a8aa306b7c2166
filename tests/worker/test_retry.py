"""Which failures are worth another attempt, and after how long."""

from __future__ import annotations

import pytest

from burnish.errors import (
    AttemptSuperseded,
    InvalidInput,
    ModelRejected,
    OptimizerFailed,
    ProviderUnavailable,
    ScorerFailed,
    StoreUnavailable,
    TrackingUnavailable,
)
from burnish.worker.retry import RetryPolicy

POLICY = RetryPolicy(limit=3, draw=lambda: 1.0, base_seconds=2, cap_seconds=10)


@pytest.mark.parametrize(
    "error", [StoreUnavailable("away"), TrackingUnavailable("away"), ProviderUnavailable("away")]
)
def test_causes_outside_the_job_are_retried_up_to_the_limit(error: Exception) -> None:
    delays = [POLICY.decide(error, number) for number in range(3)]
    assert delays == [2, 6, 10]
    assert POLICY.decide(error, 3) is None


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput.of("scorers", "x", "no"),
        ModelRejected("openai:/x", "401"),
        ScorerFailed("s", "e", "NaN"),
        OptimizerFailed("nothing left"),
        AttemptSuperseded("j", 1),
        ValueError("a bug"),
    ],
)
def test_causes_inside_the_job_are_not_retried(error: Exception) -> None:
    assert POLICY.decide(error, 0) is None


def test_jitter_keeps_at_least_half_of_the_delay() -> None:
    least = RetryPolicy(limit=1, draw=lambda: 0.0, base_seconds=4).decide(StoreUnavailable("x"), 0)
    assert least == 2

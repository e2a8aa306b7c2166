"""What is tried again, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import ModelError, ModelRejected, ModelRequestInvalid, ModelTimeout, ModelUnavailable
from burnish.llm.retries import RetrySchedule

SCHEDULE = RetrySchedule()


def unavailable(retry_after_seconds: float | None = None) -> ModelUnavailable:
    error = ModelUnavailable("m", "away")
    error.retry_after_seconds = retry_after_seconds
    return error


def test_waits_double_with_full_jitter() -> None:
    waits = [SCHEDULE.delay(unavailable(), failures, lambda: 0.999) for failures in range(1, 6)]
    assert waits == pytest.approx([0.5, 1, 2, 4, 8], rel=0.01)
    assert SCHEDULE.delay(unavailable(), 5, lambda: 0.0) == 0.0


def test_there_is_a_last_attempt() -> None:
    assert SCHEDULE.delay(unavailable(), 6, lambda: 0.5) is None
    assert SCHEDULE.delay(ModelTimeout("m", "late"), 1, lambda: 0.5) is not None
    assert SCHEDULE.delay(ModelTimeout("m", "late"), 2, lambda: 0.5) is None


@pytest.mark.parametrize("error", [ModelRejected("m", "401"), ModelRequestInvalid("m", "400")])
def test_what_cannot_pass_is_not_tried_again(error: ModelError) -> None:
    assert SCHEDULE.delay(error, 1, lambda: 0.5) is None


def test_the_providers_wish_is_a_lower_bound_up_to_the_cap() -> None:
    assert SCHEDULE.delay(unavailable(9), 1, lambda: 0.5) == 9
    assert SCHEDULE.delay(unavailable(0.01), 5, lambda: 0.5) == 4
    assert SCHEDULE.delay(unavailable(3600), 1, lambda: 0.5) == 60


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 1e9))
def test_no_wait_is_longer_than_the_cap(failures: int, draw: float, wish: float | None) -> None:
    schedule = RetrySchedule(attempts=10**6)
    wait = schedule.delay(unavailable(wish), failures, lambda: draw)
    assert wait is not None
    assert 0 <= wait <= schedule.longest_wait_seconds

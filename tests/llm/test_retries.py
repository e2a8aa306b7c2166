"""What is tried again, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.concurrency import Backoff
from burnish.errors import ModelError, ModelRejected, ModelRequestInvalid, ModelTimeout, ModelUnavailable
from burnish.llm.retries import RetrySchedule


def schedule(drawn: float, tries: int = 6) -> RetrySchedule:
    return RetrySchedule(tries=tries, backoff=Backoff(base_seconds=0.5, cap_seconds=60.0, draw=lambda: drawn))


def unavailable(retry_after_seconds: float | None = None) -> ModelUnavailable:
    error = ModelUnavailable("m", "away")
    error.retry_after_seconds = retry_after_seconds
    return error


def test_pauses_double_with_full_jitter() -> None:
    pauses = [schedule(0.999).pause_seconds(unavailable(), failures) for failures in range(1, 6)]
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8], rel=0.01)
    assert schedule(0.0).pause_seconds(unavailable(), 5) == 0.0


def test_there_is_a_last_try() -> None:
    assert schedule(0.5).pause_seconds(unavailable(), 6) is None
    assert schedule(0.5).pause_seconds(ModelTimeout("m", "late"), 1) is not None
    assert schedule(0.5).pause_seconds(ModelTimeout("m", "late"), 2) is None


@pytest.mark.parametrize("error", [ModelRejected("m", "401"), ModelRequestInvalid("m", "400")])
def test_what_cannot_pass_is_not_tried_again(error: ModelError) -> None:
    assert schedule(0.5).pause_seconds(error, 1) is None


def test_what_the_provider_asks_for_is_a_lower_bound_up_to_the_cap() -> None:
    assert schedule(0.5).pause_seconds(unavailable(9), 1) == 9
    assert schedule(0.5).pause_seconds(unavailable(0.01), 5) == 4
    assert schedule(0.5).pause_seconds(unavailable(3600), 1) == 60


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 1e9))
def test_no_pause_is_longer_than_the_cap(failures: int, drawn: float, asked_for: float | None) -> None:
    pause = schedule(drawn, tries=10**6).pause_seconds(unavailable(asked_for), failures)
    assert pause is not None
    assert 0 <= pause <= 60

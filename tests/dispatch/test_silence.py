"""Silence is measured by one observer's clock, and only while it looks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from burnish.dispatch.silence import Silence
from burnish.domain.records import Heartbeat


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_sign(attempt: int = 1, heartbeat_ms: int = 0, job_id: str = "a") -> Heartbeat:
    return Heartbeat(job_id, attempt, heartbeat_ms)


def looks(silence: Silence, clock: Clock, seconds: int, sign: Heartbeat) -> list[float]:
    """Look once a second; the times at which the sign was told to be dead."""
    told = []
    for _ in range(seconds):
        clock.now += 1.0
        if silence.look([sign]):
            told.append(clock.now - 1000.0)
    return told


def test_an_attempt_is_dead_when_its_sign_stays_the_same() -> None:
    clock = Clock()
    silence = Silence(10.0, 1.0, clock)
    assert looks(silence, clock, 10, a_sign()) == []
    assert looks(silence, clock, 1, a_sign()) == [11.0]


def test_what_stays_silent_is_told_again_after_as_much_time() -> None:
    clock = Clock()
    assert looks(Silence(10.0, 1.0, clock), clock, 31, a_sign()) == [11.0, 21.0, 31.0]


def test_a_heartbeat_or_another_attempt_breaks_the_silence() -> None:
    clock = Clock()
    silence = Silence(10.0, 1.0, clock)
    assert looks(silence, clock, 10, a_sign(1, 5)) == []
    assert looks(silence, clock, 10, a_sign(1, 6)) == []
    assert looks(silence, clock, 10, a_sign(2, 6)) == []
    assert looks(silence, clock, 1, a_sign(2, 6)) == [31.0]


def test_a_heartbeat_from_a_clock_that_jumped_back_is_a_sign_of_life() -> None:
    clock = Clock()
    silence = Silence(10.0, 1.0, clock)
    assert looks(silence, clock, 9, a_sign(1, 1_800_000_000_000)) == []
    assert looks(silence, clock, 9, a_sign(1, 3_600_000)) == []


def test_an_observer_who_slept_does_not_blame_others() -> None:
    clock = Clock()
    silence = Silence(10.0, 1.0, clock)
    looks(silence, clock, 5, a_sign())
    clock.now += 3600.0
    assert silence.look([a_sign()]) == []
    assert looks(silence, clock, 2, a_sign()) == []  # 4 + 2 + 2 seconds


def test_a_job_that_ended_in_between_is_forgotten() -> None:
    clock = Clock()
    silence = Silence(10.0, 1.0, clock)
    looks(silence, clock, 10, a_sign())
    silence.look([])
    assert looks(silence, clock, 10, a_sign()) == []


@given(st.lists(st.floats(0.0, 100.0), max_size=50))
def test_a_job_that_beats_is_never_dead(gaps: list[float]) -> None:
    clock = Clock()
    silence = Silence(10.0, 1.0, clock)
    for number, gap in enumerate(gaps):
        clock.now += gap
        assert silence.look([a_sign(1, number), a_sign(1, number, "b")]) == []

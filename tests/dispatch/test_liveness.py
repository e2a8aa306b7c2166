"""A missing heartbeat is timed by one monitor's clock, and only while it looks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from burnish.dispatch.liveness import LivenessMonitor
from burnish.domain.records import Heartbeat


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_heartbeat(attempt: int = 1, heartbeat_ms: int = 0, job_id: str = "a") -> Heartbeat:
    return Heartbeat(job_id, attempt, heartbeat_ms)


def times_of_death(monitor: LivenessMonitor, clock: Clock, seconds: int, heartbeat: Heartbeat) -> list[float]:
    """Check once a second; the times at which the attempt counted as dead."""
    found = []
    for _ in range(seconds):
        clock.now += 1.0
        if monitor.check([heartbeat]):
            found.append(clock.now - 1000.0)
    return found


def test_an_attempt_is_dead_when_its_heartbeat_stays_the_same() -> None:
    clock = Clock()
    monitor = LivenessMonitor(10.0, 1.0, clock)
    assert times_of_death(monitor, clock, 10, a_heartbeat()) == []
    assert times_of_death(monitor, clock, 1, a_heartbeat()) == [11.0]


def test_a_dead_attempt_is_named_again_after_as_much_time() -> None:
    clock = Clock()
    assert times_of_death(LivenessMonitor(10.0, 1.0, clock), clock, 31, a_heartbeat()) == [11.0, 21.0, 31.0]


def test_a_new_heartbeat_or_another_attempt_is_alive() -> None:
    clock = Clock()
    monitor = LivenessMonitor(10.0, 1.0, clock)
    assert times_of_death(monitor, clock, 10, a_heartbeat(1, 5)) == []
    assert times_of_death(monitor, clock, 10, a_heartbeat(1, 6)) == []
    assert times_of_death(monitor, clock, 10, a_heartbeat(2, 6)) == []
    assert times_of_death(monitor, clock, 1, a_heartbeat(2, 6)) == [31.0]


def test_a_heartbeat_from_a_clock_that_jumped_back_counts() -> None:
    clock = Clock()
    monitor = LivenessMonitor(10.0, 1.0, clock)
    assert times_of_death(monitor, clock, 9, a_heartbeat(1, 1_800_000_000_000)) == []
    assert times_of_death(monitor, clock, 9, a_heartbeat(1, 3_600_000)) == []


def test_a_monitor_that_slept_does_not_blame_others() -> None:
    clock = Clock()
    monitor = LivenessMonitor(10.0, 1.0, clock)
    times_of_death(monitor, clock, 5, a_heartbeat())
    clock.now += 3600.0
    assert monitor.check([a_heartbeat()]) == []
    assert times_of_death(monitor, clock, 2, a_heartbeat()) == []  # 4 + 2 + 2 seconds


def test_a_job_that_ended_in_between_is_forgotten() -> None:
    clock = Clock()
    monitor = LivenessMonitor(10.0, 1.0, clock)
    times_of_death(monitor, clock, 10, a_heartbeat())
    monitor.check([])
    assert times_of_death(monitor, clock, 10, a_heartbeat()) == []


@given(st.lists(st.floats(0.0, 100.0), max_size=50))
def test_a_job_that_beats_is_never_dead(gaps: list[float]) -> None:
    clock = Clock()
    monitor = LivenessMonitor(10.0, 1.0, clock)
    for number, gap in enumerate(gaps):
        clock.now += gap
        assert monitor.check([a_heartbeat(1, number), a_heartbeat(1, number, "b")]) == []

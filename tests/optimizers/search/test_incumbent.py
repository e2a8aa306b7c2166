"""The best so far, and when the search ends."""

from __future__ import annotations

import pytest

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.job import StopReason
from burnish.evaluation.protocol import Means
from burnish.optimizers.search.incumbent import Incumbent
from burnish.optimizers.settings import CommonSettings
from burnish.optimizers.testing.contract import RecordingObserver


def scored(value: float) -> Means:
    return Means(evaluations=(), scores={"aggregate": value})


def candidate(text: str) -> Candidate:
    return Candidate({"p": text})


def incumbent(source: float = 0.5, **settings: float) -> tuple[Incumbent, RecordingObserver]:
    observer = RecordingObserver()
    made = CommonSettings.model_validate(settings)
    return Incumbent(candidate("source"), scored(source), made, observer), observer


def test_only_a_better_candidate_is_accepted() -> None:
    best, observer = incumbent()
    assert not best.consider(candidate("equal"), scored(0.5))
    assert best.consider(candidate("better"), scored(0.6))
    assert not best.consider(candidate("worse"), scored(0.55))
    assert best.outcome().best == candidate("better")
    assert [entry[1] for entry in observer.candidates] == [
        CandidateStatus.REJECTED,
        CandidateStatus.ACCEPTED,
        CandidateStatus.REJECTED,
    ]
    assert "the best has 0.600" in observer.candidates[2][3]


def test_of_equals_the_shorter_wins_but_never_against_the_source() -> None:
    best, _ = incumbent()
    assert not best.consider(candidate("a"), scored(0.5)), "the source is shorter than nothing it must prove"
    best.consider(candidate("a rather long prompt, with many words in it"), scored(0.7))
    assert best.consider(candidate("a short prompt"), scored(0.7))
    assert not best.consider(candidate("a prompt of about the same length"), scored(0.7))


def test_a_gain_below_the_minimum_is_no_gain() -> None:
    best, _ = incumbent(minimum_gain=0.1)
    assert not best.consider(candidate("a bit better"), scored(0.59))
    assert best.consider(candidate("better"), scored(0.61))


@pytest.mark.parametrize(
    ("source", "settings", "reason"),
    [
        (1.0, {}, StopReason.NO_HEADROOM),
        (0.99, {}, None),
        (0.8, {"target_score": 0.8}, StopReason.TARGET_REACHED),
        (0.79, {"target_score": 0.8}, None),
    ],
)
def test_knows_when_to_stop_at_once(
    source: float, settings: dict[str, float], reason: StopReason | None
) -> None:
    assert incumbent(source, **settings)[0].stop_reason() is reason


def test_patience_counts_candidates_without_a_gain() -> None:
    best, _ = incumbent(patience=2)
    best.consider(candidate("a"), scored(0.1))
    assert best.stop_reason() is None
    best.consider(candidate("b"), scored(0.6))
    best.reject(candidate("c"), scored(0.1), "weak")
    assert best.stop_reason() is None
    best.reject(candidate("d"), scored(0.1), "weak")
    assert best.stop_reason() is StopReason.PATIENCE

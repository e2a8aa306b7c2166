"""The Pareto front over objectives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from burnish.optimizers.search.pareto import dominates, front

objectives = st.fixed_dictionaries(
    {"aggregate": st.integers(0, 4).map(float), "prompt_tokens": st.integers(0, 4).map(float)}
)


def test_a_shorter_prompt_with_the_same_score_dominates() -> None:
    assert dominates({"aggregate": 0.7, "prompt_tokens": 20}, {"aggregate": 0.7, "prompt_tokens": 30})
    assert not dominates({"aggregate": 0.7, "prompt_tokens": 40}, {"aggregate": 0.6, "prompt_tokens": 30})
    assert not dominates({"aggregate": 0.7}, {"aggregate": 0.7})
    assert not dominates({"aggregate": 0.7}, {"other": 0.1})


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=2), objectives, max_size=8))
def test_the_front_is_what_nobody_dominates(points: dict[str, dict[str, float]]) -> None:
    best = front(points)
    assert bool(best) == bool(points)
    for name, point in points.items():
        beaten = [other for other in points.values() if dominates(other, point)]
        assert (name in best) == (not beaten)


def test_candidates_without_objectives_are_not_on_the_front() -> None:
    assert front({"a": {}, "b": {"aggregate": 0.1}}) == {"b"}

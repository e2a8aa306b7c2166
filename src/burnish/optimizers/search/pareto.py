"""Which candidates nobody beats in everything: the Pareto front over a candidate's objectives."""

from __future__ import annotations

from collections.abc import Collection, Mapping

Objectives = Mapping[str, float]
"""Name → value. All are better when larger, but for those named in :data:`SMALLER_IS_BETTER`."""

SMALLER_IS_BETTER = frozenset({"prompt_tokens", "usd", "calls", "seconds"})


def dominates(one: Objectives, other: Objectives, smaller: Collection[str] = SMALLER_IS_BETTER) -> bool:
    """``one`` is nowhere worse than ``other`` and somewhere better. Only objectives of both count."""
    gains = [
        (other[name] - one[name]) if name in smaller else (one[name] - other[name])
        for name in one.keys() & other.keys()
    ]
    return bool(gains) and min(gains) >= 0 and max(gains) > 0


def front(points: Mapping[str, Objectives], smaller: Collection[str] = SMALLER_IS_BETTER) -> frozenset[str]:
    """Ids of the points that no other dominates; of equal points, all. Points without objectives are none."""
    return frozenset(
        name
        for name, point in points.items()
        if point and not any(dominates(other, point, smaller) for other in points.values())
    )

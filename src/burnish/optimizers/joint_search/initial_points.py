"""The first candidates of a search: combinations that often do well, before anything is known."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.optimizers.joint_search.space import Point, PromptSpace, Space
from burnish.optimizers.prompts.layout import Layout

# (instruction, rule, layout, demonstrations); numbers count from the source's own instruction and "no rule".
_FIRST = (
    (1, 1, "fields, task cue", 0),
    (1, 1, "as in the source", 0),
    (0, 1, "as in the source", 0),
    (2, 1, "fields, answer cue", 0),
    (0, 2, "fields, task cue", 0),
    (3, 1, "fields, task cue", 0),
    (4, 1, "fields, answer cue", 0),
    (1, 2, "fields, task cue", 2),
)


def initial_points(space: Space, count: int) -> list[Point]:
    """Up to ``count`` points, all of which leave the other prompts of a set as they are."""
    scored, *others = space.prompts
    points: list[Point] = []
    for instruction, rule, layout, shots in _FIRST[:count]:
        wanted = {
            "instruction": instruction % len(scored.instructions),
            "rule": rule % len(scored.rules),
            "layout": _position(scored.layouts, layout),
            "shots": _spec_position(scored, shots),
        }
        point = {f"{scored.name}.{key}": value for key, value in wanted.items()}
        point |= {name: 0 for other in others for name in other.dimensions}
        points.append({name: point[name] for name in space.dimensions})
    return points


def _position(layouts: Sequence[Layout], name: str) -> int:
    return next((at for at, layout in enumerate(layouts) if layout.name == name), 0)


def _spec_position(prompt: PromptSpace, count: int) -> int:
    return next((at for at, shots in enumerate(prompt.shots) if shots.count == count), 0)

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
    """Up to ``count`` points, each of which changes one prompt and leaves the others of a set as they are."""
    points: list[Point] = []
    for number in range(min(count, len(_FIRST))):
        changed = space.leading[number % len(space.leading)]
        instruction, rule, layout, shots = _FIRST[number // len(space.leading)]
        wanted = {
            "instruction": instruction % len(changed.instructions),
            "rule": rule % len(changed.rules),
            "layout": _position(changed.layouts, layout),
            "shots": _spec_position(changed, shots),
        }
        point = {f"{changed.name}.{key}": value for key, value in wanted.items()}
        points.append({name: point.get(name, 0) for name in space.dimensions})
    return points


def _position(layouts: Sequence[Layout], name: str) -> int:
    return next((at for at, layout in enumerate(layouts) if layout.name == name), 0)


def _spec_position(prompt: PromptSpace, count: int) -> int:
    return next((at for at, shots in enumerate(prompt.shots) if shots.count == count), 0)

"""The first candidates of a search: combinations that often do well, before anything is known."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.optimizers.joint_search.space import Choices, PromptSpace, Space
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


def starters_of(space: Space, count: int) -> list[Choices]:
    """Up to ``count`` choices for the scored prompt; the other prompts of a set stay as they are at first."""
    scored, *others = space.prompts
    starters: list[Choices] = []
    for instruction, rule, layout, shots in _FIRST[:count]:
        wanted = {
            "instruction": instruction % len(scored.instructions),
            "rule": rule % len(scored.rules),
            "layout": _position(scored.layouts, layout),
            "shots": _with_shots(scored, shots),
        }
        choices = {f"{scored.name}.{key}": value for key, value in wanted.items()}
        choices |= {name: 0 for other in others for name in other.dimensions}
        starters.append({name: choices[name] for name in space.dimensions})
    return starters


def _position(layouts: Sequence[Layout], name: str) -> int:
    return next((at for at, layout in enumerate(layouts) if layout.name == name), 0)


def _with_shots(prompt: PromptSpace, count: int) -> int:
    return next((at for at, shots in enumerate(prompt.shots) if shots.count == count), 0)

"""Edits that need no reflection model: ready-made instructions, formats and layouts, and demonstrations."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.domain.edit import EditKind
from burnish.optimizers.demonstrations import Demonstration, pick
from burnish.optimizers.factorial.edits import (
    AnswerRule,
    Demonstrations,
    Edit,
    NewInstruction,
    NewLayout,
)
from burnish.optimizers.joint_search.space import PromptSpace

TEMPLATE = "template"
_SHOWN_AT_LEAST = 2


def format_edits(space: PromptSpace) -> list[Edit]:
    """Ways to say what the answer must look like, read off the expectations."""
    return [
        Edit(
            kind=EditKind.FORMAT,
            text=rule.full,
            prompt=space.name,
            change=AnswerRule(rule),
            origin=TEMPLATE,
            slot="format",
        )
        for rule in space.rules
        if rule.full
    ]


def wording_edits(space: PromptSpace) -> list[Edit]:
    """Other instructions in the place of the source's, and other layouts."""
    instructions = [
        Edit(
            kind=EditKind.INSTRUCTION,
            text=text,
            prompt=space.name,
            change=NewInstruction(text),
            origin=TEMPLATE,
            slot="instruction",
        )
        for text in space.instructions[1:]
    ]
    layouts = [
        Edit(
            kind=EditKind.LAYOUT,
            text=layout.name,
            prompt=space.name,
            change=NewLayout(layout),
            origin=TEMPLATE,
            slot="layout",
        )
        for layout in space.layouts[1:]
    ]
    return instructions + layouts


def demonstration_edits(
    space: PromptSpace, passed: Sequence[Demonstration], most: int, seed: int, draw: int = 0
) -> list[Edit]:
    """Two sets of worked examples, a small one and a large one.

    Args:
        passed: what may be shown: answers that passed.
        draw: another number, another selection.
    """
    turns = space.frame.takes_turns
    sizes = dict.fromkeys((_SHOWN_AT_LEAST, most))
    found = []
    for position, size in enumerate(sizes):
        if not _SHOWN_AT_LEAST <= size <= min(most, len(passed)):
            continue
        shown = pick(passed, size, seed, draw + position)
        found.append(
            Edit(
                kind=EditKind.DEMONSTRATION,
                text=f"{size} worked examples: {', '.join(one.answer[:40] for one in shown)}",
                prompt=space.name,
                change=Demonstrations(shown, "turns" if turns else "titled"),
                origin="passing traces",
                slot="demonstrations",
            )
        )
    return found

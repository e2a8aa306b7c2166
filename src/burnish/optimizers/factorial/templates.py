"""Edits that need no reflection model: ready-made instructions, formats and layouts, and demonstrations."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.domain.edit import EditKind
from burnish.optimizers.factorial.edits import (
    AnswerRule,
    Demonstrations,
    Edit,
    NewInstruction,
    NewLayout,
)
from burnish.optimizers.prompts.composer import PromptComposer
from burnish.optimizers.prompts.demonstrations import Demonstration, pick
from burnish.optimizers.prompts.instruction_templates import general_instructions, instructions_of, rules_of

TEMPLATE = "template"
_SHOWN_AT_LEAST = 2


def format_edits(name: str, composer: PromptComposer) -> list[Edit]:
    """Ways to say what the answer must look like, read off the expectations.

    Args:
        name: of the prompt.
    """
    return [
        Edit(
            kind=EditKind.FORMAT,
            text=rule.full,
            prompt=name,
            change=AnswerRule(rule),
            origin=TEMPLATE,
            slot="format",
        )
        for rule in rules_of(composer.answer_type)
        if rule.full
    ]


def wording_edits(name: str, composer: PromptComposer, scored: bool) -> list[Edit]:
    """Other instructions in the place of the source's, and other layouts.

    Args:
        scored: this prompt's answer is what the expectations speak of.
    """
    own = composer.structure.instruction
    texts = (
        instructions_of(own, composer.answer_type, composer.wording) if scored else general_instructions(own)
    )
    instructions = [
        Edit(
            kind=EditKind.INSTRUCTION,
            text=text,
            prompt=name,
            change=NewInstruction(text),
            origin=TEMPLATE,
            slot="instruction",
        )
        for text in texts
        if text not in ("", own)
    ]
    layouts = [
        Edit(
            kind=EditKind.LAYOUT,
            text=layout.name,
            prompt=name,
            change=NewLayout(layout),
            origin=TEMPLATE,
            slot="layout",
        )
        for layout in composer.layouts[1:]
    ]
    return instructions + layouts


def demonstration_edits(
    name: str, passed: Sequence[Demonstration], most: int, seed: int, turns: bool
) -> list[Edit]:
    """Two sets of worked examples, a small one and a large one.

    Args:
        passed: what may be shown: answers that passed.
        turns: they stand as turns of the chat, else below "Examples:".
    """
    found = []
    for draw, size in enumerate(dict.fromkeys((_SHOWN_AT_LEAST, most))):
        if not _SHOWN_AT_LEAST <= size <= min(most, len(passed)):
            continue
        shown = pick(passed, size, seed, draw)
        found.append(
            Edit(
                kind=EditKind.DEMONSTRATION,
                text=f"{size} worked examples: {', '.join(one.answer[:40] for one in shown)}",
                prompt=name,
                change=Demonstrations(shown, "turns" if turns else "titled"),
                origin="passing traces",
                slot="demonstrations",
            )
        )
    return found

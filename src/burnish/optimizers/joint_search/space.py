"""The search space: its dimensions, and which candidate each of its points makes."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.prompt import Template
from burnish.optimizers.prompts.composer import PromptComposer
from burnish.optimizers.prompts.demonstrations import Demonstration, labelled, pick
from burnish.optimizers.prompts.instruction_templates import (
    NO_RULE,
    Rule,
    general_instructions,
    instructions_of,
    rules_of,
)
from burnish.optimizers.prompts.layout import Layout
from burnish.optimizers.protocol import Task
from burnish.optimizers.settings import REWRITTEN_ROLES

Point = Mapping[str, int]
"""Name of a dimension → index of the chosen value; 0 is the source's own."""

LARGEST_POOL = 200  # training examples that demonstrations are picked from


@dataclass(frozen=True, slots=True)
class DemonstrationSpec:
    """How many demonstrations, and how they are shown.

    Attributes:
        style: ``block`` (as the fields stand), ``titled`` (below "Examples:") or ``turns`` (of a chat).
        draw: another number, another selection.
    """

    count: int = 0
    style: str = "block"
    draw: int = 0

    def __str__(self) -> str:
        return f"{self.count} examples ({self.style})" if self.count else "no examples"


@dataclass(frozen=True, slots=True)
class PromptSpace:
    """The dimensions of one prompt of the set.

    Attributes:
        instructions: the source's own first.
        shots: how many demonstrations, and how they are shown.
    """

    name: str
    composer: PromptComposer
    instructions: tuple[str, ...]
    rules: tuple[Rule, ...]
    layouts: tuple[Layout, ...]
    shots: tuple[DemonstrationSpec, ...]

    @property
    def dimensions(self) -> dict[str, int]:
        """Name of each dimension → how many values it has."""
        sizes = {
            "instruction": len(self.instructions),
            "rule": len(self.rules),
            "layout": len(self.layouts),
            "shots": len(self.shots),
        }
        return {f"{self.name}.{key}": size for key, size in sizes.items() if size > 1}

    def template(self, point: Point, pool: Sequence[Demonstration], seed: int) -> Template:
        """The prompt at this point of the space."""
        shots = self.shots[self.chosen(point, "shots")]
        return self.composer.compose(
            self.instructions[self.chosen(point, "instruction")],
            self.rules[self.chosen(point, "rule")],
            self.layouts[self.chosen(point, "layout")],
            pick(pool, shots.count, seed, shots.draw),
            shots.style,
        )

    def chosen(self, point: Point, key: str) -> int:
        return point.get(f"{self.name}.{key}", 0)

    def describe(self, point: Point) -> str:
        """One short phrase for the candidate's origin."""
        parts = [f"instruction {self.chosen(point, 'instruction')}"]
        if rule := self.chosen(point, "rule"):
            parts.append(f"rule {rule}")
        parts.append(self.layouts[self.chosen(point, "layout")].name)
        if (shots := self.shots[self.chosen(point, "shots")]).count:
            parts.append(str(shots))
        return " × ".join(parts)


@dataclass(frozen=True, slots=True)
class Space:
    """All prompts of the job, the one whose answers are scored among them where that is known."""

    source: Candidate
    prompts: tuple[PromptSpace, ...]
    scored: str | None
    pool: tuple[Demonstration, ...]
    seed: int

    @property
    def leading(self) -> tuple[PromptSpace, ...]:
        """Where the first candidates differ: in the prompt whose answers are scored; in each of the prompts
        where that is not known."""
        return tuple(prompt for prompt in self.prompts if prompt.name == self.scored) or self.prompts

    @property
    def dimensions(self) -> dict[str, int]:
        return {key: size for prompt in self.prompts for key, size in prompt.dimensions.items()}

    def candidate(self, point: Point) -> Candidate:
        texts = {prompt.name: prompt.template(point, self.pool, self.seed) for prompt in self.prompts}
        origin = "; ".join(
            prompt.describe(point) if len(self.prompts) == 1 else f"{prompt.name}: {prompt.describe(point)}"
            for prompt in self.prompts
        )
        return Candidate(texts, parents=(self.source.candidate_id,), origin=origin)

    def demonstrated(self, point: Point) -> frozenset[str]:
        """Ids of the training examples that a candidate shows on purpose."""
        chosen = [prompt.shots[prompt.chosen(point, "shots")] for prompt in self.prompts]
        return frozenset(
            shown.example.example_id
            for shots in chosen
            for shown in pick(self.pool, shots.count, self.seed, shots.draw)
        )


def space_of(
    task: Task,
    written: Mapping[str, Sequence[str]],
    max_demonstrations: int,
    roles: Collection[str] = REWRITTEN_ROLES,
) -> Space:
    """Read the space off the source and the training examples.

    Args:
        written: instructions from a reflection model, by prompt name; tried beside those from templates.
        max_demonstrations: 0 shows no training example.
        roles: of the messages that may be rewritten.
    """
    pool = tuple(labelled(_some(task.train, task.seed), task.jinja)) if max_demonstrations else ()
    prompts = []
    for name, template in task.source.texts.items():
        scored = name == task.scored
        composer = PromptComposer.of(template, task.train, roles, scored)
        turns = composer.slot.takes_turns
        shots = _demonstration_specs(pool, max_demonstrations, turns) if scored else (DemonstrationSpec(),)
        prompts.append(_prompt_space(name, composer, written.get(name, ()), shots, scored))
    return Space(task.source, tuple(prompts), task.scored, pool, task.seed)


def _prompt_space(
    name: str,
    composer: PromptComposer,
    written: Sequence[str],
    shots: tuple[DemonstrationSpec, ...],
    scored: bool,
) -> PromptSpace:
    own = composer.structure.instruction
    if scored:
        from_templates = instructions_of(own, composer.answer_type, composer.wording)
    else:
        from_templates = general_instructions(own)
    new = [text for text in (*written, *from_templates) if text not in ("", own)]
    return PromptSpace(
        name=name,
        composer=composer,
        instructions=tuple(dict.fromkeys((own, *new))),
        rules=rules_of(composer.answer_type) if scored else (NO_RULE,),
        layouts=composer.layouts,
        shots=shots,
    )


def _demonstration_specs(
    pool: Sequence[Demonstration], most: int, turns: bool
) -> tuple[DemonstrationSpec, ...]:
    """Few values: demonstrations are the dearest part of a prompt, and FEW_SHOT searches them closely."""
    styles = ("turns", "titled") if turns else ("block", "titled")
    counts = (2, min(most, _distinct_answers(pool)))
    offered = (DemonstrationSpec(count, style) for count, style in zip(counts, styles, strict=True))
    possible = [shots for shots in offered if 0 < shots.count <= min(most, len(pool))]
    return (DemonstrationSpec(), *possible)


def _some(examples: Sequence[Example], seed: int) -> list[Example]:
    """As many as are worth choosing from."""
    return random.Random(f"{seed}/pool").sample(list(examples), min(len(examples), LARGEST_POOL))


def _distinct_answers(pool: Sequence[Demonstration]) -> int:
    """One demonstration for each answer, but at least four."""
    return max(4, len({demonstration.answer for demonstration in pool}))

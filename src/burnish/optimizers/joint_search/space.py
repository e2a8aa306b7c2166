"""The search space: which choices there are, and which candidate a set of choices makes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.prompt import Message, Template, render, text_of, variables_of
from burnish.optimizers.prompts.answer_type import AnswerKind, shape_of
from burnish.optimizers.prompts.demonstrations import Demonstration, as_block, as_turns, labelled, pick
from burnish.optimizers.prompts.instruction_templates import (
    NO_RULE,
    Rule,
    Wording,
    general_instructions,
    instructions_of,
    rules_of,
)
from burnish.optimizers.prompts.layout import (
    PLAIN,
    Layout,
    Parts,
    arrange,
    arrange_as_source,
    cue_of,
    layouts_for,
    written_field,
)
from burnish.optimizers.prompts.structure import Anatomy, Frame, anatomy_of, variables_in_order
from burnish.optimizers.protocol import Task

Choices = Mapping[str, int]
"""Name of a dimension → index of the chosen value."""


LARGEST_POOL = 200  # training examples that demonstrations are picked from


@dataclass(frozen=True, slots=True)
class Shots:
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
    """The choices for one prompt of the set.

    Attributes:
        variables: those of the shaped text, in their order there.
        instructions: the source's own first.
        answer: how a cue calls the answer ("Sentiment").
    """

    name: str
    frame: Frame
    anatomy: Anatomy
    variables: tuple[str, ...]
    instructions: tuple[str, ...]
    rules: tuple[Rule, ...]
    layouts: tuple[Layout, ...]
    shots: tuple[Shots, ...]
    answer: str

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

    def template(self, choices: Choices, pool: Sequence[Demonstration], seed: int) -> Template:
        """The prompt that these choices make."""
        shots = self.shots[self.chosen(choices, "shots")]
        return self.composed(
            self.instructions[self.chosen(choices, "instruction")],
            self.rules[self.chosen(choices, "rule")],
            self.layouts[self.chosen(choices, "layout")],
            pick(pool, shots.count, seed, shots.draw),
            shots.style,
        )

    def composed(
        self,
        instruction: str,
        rule: Rule,
        layout: Layout,
        shown: Sequence[Demonstration] = (),
        style: str = "block",
    ) -> Template:
        """The prompt with these parts; ``style`` is how demonstrations are shown, see :class:`Shots`."""
        if shown and not layout.cue and not layout.as_source:
            layout = replace(layout, cue="{answer}:")  # demonstrations need a cue to copy
        inside = variables_of(instruction)
        if layout.as_source and not variables_of(self.anatomy.instruction) <= inside:
            layout = PLAIN  # the source's sentence held them, the new one does not
        parts = Parts(
            instruction=instruction,
            rule=rule.beside(instruction),
            fields=[name for name in self.variables if name not in inside],
            answer=self.answer,
        )
        if layout.in_system and instruction == self.anatomy.instruction:
            kept = "\n\n".join(words for words in (self.frame.system_text, instruction) if words)
            parts = replace(parts, instruction=kept)
        turns: tuple[Message, ...] = ()
        if shown and style == "turns":
            turns = as_turns(shown, lambda example: self._asked(layout, parts, example))
        elif shown and inside:
            return self._repeated(layout, parts, shown)
        elif shown:
            parts = replace(parts, demonstrations=self._block(layout, shown, titled=style == "titled"))
        if layout.as_source:
            text = arrange_as_source(self.frame.text, self.anatomy.instruction, parts)
            return self.frame.filled(text, turns=turns)
        text, system = arrange(layout, parts)
        return self.frame.filled(text, system or None, turns)

    def _asked(self, layout: Layout, parts: Parts, example: Example) -> str:
        """What a demonstration asks: the fields alone, or the whole sentence that holds the variables."""
        said = parts.instruction if variables_of(parts.instruction) else ""
        question = arrange(layout, replace(parts, instruction=said, rule=""))[0]
        return render(question, example.inputs)[0].content

    def _repeated(self, layout: Layout, parts: Parts, shown: Sequence[Demonstration]) -> Template:
        """Demonstrations of an instruction with variables in it: the whole of it, filled in, each time."""
        if not layout.cue:
            layout = replace(layout, as_source=False, cue="{answer}:")
        asked = arrange(layout, replace(parts, rule=""))[0]
        entries = [f"{self._asked(layout, parts, one.example)} {one.answer}" for one in shown]
        return self.frame.filled("\n\n".join(text for text in (parts.rule, *entries, asked) if text))

    def chosen(self, choices: Choices, key: str) -> int:
        return choices.get(f"{self.name}.{key}", 0)

    def describe(self, choices: Choices) -> str:
        """One short phrase for the candidate's origin."""
        parts = [f"instruction {self.chosen(choices, 'instruction')}"]
        if rule := self.chosen(choices, "rule"):
            parts.append(f"rule {rule}")
        parts.append(self.layouts[self.chosen(choices, "layout")].name)
        if (shots := self.shots[self.chosen(choices, "shots")]).count:
            parts.append(str(shots))
        return " × ".join(parts)

    def _block(self, layout: Layout, shown: Sequence[Demonstration], titled: bool) -> str:
        return as_block(
            shown,
            self.variables,
            lambda name, value: written_field(layout, name, value),
            cue_of(layout, self.answer) or f"{self.answer}:",
            "Examples:" if titled else "",
        )


@dataclass(frozen=True, slots=True)
class Space:
    """All prompts of the job. The first prompt's answer is the one that is scored."""

    source: Candidate
    prompts: tuple[PromptSpace, ...]
    pool: tuple[Demonstration, ...]
    seed: int

    @property
    def dimensions(self) -> dict[str, int]:
        return {key: size for prompt in self.prompts for key, size in prompt.dimensions.items()}

    def candidate(self, choices: Choices) -> Candidate:
        texts = {prompt.name: prompt.template(choices, self.pool, self.seed) for prompt in self.prompts}
        origin = "; ".join(
            prompt.describe(choices)
            if len(self.prompts) == 1
            else f"{prompt.name}: {prompt.describe(choices)}"
            for prompt in self.prompts
        )
        return Candidate(texts, parents=(self.source.candidate_id,), origin=origin)

    def demonstrated(self, choices: Choices) -> frozenset[str]:
        """Ids of the training examples that a candidate shows on purpose."""
        chosen = [prompt.shots[prompt.chosen(choices, "shots")] for prompt in self.prompts]
        return frozenset(
            shown.example.example_id
            for shots in chosen
            for shown in pick(self.pool, shots.count, self.seed, shots.draw)
        )


def space_of(task: Task, written: Mapping[str, Sequence[str]], most_shots: int) -> Space:
    """Read the space off the source and the training examples.

    Args:
        written: instructions from a reflection model, by prompt name; tried beside the catalogue's.
        most_shots: 0 shows no training example.
    """
    pool = tuple(labelled(_some(task.train, task.seed))) if most_shots else ()
    prompts = []
    for position, (name, template) in enumerate(task.source.texts.items()):
        scored = position == 0
        shots = _shots(pool, most_shots, turns=Frame.of(template).takes_turns) if scored else (Shots(),)
        prompts.append(prompt_space(task, name, written.get(name, ()), shots, scored))
    return Space(task.source, tuple(prompts), pool, task.seed)


def prompt_space(
    task: Task,
    name: str,
    written: Sequence[str] = (),
    shots: tuple[Shots, ...] = (Shots(),),
    scored: bool = True,
) -> PromptSpace:
    """The choices for one prompt of the task.

    Args:
        scored: its answer is what the expectations speak of.
    """
    template = task.source.texts[name]
    frame = Frame.of(template)
    anatomy = anatomy_of(frame.text)
    variables = variables_in_order(frame.text)
    own = anatomy.instruction
    wording = Wording.of(text_of(template), variables, task.train if scored else ())
    shape = shape_of(task.train)
    catalogue = instructions_of(own, shape, wording) if scored else general_instructions(own)
    new = [text for text in (*written, *catalogue) if text not in ("", own)]
    return PromptSpace(
        name=name,
        frame=frame,
        anatomy=anatomy,
        variables=variables,
        instructions=tuple(dict.fromkeys((anatomy.instruction, *new))),
        rules=rules_of(shape) if scored else (NO_RULE,),
        layouts=layouts_for(frame.system is not None),
        shots=shots,
        answer=anatomy.cue
        or ("JSON" if shape.kind is AnswerKind.JSON else wording.answer.capitalize())
        or "Answer",
    )


def _shots(pool: Sequence[Demonstration], most: int, turns: bool) -> tuple[Shots, ...]:
    """Few choices: demonstrations are the dearest part of a prompt, and FEW_SHOT searches them closely."""
    styles = ("turns", "titled") if turns else ("block", "titled")
    counts = (2, min(most, _distinct_answers(pool)))
    offered = (Shots(count, style) for count, style in zip(counts, styles, strict=True))
    possible = [shots for shots in offered if 0 < shots.count <= min(most, len(pool))]
    return (Shots(), *possible)


def _some(examples: Sequence[Example], seed: int) -> list[Example]:
    """As many as are worth choosing from."""
    return random.Random(f"{seed}/pool").sample(list(examples), min(len(examples), LARGEST_POOL))


def _distinct_answers(pool: Sequence[Demonstration]) -> int:
    """One demonstration for each answer, but at least four."""
    return max(4, len({demonstration.answer for demonstration in pool}))

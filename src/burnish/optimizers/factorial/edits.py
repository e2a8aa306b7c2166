"""An edit, and what each kind of edit does to a draft of the prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from burnish.domain.edit import EditKind
from burnish.domain.prompt import Template
from burnish.optimizers.prompts.demonstrations import Demonstration
from burnish.optimizers.prompts.instruction_templates import NO_RULE, Rule
from burnish.optimizers.prompts.layout import AS_SOURCE, Layout

_WORD = re.compile(r"\w+")
SAME_IDEA = 0.6
"""Share of common words from which two statements are wordings of one idea."""


@dataclass(slots=True)
class Draft:
    """One prompt while its edits are being put in. ``None``: as the source has it.

    Attributes:
        template: another text for the whole prompt.
        instruction: another instruction.
        replaced: pairs of a part of the source and the words in its place.
        rule: what the answer must look like.
        statements: sentences of the list below the instruction.
    """

    template: Template | None = None
    instruction: str | None = None
    replaced: list[tuple[str, str]] = field(default_factory=list)
    rule: Rule = NO_RULE
    layout: Layout = AS_SOURCE
    shown: Sequence[Demonstration] = ()
    style: str = "block"
    statements: list[str] = field(default_factory=list)


class Change(Protocol):
    """What an edit does."""

    def apply(self, draft: Draft) -> None: ...


@dataclass(frozen=True, slots=True)
class Statement:
    """One more entry of the list below the instruction."""

    text: str

    def apply(self, draft: Draft) -> None:
        draft.statements.append(self.text)


@dataclass(frozen=True, slots=True)
class NewInstruction:
    text: str

    def apply(self, draft: Draft) -> None:
        draft.instruction = self.text


@dataclass(frozen=True, slots=True)
class NewTemplate:
    template: Template

    def apply(self, draft: Draft) -> None:
        draft.template = self.template


@dataclass(frozen=True, slots=True)
class Replacement:
    part: str
    text: str

    def apply(self, draft: Draft) -> None:
        draft.replaced.append((self.part, self.text))


@dataclass(frozen=True, slots=True)
class AnswerRule:
    rule: Rule

    def apply(self, draft: Draft) -> None:
        draft.rule = self.rule


@dataclass(frozen=True, slots=True)
class NewLayout:
    layout: Layout

    def apply(self, draft: Draft) -> None:
        draft.layout = self.layout


@dataclass(frozen=True, slots=True)
class Demonstrations:
    shown: tuple[Demonstration, ...]
    style: str

    def apply(self, draft: Draft) -> None:
        draft.shown, draft.style = self.shown, self.style


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edit:
    """A change to one prompt that can be put in or left out.

    Attributes:
        text: for people and for the reflection model.
        slot: edits of one slot take the same place, so a prompt holds at most one of them; empty: none.
        written_from: ids of the failing examples the reflection model was shown.
    """

    kind: EditKind
    text: str
    prompt: str
    change: Change
    origin: str
    slot: str = ""
    written_from: frozenset[str] = frozenset()

    @property
    def demonstrated(self) -> frozenset[str]:
        """Ids of the training examples that stand in the prompt with their answers."""
        if not isinstance(self.change, Demonstrations):
            return frozenset()
        return frozenset(shown.example.example_id for shown in self.change.shown)

    @property
    def identity(self) -> tuple[str, str]:
        """Equal for edits that say the same in the same words."""
        return self.prompt, " ".join(_WORD.findall(self.text.lower()))


def same_idea(one: str, other: str) -> bool:
    """Whether two statements are wordings of one idea, by their words.

    Figures and negations must agree. Where each has a word of weight that the other lacks, one thing stands
    in the place of another ("For refunds answer R.", "For returns answer R."): that is two rules.
    """
    first, second = _words(one), _words(other)
    telling = {word for word in first ^ second if word in _NEGATIONS or any(map(str.isdigit, word))}
    exchanged = first - second - _SMALL_WORDS and second - first - _SMALL_WORDS
    alike = len(first & second) >= SAME_IDEA * len(first | second)
    return alike and not telling and not exchanged


_NEGATIONS = frozenset({"not", "no", "never", "don", "without", "none", "nor"})
_SMALL_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a all also always an and any are as at be by each every exactly for from has have if in into is it "
        "its just must of on only or please should so that the then there these this those to very when "
        "which will with you your",
    )
)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))

"""A prompt put together from its parts: instruction, answer rule, layout, demonstrations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from burnish.domain.dataset import Example
from burnish.domain.jinja import identifiers_in
from burnish.domain.prompt import (
    Message,
    Template,
    as_literal,
    is_jinja,
    render,
    text_of,
    variables_in_order,
    variables_of,
)
from burnish.optimizers.prompts.answer_type import AnswerKind, AnswerType, answer_type_of
from burnish.optimizers.prompts.demonstrations import Demonstration, as_block, as_turns
from burnish.optimizers.prompts.instruction_templates import Rule, Wording
from burnish.optimizers.prompts.layout import (
    AS_SOURCE,
    PLAIN,
    Layout,
    Parts,
    arrange,
    arrange_as_source,
    cue_of,
    layouts_for,
    written_field,
)
from burnish.optimizers.prompts.structure import (
    PromptStructure,
    TemplateSlot,
    parse_jinja,
    parse_structure,
)
from burnish.optimizers.settings import REWRITTEN_ROLES


@dataclass(frozen=True, slots=True)
class PromptComposer:
    """What stays the same in every version of one prompt.

    Attributes:
        variables: those of the slot's text, in their order there.
        wording: what things are called in this task.
        answer: how a cue calls the answer ("Sentiment").
        jinja: the template is Jinja's: its code stays where and as it is.
    """

    slot: TemplateSlot
    structure: PromptStructure
    variables: tuple[str, ...]
    answer_type: AnswerType
    wording: Wording
    answer: str
    jinja: bool = False

    @classmethod
    def of(
        cls,
        template: Template,
        examples: Sequence[Example],
        roles: Collection[str] = REWRITTEN_ROLES,
        scored: bool = True,
    ) -> PromptComposer:
        """Read off a template and what it is expected to answer.

        Args:
            examples: training examples.
            roles: of the messages that may be rewritten.
            scored: this prompt's answer is what the expectations speak of.
        """
        slot = TemplateSlot.of(template, roles)
        jinja = is_jinja(template)
        structure = parse_jinja(slot.text) if jinja else parse_structure(slot.text)
        variables = _columns_in(slot.text, examples) if jinja else variables_in_order(slot.text)
        answer_type = answer_type_of(examples)
        wording = Wording.of(text_of(template), variables, examples if scored else ())
        answer = "JSON" if answer_type.kind is AnswerKind.JSON else wording.answer.capitalize()
        answer = structure.cue or answer or "Answer"
        return cls(slot, structure, variables, answer_type, wording, answer, jinja)

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """Those to search, the source's own first."""
        return (AS_SOURCE,) if self.jinja else layouts_for(self.slot.system is not None)

    def compose(
        self,
        instruction: str,
        rule: Rule,
        layout: Layout,
        shown: Sequence[Demonstration] = (),
        style: str = "block",
    ) -> Template:
        """The prompt with these parts.

        Args:
            style: how demonstrations are shown: ``block`` (as the fields stand), ``titled`` (below
                "Examples:") or ``turns`` (of a chat).
        """
        if shown and not layout.cue and not layout.as_source:
            layout = replace(layout, cue="{answer}:")  # demonstrations need a cue to copy
        inside = variables_of(instruction)
        if layout.as_source and not variables_of(self.structure.instruction) <= inside:
            layout = PLAIN  # the source's sentence held them, the new one does not
        parts = Parts(
            instruction=instruction,
            rule=rule.beside(instruction),
            fields=[name for name in self.variables if name not in inside],
            answer=self.answer,
        )
        if layout.in_system and instruction == self.structure.instruction:
            kept = "\n\n".join(words for words in (self.slot.system_text, instruction) if words)
            parts = replace(parts, instruction=kept)
        turns: tuple[Message, ...] = ()
        if shown and style == "turns":
            turns = as_turns(shown, lambda example: self._asked(layout, parts, example), self.jinja)
        elif shown and inside:
            return self._repeated(layout, parts, shown)
        elif shown:
            parts = replace(parts, demonstrations=self._block(layout, shown, titled=style == "titled"))
        if layout.as_source:
            text = arrange_as_source(self.slot.text, self.structure.instruction, parts)
            return self.slot.fill(text, turns=turns)
        text, system = arrange(layout, parts)
        return self.slot.fill(text, system or None, turns)

    def _asked(self, layout: Layout, parts: Parts, example: Example) -> str:
        """What a demonstration asks: the fields alone, or the whole sentence that holds the variables."""
        said = parts.instruction if variables_of(parts.instruction) else ""
        fields = [name for name in parts.fields if name in example.inputs]  # Jinja's may be optional
        question = arrange(layout, replace(parts, instruction=said, rule="", fields=fields))[0]
        return render(question, example.inputs)[0].content

    def _repeated(self, layout: Layout, parts: Parts, shown: Sequence[Demonstration]) -> Template:
        """Demonstrations of an instruction with variables in it: the whole of it, filled in, each time."""
        if not layout.cue:
            layout = replace(layout, as_source=False, cue="{answer}:")
        asked = arrange(layout, replace(parts, rule=""))[0]
        entries = [as_literal(f"{self._asked(layout, parts, one.example)} {one.answer}") for one in shown]
        return self.slot.fill("\n\n".join(text for text in (parts.rule, *entries, asked) if text))

    def _block(self, layout: Layout, shown: Sequence[Demonstration], titled: bool) -> str:
        return as_block(
            shown,
            self.variables,
            lambda name, value: written_field(layout, name, value),
            cue_of(layout, self.answer) or f"{self.answer}:",
            "Examples:" if titled else "",
            self.jinja,
        )


def _columns_in(text: str, examples: Sequence[Example]) -> tuple[str, ...]:
    """The inputs that a Jinja text looks at."""
    columns = dict.fromkeys(name for example in examples for name in example.inputs)
    used = identifiers_in(text)
    return tuple(name for name in columns if name in used)

"""Prompts from edits: every set of edits has one text, and always the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from burnish.domain.candidate import Candidate
from burnish.domain.prompt import Message, Template, variables_of
from burnish.optimizers.anatomy import Frame, anatomy_of, variables_in_order
from burnish.optimizers.factorial.edits import Draft, Edit
from burnish.optimizers.joint_search.layout import AS_SOURCE, Layout
from burnish.optimizers.joint_search.space import PromptSpace, prompt_space
from burnish.optimizers.protocol import Task

LEAD_IN = "Keep in mind:"


class Composer:
    """Puts edits into the source, each where the structure of its prompt has a place for it.

    What to say goes into the system message where there is one, else behind the instruction and before the
    variables; statements become a list, in the order of their proposals.
    """

    def __init__(self, task: Task) -> None:
        self._source = task.source
        self.spaces = {
            name: prompt_space(task, name, scored=position == 0)
            for position, name in enumerate(task.source.texts)
        }
        self._made: dict[frozenset[Edit], Candidate] = {}

    def candidate(self, edits: Collection[Edit], origin: str = "") -> Candidate:
        """The prompt with these edits, given in the order of their proposals; the source without any."""
        if not edits:
            return self._source
        key = frozenset(edits)
        if key not in self._made:
            texts = dict(self._source.texts)
            for name in texts:
                own = [edit for edit in edits if edit.prompt == name]
                if own:
                    texts[name] = self._template(self.spaces[name], own)
            self._made[key] = Candidate(texts, parents=(self._source.candidate_id,), origin=origin)
        return self._made[key]

    def _template(self, space: PromptSpace, edits: Sequence[Edit]) -> Template:
        draft = Draft()
        for edit in edits:
            edit.change.apply(draft)
        if draft.template is not None:
            space = _space_of(space, draft.template)
        instruction = space.anatomy.instruction if draft.instruction is None else draft.instruction
        for part, text in draft.replaced:
            instruction = instruction.replace(part, text, 1)
        in_system = space.frame.system is not None and not draft.layout.in_system
        around_variables = bool(variables_of(instruction))
        block = _list_of(draft.statements)
        if block and not in_system and not around_variables:
            instruction = "\n\n".join(part for part in (instruction, block) if part)
        if draft.layout.in_system and draft.instruction is None:
            instruction = "\n\n".join(part for part in (space.frame.system_text, instruction) if part)
        layout = draft.layout if draft.template is None else _fitting(draft.layout)
        template = space.composed(instruction, draft.rule, layout, draft.shown, draft.style)
        if in_system:
            return _with_system(template, space.frame.system or 0, draft.replaced, block)
        return _before_text(template, block) if block and around_variables else template


def _space_of(space: PromptSpace, template: Template) -> PromptSpace:
    """The same prompt with another text: its own structure, the same task."""
    frame = Frame.of(template)
    return replace(
        space, frame=frame, anatomy=anatomy_of(frame.text), variables=variables_in_order(frame.text)
    )


def _fitting(layout: Layout) -> Layout:
    """A rewritten prompt has its own layout."""
    return AS_SOURCE if layout.in_system else layout


def _list_of(statements: Sequence[str]) -> str:
    return "\n".join([LEAD_IN, *(f"- {text}" for text in statements)]) if statements else ""


def _with_system(template: Template, at: int, replaced: Sequence[tuple[str, str]], block: str) -> Template:
    assert not isinstance(template, str)
    messages = list(template)
    text = messages[at].content
    for part, words in replaced:
        text = text.replace(part, words, 1)
    messages[at] = Message(messages[at].role, "\n\n".join(part for part in (text, block) if part))
    return tuple(messages)


def _before_text(template: Template, block: str) -> Template:
    frame = Frame.of(template)
    return frame.filled(f"{block}\n\n{frame.text}")

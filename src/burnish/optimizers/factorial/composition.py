"""Prompts from edits: every set of edits has one text, and always the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from burnish.domain.candidate import Candidate
from burnish.domain.prompt import Message, Template, texts_of, variables_of
from burnish.optimizers.factorial.edits import Draft, Edit
from burnish.optimizers.prompts.composer import PromptComposer
from burnish.optimizers.prompts.layout import AS_SOURCE
from burnish.optimizers.prompts.structure import TemplateSlot
from burnish.optimizers.protocol import Task
from burnish.optimizers.settings import REWRITTEN_ROLES

LEAD_IN = "Keep in mind:"


class EditComposer:
    """Puts edits into the source, each where the structure of its prompt has a place for it.

    What to say goes into the system message where there is one, else behind the instruction and before the
    variables; statements become a list, in the order of their proposals.

    Attributes:
        composers: of the source's prompts, by name.
    """

    def __init__(self, task: Task, roles: Collection[str] = REWRITTEN_ROLES) -> None:
        self._source = task.source
        self._train = task.train
        self._roles = roles
        self._scored = task.scored
        self.composers = {
            name: PromptComposer.of(template, task.train, roles, scored=name == self._scored)
            for name, template in task.source.texts.items()
        }
        self._rewritten: dict[Template, PromptComposer] = {}
        self._made: dict[frozenset[Edit], Candidate] = {}

    def candidate(self, edits: Collection[Edit], origin: str = "") -> Candidate:
        """The prompt with these edits, given in the order of their proposals; the source without any."""
        if not edits:
            return self._source
        key = frozenset(edits)
        if key not in self._made:
            texts = dict(self._source.texts)
            for name, composer in self.composers.items():
                own = [edit for edit in edits if edit.prompt == name]
                if own:
                    texts[name] = self._template(composer, own, name == self._scored)
            self._made[key] = Candidate(texts, parents=(self._source.candidate_id,), origin=origin)
        return self._made[key]

    def _template(self, composer: PromptComposer, edits: Sequence[Edit], scored: bool) -> Template:
        draft = Draft()
        for edit in edits:
            edit.change.apply(draft)
        layout = draft.layout
        if draft.template is not None:
            composer = self._composer_of(draft.template, scored)
            layout = AS_SOURCE if layout.in_system else layout  # a rewritten prompt has its own place for it
        slot = composer.slot
        instruction = composer.structure.instruction if draft.instruction is None else draft.instruction
        beside = []
        for part, text in draft.replaced:
            if composer.jinja and part not in instruction:  # other words between the code
                beside.append((part, text))
            instruction = instruction.replace(part, text, 1)
        statements = _list_of(draft.statements)
        in_system = slot.system is not None and not layout.in_system
        around_variables = bool(variables_of(instruction))
        if statements and not in_system and not around_variables:
            instruction = _joined(instruction, statements)
        if layout.in_system and draft.instruction is None:
            instruction = _joined(slot.system_text, instruction)
        template = composer.compose(instruction, draft.rule, layout, draft.shown, draft.style)
        if beside:
            template = _exchanged(template, beside)
        if in_system:
            return _with_system(template, slot.system or 0, draft.replaced, statements)
        return _before_text(template, statements) if statements and around_variables else template

    def _composer_of(self, template: Template, scored: bool) -> PromptComposer:
        """Of a rewritten prompt."""
        if template not in self._rewritten:
            self._rewritten[template] = PromptComposer.of(template, self._train, self._roles, scored)
        return self._rewritten[template]


def _list_of(statements: Sequence[str]) -> str:
    return "\n".join([LEAD_IN, *(f"- {text}" for text in statements)]) if statements else ""


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _with_system(
    template: Template, at: int, replaced: Sequence[tuple[str, str]], statements: str
) -> Template:
    assert not isinstance(template, str)
    messages = list(template)
    text = messages[at].content
    for part, words in replaced:
        text = text.replace(part, words, 1)
    messages[at] = Message(messages[at].role, _joined(text, statements))
    return tuple(messages)


def _exchanged(template: Template, parts: Sequence[tuple[str, str]]) -> Template:
    texts = list(texts_of(template))
    for part, words in parts:
        texts = [text.replace(part, words, 1) for text in texts]
    if isinstance(template, str):
        return texts[0]
    return tuple(Message(message.role, text) for message, text in zip(template, texts, strict=True))


def _before_text(template: Template, statements: str) -> Template:
    slot = TemplateSlot.of(template)
    return slot.fill(_joined(statements, slot.text))

"""How the reflection model is asked for edits, and how its answers are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from burnish.domain.candidate import Candidate
from burnish.domain.edit import EditKind
from burnish.domain.jinja import KEEP_CODE
from burnish.domain.prompt import Message, Template, is_jinja, variables_of
from burnish.llm.protocol import Completion
from burnish.optimizers.factorial.edits import Edit, NewTemplate, Replacement, Statement
from burnish.optimizers.prompts.delimiters import Delimiters, UnusableAnswer, usable_text
from burnish.optimizers.prompts.proposal_format import ProposalFormat

LONGEST_STATEMENT_CHARACTERS = 600
"""Of one edit: more is no small, separate change."""

_KINDS = {
    "instruction": EditKind.INSTRUCTION,
    "rule": EditKind.RULE,
    "fact": EditKind.RULE,
    "format": EditKind.FORMAT,
    "rewording": EditKind.REWORDING,
}
_MARKS = re.compile(r"\{\{|\}\}|\{%|\{#")

_REQUEST = """\
A language model answers inputs with this prompt:

{prompts}
{context}
It failed on these inputs:

{failures}
{passes}
Write {count} that would repair the failures. Each edit is one small, separate change that can be put into \
the prompt or left out by itself; every edit is tested on other inputs, and only what helps there is kept.

- State a rule, a fact or a convention that the model cannot know by itself, or say what the answer must \
look like. State what holds for any input; do not copy these inputs or their answers.
- One idea in each edit, in one or two sentences, so that it makes sense without the others.
- Use no {{{{variables}}}}.
{tested}{given_up}{guidelines}
Answer with the edits and nothing else, each as
<{tag} kind="instruction|rule|format"{name}>the text to add</{tag}>
or, to exchange a part of the prompt's own words,
<{tag} kind="rewording"{name} part="the words as they stand">the words in their place</{tag}>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest:
    """What to ask for.

    Attributes:
        parent: the best prompt so far.
        format: how its texts are written in the question.
        failures: what the model did on the failing examples, as Markdown.
        passes: the same for an example that passed, for contrast; may be empty.
        tested, given_up: texts of edits under test, and of those that did no good.
        count: edits wanted at most.
    """

    parent: Candidate
    format: ProposalFormat
    failures: str
    passes: str = ""
    tested: Sequence[str] = ()
    given_up: Sequence[str] = ()
    guidelines: str = ""
    count: int = 2

    @property
    def delimiters(self) -> Delimiters:
        """Between which each edit is written: in nothing that is shown."""
        texts = (self.format.shown(), self.format.context(), self.failures, self.passes, self.guidelines)
        return Delimiters.avoiding("edit", *texts, *self.tested, *self.given_up)

    def messages(self) -> tuple[Message, ...]:
        """The request to the reflection model."""
        context = self.format.context()
        several = len(self.parent.texts) > 1
        request = _REQUEST.format(
            prompts=self.format.shown(),
            context=f"\nBeside it stands this, which cannot be changed:\n\n{context}\n" if context else "",
            tag=self.delimiters.tag,
            failures=self.failures,
            passes=f"\nFor contrast, here it did well:\n\n{self.passes}\n" if self.passes else "",
            count="one edit" if self.count == 1 else f"one to {self.count} edits",
            tested=_listed("These are under test already; do not say them again:", self.tested),
            given_up=_listed("These were tested and did no good; do not propose them again:", self.given_up),
            guidelines=f"\nFrom the owner of this prompt: {self.guidelines}\n" if self.guidelines else "",
            name=' prompt="NAME"' if several else "",
        )
        return (Message("user", request),)


@dataclass(frozen=True, slots=True)
class ReadEdits:
    """What could be read from an answer.

    Attributes:
        refused: text and reason of what cannot be used.
    """

    edits: tuple[Edit, ...]
    refused: tuple[tuple[str, str], ...] = ()


def read_edits(
    answer: Completion, request: EditRequest, source: Candidate, origin: str, written_from: frozenset[str]
) -> ReadEdits:
    """The edits in an answer. A model that writes whole prompts instead gets them tried as rewordings.

    Args:
        source: what rewordings refer to.
    """
    edits: list[Edit] = []
    refused: list[tuple[str, str]] = []
    try:
        blocks = request.delimiters.find(usable_text(answer))
    except UnusableAnswer as unusable:
        return ReadEdits((), ((answer.text.strip()[:200], unusable.reason),))
    for block in blocks:
        attributes = block.attributes
        text = block.text.strip().lstrip("-* ").strip()
        prompt = attributes.get("prompt", "").partition("#")[0]
        prompt = prompt if prompt in source.texts else next(iter(source.texts))
        kind = _KINDS.get(attributes.get("kind", "").strip().lower(), EditKind.RULE)
        if reason := _reason_against(text):
            refused.append((text, reason))
            continue
        change: Statement | Replacement = Statement(text)
        slot = ""
        if kind is EditKind.REWORDING:
            part = attributes.get("part", "").strip()
            if reason := _reason_against_part(part, source.texts[prompt]):
                refused.append((text, reason))
                continue
            change, slot = Replacement(part, text), f"part {part}"
        edits.append(
            Edit(
                kind=kind,
                text=text,
                prompt=prompt,
                change=change,
                origin=origin,
                slot=slot,
                written_from=written_from,
            )
        )
    if not edits and not refused:
        missing = f"it holds no <{request.delimiters.tag}>...</{request.delimiters.tag}>"
        return read_wholes(answer, request.format, request.parent, origin, written_from, missing)
    return ReadEdits(tuple(edits), tuple(refused))


def read_wholes(
    answer: Completion,
    format: ProposalFormat,
    parent: Candidate,
    origin: str,
    written_from: frozenset[str] = frozenset(),
    missing: str = "",
) -> ReadEdits:
    """Whole new prompts, as edits that take the source's place.

    Args:
        missing: what to say of an answer that holds none either.
    """
    try:
        texts = format.read(answer)
    except UnusableAnswer as unusable:
        return ReadEdits((), ((answer.text.strip()[:200], missing or unusable.reason),))
    templates = format.components.templates(parent, texts)
    return ReadEdits(
        tuple(
            whole_edit(name, template, origin, written_from)
            for name, template in templates.items()
            if template != parent.texts[name]
        )
    )


def whole_edit(
    name: str, template: Template, origin: str, written_from: frozenset[str] = frozenset()
) -> Edit:
    """A whole new text of a prompt, in the place of the source's words."""
    text = template if isinstance(template, str) else "\n\n".join(message.content for message in template)
    return Edit(
        kind=EditKind.REWORDING,
        text=text,
        prompt=name,
        change=NewTemplate(template),
        origin=origin,
        slot="instruction",
        written_from=written_from,
    )


def _reason_against(text: str) -> str:
    if not text:
        return "it is empty"
    if _MARKS.search(text):
        return "an edit holds no variables and no Jinja"
    if len(text) > LONGEST_STATEMENT_CHARACTERS:
        return f"it is longer than {LONGEST_STATEMENT_CHARACTERS} characters, so no small change"
    return ""


def _reason_against_part(part: str, source: Template) -> str:
    texts = [source] if isinstance(source, str) else [message.content for message in source]
    if not part or sum(text.count(part) for text in texts) != 1:
        return "the part to exchange does not stand in the source prompt exactly once"
    if variables_of(part) or _MARKS.search(part):
        return "the part to exchange holds a variable"
    return ""


def _listed(title: str, texts: Sequence[str]) -> str:
    return "\n".join(["", title, *(f"- {text}" for text in texts), ""]) if texts else ""


_REWRITE = """\
This prompt was put together from small edits:

{prompts}

Write it once more as one text that a person would like to read and keep. Say everything it says, and \
nothing it does not say; put what belongs together in one place; leave out nothing that the model is told \
to do. {variables} Answer with the complete text in the same tags as above, and nothing else."""


def rewrite_request(candidate: Candidate, format: ProposalFormat) -> tuple[Message, ...]:
    """Ask for a prompt as one well-written text."""
    templates = candidate.texts.values()
    names = sorted(
        {name for template in templates if not is_jinja(template) for name in variables_of(template)}
    )
    kept = ", ".join(f"{{{{{name}}}}}" for name in names)
    rule = f"Keep every one of these exactly and add no other: {kept}." if kept else ""
    if any(map(is_jinja, templates)):
        rule = f"{rule} {KEEP_CODE}".strip()
    return (Message("user", _REWRITE.format(prompts=format.shown(), variables=rule)),)

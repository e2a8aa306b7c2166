"""Where the parts of a prompt stand: instruction, fields, demonstrations, the cue for the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """One arrangement.

    Attributes:
        name: for the candidate's origin.
        headings: each field as ``Heading: {{variable}}``, not the bare variable.
        cue: ask for the answer with a last line; ``{answer}`` is the noun of the task, else ``Answer``.
        data_first: the fields before the instruction.
        quoted: fields between lines of three quotes.
        rule_last: the format rule directly before the cue, away from the instruction.
        in_system: in a chat with a system message, the instruction goes there.
        as_source: the source's own text with the instruction exchanged; the rest does not count.
    """

    name: str
    headings: bool = True
    cue: str = ""
    data_first: bool = False
    quoted: bool = False
    rule_last: bool = False
    in_system: bool = False
    as_source: bool = False


PLAIN = Layout("fields")
AS_SOURCE = Layout("as in the source", headings=False, as_source=True)

TEXT_LAYOUTS = (
    Layout("bare", headings=False),
    PLAIN,
    Layout("fields, task cue", cue="{answer}:"),
    Layout("fields, answer cue", cue="Answer:"),
    Layout("bare, task cue", headings=False, cue="{answer}:"),
    Layout("fields first", data_first=True),
    Layout("fields first, answer cue", data_first=True, cue="Answer:"),
    Layout("quoted", headings=False, quoted=True),
    Layout("rule last", rule_last=True),
)
"""How a text is laid out; those that also fit a chat with a system message are doubled ``in_system``."""


def layouts_for(has_system: bool) -> tuple[Layout, ...]:
    """The layouts to search. Each is deterministic text; equal results are dropped by their identity."""
    if not has_system:
        return (AS_SOURCE, *TEXT_LAYOUTS)
    in_system = tuple(
        Layout(f"{layout.name}, in system", layout.headings, layout.cue, quoted=layout.quoted, in_system=True)
        for layout in TEXT_LAYOUTS
        if not layout.data_first and not layout.rule_last
    )
    return (AS_SOURCE, *TEXT_LAYOUTS, *in_system)


@dataclass(frozen=True, slots=True)
class Parts:
    """What is laid out.

    Attributes:
        instruction, rule: sentences; ``rule`` may be empty.
        fields: variable names, in order.
        answer: noun of what is asked for, capitalized ("Sentiment").
        demonstrations: a block of text, empty for none.
    """

    instruction: str
    rule: str
    fields: Sequence[str]
    answer: str
    demonstrations: str = ""


def arrange(layout: Layout, parts: Parts) -> tuple[str, str]:
    """Lay the parts out.

    Returns:
        The text, and the words for the system message (empty unless ``in_system``).
    """
    data = "\n".join(written_field(layout, name) for name in parts.fields)
    said = parts.instruction if layout.rule_last else followed_by(parts.instruction, parts.rule)
    system = said if layout.in_system else ""
    head = "" if layout.in_system else said
    tail = parts.rule if layout.rule_last else ""
    cue = cue_of(layout, parts.answer)
    if layout.data_first:
        blocks = [parts.demonstrations, data, head, tail, cue]
    else:
        data_and_cue = f"{data}\n{cue}" if cue and data and not tail else data
        blocks = [head, parts.demonstrations, data_and_cue, tail, "" if data_and_cue != data else cue]
    return "\n\n".join(block for block in blocks if block), system


def arrange_as_source(source: str, source_instruction: str, parts: Parts) -> str:
    """The source's text with its instruction exchanged, in its place."""
    said = followed_by(parts.instruction, parts.rule)
    block = "\n\n".join(part for part in (said, parts.demonstrations) if part)
    if not source_instruction:
        return f"{block}\n\n{source.strip()}" if block else source
    return source.replace(source_instruction, block, 1).strip()


def written_field(layout: Layout, name: str, value: str | None = None) -> str:
    """One field as the layout writes it, with its variable, or with a value in its place."""
    content = f"{{{{{name}}}}}" if value is None else value
    if layout.quoted:
        return f'"""\n{content}\n"""'
    return f"{heading_of(name)}: {content}" if layout.headings else content


def cue_of(layout: Layout, answer: str) -> str:
    return layout.cue.replace("{answer}", answer)


def heading_of(name: str) -> str:
    """``customer_message`` → ``Customer message``."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def followed_by(text: str, sentence: str) -> str:
    """A text and one more sentence: on the same line where the text is a line of sentences itself."""
    if not text or not sentence:
        return text or sentence
    if "\n" in text or text.endswith("}}"):
        return f"{text}\n\n{sentence}"
    return f"{text if text[-1] in '.?!:;' else text + '.'} {sentence}"

"""Prompts: a text or a list of chat messages with ``{{variables}}``, and how they are filled in.

Templates are data. Only plain ``{{ name }}`` is substituted, in one pass; a template with Jinja
statements or expressions is refused, never executed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.domain.text import value_as_text
from burnish.errors import InvalidInput

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_JINJA = re.compile(r"\{%|\{#|\{\{\s*[A-Za-z_]\w*\s*[.\[(|][^}]*\}\}")


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message. ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


Template = str | tuple[Message, ...]
"""A text prompt, or a chat prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One version of a prompt.

    Attributes:
        name: the registry's name, also the key under which candidates hold this prompt's text.
        template: text, or chat messages.
        uri: ``prompts:/NAME/VERSION``; ``None`` while the prompt is only a file.
        model_config: as MLflow's ``PromptModelConfig`` (``provider``, ``model_name``,
            ``temperature``, ``max_tokens``, ``top_p``, ``stop_sequences``, ``extra_params``).
        response_format: JSON schema the answer must have, or ``None``.
    """

    name: str
    template: Template
    uri: str | None = None
    model_config: Mapping[str, Any] = field(default_factory=dict)
    response_format: Mapping[str, Any] | None = None

    @property
    def variables(self) -> frozenset[str]:
        return variables_of(self.template)


def variables_of(template: Template) -> frozenset[str]:
    """Names of all ``{{variables}}`` in a template."""
    return frozenset(_VARIABLE.findall(text_of(template)))


def text_of(template: Template) -> str:
    """The template as one text, for counting, diffing and searching (roles become headings)."""
    if isinstance(template, str):
        return template
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in template)


def render(template: Template, values: Mapping[str, Any]) -> tuple[Message, ...]:
    """Fill the variables in, once (a value that itself contains ``{{x}}`` stays as it is).

    A text prompt becomes one user message. Values that are not text become JSON.

    Raises:
        InvalidInput: a variable has no value.
    """

    def fill(text: str) -> str:
        def value_of(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in values:
                raise InvalidInput.of("inputs", name, "the prompt has this variable; the record does not")
            return value_as_text(values[name])

        return _VARIABLE.sub(value_of, text)

    if isinstance(template, str):
        return (Message("user", fill(template)),)
    return tuple(Message(message.role, fill(message.content)) for message in template)


def check_template(template: Template, field_name: str = "prompt") -> None:
    """Refuse a template that is empty, or that would need Jinja to run.

    Raises:
        InvalidInput: names what was found.
    """
    text = text_of(template)
    if not text.strip():
        raise InvalidInput.of(field_name, "", "the prompt is empty; write its text")
    if found := _JINJA.search(text):
        raise InvalidInput.of(
            field_name,
            found.group(0),
            "Jinja statements, expressions and filters are not executed; use plain {{name}} variables",
        )


def template_to_json(template: Template) -> str | list[dict[str, str]]:
    """The JSON form, which is also MLflow's: a string, or a list of ``{role, content}``."""
    if isinstance(template, str):
        return template
    return [{"role": message.role, "content": message.content} for message in template]


def template_from_json(value: str | Sequence[Mapping[str, str]], field_name: str = "prompt") -> Template:
    """Inverse of :func:`template_to_json`.

    Raises:
        InvalidInput: not a string and not a list of ``{role, content}``.
    """
    if isinstance(value, str):
        return value
    messages = []
    for position, entry in enumerate(value):
        if not isinstance(entry, Mapping) or not all(
            isinstance(entry.get(k), str) for k in ("role", "content")
        ):
            raise InvalidInput.of(
                f"{field_name}[{position}]", entry, "a chat message is {role: text, content: text}"
            )
        messages.append(Message(entry["role"], entry["content"]))
    return tuple(messages)

"""Prompts: a text or a list of chat messages with ``{{variables}}``, and how they are filled in.

The rule is that of MLflow's ``PromptVersion.format``: ``{{ name }}`` is filled in where there is a value
of that very name, whatever script or blanks the name has. A name of ASCII letters, digits, underscores and
dots is a variable, which must have a value; any other without a value stays as it is. A template with ``{%``
and ``%}`` in one text is Jinja's (:func:`is_jinja`): nothing here executes it, a ``rendering.Renderer`` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.domain.text import value_as_text
from burnish.errors import InvalidInput

_PLACEHOLDER = re.compile(r"\{\{\s*(\w[\w .-]*?)\s*\}\}")
_VARIABLE_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*")  # MLflow's
_JINJA_MARK = re.compile(r"\{(?=[{%#])")
_DOUBLE_BRACES = re.compile(r"\{\{[^{}]*\}\}")


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
    """Names of all ``{{variables}}`` in a template, also of those that stay as they are without a value."""
    return frozenset(variables_in_order(text_of(template)))


def variables_in_order(text: str) -> tuple[str, ...]:
    """Names of the ``{{variables}}`` of a text, in the order of their first place."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))


def needs_value(name: str) -> bool:
    """Whether MLflow takes the name for a variable, so that it must have a value."""
    return _VARIABLE_NAME.fullmatch(name) is not None


def lookalikes_of(template: Template) -> tuple[str, ...]:
    """What stands in double braces and can never be filled in, such as ``{{ x | upper }}``."""
    found = _DOUBLE_BRACES.findall(text_of(template))
    return tuple(dict.fromkeys(part for part in found if not _PLACEHOLDER.fullmatch(part)))


def as_literal(text: str, jinja: bool = False) -> str:
    """A text as it may stand in a template without being read: where double braces would be filled in, or
    ``{%`` given to Jinja, a space comes between.

    Args:
        jinja: the template is Jinja's, which also reads ``{{`` and ``{#`` wherever they stand.
    """
    if jinja:
        return _JINJA_MARK.sub("{ ", text)
    return _PLACEHOLDER.sub(lambda match: "{ " + match.group()[1:], text).replace("{%", "{ %")


def is_jinja(template: Template) -> bool:
    """Whether MLflow gives the template to Jinja: ``{%`` and ``%}`` stand in one of its texts.

    Then Jinja reads all of its texts, ``{{...}}`` and ``{#...#}`` too.
    """
    return any("{%" in text and "%}" in text for text in texts_of(template))


def texts_of(template: Template) -> tuple[str, ...]:
    """The text of a text prompt, or that of each message."""
    return (template,) if isinstance(template, str) else tuple(message.content for message in template)


def text_of(template: Template) -> str:
    """The template as one text, for counting, diffing and searching (roles become headings)."""
    if isinstance(template, str):
        return template
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in template)


def render(template: Template, values: Mapping[str, Any]) -> tuple[Message, ...]:
    """Fill the variables of a template in that is not Jinja's, once (a value that itself contains ``{{x}}``
    stays as it is).

    A text prompt becomes one user message. Values that are not text become JSON.

    Raises:
        InvalidInput: a variable has no value (see :func:`needs_value`).
    """

    def fill(text: str) -> str:
        def value_of(match: re.Match[str]) -> str:
            name = match.group(1)
            if name in values:
                return value_as_text(values[name])
            if needs_value(name):
                raise InvalidInput.of("inputs", name, "the prompt has this variable; the record does not")
            return match.group()

        return _PLACEHOLDER.sub(value_of, text)

    if isinstance(template, str):
        return (Message("user", fill(template)),)
    return tuple(Message(message.role, fill(message.content)) for message in template)


def check_template(template: Template, field_name: str = "prompt") -> None:
    """Refuse a template that is empty.

    Raises:
        InvalidInput
    """
    if not text_of(template).strip():
        raise InvalidInput.of(field_name, "", "the prompt is empty; write its text")


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

"""Who fills templates in, Jinja's too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from burnish.domain.prompt import Message, Template, is_jinja, render, texts_of
from burnish.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class JinjaNames:
    """What a Jinja template takes from a record.

    Attributes:
        used: names that are looked up in the record's inputs.
        optional: those of them that the template itself tests somewhere (``{% if NAME %}``, ``NAME is
            defined``, ``NAME | default(...)``), so that a record may lack them.
    """

    used: frozenset[str]
    optional: frozenset[str] = frozenset()


class Renderer(Protocol):
    """Fills templates in: Jinja's as ``PromptVersion.format`` of MLflow does, plain ones as
    :func:`~burnish.domain.prompt.render`.

    The same template and values always give the same messages. A template cannot hurt the process that asks,
    whatever it does.
    """

    async def render(self, template: Template, values: Mapping[str, Any]) -> tuple[Message, ...]:
        """
        Raises:
            InvalidInput: a value is missing, or the template cannot be rendered, or takes too much of time,
                memory or room.
        """
        ...

    def render_now(self, template: Template, values: Mapping[str, Any]) -> tuple[Message, ...]:
        """The same, blocking; for a thread."""
        ...

    def names(self, template: Template) -> JinjaNames:
        """What a Jinja template takes from a record; blocks.

        Raises:
            InvalidInput: it is no Jinja template, says on which line; or none is rendered here.
        """
        ...


class PlainRenderer:
    """For those who want no Jinja: refuses what :func:`~burnish.domain.prompt.is_jinja`."""

    async def render(self, template: Template, values: Mapping[str, Any]) -> tuple[Message, ...]:
        return self.render_now(template, values)

    def render_now(self, template: Template, values: Mapping[str, Any]) -> tuple[Message, ...]:
        if is_jinja(template):
            raise _refused(template)
        return render(template, values)

    def names(self, template: Template) -> JinjaNames:
        raise _refused(template)

    def close(self) -> None:
        """There is nothing to give back."""


def _refused(template: Template) -> InvalidInput:
    remedy = (
        "is a statement of Jinja, and none are rendered here (BURNISH_JINJA=off): use plain {{name}} "
        "variables, or ask the operator"
    )
    return InvalidInput.of("prompt", first_statement(template), remedy)


def first_statement(template: Template) -> str:
    """The line of a Jinja template that begins with its first statement, for messages."""
    text = next(text for text in texts_of(template) if "{%" in text and "%}" in text)
    return text[text.find("{%") :].splitlines()[0]

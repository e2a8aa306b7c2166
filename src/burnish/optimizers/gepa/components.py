"""Candidates as gepa sees them: texts, one for each text prompt and one for each message of a chat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from burnish.domain.candidate import Candidate
from burnish.domain.prompt import Message, Template

Texts = dict[int, str]
"""Component number → text. Numbers, not names: gepa's merge walks a set of these keys, and the order
of a set of texts differs from process to process."""


@dataclass(frozen=True, slots=True)
class Component:
    """One text to evolve.

    Attributes:
        prompt: name of its prompt.
        message: its position in the chat; ``None`` for a text prompt.
        role: its role in the chat; empty for a text prompt.
    """

    prompt: str
    message: int | None = None
    role: str = ""

    @property
    def name(self) -> str:
        """As people see it: ``<prompt>`` or ``<prompt>#<index>``."""
        return self.prompt if self.message is None else f"{self.prompt}#{self.message}"


class Components:
    """The components of one source candidate; all its descendants have the same."""

    def __init__(self, source: Candidate) -> None:
        self._components = tuple(
            component
            for prompt, template in source.texts.items()
            for component in _components(prompt, template)
        )

    def __len__(self) -> int:
        return len(self._components)

    def __getitem__(self, number: int) -> Component:
        return self._components[number]

    def texts(self, candidate: Candidate) -> Texts:
        """A candidate taken apart."""
        return {number: _text(candidate, component) for number, component in enumerate(self._components)}

    def templates(self, source: Candidate, texts: Mapping[int, str]) -> dict[str, Template]:
        """Prompt name → template: ``source`` with its texts replaced by ``texts``."""
        templates: dict[str, Template] = dict(source.texts)
        for number, text in texts.items():
            component = self._components[number]
            template = templates[component.prompt]
            if isinstance(template, str) or component.message is None:
                templates[component.prompt] = text
            else:
                at = component.message
                templates[component.prompt] = (
                    *template[:at],
                    Message(template[at].role, text),
                    *template[at + 1 :],
                )
        return templates


def _components(prompt: str, template: Template) -> list[Component]:
    if isinstance(template, str):
        return [Component(prompt)]
    return [Component(prompt, position, message.role) for position, message in enumerate(template)]


def _text(candidate: Candidate, component: Component) -> str:
    template = candidate.texts[component.prompt]
    if isinstance(template, str) or component.message is None:
        assert isinstance(template, str)
        return template
    return template[component.message].content

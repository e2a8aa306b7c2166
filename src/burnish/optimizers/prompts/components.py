"""A candidate taken apart into the texts that may be rewritten: text prompts, and messages of chats."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from burnish.domain.candidate import Candidate
from burnish.domain.prompt import Message, Template, is_jinja
from burnish.optimizers.prompts.structure import parse_structure, rewritable_messages
from burnish.optimizers.settings import REWRITTEN_ROLES

Texts = dict[int, str]
"""Component number → text. Numbers, not names: gepa's merge walks a set of these keys, and the order
of a set of texts differs from process to process."""


@dataclass(frozen=True, slots=True)
class Component:
    """One text.

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

    def text_in(self, candidate: Candidate) -> str:
        """What stands there in a candidate of the same structure."""
        template = candidate.texts[self.prompt]
        if isinstance(template, str) or self.message is None:
            assert isinstance(template, str)
            return template
        return template[self.message].content


class Components:
    """The texts of one source candidate that may be rewritten; all its descendants have the same.

    Args:
        roles: see :func:`structure.rewritable_messages`. Of those, messages that give no instruction stay.

    Attributes:
        fixed: the other texts, which stay as they are.

    Raises:
        InvalidInput: no message of a chat may be rewritten with these roles.
    """

    def __init__(self, source: Candidate, roles: Collection[str] = REWRITTEN_ROLES) -> None:
        everything = [component for name in source.texts for component in _components(name, source)]
        chosen = [
            component
            for name, template in source.texts.items()
            for component in _rewritable(name, template, roles)
        ]
        self._components = tuple(chosen)
        self._jinja = {name for name, template in source.texts.items() if is_jinja(template)}
        self.fixed = tuple(component for component in everything if component not in chosen)

    def __len__(self) -> int:
        return len(self._components)

    def __iter__(self) -> Iterator[Component]:
        return iter(self._components)

    def __getitem__(self, number: int) -> Component:
        return self._components[number]

    def describe(self, component: Component) -> str:
        """A component in words, for the model that rewrites it."""
        if component.message is None:
            alone = len(self._components) + len(self.fixed) == 1
            return "a prompt" if alone else f"the prompt {component.prompt!r}"
        return (
            f"the {component.role} message (number {component.message + 1}) of the chat {component.prompt!r}"
        )

    def is_jinja(self, number: int) -> bool:
        """Whether the component belongs to a Jinja template."""
        return self._components[number].prompt in self._jinja

    def texts(self, candidate: Candidate) -> Texts:
        """A candidate taken apart."""
        return {number: component.text_in(candidate) for number, component in enumerate(self._components)}

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


def _components(name: str, source: Candidate) -> list[Component]:
    template = source.texts[name]
    if isinstance(template, str):
        return [Component(name)]
    return [Component(name, position, message.role) for position, message in enumerate(template)]


def _rewritable(name: str, template: Template, roles: Collection[str]) -> list[Component]:
    if isinstance(template, str):
        return [Component(name)]
    found = rewritable_messages(template, roles)
    with_instruction = [at for at in found if parse_structure(template[at].content).instruction]
    # A chat of variables only: what it says must go somewhere.
    return [Component(name, at, template[at].role) for at in with_instruction or found]

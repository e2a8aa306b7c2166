"""The parts of a prompt: what it says, where its variables stand, and how it asks for the answer.

A prompt such as ::

    Classify the message.

    Message: {{message}}
    Intent:

has the instruction ``Classify the message.``, one field (heading ``Message``) and the cue ``Intent``.
A variable inside a sentence belongs to the instruction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from burnish.domain.prompt import Message, Template, variables_of

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_FIELD_LINE = re.compile(
    r"^(?P<heading>[^{}]{0,60}?):?\s*[\"'`<]*\{\{\s*(?P<name>[A-Za-z_]\w*)\s*\}\}[\"'`>]*\s*$"
)
_HEADING_WORDS = 4
_CUE_LINE = re.compile(r"^[A-Z][\w ()'/-]{0,40}:$")


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The parts of one text.

    Attributes:
        instruction: everything that is neither field nor cue; may hold variables inside its sentences.
        fields: variables that stand on lines of their own, in order.
        cue: the last line when it only asks for the answer (``Sentiment:`` → ``Sentiment``), else empty.
        data_first: the fields stand before the instruction.
    """

    instruction: str
    fields: tuple[str, ...]
    cue: str = ""
    data_first: bool = False


def variables_in_order(text: str) -> tuple[str, ...]:
    """Names of the ``{{variables}}`` of a text, in the order of their first place."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


def anatomy_of(text: str) -> Anatomy:
    """Take a text apart."""
    lines = text.strip().splitlines()
    cue = ""
    if len(lines) > 1 and _CUE_LINE.match(lines[-1].strip()) and not variables_of(lines[-1]):
        cue = lines.pop().strip().rstrip(":")
    fields: list[str] = []
    kept: list[str] = []
    data_first = False
    for line in lines:
        name = _field_name(line)
        if name is not None and name not in fields:
            fields.append(name)
            data_first = data_first or not any(part.strip() for part in kept)
        else:
            kept.append(line)
    instruction = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    inside = variables_of(instruction)
    return Anatomy(instruction, tuple(name for name in fields if name not in inside), cue, data_first)


def _field_name(line: str) -> str | None:
    found = _FIELD_LINE.match(line.strip())
    if found is None or len(found["heading"].split()) > _HEADING_WORDS:
        return None
    return found["name"]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where in a template the text to be shaped stands: a text prompt itself, or a chat's last user message.

    Attributes:
        system: position of a system message that holds no variable, so that its words may be replaced.
    """

    template: Template
    position: int = 0
    system: int | None = None

    @classmethod
    def of(cls, template: Template) -> Frame:
        """The frame of a prompt; a chat without a user message is shaped in its last message."""
        if isinstance(template, str):
            return cls(template)
        users = [at for at, message in enumerate(template) if message.role == "user"]
        systems = [
            at
            for at, message in enumerate(template)
            if message.role == "system" and not variables_of(message.content)
        ]
        return cls(template, users[-1] if users else len(template) - 1, systems[0] if systems else None)

    @property
    def text(self) -> str:
        """The text to be shaped."""
        return self.template if isinstance(self.template, str) else self.template[self.position].content

    @property
    def system_text(self) -> str:
        if isinstance(self.template, str) or self.system is None:
            return ""
        return self.template[self.system].content

    def filled(self, text: str, system: str | None = None, turns: Sequence[Message] = ()) -> Template:
        """The template with another text in this place.

        Args:
            system: other words for the system message; ``None`` keeps them.
            turns: demonstrations, put in front of the shaped message of a chat.
        """
        if isinstance(self.template, str):
            return text
        messages = list(self.template)
        messages[self.position] = Message(messages[self.position].role, text)
        if system is not None and self.system is not None:
            messages[self.system] = Message("system", system)
        messages[self.position : self.position] = turns
        return tuple(messages)

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
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from burnish.domain.jinja import code_in, words_in
from burnish.domain.prompt import Message, Template, variables_of
from burnish.errors import InvalidInput
from burnish.optimizers.settings import FIELD, REWRITTEN_ROLES

_FIELD_LINE = re.compile(
    r"^(?:(?P<heading>[^{}:]{1,40}):)?\s*[\"'`]*\{\{\s*(?P<name>\w[\w .-]*?)\s*\}\}[\"'`]*$"
)
_CUE_LINE = re.compile(r"^[A-Z][\w ()'/-]{0,40}:$")
_FIELD_WORDS = frozenset(
    re.findall(
        r"\w+",
        "input text question query q message context document passage article review sentence request data "
        "problem content comment email ticket title body paragraph example tweet post the of your this",
    )
)


@dataclass(frozen=True, slots=True)
class PromptStructure:
    """The parts of one text.

    Attributes:
        instruction: the rest, in one piece; may hold variables inside its sentences.
        fields: variables that stand on lines of their own, in order.
        cue: the last line when it only asks for the answer (``Sentiment:`` → ``Sentiment``), else empty.
    """

    instruction: str
    fields: tuple[str, ...]
    cue: str = ""


def rewritable_messages(template: Sequence[Message], roles: Collection[str]) -> list[int]:
    """Positions of the messages that may be rewritten.

    What a tool has said is data. Assistant messages, and the user messages that they answer, show what was
    said; they may be rewritten only where ``roles`` names ``assistant``.

    Raises:
        InvalidInput: there is none.
    """
    found = [
        at
        for at, message in enumerate(template)
        if message.role in roles and message.role != "tool"
        if "assistant" in roles or not _is_example_turn(template, at)
    ]
    if not found:
        have = ", ".join(dict.fromkeys(message.role for message in template))
        remedy = f"no message of the chat (roles {have}) may be rewritten with these; name one of its roles"
        raise InvalidInput.of(f"{FIELD}.roles", ", ".join(roles), remedy)
    return found


def _is_example_turn(template: Sequence[Message], at: int) -> bool:
    """Whether a user message is there to be answered by the assistant message behind it."""
    after = template[at + 1 : at + 2]
    asks = template[at].role == "user" and not _is_filled_in(template[at])
    return asks and bool(after) and after[0].role == "assistant"


def _is_filled_in(message: Message) -> bool:
    return bool(variables_of(message.content)) or "{%" in message.content


def parse_jinja(text: str) -> PromptStructure:
    """The same of a Jinja text. Its code stays where it is, so that it has no fields; its instruction are the
    words before all code, or else the longest that stand in it always."""
    first, *others = words_in(text)
    instruction = first.strip() or max((words.strip() for words in others), key=len, default="")
    pieces = code_in(text)
    last = text[pieces[-1][1] if pieces else 0 :].strip().splitlines()[-1:]
    cue = last[0].strip().rstrip(":") if last and _CUE_LINE.match(last[0].strip()) else ""
    return PromptStructure("" if instruction.rstrip(":") == cue else instruction, (), cue)


def parse_structure(text: str) -> PromptStructure:
    """Take a text apart. One with fields in the midst of its instruction is all instruction."""
    lines = text.strip().splitlines()
    cue = ""
    if len(lines) > 1 and _CUE_LINE.match(lines[-1].strip()):
        cue = lines.pop().strip().rstrip(":")
    without_cue = "\n".join(lines).strip()
    fields: list[str] = []
    kept: list[str] = []
    for line in lines:
        name = _field_name(line)
        if name is None or name in fields:
            kept.append(line)
        else:
            fields.append(name)
    instruction = "\n".join(kept).strip()
    if instruction not in without_cue or variables_of(instruction) & set(fields):
        return PromptStructure(without_cue, (), cue)
    return PromptStructure(instruction, tuple(fields), cue)


def _field_name(line: str) -> str | None:
    """The variable of a line that is nothing but a field; ``Translate to French: {{text}}`` is more."""
    found = _FIELD_LINE.match(line.strip())
    if found is None:
        return None
    heading = set(re.findall(r"[a-z]+", (found["heading"] or "").lower()))
    said = _FIELD_WORDS | set(found["name"].lower().split("_"))
    return str(found["name"]) if heading <= said else None


@dataclass(frozen=True, slots=True)
class TemplateSlot:
    """Where in a template the text to be rewritten stands: a text prompt itself, or one message of a chat.

    Attributes:
        system: position of a system message that holds no variable, so that its words may be replaced.
    """

    template: Template
    position: int = 0
    system: int | None = None

    @classmethod
    def of(cls, template: Template, roles: Collection[str] = REWRITTEN_ROLES) -> TemplateSlot:
        """The slot of a prompt: in a chat, the last user message with a variable in it, or the last message
        with one, or the last of all that may be rewritten.

        Raises:
            InvalidInput: no message may be rewritten.
        """
        if isinstance(template, str):
            return cls(template)
        allowed = rewritable_messages(template, roles)
        with_variable = [at for at in allowed if _is_filled_in(template[at])]
        users = [at for at in with_variable if template[at].role == "user"]
        position = [*allowed[-1:], *with_variable[-1:], *users[-1:]][-1]
        systems = [
            at
            for at in allowed
            if template[at].role == "system" and at != position and not _is_filled_in(template[at])
        ]
        return cls(template, position, systems[0] if systems else None)

    @property
    def takes_turns(self) -> bool:
        """Whether demonstrations can stand before it as turns of the chat."""
        return not isinstance(self.template, str) and self.position == len(self.template) - 1

    @property
    def text(self) -> str:
        """The text that stands there now."""
        return self.template if isinstance(self.template, str) else self.template[self.position].content

    @property
    def system_text(self) -> str:
        if isinstance(self.template, str) or self.system is None:
            return ""
        return self.template[self.system].content

    def fill(self, text: str, system: str | None = None, turns: Sequence[Message] = ()) -> Template:
        """The template with another text in this place.

        Args:
            system: other words for the system message; ``None`` keeps them.
            turns: demonstrations, put in front of the slot's message of a chat.
        """
        if isinstance(self.template, str):
            return text
        messages = list(self.template)
        messages[self.position] = Message(messages[self.position].role, text)
        if system is not None and self.system is not None:
            messages[self.system] = Message("system", system)
        messages[self.position : self.position] = turns
        return tuple(messages)

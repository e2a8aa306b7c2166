"""What the scripts of a reflection model need: to find the texts in a question, and to answer in its form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from burnish.domain.prompt import Message
from burnish.domain.usage import Usage
from burnish.llm.protocol import Completion

_TEXT = re.compile(r"<((?:prompt|other)(?:-\d+)?)(?: [^>]*)?>\n(.*?)\n</\1>", re.DOTALL)


def texts_in(messages: Sequence[Message]) -> list[str]:
    """The texts that a question asks about, in order."""
    return [text for _, text in _TEXT.findall(messages[0].content)]


def answer_with(text: str, messages: Sequence[Message] = ()) -> str:
    """A text in the form of an answer, to this question."""
    shown = _TEXT.search(messages[0].content) if messages else None
    tag = shown[1] if shown else "prompt"
    return f"<{tag}>\n{text}\n</{tag}>"


def completion(text: str, finish_reason: str = "stop") -> Completion:
    """An answer as the gateway gives it."""
    return Completion(text=text, usage=Usage(calls=1), finish_reason=finish_reason)


def seed_of(messages: Sequence[Message], sample: int) -> int:
    """A number of the question's own, for a script that varies its answers."""
    asked = f"{[message.content for message in messages]} {sample}"
    return int(hashlib.sha256(asked.encode()).hexdigest()[:8], 16)

"""A task whose best prompt is known, for the scripted model: the prompt must state rules that are hidden.

Each record is of one kind, and is answered right nearly always if the prompt states the rule of that
kind, seldom if not. A reflection model (any name with ``reflect`` in it) finds one more rule for each
failing kind that it is shown. Every answer is a function of the request and the seed alone.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from burnish.domain.hashing import uniform_draw
from burnish.llm.protocol import Request

KINDS = ("amber", "birch", "coral", "dune", "ember", "fjord")
SOURCE = "Answer the question.\n\n{{question}}"
"""A prompt without any rule."""

_QUESTION = re.compile(rf"Case (\d+) of kind ({'|'.join(KINDS)})")
_RULE = re.compile(rf"For ({'|'.join(KINDS)}) cases answer with the code")
_PROMPT = re.compile(r"<prompt[^>]*>\n?(?:<message[^>]*>\n?)?|```[a-z]*\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenRules:
    """A script for ``scripted.ScriptedProvider`` or the scripted server.

    Attributes:
        known: chance of a right answer where the rule is stated.
        guessed: chance where it is not.
        heeded: chance that a reflection sees a rule it is shown a failure of.
    """

    seed: int = 0
    known: float = 0.95
    guessed: float = 0.1
    heeded: float = 0.7

    def records(self, count: int) -> list[dict[str, Any]]:
        """``count`` records as MLflow's datasets have them, all kinds alike."""
        return [
            {
                "inputs": {"question": f"Case {number} of kind {KINDS[number % len(KINDS)]}: which code?"},
                "expectations": {"expected_response": self._code(str(number))},
            }
            for number in range(count)
        ]

    def __call__(self, request: Request) -> str:
        """The answer of the target model, or of the reflection model."""
        text = "\n\n".join(message.content for message in request.messages)
        return self._rewrite(text) if "reflect" in request.model else self._answer(text)

    def true_score(self, prompt: str) -> float:
        """Expected share of right answers with this prompt."""
        stated = len(set(_RULE.findall(prompt)))
        return (stated * self.known + (len(KINDS) - stated) * self.guessed) / len(KINDS)

    def _answer(self, text: str) -> str:
        questions = list(_QUESTION.finditer(text))
        if not questions:
            return "Which case is it?"
        number, kind = questions[-1].groups()  # demonstrations come before
        states_it = kind in _RULE.findall(text)
        if self._chance(number, text) < (self.known if states_it else self.guessed):
            return self._code(number)
        return "I do not know this code."

    def _rewrite(self, text: str) -> str:
        start = _PROMPT.search(text)
        if start is None:
            return "I see no prompt."
        tagged = start.group().startswith("<")
        end = text.find("</prompt>" if tagged else "\n```", start.end())
        body = text[start.end() : end if end >= 0 else None]
        stated = set(_RULE.findall(body))
        shown = {kind for _, kind in _QUESTION.findall(text[end:])} - stated
        seen = [kind for kind in sorted(shown) if self._chance(kind, text) < self.heeded]
        if "<edit " in text:  # asked for edits, not for the whole
            edits = [f'<edit kind="rule">{_rule_of(kind)}</edit>' for kind in seen]
            return "\n".join(edits) or "I see nothing to change."
        rules = "".join(f"{_rule_of(kind)}\n" for kind in seen)
        closing = "\n</prompt>" if tagged else "\n```"
        return f"{start.group()}{rules}{body.strip()}{closing}"

    def _code(self, number: str) -> str:
        return self._digest("code", number)[:6]

    def _chance(self, *parts: str) -> float:
        return uniform_draw(self.seed, *parts)

    def _digest(self, *parts: str) -> str:
        return hashlib.sha256("\0".join((str(self.seed), *parts)).encode()).hexdigest()


def _rule_of(kind: str) -> str:
    return f"For {kind} cases answer with the code."

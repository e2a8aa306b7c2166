"""A world in which the best prompt is known: rules are planted, and feedback reveals one at a time.

Each example needs one or two of a dozen rules. A prompt that states them is answered right nearly
always, one that does not seldom. The reflection model reads the feedback, adds one of the rules it
names (not always), says it in new words each time, and now and then drops an old rule. Every answer
is a function of (seed, prompt, example) and every rewriting of (seed, question), so two optimizers
that ask the same get the same, at any latency.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from burnish.domain.dataset import Dataset, Example

SOURCE = "Answer the question.\n\n{{question}}"

_RULE = re.compile(r"Rule (\d+) applies")
_HINT = re.compile(r"it needed rule (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """How hard the world is.

    Attributes:
        rules: how many there are; the first are needed most often.
        known: chance of a right answer where every needed rule is stated.
        guessed: chance where one is missing.
        heeded: chance that a reflection adds a rule the feedback names.
        dropped: chance that it loses an old one.
    """

    seed: int
    rules: int = 6
    known: float = 0.95
    guessed: float = 0.1
    heeded: float = 0.3
    dropped: float = 0.1

    def examples(self, count: int, part: str) -> tuple[Example, ...]:
        """``count`` examples, different ones for each ``part``."""
        draw = random.Random(f"{self.seed} {part}")
        weights = [1 / (rank + 3) for rank in range(self.rules)]
        records = []
        for number in range(count):
            needed = sorted(set(draw.choices(range(self.rules), weights, k=draw.choice((1, 1, 2)))))
            records.append(({"question": f"{part} {number}", "needs": needed}, {"expected_response": "right"}))
        return Dataset.of(records, part).examples

    def is_right(self, prompt: str, example: Example) -> bool:
        """Whether the target model answers this example right with this prompt."""
        stated = set(rules_in(prompt))
        knows = all(rule in stated for rule in example.inputs["needs"])
        return self._chance(prompt, example.example_id) < (self.known if knows else self.guessed)

    def feedback(self, example: Example, right: bool) -> str:
        """What a scorer says of one answer."""
        hints = ", ".join(f"it needed rule {rule}" for rule in example.inputs["needs"])
        return "right" if right else f"wrong: {hints}"

    def rewrite(self, question: str) -> str:
        """The reflection model's answer to a question that holds a prompt and feedback on it."""
        draw = random.Random(self._digest(question))
        stated = rules_in(question)
        hinted = [int(rule) for rule in _HINT.findall(question) if int(rule) not in stated]
        if stated and draw.random() < self.dropped:
            stated.remove(draw.choice(stated))
        if hinted and draw.random() < self.heeded:
            stated.append(draw.choice(hinted))
        lines = [f"Rule {rule} applies." for rule in sorted(set(stated))]
        wording = f"Answer the question (wording {draw.randrange(10**9)})."
        return "```\n" + "\n".join([wording, *lines, "", "{{question}}"]) + "\n```"

    def true_score(self, prompt: str, examples: Sequence[Example]) -> float:
        """Expected score of a prompt, without the luck of the draw."""
        stated = set(rules_in(prompt))
        return sum(
            self.known if all(rule in stated for rule in e.inputs["needs"]) else self.guessed for e in examples
        ) / len(examples)

    def _chance(self, *parts: object) -> float:
        return int(self._digest(*parts), 16) / 16**16

    def _digest(self, *parts: object) -> str:
        return hashlib.sha256("\0".join(map(str, (self.seed, *parts))).encode()).hexdigest()[:16]


def rules_in(text: str) -> list[int]:
    """Numbers of the rules a text states."""
    return sorted({int(rule) for rule in _RULE.findall(text)})

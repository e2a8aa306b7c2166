"""max_length: the answer is no longer than so many characters."""

from __future__ import annotations

from typing import Any

from burnish.errors import InvalidInput
from burnish.evaluation.scorer import Feedback
from burnish.evaluation.scorers.text import Takes, TextScorer


class MaxLength(TextScorer):
    """1 when the answer has at most so many characters; best as a constraint: ``max_length:200=must``.

    Raises:
        InvalidInput: the argument is not a whole number above 0.
    """

    takes = Takes.REQUIRED
    argument_is = "the number of characters"
    requires = frozenset()

    def __init__(self, name: str, argument: str | None = None) -> None:
        super().__init__(name, argument)
        text = (argument or "").strip()
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
            raise InvalidInput.of(
                "scorers", f"{name}:{argument}", "the number of characters must be a whole number above 0"
            )
        self._limit = int(text)

    def compare(self, output: str, expected: Any) -> Feedback:
        if len(output) <= self._limit:
            return Feedback(True)
        return Feedback(False, f"{len(output)} characters; at most {self._limit} are allowed")

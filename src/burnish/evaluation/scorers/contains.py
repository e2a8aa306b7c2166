"""contains: a text occurs in the answer."""

from __future__ import annotations

from typing import Any

from burnish.evaluation.scorer import Feedback
from burnish.evaluation.scorers.text import Takes, TextScorer, as_text, fold, shown


class Contains(TextScorer):
    """1 when the argument (without one: the expected response) occurs in the answer, whatever the case.

    Parts of words count: ``contains`` finds "8" in "18"; for numbers there is ``numeric_match``.
    """

    takes = Takes.OPTIONAL
    argument_is = "the text to find"

    def __init__(self, name: str, argument: str | None = None) -> None:
        super().__init__(name, argument)
        if argument is not None:
            self.requires = frozenset()

    def compare(self, output: str, expected: Any) -> Feedback:
        wanted = self.argument if self.argument is not None else as_text(expected).strip()
        if fold(wanted) in fold(output):
            return Feedback(True)
        return Feedback(False, f"{shown(wanted)} does not occur in the answer {shown(output)}")

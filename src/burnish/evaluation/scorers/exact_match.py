"""exact_match: the answer is the expected response."""

from __future__ import annotations

from typing import Any

from burnish.evaluation.scorer import Feedback
from burnish.evaluation.scorers.text import TextScorer, as_text, normalize, shown


class ExactMatch(TextScorer):
    """1 when the answer equals the expected response, whatever the case, surrounding space and
    quotes, and final punctuation."""

    def compare(self, output: str, expected: Any) -> Feedback:
        if normalize(output) == normalize(as_text(expected)):
            return Feedback(True)
        return Feedback(False, f"expected {shown(as_text(expected))}, got {shown(output)}")

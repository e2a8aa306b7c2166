"""exact_match: the answer is the expected response."""

from __future__ import annotations

from typing import Any

from burnish.evaluation.scorer import Feedback
from burnish.evaluation.scorers.text import as_text, normalize, shown, text_scorer


@text_scorer
def exact_match(output: str, expected: Any) -> Feedback:
    """1 when the answer equals the expected response, whatever the case, surrounding space and
    quotes, and final punctuation."""
    if normalize(output) == normalize(as_text(expected)):
        return Feedback(True)
    return Feedback(False, f"expected {shown(as_text(expected))}, got {shown(output)}")

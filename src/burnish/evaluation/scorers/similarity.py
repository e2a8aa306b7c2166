"""similarity: how much of the expected response is in the answer, letter for letter."""

from __future__ import annotations

from typing import Any

from burnish.evaluation.scorer import Feedback
from burnish.evaluation.scorers.text import as_text, normalize, text_scorer

_COMPARED = 20_000  # characters; time grows with the product of the lengths, this takes milliseconds


@text_scorer
def similarity(output: str, expected: Any) -> Feedback:
    """Normalized indel similarity in [0, 1] (rapidfuzz ``fuzz.ratio``) of the normalized texts.

    Of texts beyond 20,000 characters only the beginnings are aligned; the rest counts as different.
    """
    from rapidfuzz.distance import LCSseq

    answer, wanted = normalize(output), normalize(as_text(expected))
    if answer == wanted:
        return Feedback(1.0)
    common = LCSseq.similarity(answer[:_COMPARED], wanted[:_COMPARED])
    ratio = 2 * common / (len(answer) + len(wanted))
    return Feedback(ratio, f"{ratio:.0%} similar to the expected response")

"""label_match: the first known label in the answer is the expected one."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

from burnish.domain.dataset import Example
from burnish.evaluation.scorer import Feedback
from burnish.evaluation.scorers.text import TextScorer, as_text, normalize, shown

_WITHOUT_SPACES = (  # scripts that put no space between words: a label may stand inside a run of letters
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x9FFF),  # Han
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


class LabelMatch(TextScorer):
    """1 when the only known label in the answer, or the first of several, is the expected one.

    Labels are the expected responses of all examples. They count as whole words only, whatever
    their case; where two begin at the same place the longer one counts.
    """

    def __init__(self, name: str, argument: str | None = None) -> None:
        super().__init__(name, argument)
        self._labels: frozenset[str] = frozenset()

    def prepare(self, examples: Sequence[Example]) -> None:
        self._labels = frozenset(
            normalize(as_text(expected))
            for example in examples
            if example.expected is not None
            for expected in self.alternatives(example.expected)
        )

    def compare(self, output: str, expected: Any) -> Feedback:
        wanted = normalize(as_text(expected))
        found = first_label(normalize(output), self._labels | {wanted})
        if found == wanted:
            return Feedback(True)
        if found is None:
            return Feedback(False, f"expected {shown(wanted)}; no known label in {shown(output)}")
        return Feedback(False, f"expected {shown(wanted)}; the first label in the answer is {shown(found)}")


def first_label(text: str, labels: Collection[str]) -> str | None:
    """The label that begins first in ``text`` as a whole word, the longest of those that begin there.

    Both must be normalized. Takes time linear in the text for each label.
    """
    best, best_start = None, len(text)
    for label in sorted(filter(None, labels), key=len, reverse=True):
        start = _find_word(text, label, best_start)
        if start is not None and start < best_start:
            best, best_start = label, start
    return best


def _find_word(text: str, label: str, before: int) -> int | None:
    """Where ``label`` first stands as a whole word, if it begins before ``before``."""
    start = text.find(label, 0, before + len(label))
    while start != -1:
        if _is_gap(text, start) and _is_gap(text, start + len(label)):
            return start
        start = text.find(label, start + 1, before + len(label))
    return None


def _is_gap(text: str, position: int) -> bool:
    """Whether no word runs across ``position``."""
    if position <= 0 or position >= len(text):
        return True
    return not (_in_word(text[position - 1]) and _in_word(text[position]))


def _in_word(character: str) -> bool:
    if character != "_" and unicodedata.category(character)[0] not in "LMN":
        return False
    return not any(low <= ord(character) <= high for low, high in _WITHOUT_SPACES)

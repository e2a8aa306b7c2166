"""What the answers look like, read off the expectations of the training examples."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from burnish.domain.dataset import Example
from burnish.domain.text import value_as_text

MOST_LABELS = 100
LONGEST_LABEL_CHARACTERS = 60
FEWEST_PER_LABEL = 2.5  # examples a label should have on average to be one
FEW_NUMBERS = 6  # so few different numbers, often repeated, are labels (ratings)
_FIRST = frozenset({"yes", "true", "positive"})  # people say these before their opposites
_NUMBER = re.compile(r"^[-+]?[$€£]?\d[\d,]*(\.\d+)?%?$")


class AnswerKind(StrEnum):
    LABELS = "labels"
    NUMBER = "number"
    JSON = "json"
    SHORT_TEXT = "short text"
    TEXT = "text"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AnswerType:
    """What kind of answer is expected, and what is known of it.

    Attributes:
        labels: every expected label, yes before no, else by alphabet; empty unless LABELS.
        keys: of the expected JSON objects, in their order; empty unless JSON objects.
        words: of a typical text answer (median); 0 unless text.
        whole: all numbers are whole.
    """

    kind: AnswerKind
    labels: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    words: int = 0
    whole: bool = False

    @property
    def one_word(self) -> bool:
        """Every label is a single word."""
        return bool(self.labels) and all(re.fullmatch(r"[^\W\d_]+", label) for label in self.labels)


def answer_type_of(examples: Sequence[Example]) -> AnswerType:
    """The answer_type of ``expected_response`` over the examples that have one."""
    expected = [example.answer for example in examples if example.answer not in (None, "")]
    if not expected:
        return AnswerType(AnswerKind.UNKNOWN)
    if keys := _json_keys(expected):
        return AnswerType(AnswerKind.JSON, keys=keys)
    texts = [_text(value) for value in expected]
    numeric = all(_NUMBER.match(text) for text in texts)
    counts = Counter(texts)
    if _are_labels(counts, len(texts)) and not (numeric and len(counts) > FEW_NUMBERS):
        ordered = sorted(counts, key=lambda label: (label.lower() not in _FIRST, label))
        return AnswerType(AnswerKind.LABELS, labels=tuple(ordered))
    if numeric:
        return AnswerType(AnswerKind.NUMBER, whole=all("." not in text for text in texts))
    words = sorted(len(text.split()) for text in texts)[len(texts) // 2]
    return AnswerType(AnswerKind.SHORT_TEXT if words <= 5 else AnswerKind.TEXT, words=words)


def _are_labels(counts: Counter[str], total: int) -> bool:
    return (
        2 <= len(counts) <= MOST_LABELS
        and total >= FEWEST_PER_LABEL * len(counts)
        and max(map(len, counts)) <= LONGEST_LABEL_CHARACTERS
    )


def _json_keys(expected: Sequence[Any]) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    for value in expected:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return ()
        if not isinstance(value, dict):
            return ()
        keys.update(dict.fromkeys(map(str, value)))
    return tuple(keys)


def _text(value: Any) -> str:
    return value_as_text(value).strip()

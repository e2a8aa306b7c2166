"""json_valid and json_match: the answer is JSON, and the right JSON."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, NoReturn

from burnish.domain.dataset import Example
from burnish.errors import InvalidInput
from burnish.evaluation.scorer import Feedback
from burnish.evaluation.scorers.text import Takes, TextScorer, as_text, shown


class JsonValid(TextScorer):
    """1 when the whole answer is one JSON value (RFC 8259: no NaN, no code fence around it)."""

    requires = frozenset()

    def compare(self, output: str, expected: Any) -> Feedback:
        try:
            parse_json(output)
        except ValueError as error:
            return Feedback(False, f"not JSON: {error}")
        return Feedback(True)


class JsonMatch(TextScorer):
    """1 when the answer is JSON that equals the expected response.

    The order of keys, white space and ``1`` against ``1.0`` do not matter. The argument, a list of
    keys ``a,b``, restricts the comparison to these keys of the two objects.

    Raises:
        InvalidInput: the list of keys has a hole.
    """

    takes = Takes.OPTIONAL
    compares_json = True
    argument_is = "the keys to compare, with commas between them"

    def __init__(self, name: str, argument: str | None = None) -> None:
        super().__init__(name, argument)
        self._keys = tuple(key.strip() for key in argument.split(",")) if argument else ()
        if not all(self._keys):
            raise InvalidInput.of("scorers", f"{name}:{argument}", "the keys are NAME or NAME,NAME,...")

    def refusal(self, example: Example) -> str | None:
        try:
            self._part(_expected_json(example.expected))
        except ValueError as error:
            return f"{shown(as_text(example.expected))} is not the JSON to compare with: {error}"
        return None

    def compare(self, output: str, expected: Any) -> Feedback:
        try:
            answer = self._part(parse_json(output))
        except ValueError as error:
            return Feedback(False, f"not the JSON expected: {error}")
        difference = find_difference(self._part(_expected_json(expected)), answer)
        return Feedback(difference is None, difference or "")

    def _part(self, value: Any) -> Any:
        if not self._keys:
            return value
        if not isinstance(value, dict):
            raise ValueError("it is not an object")
        if missing := [key for key in self._keys if key not in value]:
            raise ValueError(f"it lacks {', '.join(missing)}")
        return {key: value[key] for key in self._keys}


def parse_json(text: str) -> Any:
    """One JSON value.

    Raises:
        ValueError: says what is wrong and where.
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        fence = "; it stands in a code fence" if text.lstrip().startswith("```") else ""
        raise ValueError(f"{error.msg} at line {error.lineno} column {error.colno}{fence}") from None


def find_difference(expected: Any, answer: Any) -> str | None:
    """The first difference between two JSON values in words, or ``None`` when they are equal."""
    pending = [("$", expected, answer)]  # a stack, not recursion: answers may nest deeply
    while pending:
        path, left, right = pending.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            if left.keys() != right.keys():
                missing, extra = sorted(left.keys() - right.keys()), sorted(right.keys() - left.keys())
                return f"{path}: " + "; ".join(
                    f"{word} {', '.join(keys)}" for word, keys in (("lacks", missing), ("has", extra)) if keys
                )
            pending.extend((f"{path}.{key}", left[key], right[key]) for key in reversed(left))
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return f"{path}: {len(right)} elements where {len(left)} are expected"
            pending.extend((f"{path}[{i}]", left[i], right[i]) for i in reversed(range(len(left))))
        elif not _equal_leaves(left, right):
            return f"{path}: expected {shown(_dumped(left))}, got {shown(_dumped(right))}"
    return None


def _equal_leaves(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return unicodedata.normalize("NFC", left) == unicodedata.normalize("NFC", right)
    if isinstance(left, bool) or isinstance(right, bool):  # True == 1 in Python, not in JSON
        return left is right
    return bool(left == right)


def _expected_json(expected: Any) -> Any:
    return parse_json(expected) if isinstance(expected, str) else expected


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "…"

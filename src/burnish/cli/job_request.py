"""What is typed after ``burnish jobs create``, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from burnish.errors import InvalidInput


def read_object(option: str, text: str | None) -> Mapping[str, Any]:
    """A JSON object; nothing is an empty one.

    Raises:
        InvalidInput
    """
    try:
        value = json.loads(text or "{}")
    except ValueError as error:
        raise InvalidInput.of(option, text, f"is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise InvalidInput.of(option, text, 'must be a JSON object, such as {"rounds": 3}')
    return value


def read_tags(pairs: Sequence[str]) -> Mapping[str, str]:
    """``KEY=VALUE`` pairs.

    Raises:
        InvalidInput: one has no ``=``.
    """
    tags = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise InvalidInput.of("--tag", pair, "write KEY=VALUE")
        tags[key] = value
    return tags

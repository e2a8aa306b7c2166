"""Values as text that every database can hold, and back."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from burnish.errors import InvalidInput

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MAX_NAME_LENGTH = 500
_SURROGATE = re.compile("[\ud800-\udfff]")


def to_json(value: Any) -> str:
    """JSON text of a value. Model answers may hold NUL characters and lone surrogates, which no
    database takes as they are: JSON escapes carry them."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def from_json(text: str) -> Any:
    """Inverse of :func:`to_json`."""
    return json.loads(text)


def from_plain_json(text: str) -> Any:
    """As :func:`from_json` and several times as fast, for values whose whole numbers have at most 64 bits
    (it would read longer ones as floats)."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # it refuses NaN and lone surrogates, which to_json writes
        return from_json(text)


def storable(text: str) -> bool:
    """Whether a text column can hold it as it is."""
    return UNSTORABLE.search(text) is None


def check_searchable(field: str, text: str | None, longest: int = MAX_NAME_LENGTH) -> str | None:
    """The text of a searchable column, unchanged.

    Args:
        longest: characters; an index of PostgreSQL holds about 2,700 bytes.

    Raises:
        InvalidInput: too long, or it holds a NUL character or a lone surrogate.
    """
    if text is None:
        return None
    if not storable(text):
        raise InvalidInput.of(
            field, ascii(text), "must not hold NUL characters or lone surrogates; take them out"
        )
    if len(text) > longest:
        raise InvalidInput.of(field, text, f"has {len(text)} characters; at most {longest} are kept")
    return text

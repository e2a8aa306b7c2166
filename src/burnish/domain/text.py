"""Texts that come from models and data, made fit for prompts and for those who take only Unicode."""

from __future__ import annotations

import json
from math import ceil
from typing import Any


def value_as_text(value: Any) -> str:
    """A value as a prompt shows it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def well_formed(text: str) -> str:
    """The text with a ``?`` for each half of a surrogate pair: JSON can carry these, UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


def is_well_formed(text: str) -> bool:
    """Whether UTF-8 can write it: no half of a surrogate pair, no byte of a name that is not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def well_formed_values(value: Any) -> Any:
    """The same for every text in a JSON value."""
    return json.loads(well_formed(json.dumps(value, ensure_ascii=False)))


def estimate_tokens(text: str) -> int:
    """Tokens of a text, without a tokenizer: four ASCII characters make one, and each other one."""
    others = sum(not character.isascii() for character in text) if not text.isascii() else 0
    return ceil((len(text) - others) / 4) + others

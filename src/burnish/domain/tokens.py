"""How many tokens a text has, without a tokenizer."""

from __future__ import annotations

from math import ceil


def estimate_tokens(text: str) -> int:
    """Four ASCII characters make one token, and each other character one."""
    others = sum(not character.isascii() for character in text) if not text.isascii() else 0
    return ceil((len(text) - others) / 4) + others

"""Hashes: the identity of contents, and chance that depends on nothing but its arguments."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(value: Any, length: int = 16) -> str:
    """Hexadecimal SHA-256 prefix of a JSON value in canonical form; the identity of contents."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return _sha256(canonical).hex()[:length]


def uniform_draw(*parts: object) -> float:
    """A number in [0, 1) that looks random and is the same for the same parts, in every process."""
    return int.from_bytes(_sha256("\0".join(map(str, parts)))[:7]) / 2**56


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

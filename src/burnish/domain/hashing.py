"""Hashes: the identity of contents, and chance that depends on nothing but its arguments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any


def digest(value: Any, length: int = 16) -> str:
    """Hexadecimal SHA-256 prefix of a JSON value in canonical form; the identity of contents."""
    return _sha256(_canonical(value)).hex()[:length]


def digest_of_list(entries: Iterable[Any], length: int = 16) -> str:
    """:func:`digest` of a list whose JSON text need not stand in memory as a whole."""
    hashed = hashlib.sha256(b"[")
    for position, entry in enumerate(entries):
        text = f",{_canonical(entry)}" if position else _canonical(entry)
        hashed.update(text.encode("utf-8", "surrogatepass"))
    hashed.update(b"]")
    return hashed.hexdigest()[:length]


def uniform_draw(*parts: object) -> float:
    """A number in [0, 1) that looks random and is the same for the same parts, in every process."""
    return int.from_bytes(_sha256("\0".join(map(str, parts)))[:7]) / 2**56


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

"""Immutable entries that many jobs share, identified by what they are.

A thousand jobs on one dataset keep its records once. The entries are JSON in compressed chunks, so that
a page of them can be read alone, and so that neither encoding nor reading holds them in memory twice.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.store.encoding import to_json

_CHUNK_CHARACTERS = 256 * 1024
_LEVEL = 1  # of zlib: on records it is three times as fast as the default, for a tenth more bytes


@dataclass(frozen=True, slots=True)
class Content:
    """Entries, each a JSON value.

    Attributes:
        digest: SHA-256 of all of them in their order.
        size: of all of them.
        read: another iteration over them, at each call.
    """

    digest: str
    size: int
    read: Callable[[], Iterable[Any]]

    @classmethod
    def of(cls, read: Callable[[], Iterable[Any]]) -> Content:
        """Takes one pass over the entries; run it in a thread where they may be many."""
        hashed, size = hashlib.sha256(), 0
        for entry in read():
            hashed.update(to_json(entry).encode())
            hashed.update(b"\n")
            size += 1
        return cls(hashed.hexdigest(), size, read)

    def chunks(self) -> Iterator[Chunk]:
        """Takes another pass, one chunk at a time."""
        first, texts, characters = 0, list[str](), 0
        for entry in self.read():
            texts.append(to_json(entry))
            characters += len(texts[-1])
            if characters >= _CHUNK_CHARACTERS:
                yield Chunk.of(first, texts)
                first, texts, characters = first + len(texts), [], 0
        if texts:
            yield Chunk.of(first, texts)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive entries.

    Attributes:
        first: position of the first of them.
        size: how many.
        body: a JSON list, compressed.
    """

    first: int
    size: int
    body: bytes

    @classmethod
    def of(cls, first: int, texts: Sequence[str]) -> Chunk:
        return cls(first, len(texts), zlib.compress(f"[{','.join(texts)}]".encode(), _LEVEL))

    def entries(self) -> list[Any]:
        """Inverse of :meth:`of`."""
        found: list[Any] = json.loads(zlib.decompress(self.body))
        return found

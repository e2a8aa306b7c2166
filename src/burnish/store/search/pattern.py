r"""Patterns of ``LIKE`` and ``ILIKE``: ``%`` any text, ``_`` one character, ``\`` takes the next as it is.

``LIKE`` is case-sensitive on every database. ``ILIKE`` folds the letters A to Z and no others:
that is the only folding SQLite and PostgreSQL agree on, whatever the locale.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from string import ascii_lowercase, ascii_uppercase

_FOLD = str.maketrans(ascii_uppercase, ascii_lowercase)


class Wildcard(Enum):
    ANY_TEXT = "%"
    ONE_CHARACTER = "_"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as a row of single characters and wildcards."""

    parts: tuple[str | Wildcard, ...]

    @classmethod
    def parse(cls, text: str) -> Pattern:
        r"""
        Raises:
            ValueError: it ends with a lone ``\``.
        """
        parts: list[str | Wildcard] = []
        characters = iter(text)
        for character in characters:
            if character == "\\":
                literal = next(characters, None)
                if literal is None:
                    raise ValueError("a pattern ends with a lone backslash")
                parts.append(literal)
            elif character in "%_":
                parts.append(Wildcard(character))
            else:
                parts.append(character)
        return cls(tuple(parts))

    def like(self) -> str:
        r"""For SQL's ``LIKE … ESCAPE '\'``."""
        return "".join(
            part.value if isinstance(part, Wildcard) else f"\\{part}" if part in "%_\\" else part
            for part in self.parts
        )

    def glob(self) -> str:
        """For SQLite's ``GLOB``, which is its case-sensitive comparison."""
        wildcards = {Wildcard.ANY_TEXT: "*", Wildcard.ONE_CHARACTER: "?"}
        return "".join(
            wildcards[part] if isinstance(part, Wildcard) else f"[{part}]" if part in "*?[" else part
            for part in self.parts
        )

    def matches(self, text: str, fold_case: bool = False) -> bool:
        """Whether the whole text fits. Takes time in proportion to both lengths, at worst."""
        parts: tuple[str | Wildcard, ...] = self.parts
        if fold_case:
            text = text.translate(_FOLD)
            parts = tuple(part if isinstance(part, Wildcard) else part.translate(_FOLD) for part in parts)
        at, position = 0, 0
        retry: tuple[int, int] | None = None  # behind the last %, and how far it has reached
        while position < len(text):
            part = parts[at] if at < len(parts) else None
            if part is Wildcard.ANY_TEXT:
                at += 1
                retry = (at, position)
            elif part is Wildcard.ONE_CHARACTER or part == text[position]:
                at, position = at + 1, position + 1
            elif retry is not None:
                retry = (retry[0], retry[1] + 1)
                at, position = retry
            else:
                return False
        return all(part is Wildcard.ANY_TEXT for part in parts[at:])

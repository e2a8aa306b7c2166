"""What is wrong with a file, collected: a few of each kind, and how many more there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from burnish.errors import InvalidInput, Problem

_SHOWN = 5  # of one kind


class FileProblems:
    """FileProblems of one file.

    Args:
        path: as the user wrote it.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path).encode("utf-8", "backslashreplace").decode()
        self._found: list[Problem] = []
        self._kinds: Counter[str] = Counter()

    def add(self, kind: str, line: int | None, name: str, value: object, remedy: str) -> None:
        """Note one problem.

        Args:
            kind: problems of one kind are shown a few times only.
            line: line or row, from 1; ``None`` for the file as a whole.
            name: the column or key; may be empty.
        """
        self._kinds[kind] += 1
        if self._kinds[kind] <= _SHOWN:
            place = self._path if line is None else f"{self._path}:{line}"
            self._found.append(Problem(f"{place} {name}".rstrip(), str(value), remedy))

    def add_elsewhere(self, field: str, value: str, remedy: str) -> None:
        """Note a problem of what was said about the file."""
        self._found.append(Problem(field, value, remedy))

    def stop(self, line: int | None, name: str, value: object, remedy: str) -> InvalidInput:
        """A problem behind which nothing more can be read: raise what this returns."""
        self.add(f"stop {len(self._found)}", line, name, value, remedy)
        return self._as_error()

    def check(self) -> None:
        """
        Raises:
            InvalidInput: there was any problem.
        """
        if self._found:
            raise self._as_error()

    def _as_error(self) -> InvalidInput:
        more = sum(count - _SHOWN for count in self._kinds.values() if count > _SHOWN)
        if more:
            lines = "line" if more == 1 else "lines"
            self._found.append(Problem(self._path, "", f"and {more} more {lines} like these"))
        return InvalidInput(*self._found)


def listed(names: Iterable[str]) -> str:
    """Names for a message, at most a dozen."""
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:12])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > 12 else shown or "none"

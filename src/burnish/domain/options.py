"""The table of what a user may set: command line, SDK, wire and reference read it.

A row stands where the value stands, as an annotation of a dataclass's field::

    seed: Annotated[int, Option("Seed of every random choice.", least=0)] = 0
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Option:
    """What a field's annotation says of it.

    Attributes:
        help: one sentence for people.
        flag: on the command line; by default the field's name.
        metavar: what the command line calls the value; by default ``N``, ``X`` or ``TEXT``, or the choices.
        default_text: the default as one would type it where there is ``read``, else in words; by default
            the value itself.
        least, most: range of a number, both included.
        read: what is typed → the value; ``None``: as it is.
    """

    help: str
    flag: str = ""
    metavar: str | None = None
    default_text: str | None = None
    least: float | None = None
    most: float | None = None
    read: Callable[[str], Any] | None = None


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One option of a configuration.

    Attributes:
        name: of the field.
        group: the field that holds it, where it is one of a part (``budget``); else empty. A part may be
            ``None``, which it is when nothing of it is said.
        kind: type of the value.
        default: what holds when nothing is said.
    """

    name: str
    group: str
    kind: Any
    default: Any
    option: Option

    @property
    def key(self) -> str:
        """Its name among those of all parts."""
        return f"{self.group}_{self.name}" if self.group else self.name

    @property
    def flag(self) -> str:
        """As on the command line, ``--max-calls``."""
        return self.option.flag or f"--{self.name.replace('_', '-')}"


def option_rows(config: type, group: str = "") -> Iterator[OptionRow]:
    """The rows of a dataclass in the order of its fields, those of its parts among them."""
    hints = get_type_hints(config, include_extras=True)
    for entry in fields(config):
        hint = hints[entry.name]
        if get_origin(hint) is Annotated:
            kind, option = get_args(hint)
            yield OptionRow(entry.name, group, kind, _default_of(entry), option)
        elif part := part_of(hint):
            yield from option_rows(part, entry.name)


def grouped(config: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the keys of rows → keyword arguments of the dataclass: those of a part become the part."""
    hints = get_type_hints(config)
    found: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for row in option_rows(config):
        if row.key in values:
            (parts.setdefault(row.group, {}) if row.group else found)[row.name] = values[row.key]
    return found | {name: kind(**part) for name, part in parts.items() if (kind := part_of(hints[name]))}


def part_of(hint: Any) -> type | None:
    """The dataclass of a field that holds a part, or ``None``: the field holds a value."""
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 and is_dataclass(kinds[0]) and isinstance(kinds[0], type) else None


def _default_of(entry: Field[Any]) -> Any:
    if entry.default_factory is not MISSING:
        return entry.default_factory()
    return None if entry.default is MISSING else entry.default

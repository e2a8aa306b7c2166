"""What a filter says, once it is read: comparisons of fields with values, joined by AND, OR and NOT.

A comparison with an absent value (a tag the job does not have, a score not measured yet) is false,
and its negation is true.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from burnish.store.search.fields import Field
from burnish.store.search.pattern import Pattern

Value = str | Fraction | Pattern
"""Text; an exact number; or what ``LIKE`` and ``ILIKE`` compare with."""


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    IN = "IN"
    LIKE = "LIKE"
    ILIKE = "ILIKE"


COMPARE: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
    Operator.IN: operator.eq,
}
"""What compares two values, or a column with one; ``IN`` with each of its values."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """``values`` has one entry, but for ``IN``."""

    field: Field
    operator: Operator
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Expression


Expression = And | Or | Not | Comparison


@dataclass(frozen=True, slots=True)
class Order:
    """One entry of ``order_by``. Jobs without a value come last, either way."""

    field: Field
    descending: bool


def children(expression: Expression) -> tuple[Expression, ...]:
    """The parts of an expression; none of a comparison."""
    match expression:
        case And(parts) | Or(parts):
            return parts
        case Not(part):
            return (part,)
        case Comparison():
            return ()


def comparisons(expression: Expression) -> Iterator[Comparison]:
    """Every comparison in it, from left to right."""
    if isinstance(expression, Comparison):
        yield expression
    for part in children(expression):
        yield from comparisons(part)

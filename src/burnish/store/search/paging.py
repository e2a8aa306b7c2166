"""Orders, and the tokens with which a search goes on behind its last job (keyset paging).

A token carries the sort values of the last job seen, so jobs created meanwhile neither shift nor
repeat anything, and page 1,000 costs what page 1 does.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_

from burnish.domain.hashing import digest
from burnish.domain.records import JobQuery
from burnish.errors import InvalidInput
from burnish.store.encoding import storable
from burnish.store.search.expression import Order
from burnish.store.search.fields import CREATION, Field

SortValue = str | int | float | None
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of the order.

    Attributes:
        nullable: whether jobs of the store can lack it; those come last.
    """

    column: ColumnElement[Any]
    descending: bool
    nullable: bool

    def clause(self) -> ColumnElement[Any]:
        """For ``ORDER BY``."""
        ordered = self.column.desc() if self.descending else self.column.asc()
        return ordered.nulls_last() if self.nullable else ordered

    def behind(self, value: SortValue) -> ColumnElement[bool]:
        """That a job comes after one with this value, by this key alone."""
        if value is None:
            return false()
        after = self.column < value if self.descending else self.column > value
        return or_(after, self.column.is_(None)) if self.nullable else after

    def same(self, value: SortValue) -> ColumnElement[bool]:
        return self.column.is_(None) if value is None else self.column == value


def behind(keys: Sequence[SortKey], values: Sequence[SortValue]) -> ColumnElement[bool]:
    """That a job comes after the one with these sort values."""
    ways = []
    for position, (key, value) in enumerate(zip(keys, values, strict=True)):
        equal = [k.same(v) for k, v in zip(keys[:position], values[:position], strict=True)]
        ways.append(and_(*equal, key.behind(value)))
    first, value = keys[0], values[0]
    if value is None or first.nullable:
        return or_(*ways)
    # Implied by the rest, and what lets the database start in the middle of an index.
    bound = first.column <= value if first.descending else first.column >= value
    return and_(bound, or_(*ways))


def encode_page_token(query: JobQuery, values: Sequence[SortValue]) -> str:
    """The page token behind the job with these sort values."""
    text = json.dumps([_digest(query), *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def sort_orders(orders: Sequence[Order]) -> tuple[Order, ...]:
    """What is sorted by: ties newest first. What is left, by job id, in the order of the creation."""
    first = dict[Field, Order]()
    for order in (*orders, Order(CREATION, descending=True)):
        first.setdefault(order.field, order)
    return tuple(first.values())


def decode_page_token(query: JobQuery, orders: Sequence[Order]) -> tuple[SortValue, ...] | None:
    """The sort values in the query's page token, and behind them the job's id; ``None`` without a token.

    Args:
        orders: :func:`sort_orders` of the query.

    Raises:
        InvalidInput: the token is none of ours, or belongs to another query.
    """
    if not query.page_token:
        return None
    refused = InvalidInput.of(
        "page_token", query.page_token, "is not a next_page_token of a search; start again without it"
    )
    try:
        padded = query.page_token.encode("ascii") + b"=" * (-len(query.page_token) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise refused from None
    if not isinstance(found, list) or len(found) < 2:
        raise refused
    if found[0] != _digest(query):
        raise InvalidInput.of(
            "page_token",
            query.page_token,
            "belongs to another search; experiments, filter and order must stay the same between pages",
        )
    values = found[1:]
    types = [*(order.field.kind.value_type for order in orders), str]
    if len(values) != len(types) or not all(map(_fits, types, values)):
        raise refused
    return tuple(values)


def _digest(query: JobQuery) -> str:
    return digest([sorted(set(query.experiment_ids)), query.filter.strip(), list(query.order_by)])


def _fits(value_type: type, value: object) -> bool:
    if value is None:  # the last job is of elsewhere and lacks what all of the store's have
        return True
    if value_type is float:
        return isinstance(value, float) and isfinite(value)
    if value_type is int:
        return type(value) is int and -_INT64 <= value < _INT64
    return isinstance(value, str) and storable(value)

"""A filter as SQL conditions on ``tables.jobs``, all values bound.

Every comparison becomes a condition that is true or false and never NULL, so that NOT means in SQL
what it means in ``store.search.meaning``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any

from sqlalchemy import ColumnElement, FromClause, UnaryExpression, and_, false, not_, or_, select, true
from sqlalchemy.sql.operators import custom_op

from burnish.domain.score import spellings_of
from burnish.domain.usage import NANOS_PER_USD
from burnish.store import tables
from burnish.store.rows import TAG_START_LENGTH
from burnish.store.search.expression import COMPARE, And, Comparison, Expression, Not, Operator, Or, Value
from burnish.store.search.fields import Field, Kind
from burnish.store.search.pattern import Pattern

Condition = ColumnElement[bool]

_jobs = tables.jobs
_LARGEST, _SMALLEST = 2**63 - 1, -(2**63)
_COLUMNS: Mapping[str, str] = {
    "test_scores.difference": "test_difference",
    "usage.calls": "usage_calls",
    "usage.usd": "usage_usd_nanos",
}
_COMPARE: Mapping[Operator, Callable[[Any, Any], Condition]] = COMPARE


def condition_of(expression: Expression, dialect: str, use_indexes: bool = True) -> Condition:
    """
    Args:
        dialect: ``sqlite`` or ``postgresql``.
        use_indexes: ``False``: SQLite must not begin with an index of the jobs' own columns.
    """
    match expression:
        case And(parts):
            return and_(*(condition_of(part, dialect, use_indexes) for part in parts))
        case Or(parts):
            return or_(*(condition_of(part, dialect, use_indexes) for part in parts))
        case Not(part):
            return not_(condition_of(part, dialect, use_indexes).self_group())
        case Comparison(field) as comparison:
            side = side_table(field)
            if side is None:
                column = column_of(field)
                hidden = dialect == "sqlite" and not use_indexes
                return _present_and_holds(_plus(column) if hidden else column, comparison, dialect)
            held = on_side(side, comparison, dialect)
            return select(side.c.job_id).where(side.c.job_id == _jobs.c.job_id, held).exists()


def side_table(field: Field) -> FromClause | None:
    """A new alias of the table that holds this tag or score; ``None`` for a field of the job's own row."""
    if field.key is None:
        return None
    return (tables.tags if field.name == "tags" else tables.scores).alias()


def is_entry(side: FromClause, field: Field) -> Condition:
    """That a row of a side table is this tag or score."""
    if field.name == "tags":
        return side.c.key == field.key
    names = spellings_of(str(field.key))
    return and_(
        side.c.kind == field.name.removesuffix("_eval_scores"),
        side.c.name == field.key if len(names) == 1 else side.c.name.in_(names),
    )


def on_side(side: FromClause, comparison: Comparison, dialect: str) -> Condition:
    """That a row of a side table is the comparison's tag or score, and the comparison holds for it."""
    return and_(is_entry(side, comparison.field), _holds(side.c.value, comparison, dialect))


def on_indexed_side(side: FromClause, comparison: Comparison, dialect: str) -> Condition:
    """As :func:`on_side`, in the words of the side table's index: it knows how tags begin."""
    if comparison.field.name != "tags":
        return on_side(side, comparison, dialect)
    texts = [str(value) for value in comparison.values]
    begins = side.c.value_start.in_([text[:TAG_START_LENGTH] for text in texts])
    if all(len(text) < TAG_START_LENGTH for text in texts):
        return and_(is_entry(side, comparison.field), begins)  # a value this short is all in the index
    return and_(begins, on_side(side, comparison, dialect))


def column_of(field: Field) -> ColumnElement[Any]:
    """The column of a field of the job's own row."""
    return _jobs.c[_COLUMNS.get(field.name, field.name)]


def _plus(column: ColumnElement[Any]) -> ColumnElement[Any]:
    # SQLite's own way to say it: https://www.sqlite.org/optoverview.html#disqualifying_where_clause_terms
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def _present_and_holds(column: ColumnElement[Any], comparison: Comparison, dialect: str) -> Condition:
    held = _holds(column, comparison, dialect)
    nullable = getattr(column, "nullable", True)
    return and_(column.is_not(None), held) if nullable else held


def _holds(column: ColumnElement[Any], comparison: Comparison, dialect: str) -> Condition:
    field, operation, values = comparison.field, comparison.operator, comparison.values
    if operation is Operator.IN and not field.kind.numeric:
        return column.in_([str(value) for value in values])
    return or_(*(_holds_for(column, field, operation, value, dialect) for value in values))


def _holds_for(
    column: ColumnElement[Any], field: Field, operation: Operator, value: Value, dialect: str
) -> Condition:
    if isinstance(value, Pattern):
        if operation is Operator.LIKE:
            if dialect == "sqlite":
                return column.op("GLOB", is_comparison=True)(value.glob())
            return column.like(value.like(), escape="\\")
        if dialect == "sqlite":  # its LIKE folds A to Z
            return column.like(value.like(), escape="\\")
        return column.ilike(value.like(), escape="\\")
    if isinstance(value, Fraction):
        if field.kind is Kind.NUMBER:
            return _COMPARE[operation](column, float(value))
        return _compare_whole(column, operation, value * NANOS_PER_USD if field.kind is Kind.MONEY else value)
    return _COMPARE[operation](column, value)


def _compare_whole(column: ColumnElement[Any], operation: Operator, bound: Fraction) -> Condition:
    """Compare a column of 64-bit integers with any number, exactly."""
    if operation in (Operator.EQUAL, Operator.IN, Operator.UNEQUAL):
        unequal = operation is Operator.UNEQUAL
        if bound.denominator != 1 or not _SMALLEST <= bound <= _LARGEST:
            return true() if unequal else false()
        return column != int(bound) if unequal else column == int(bound)
    whole = (ceil if operation in (Operator.LESS, Operator.GREATER_OR_EQUAL) else floor)(bound)
    if _SMALLEST <= whole <= _LARGEST:
        return _COMPARE[operation](column, whole)
    below = operation in (Operator.LESS, Operator.LESS_OR_EQUAL)
    return true() if below == (whole > _LARGEST) else false()

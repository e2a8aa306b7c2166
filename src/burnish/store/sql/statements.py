"""Statements that SQLAlchemy has no word for: inserts that say what happens to rows that are there already,
and the values of a column; on both databases.

The inserts are made once for each table: making one costs as much as running it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or replace those with the same primary key."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table), list(rows))


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows whose primary key is not there yet."""
    if rows:
        connection.execute(_insert_new(connection.dialect.name, table), list(rows))


def claim(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless its primary key is there. Waits for another transaction's claim to be decided.

    Returns:
        Whether the row was inserted.
    """
    inserted = _insert_new(connection.dialect.name, table).values(row).returning(*table.primary_key)
    return connection.execute(inserted).one_or_none() is not None


@cache
def _upsert(dialect: str, table: Table) -> Any:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=others)


@cache
def _insert_new(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing()


def _insert(dialect: str, table: Table) -> Any:
    # The two dialects' inserts have the same methods and no common class that has them.
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def distinct(connection: Connection, column: ColumnElement[str]) -> frozenset[str]:
    """The values of an indexed column, each found from the one before: ``SELECT DISTINCT`` walks all rows."""
    first = select(func.min(column).label("value")).cte("found", recursive=True)
    after = select(func.min(column)).where(column > first.c.value).scalar_subquery()
    found = first.union_all(select(after).where(first.c.value.is_not(None)))
    return frozenset(connection.scalars(select(found.c.value).where(found.c.value.is_not(None))))

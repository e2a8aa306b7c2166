"""Statements that SQLAlchemy has no word for: inserts that say what happens to rows that are there already,
and the values of a column; on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or replace those with the same primary key."""
    if not rows:
        return
    statement = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), list(rows))


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows whose primary key is not there yet."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def claim(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless its primary key is there. Waits for another transaction's claim to be decided.

    Returns:
        Whether the row was inserted.
    """
    inserted = _insert(connection, table).on_conflict_do_nothing().values(row).returning(*table.primary_key)
    return connection.execute(inserted).one_or_none() is not None


def _insert(connection: Connection, table: Table) -> Any:
    # The two dialects' inserts have the same methods and no common class that has them.
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def distinct(connection: Connection, column: ColumnElement[str]) -> frozenset[str]:
    """The values of an indexed column, each found from the one before: ``SELECT DISTINCT`` walks all rows."""
    first = select(func.min(column).label("value")).cte("found", recursive=True)
    after = select(func.min(column)).where(column > first.c.value).scalar_subquery()
    found = first.union_all(select(after).where(first.c.value.is_not(None)))
    return frozenset(connection.scalars(select(found.c.value).where(found.c.value.is_not(None))))

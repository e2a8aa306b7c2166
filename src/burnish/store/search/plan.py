"""How one page of a search is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, select

from burnish.domain.records import JobPage, JobQuery
from burnish.errors import InvalidInput
from burnish.store import tables
from burnish.store.encoding import check_searchable
from burnish.store.rows import job_from_row
from burnish.store.search.access_paths import AccessPath, AccessPaths
from burnish.store.search.conditions import Condition, column_of, condition_of, is_entry, on_side, side_table
from burnish.store.search.expression import And, Comparison, Expression, Operator
from burnish.store.search.fields import CREATION, Field, Kind
from burnish.store.search.paging import (
    SortKey,
    SortValue,
    behind,
    decode_page_token,
    encode_page_token,
    sort_orders,
)
from burnish.store.search.parser import parse_filter, parse_order

MAX_RESULTS = 1000

_jobs = tables.jobs


class SearchPlan:
    """One search, read and checked.

    Args:
        dialect: ``sqlite`` or ``postgresql``.

    Raises:
        InvalidInput: experiments, filter, order, page size or page token cannot be read.
    """

    def __init__(self, query: JobQuery, dialect: str) -> None:
        if not 1 <= query.max_results <= MAX_RESULTS:
            raise InvalidInput.of("max_results", query.max_results, f"must be between 1 and {MAX_RESULTS}")
        for experiment_id in query.experiment_ids:
            check_searchable("experiment_ids", experiment_id)
        self._query = query
        self._dialect = dialect
        self._conjuncts = (*_conjuncts(parse_filter(query.filter)), *_in_workspace(query.workspace))
        self._experiment_ids = _experiments_of(query)
        self._access_paths = AccessPaths(self._conjuncts, self._experiment_ids or (), dialect)
        self._orders = sort_orders(parse_order(query.order_by))
        self._sort, _ = self._keys(None)
        self._after = decode_page_token(query, self._orders)

    def run(self, connection: Connection) -> JobPage:
        """Read the page: first the jobs that have the first sort value, then those that lack it."""
        if self._experiment_ids == ():
            return JobPage(())
        rare = self._access_paths.rarest(connection)
        wanted = self._query.max_results + 1
        rows: list[Row[Any]] = []
        for present in (True, False) if self._sort[0].nullable else (None,):
            if len(rows) < wanted and (statement := self._statement(rare, present)) is not None:
                rows += connection.execute(statement.limit(wanted - len(rows)))
        page = rows[: self._query.max_results]
        token = None
        if len(rows) == wanted:
            last = page[-1]._mapping
            token = encode_page_token(self._query, [last[f"sort_{n}"] for n in range(len(self._sort))])
        return JobPage(tuple(map(job_from_row, page)), token)

    def _statement(self, rare: AccessPath | None, present: bool | None) -> Select[Any] | None:
        """The jobs that have the first sort value (``present``), or that lack it, or all (``None``).

        Returns:
            ``None`` where the page token is behind all of these.
        """
        after: Sequence[SortValue] | None = self._after
        if present is True and after is not None and after[0] is None:
            return None
        path = rare or self._access_paths.ordered(self._orders[0].field, present)
        keys, sorting_sides = self._keys(path)
        statement = select(_jobs, *(key.column.label(f"sort_{n}") for n, key in enumerate(keys)))
        where: list[Condition] = []
        if present is True:
            where.append(keys[0].column.is_not(None))
            keys = (replace(keys[0], nullable=False), *keys[1:])
        elif present is False:
            where.append(keys[0].column.is_(None))
            keys, after = keys[1:], after[1:] if after is not None and after[0] is None else None
        if after is not None:
            where.append(behind(keys, after))
        source, conditions = self._source(path)
        for side, field in sorting_sides:
            source = source.outerjoin(side, and_(side.c.job_id == _jobs.c.job_id, is_entry(side, field)))
        ordered = (key.clause() for key in keys)
        return statement.select_from(source).where(*conditions, *where).order_by(*ordered)

    def _source(self, path: AccessPath | None) -> tuple[FromClause, list[Condition]]:
        """Where the jobs that fit come from. Behind an access path, the other tags and scores are joined
        before the jobs' own rows are looked up: most lookups are saved that way."""
        if path is None:
            conditions = [condition_of(part, self._dialect) for part in self._conjuncts]
            return _jobs, [self._access_paths.in_experiments(_jobs), *conditions]
        source, conditions = path.rows, [self._access_paths.in_experiments(path.rows), path.condition]
        for part in self._conjuncts:
            if part is path.replaces:
                continue
            side = side_table(part.field) if isinstance(part, Comparison) else None
            if isinstance(part, Comparison) and side is not None:
                held = on_side(side, part, self._dialect)
                source = source.join(side, and_(side.c.job_id == path.rows.c.job_id, held))
            else:
                conditions.append(condition_of(part, self._dialect, use_indexes=not path.rare))
        return source.join(_jobs, _jobs.c.job_id == path.rows.c.job_id), conditions

    def _keys(self, path: AccessPath | None) -> tuple[tuple[SortKey, ...], list[tuple[FromClause, Field]]]:
        """The sort keys, and the side tables to join for them."""
        home = path.rows if path else _jobs
        keys, joined = [], []
        column: ColumnElement[Any]
        newest_first = True
        for order in self._orders:
            field = order.field
            if field == CREATION:
                column, newest_first = home.c.creation_timestamp_ms, order.descending
            elif field.key is None:
                column = column_of(field)
            elif path and path.field == field:
                column = path.rows.c.value
            elif (side := side_table(field)) is not None:
                joined.append((side, field))
                column = side.c.value
            nullable = field.key is not None or bool(_jobs.c[column.name].nullable)
            keys.append(SortKey(column, order.descending, nullable))
        keys.append(SortKey(home.c.job_id, newest_first, nullable=False))
        return tuple(keys), joined


def _experiments_of(query: JobQuery) -> tuple[str, ...] | None:
    """Those that are searched; ``None``: all."""
    readable = query.readable_experiment_ids
    if readable is None:
        return query.experiment_ids or None
    asked = query.experiment_ids or sorted(readable)
    return tuple(experiment_id for experiment_id in asked if experiment_id in readable)


def _in_workspace(name: str | None) -> tuple[Expression, ...]:
    return () if name is None else (Comparison(Field("workspace", Kind.TEXT), Operator.EQUAL, (name,)),)


def _conjuncts(expression: Expression | None) -> list[Expression]:
    if expression is None:
        return []
    if isinstance(expression, And):
        return [conjunct for part in expression.parts for conjunct in _conjuncts(part)]
    return [expression]

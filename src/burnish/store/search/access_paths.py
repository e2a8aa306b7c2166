"""Which rows a search walks first.

A search of a large experiment is quick when the database can walk an index in the wanted order and
stop after a page, or when it begins with the few jobs that fit a rare condition. A database's own
planner cannot know which of the two is at hand, so it is decided here: an *access path* is
the tags or scores whose rows are walked first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, FromClause, func, select, true, union

from burnish.store.search.conditions import Condition, is_entry, on_indexed_side, side_table
from burnish.store.search.expression import Comparison, Expression, Operator, Or
from burnish.store.search.fields import CREATION, Field, Kind

RARE = 5000
"""So many jobs are quickly fetched and sorted; a condition that fits more is not worth beginning with."""


@dataclass(frozen=True, slots=True)
class AccessPath:
    """Rows to walk first, at most one for each job.

    Attributes:
        rows: have ``job_id``, ``experiment_id`` and ``creation_timestamp_ms``.
        condition: which of the rows.
        replaces: the part of the filter that ``condition`` says already, if any.
        field: the tag or score in ``rows.value``; ``None`` where there are several.
        rare: whether few rows fit. Otherwise the database may find a better beginning itself.
    """

    rows: FromClause
    condition: Condition
    replaces: Expression | None = None
    field: Field | None = None
    rare: bool = False


class AccessPaths:
    """Finds the access path of one search.

    Args:
        conjuncts: conditions that must all hold.
    """

    def __init__(
        self, conjuncts: Sequence[Expression], experiment_ids: tuple[str, ...], dialect: str
    ) -> None:
        self._conjuncts = conjuncts
        self._experiment_ids = experiment_ids
        self._dialect = dialect

    def in_experiments(self, rows: FromClause) -> Condition:
        """That a row is of an experiment that is searched."""
        match self._experiment_ids:
            case ():
                return true()
            case (only,):
                return rows.c.experiment_id == only
            case several:
                return rows.c.experiment_id.in_(several)

    def rarest(self, connection: Connection) -> AccessPath | None:
        """The condition that the fewest jobs fit, if they are few."""
        fewest, best = RARE + 1, None
        for path in self._indexed():
            rows = select(path.rows.c.job_id).where(self.in_experiments(path.rows), path.condition)
            count = connection.scalar(select(func.count()).select_from(rows.limit(fewest).subquery()))
            if count is not None and count < fewest:
                fewest, best = count, replace(path, rare=True)
        return best

    def ordered(self, first: Field, present: bool | None) -> AccessPath | None:
        """Rows that an index has in the wanted order: by a score, or a tag's by creation.

        Args:
            first: the field that is sorted by first.
            present: whether only jobs are wanted that have it.
        """
        if len(self._experiment_ids) != 1:
            return None
        if first.key is not None and first.kind is Kind.NUMBER and present:
            scores = side_table(first)
            return None if scores is None else AccessPath(scores, is_entry(scores, first), field=first)
        if first == CREATION:
            for path in self._indexed():
                part = path.replaces
                if (
                    isinstance(part, Comparison)
                    and part.operator is Operator.EQUAL
                    and part.field.name == "tags"
                ):
                    return path
        return None

    def _indexed(self) -> Iterator[AccessPath]:
        """Conditions that the side tables' indexes can answer."""
        for part in self._conjuncts:
            if isinstance(part, Comparison) and _is_indexed(part):
                if (rows := side_table(part.field)) is not None:
                    yield AccessPath(rows, on_indexed_side(rows, part, self._dialect), part, part.field)
            elif isinstance(part, Or) and all(map(_is_indexed, part.parts)):
                yield AccessPath(self._any_of(part), true(), part)

    def _any_of(self, either: Or) -> FromClause:
        found = []
        for part in either.parts:
            if isinstance(part, Comparison) and (rows := side_table(part.field)) is not None:
                held = on_indexed_side(rows, part, self._dialect)
                columns = (rows.c.job_id, rows.c.experiment_id, rows.c.creation_timestamp_ms)
                found.append(select(*columns).where(self.in_experiments(rows), held))
        return union(*found).subquery()


def _is_indexed(part: Expression) -> bool:
    if not isinstance(part, Comparison) or part.field.key is None:
        return False
    if part.field.kind is Kind.TEXT:
        return part.operator in (Operator.EQUAL, Operator.IN)
    return part.operator is not Operator.UNEQUAL

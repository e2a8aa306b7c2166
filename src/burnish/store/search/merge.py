"""Jobs that are kept elsewhere, brought into a page of those in the store.

A page token holds the sort values of the last job seen, wherever that was from, so each side goes on behind
it by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from burnish.domain.job import Job
from burnish.domain.records import JobPage, JobQuery
from burnish.store.search.fields import CREATION
from burnish.store.search.meaning import matches, value_of
from burnish.store.search.paging import SortValue, decode_page_token, encode_page_token, sort_orders
from burnish.store.search.parser import parse_filter, parse_order


def merge(query: JobQuery, page: JobPage, others: Sequence[Job]) -> JobPage:
    """The page of all jobs together.

    Args:
        page: what the store found for this query.
        others: every job that is kept elsewhere, in any order.

    Raises:
        InvalidInput: the filter, an order or the page token cannot be read.
    """
    orders = sort_orders(parse_order(query.order_by))
    descending = [order.descending for order in orders]
    descending.append(next(order.descending for order in orders if order.field == CREATION))

    def place_of(job: Job) -> _Place:
        return _Place((*(value_of(order.field, job) for order in orders), job.job_id), descending, job)

    expression = parse_filter(query.filter)
    found = [place_of(job) for job in others if _is_asked_for(job, query) and matches(expression, job)]
    after = decode_page_token(query, orders)
    if after is not None:
        last = _Place(after, descending)
        found = [place for place in found if last < place]
    if not found:
        return page
    merged = sorted([*found, *map(place_of, page.jobs)])
    shown = merged[: query.max_results]
    more = len(merged) > len(shown) or page.next_page_token is not None
    token = encode_page_token(query, shown[-1].values) if more else None
    return JobPage(tuple(place.job for place in shown if place.job), token)


def _is_asked_for(job: Job, query: JobQuery) -> bool:
    readable = query.readable_experiment_ids
    return (
        (not query.experiment_ids or job.experiment_id in query.experiment_ids)
        and (readable is None or job.experiment_id in readable)
        and query.workspace in (None, job.workspace)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a job stands in the order."""

    values: Sequence[SortValue]
    descending: Sequence[bool]
    job: Job | None = field(default=None, repr=False)

    def __lt__(self, other: _Place) -> bool:
        for mine, theirs, descending in zip(self.values, other.values, self.descending, strict=True):
            if mine is None or theirs is None:
                if mine is not theirs:
                    return theirs is None  # without a value comes last, either way
            elif mine != theirs:
                return (mine < theirs) != descending  # type: ignore[operator]  # of one type
        return False

"""A search by SQL finds what the plain evaluator finds, in the order of plain sorting, on every page."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cmp_to_key
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from burnish.domain.app import App
from burnish.domain.job import Job, JobKind, JobStatus, OptimizerType, TestScores, Verdict
from burnish.domain.records import JobPage, JobQuery
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.errors import InvalidInput
from burnish.store.protocol import JobStore
from burnish.store.search import access_paths
from burnish.store.search.expression import Order
from burnish.store.search.fields import CREATION, KEYED, PLAIN, Kind
from burnish.store.search.meaning import matches, value_of
from burnish.store.search.merge import merge
from burnish.store.search.parser import parse_filter, parse_order
from burnish.store.testing.samples import NOON_MS, a_config, a_job

EXPERIMENTS = ("0", "1", "2")
TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "aB",
    "b%",
    "b_",
    "a*",
    "[a]",
    "a?",
    "\\",
    "é",
    "É",
    "漢",
    "𝒳",
    "it's",
    '"',
    "a" * 260,
]
NUMBERS = [-1.5, -0.0, 0.0, 0.1, 0.25, 0.5, 1 / 3, 1.0, 1e-9, 1e200]
KEYS = ["x", "y", "odd key", "mlflow.user", "漢"]
NANOS = [0, 1, 100_000_000, 250_000_000, 333_333_333, 2**53 + 1, 2**63 - 1]
CALLS = [0, 1, 2, 3, 2**31, 2**53 + 1, 2**63 - 1]
TIMES = [NOON_MS, NOON_MS + 1, NOON_MS + 2]


def random_job(number: int, rng: random.Random) -> tuple[Job, dict[str, Any]]:
    """A new job, and what becomes of it."""

    def some(values: list[Any]) -> dict[str, Any]:
        return {key: rng.choice(values) for key in KEYS if rng.random() < 0.5}

    job = a_job(
        f"job-{number:02}",
        experiment_id=rng.choice(EXPERIMENTS),
        creation_timestamp_ms=rng.choice(TIMES),
        tags=some(TEXTS),
        workspace=rng.choice(TEXTS),
        created_by=rng.choice([None, *TEXTS]),
        config=a_config(
            source_prompt_uris=(rng.choice(TEXTS),),
            dataset_id=rng.choice([None, *TEXTS]),
            optimizer_type=rng.choice(list(OptimizerType)),
            app=rng.choice([None, App(url="http://app.test"), App(function="helpdesk.answer")]),
        ),
    )
    changes: dict[str, Any] = {
        "status": rng.choice(["IN_PROGRESS", "PENDING", "COMPLETED", "FAILED", "CANCELED"]),
        "initial_eval_scores": some(NUMBERS),
        "final_eval_scores": some([*NUMBERS, float("nan")]),
        "usage": UsageByRole({Role.TARGET: Usage(rng.choice(CALLS), 0, 0, rng.choice([None, *NANOS]))}),
        "verdict": rng.choice([None, *Verdict]),
        "run_id": rng.choice([None, *TEXTS]),
        "optimized_prompt_uris": rng.choice([(), (rng.choice(TEXTS), "other")]),
        "test_scores": rng.choice([None, TestScores(0, 0, rng.choice(NUMBERS), 0, 0, 1)]),
    }
    return job, changes | {"status": JobStatus(changes["status"])}


class Searched:
    """A store with random jobs, and the same jobs in a list."""

    def __init__(self, open_store: Callable[..., Any], uri: str) -> None:
        self.runner = asyncio.Runner()
        self.exits = AsyncExitStack()
        self.store: JobStore = self.runner.run(self.exits.enter_async_context(open_store(uri)))
        self.jobs = self.runner.run(self._fill(random.Random(2026)))

    async def _fill(self, rng: random.Random) -> list[Job]:
        for number in range(60):
            job, changes = random_job(number, rng)
            await self.store.create(job)
            await self.store.take(job.job_id, "worker")
            await self.store.update(job.job_id, 1, changes)
        return [await self.store.get(f"job-{number:02}") for number in range(60)]

    def search(self, query: JobQuery) -> JobPage:
        return self.runner.run(self.store.search(query))

    def close(self) -> None:
        self.runner.run(self.exits.aclose())
        self.runner.close()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def searched(
    request: pytest.FixtureRequest, open_store: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Searched]:
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("searched")
        uri = f"sqlite:///{folder}/burnish.db"
    else:
        uri = request.getfixturevalue("postgres_database")()
    searched = Searched(open_store, uri)
    yield searched
    searched.close()


# --- queries


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


FIELDS = {**PLAIN, **{f"{name}.`{key}`": kind for name, kind in KEYED.items() for key in KEYS}}
PATTERNS = st.lists(st.sampled_from(["%", "_", "\\%", "\\_", "\\\\", *"aAbé*?[]^漢𝒳"]), max_size=5).map(
    "".join
)
LITERALS = {
    Kind.TEXT: st.one_of(st.sampled_from(TEXTS), st.text("aAbB", max_size=2)).map(quoted),
    Kind.NUMBER: st.sampled_from([*NUMBERS, 0.3, 2, "1e-250", "0.333333333333333333333333"]).map(str),
    Kind.INTEGER: st.one_of(
        st.sampled_from([*CALLS, *TIMES, NOON_MS + 0.5, "9.5e3", -1, 2**63, "9223372036854775807.5", "1e30"]),
        st.floats(-4, 4, allow_nan=False).map(lambda number: f"{number:.3f}"),
    ).map(str),
    Kind.MONEY: st.sampled_from(
        [
            0,
            1e-9,
            "0.0000000005",
            0.1,
            "0.25",
            "0.3333333333",
            1,
            "9223372036.854775807",
            "9223372036.8547758075",
            1e20,
        ]
    ).map(str),
}


CHOICES: dict[str, list[str]] = {
    "status": list(JobStatus),
    "kind": list(JobKind),
    "optimizer_type": list(OptimizerType),
    "verdict": list(Verdict),
}


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    field = draw(st.sampled_from(sorted(FIELDS)))
    kind = FIELDS[field]
    if kind is Kind.CHOICE:
        literals = st.sampled_from([quoted(choice) for choice in CHOICES[field]])
        operators = ["=", "!=", "IN", "LIKE", "ILIKE"]
    else:
        literals = LITERALS[kind]
        operators = ["=", "!=", "<", "<=", ">", ">=", "IN"] + (["LIKE", "ILIKE"] if kind is Kind.TEXT else [])
    operator = draw(st.sampled_from(operators))
    if operator == "IN":
        return f"{field} IN ({', '.join(draw(st.lists(literals, min_size=1, max_size=4)))})"
    if operator in ("LIKE", "ILIKE"):
        return f"{field} {operator} {quoted(draw(PATTERNS))}"
    return f"{field} {operator} {draw(literals)}"


FILTERS = st.recursive(
    comparisons(),
    lambda parts: st.one_of(
        parts.map(lambda part: f"NOT ({part})"),
        st.lists(parts, min_size=2, max_size=3).map(" AND ".join).map("({})".format),
        st.lists(parts, min_size=2, max_size=3).map(" OR ".join).map("({})".format),
    ),
    max_leaves=6,
)
INDEXED = st.one_of(
    st.builds("tags.`{}` = {}".format, st.sampled_from(KEYS), LITERALS[Kind.TEXT]),
    st.builds("final_eval_scores.`{}` >= {}".format, st.sampled_from(KEYS), LITERALS[Kind.NUMBER]),
)
EITHER = st.lists(INDEXED, min_size=2, max_size=3).map(" OR ".join).map("({})".format)
CONJUNCTIONS = st.lists(st.one_of(comparisons(), INDEXED, EITHER), min_size=1, max_size=3).map(" AND ".join)
ORDERS = st.lists(
    st.tuples(st.sampled_from(sorted(FIELDS)), st.sampled_from(["", " ASC", " DESC"])).map("".join),
    max_size=3,
)
QUERIES = st.builds(
    JobQuery,
    experiment_ids=st.lists(st.sampled_from(EXPERIMENTS), max_size=2, unique=True).map(tuple),
    filter=st.one_of(st.just(""), CONJUNCTIONS, FILTERS),
    order_by=ORDERS.map(tuple),
    max_results=st.sampled_from([1, 3, 7, 25, 1000]),
)


def expected(jobs: list[Job], query: JobQuery) -> list[str]:
    """What the search should find, by plain Python."""
    expression = parse_filter(query.filter)
    orders = {order.field: order for order in (Order(CREATION, True), *reversed(parse_order(query.order_by)))}
    keys = [*dict.fromkeys([*(order.field for order in parse_order(query.order_by)), CREATION])]

    def compare(one: Job, other: Job) -> int:
        for field in keys:
            a, b = value_of(field, one), value_of(field, other)
            if a is None or b is None:
                if a is not b:
                    return 1 if a is None else -1
            elif a != b:
                return (-1 if a < b else 1) * (-1 if orders[field].descending else 1)  # type: ignore[operator]
        return (-1 if one.job_id < other.job_id else 1) * (-1 if orders[CREATION].descending else 1)

    found = [
        job
        for job in jobs
        if (not query.experiment_ids or job.experiment_id in query.experiment_ids)
        and matches(expression, job)
    ]
    return [job.job_id for job in sorted(found, key=cmp_to_key(compare))]


@pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize(
    ("field", "literal"),
    [
        ("usage.calls", "2.5"),
        ("usage.calls", "-0.5"),
        ("usage.calls", "9223372036854775807"),
        ("usage.calls", "9223372036854775807.5"),
        ("usage.calls", "-9223372036854775809"),
        ("usage.usd", "0.25"),
        ("usage.usd", "0.2500000005"),
        ("final_eval_scores.x", "0.1"),
        ("final_eval_scores.x", "-0"),
        ("tags.x", "'aB'"),
        ("tags.x", "'é'"),
    ],
)
def test_boundaries_are_exact(searched: Searched, field: str, operator: str, literal: str) -> None:
    query = JobQuery(filter=f"{field} {operator} {literal}")
    assert [job.job_id for job in searched.search(query).jobs] == expected(searched.jobs, query)


@pytest.mark.parametrize("operator", ["LIKE", "ILIKE"])
@pytest.mark.parametrize(
    "pattern", ["", "%", "_", "a%", "%B", "[a]", "[%", "a*", "a?", "b\\%", "b\\_", "\\\\", "é", "_%_"]
)
def test_patterns_match_alike(searched: Searched, operator: str, pattern: str) -> None:
    query = JobQuery(filter=" OR ".join(f"tags.`{key}` {operator} '{pattern}'" for key in KEYS))
    assert [job.job_id for job in searched.search(query).jobs] == expected(searched.jobs, query) != []


@pytest.mark.parametrize("rare", [0, 8, 5000])
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=QUERIES)
def test_a_search_finds_what_the_evaluator_finds(
    searched: Searched, rare: int, query: JobQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_paths, "RARE", rare)  # each way of reading a page gets its turn
    found: list[str] = []
    token: str | None = None
    for _ in range(61):
        page = searched.search(
            JobQuery(
                experiment_ids=query.experiment_ids,
                filter=query.filter,
                order_by=query.order_by,
                max_results=query.max_results,
                page_token=token,
            )
        )
        found += [job.job_id for job in page.jobs]
        token = page.next_page_token
        if token is None:
            break
    assert found == expected(searched.jobs, query)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=QUERIES, seed=st.integers(0, 2**32 - 1))
def test_jobs_of_elsewhere_are_found_in_one_order_with_the_store_s(
    searched: Searched, query: JobQuery, seed: int
) -> None:
    others = [elsewhere(number, random.Random(f"{seed}-{number}")) for number in range(15)]
    found: list[str] = []
    token: str | None = None
    for _ in range(76):
        asked = replace(query, page_token=token)
        page = merge(asked, searched.search(asked), others)
        assert len(page.jobs) <= query.max_results
        found += [job.job_id for job in page.jobs]
        token = page.next_page_token
        if token is None:
            break
    assert found == expected([*searched.jobs, *others], query)


def test_workspaces_and_experiments_that_one_may_not_read_hold_for_jobs_of_elsewhere() -> None:
    def one(number: int, experiment_id: str, workspace: str) -> Job:
        job = elsewhere(number, random.Random(number))
        return replace(job, experiment_id=experiment_id, workspace=workspace)

    others = [one(0, "0", "w"), one(1, "1", "w"), one(2, "0", "v")]
    query = JobQuery(workspace="w", readable_experiment_ids=frozenset({"0"}))
    assert merge(query, JobPage(()), others).jobs == (others[0],)
    query = JobQuery(experiment_ids=("1",))
    assert merge(query, JobPage(()), others).jobs == (others[1],)


def elsewhere(number: int, rng: random.Random) -> Job:
    """A job of MLflow's: it lacks what MLflow does not keep."""
    job, changes = random_job(number, rng)
    kept = {
        name: changes[name]
        for name in ("status", "initial_eval_scores", "final_eval_scores", "run_id", "optimized_prompt_uris")
    }
    return replace(job, job_id=str(UUID(int=number)), tags={}, **kept)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.builds(
        JobQuery,
        experiment_ids=st.lists(st.text(max_size=3), max_size=2).map(tuple),
        filter=st.one_of(st.text(max_size=30), FILTERS),
        order_by=st.lists(st.one_of(st.text(max_size=9), st.sampled_from(sorted(FIELDS))), max_size=2).map(
            tuple
        ),
        max_results=st.integers(),
        page_token=st.one_of(st.none(), st.text(max_size=40), st.binary(max_size=40).map(lambda b: b.hex())),
    )
)
def test_no_query_raises_anything_but_invalid_input(searched: Searched, query: JobQuery) -> None:
    try:
        searched.search(query)
    except InvalidInput as refused:
        str(refused).encode()

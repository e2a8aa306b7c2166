"""The index that keeps a search quick in a store of a million jobs is the one that is walked.

PostgreSQL gathers statistics of its own; SQLite has those that the first migration gave it.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import Connection, String, and_, cast, event, func, or_, select, true

from burnish.domain.app import App
from burnish.domain.records import JobQuery
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.search import access_paths
from burnish.store.search.plan import SearchPlan
from burnish.store.sql import SqlJobStore
from burnish.store.testing.samples import a_config, a_job

SORTS = "USE TEMP B-TREE FOR ORDER BY"


async def plan_of(uri: str, query: JobQuery) -> str:
    """How SQLite carries out the last statement of a search."""
    database = Database(uri)
    statements: list[tuple[str, Any]] = []

    def explain(connection: Connection) -> str:
        SearchPlan(query, "sqlite").run(connection)
        text, parameters = statements[-1]
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)
        return "\n".join(step.detail for step in steps)

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, *_: Any) -> None:
        statements.append((text, parameters))

    try:
        return await database.read(explain)
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("filter", "index"),
    [
        ("", "burnish_jobs_experiment (experiment_id=?)"),
        ("status = 'FAILED'", "burnish_jobs_status (experiment_id=? AND status=?)"),
        ("kind = 'app'", "burnish_jobs_kind (experiment_id=? AND kind=?)"),
        ("source_prompt_uri = 'prompts:/a/1'", "burnish_jobs_source (source_prompt_uri=?)"),
        ("dataset_id = 'd'", "burnish_jobs_dataset (dataset_id=?)"),
        ("created_by = 'ana'", "burnish_jobs_created_by (created_by=?)"),
        ("canceled_by = 'ana'", "burnish_jobs_canceled_by (canceled_by=?)"),
        ("tags.team = 'x'", "burnish_tags_search (key=? AND value_start=? AND experiment_id=?)"),
        (
            "tags.team = 'x' AND final_eval_scores.aggregate > 0.5 AND status = 'FAILED'",
            "burnish_tags_search (key=? AND value_start=? AND experiment_id=?)",
        ),
        ("final_eval_scores.aggregate > 0.5", "burnish_jobs_experiment (experiment_id=?)"),
    ],
)
async def test_frequent_jobs_are_walked_newest_first(
    sqlite_uri: str, filter: str, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_paths, "RARE", -1)
    plan = await plan_of(sqlite_uri, JobQuery(experiment_ids=("7",), filter=filter))
    assert index in plan.splitlines()[0]
    assert SORTS not in plan


@pytest.mark.parametrize(
    ("filter", "index"),
    [
        ("run_id = 'r'", "burnish_jobs_run (run_id=?)"),
        ("optimized_prompt_uri = 'prompts:/a/2'", "burnish_jobs_optimized (optimized_prompt_uri=?)"),
        (
            "tags.a = 'x' AND tags.b = 'y'",
            "burnish_tags_search (key=? AND value_start=? AND experiment_id=?)",
        ),
        (
            "status = 'FAILED' AND final_eval_scores.aggregate > 0.999",
            "burnish_scores_search (experiment_id=? AND kind=? AND name=? AND value>?)",
        ),
    ],
)
async def test_rare_jobs_are_found_first_and_sorted(sqlite_uri: str, filter: str, index: str) -> None:
    plan = await plan_of(sqlite_uri, JobQuery(experiment_ids=("7",), filter=filter))
    assert index in plan.splitlines()[0]


async def test_rare_scores_are_found_in_all_experiments(sqlite_uri: str) -> None:
    plan = await plan_of(sqlite_uri, JobQuery(filter="final_eval_scores.aggregate > 0.999"))
    assert "burnish_scores_search (ANY(experiment_id) AND kind=? AND name=? AND value>?)" in plan


async def test_the_best_jobs_of_an_experiment_are_walked_by_score(sqlite_uri: str) -> None:
    query = JobQuery(experiment_ids=("7",), order_by=("final_eval_scores.aggregate DESC",), max_results=1)
    database = Database(sqlite_uri)
    with database.engine.begin() as connection:
        statement = SearchPlan(query, "sqlite")._statement(None, True)
        assert statement is not None
        compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    await database.close()
    plan = "\n".join(step.detail for step in steps)
    assert "burnish_scores_search (experiment_id=? AND kind=? AND name=?" in plan.splitlines()[0]
    assert SORTS not in plan


async def test_a_run_is_a_better_beginning_than_a_frequent_tag(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_paths, "RARE", -1)
    plan = await plan_of(sqlite_uri, JobQuery(experiment_ids=("7",), filter="run_id = 'r' AND tags.a = 'x'"))
    assert "burnish_jobs_run (run_id=?)" in plan.splitlines()[0]


async def test_a_later_page_begins_in_the_middle_of_the_index(sqlite_uri: str) -> None:
    from burnish.store.search.paging import encode_page_token

    query = JobQuery(experiment_ids=("7",))
    token = encode_page_token(query, [1_700_000_000_000, "job"])
    plan = await plan_of(sqlite_uri, JobQuery(experiment_ids=("7",), page_token=token))
    assert "burnish_jobs_experiment (experiment_id=? AND creation_timestamp_ms<?)" in plan
    assert SORTS not in plan


@pytest.mark.parametrize(
    ("experiment_ids", "index"), [(("7",), "burnish_jobs_kind"), ((), "burnish_jobs_by_kind")]
)
async def test_jobs_of_one_kind_are_found_without_the_others(
    sqlite_uri: str, experiment_ids: tuple[str, ...], index: str
) -> None:
    plan = await plan_of(sqlite_uri, JobQuery(experiment_ids=experiment_ids, filter="kind = 'app'"))
    assert f"USING INDEX {index} (" in plan.splitlines()[0]
    assert SORTS not in plan


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("experiment_ids", "index"), [(("7",), "burnish_jobs_kind"), ((), "burnish_jobs_by_kind")]
)
async def test_postgresql_finds_jobs_of_one_kind_without_the_others(
    migrated_postgres_uri: str, experiment_ids: tuple[str, ...], index: str
) -> None:
    store = SqlJobStore(migrated_postgres_uri)
    app = a_config(app=App(function="helpdesk.answer"))
    await store.create(a_job("prompt"))
    await store.create(a_job("app", config=app))
    await store.close()
    database = Database(migrated_postgres_uri)
    jobs = tables.jobs
    more = func.generate_series(1, 20_000).table_valued("number").render_derived()
    values = {column.name: column for column in jobs.c} | {
        "job_id": jobs.c.job_id + cast(more.c.number, String),
        "experiment_id": cast(more.c.number % 100, String),
        "creation_timestamp_ms": jobs.c.creation_timestamp_ms + more.c.number,
    }
    copied = or_(jobs.c.job_id == "prompt", and_(jobs.c.job_id == "app", more.c.number <= 2000))
    copies = select(*values.values()).select_from(jobs.join(more, true())).where(copied)
    query = JobQuery(experiment_ids=experiment_ids, filter="kind = 'app'")
    with database.engine.begin() as connection:
        connection.execute(jobs.insert().from_select(list(values), copies))
        connection.exec_driver_sql("ANALYZE burnish_jobs")
        statement = SearchPlan(query, "postgresql")._statement(None, None)
        assert statement is not None
        compiled = statement.limit(100).compile(connection, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {compiled}").scalars())
    await database.close()
    assert re.search(rf"\b(using|Index Scan on) {index}\b", plan), plan


@pytest.mark.postgres
async def test_postgresql_begins_no_second_process_for_a_page(migrated_postgres_uri: str) -> None:
    database = Database(migrated_postgres_uri)
    asked = "SHOW max_parallel_workers_per_gather"
    assert await database.read(lambda connection: connection.exec_driver_sql(asked).scalar_one()) == "0"
    await database.close()

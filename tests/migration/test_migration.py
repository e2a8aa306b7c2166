"""A store that the first version left behind, with a job in the middle, is upgraded and goes on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, MetaData, create_engine, select, text

from burnish.domain.job import JobStatus
from burnish.domain.records import JobQuery
from burnish.proto.convert import job_to_json
from burnish.store.location import store_url
from burnish.store.sql import SqlJobStore
from burnish.store.tables import SCHEMA_VERSION, VERSION_TABLE
from burnish.tracking.protocol import RunStatus
from tests.worker.harness import WorkerHarness, WorkerProcess

RECORDED = sorted(Path(__file__).parent.glob("half_finished_*.json"))


def leave_behind(uri: str, document: dict[str, Any]) -> None:
    """Make a store of the document's schema, and put its rows into it."""
    import burnish.store.migrations as migrations

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = create_engine(store_url(uri))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, document["schema"])
    _insert(engine, document["tables"])
    engine.dispose()


def _insert(engine: Engine, tables: dict[str, list[dict[str, Any]]]) -> None:
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if tables.get(table.name):
                connection.execute(table.insert(), tables[table.name])


def empty_store(store: str, folder: Path, request: pytest.FixtureRequest) -> str:
    if store == "sqlite":
        return f"sqlite:///{folder / 'burnish.db'}"
    make: Callable[[], str] = request.getfixturevalue("postgres_database")
    return make()


def schema_of(uri: str) -> str:
    engine = create_engine(store_url(uri))
    try:
        with engine.connect() as connection:
            return str(connection.scalar(select(text("version_num")).select_from(text(VERSION_TABLE))))
    finally:
        engine.dispose()


@pytest.fixture(params=RECORDED, ids=lambda file: file.stem)
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A recorded store; see ``record.py``."""
    found: dict[str, Any] = json.loads(request.param.read_text())
    return found


STORES = pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])


@STORES
async def test_a_half_finished_job_survives_the_upgrade(
    document: dict[str, Any], store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = empty_store(store, tmp_path, request)
    leave_behind(uri, document)
    assert schema_of(uri) == document["schema"]

    harness = WorkerHarness(tmp_path, uri=uri)
    try:
        assert schema_of(uri) == SCHEMA_VERSION
        before = (await harness.result()).check()
        assert before.job.status is JobStatus.IN_PROGRESS
        assert before.journal.total() > 30
        process = WorkerProcess(harness)
        await process.run(reason="recovered after the upgrade")
        after = (await harness.result()).check()
    finally:
        await harness.close()

    assert after.job.status is JobStatus.COMPLETED, after.job.error_message
    assert after.job.attempt == before.job.attempt + 1
    assert after.events[: len(before.events)] == before.events
    assert not set(process.asked) & set(before.journal), "finished calls were asked again"
    assert Counter(process.answered) == after.journal - before.journal
    assert {entry[1] for entry in before.candidates} <= {entry[1] for entry in after.candidates}
    assert after.runs[0].status is RunStatus.FINISHED
    assert after.job.best_candidate_id in {entry[1] for entry in after.candidates}
    assert not after.versions  # the rule of today: six pairs prove nothing


@pytest.mark.parametrize("step", ["before", "after"])
async def test_an_unfinished_job_takes_its_inputs_once_and_owns_them_from_then_on(
    step: str, document: dict[str, Any], tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path / 'burnish.db'}"
    leave_behind(uri, document)
    harness = WorkerHarness(tmp_path, uri=uri)
    try:
        before = (await harness.result()).check()
        killed = WorkerProcess(harness)
        getattr(killed, step)["keep_inputs"] = killed.die
        await killed.run(reason="recovered after the upgrade")
        assert ((await harness.store.get("job")).inputs is None) is (step == "before")
        if step == "after":  # it owns them now
            harness.tracker.datasets.clear()
            harness.tracker.versions["p"].clear()
        process = WorkerProcess(harness)
        await process.run(reason="recovered again")
        after = (await harness.result()).check()
        data = await harness.store.find_data("job")
    finally:
        await harness.close()

    assert after.job.status is JobStatus.COMPLETED, after.job.error_message
    assert after.job.inputs is not None
    assert after.job.inputs.source_prompt_uris == after.job.config.source_prompt_uris
    assert data is not None
    assert len(data.examples) == len(harness.dataset.examples)
    assert not (set(killed.asked) | set(process.asked)) & set(before.journal), (
        "finished calls were asked again"
    )


FILTERS = {
    "status = 'COMPLETED' AND verdict = 'IMPROVED'": True,
    "optimizer_type = 'JOINT_SEARCH' AND tags.team = 'search'": True,
    "initial_eval_scores.exact_match < 0.5 AND final_eval_scores.aggregate >= 0.9": True,
    "usage.calls > 60 AND test_scores.difference > 0.5": True,
    "workspace = 'default'": True,
    "kind = 'prompt'": True,
    "kind = 'app'": False,
    "verdict = 'WORSE' OR tags.team = 'other'": False,
}


@STORES
async def test_a_finished_job_is_found_and_shown(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = empty_store(store, tmp_path, request)
    kept = json.loads((Path(__file__).parent / "finished_0001.json").read_text())
    leave_behind(uri, kept)
    opened = SqlJobStore(uri)
    try:
        for text, found in FILTERS.items():
            page = await opened.search(JobQuery(filter=text))
            assert [job.job_id for job in page.jobs] == ["job"] * found, text
        job = await opened.get("job")
        shown = job_to_json(job)
        assert shown["state"]["status"] == "JOB_STATUS_COMPLETED"
        assert shown["verdict"] == "IMPROVED"
        assert shown["final_eval_scores"]["exact_match"] == 1.0
        assert shown["tags"] == [{"key": "team", "value": "search"}]
        candidates = await opened.candidates("job")
        assert len(candidates) == len(kept["tables"]["burnish_candidates"])
        assert job.best_candidate_id in {record.candidate.candidate_id for record in candidates}
        events = await opened.events("job", limit=1000)
        assert [event.sequence for event in events] == list(
            range(1, len(kept["tables"]["burnish_events"]) + 1)
        )
        assert len(await opened.journal_read("job")) == len(kept["tables"]["burnish_calls_finished"])
        assert await opened.evaluations("job", str(job.best_candidate_id))
        assert await opened.find_inputs("job") is None  # it was made before jobs kept any
    finally:
        await opened.close()


def test_the_first_version_is_among_them() -> None:
    assert "half_finished_0001" in [file.stem for file in RECORDED]

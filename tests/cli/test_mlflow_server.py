"""Under MLflow's plugin point: several processes, of which exactly one works on a SQLite store."""

from __future__ import annotations

import asyncio
import signal
import socket
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace

import pytest

from burnish.api.testing import fake_services
from burnish.cli.mlflow_server import (
    announce_waiting,
    before_signals,
    create_app,
    open_working_or_answering,
    send_at_once,
    settings_under_mlflow,
)
from burnish.concurrency import eventually
from burnish.config import Settings
from burnish.domain.job import JobConfig, OptimizerType
from burnish.domain.records import JobPage, JobQuery
from burnish.errors import InvalidInput


def test_mlflow_finds_the_factory() -> None:
    (entry,) = [entry for entry in entry_points(group="mlflow.app") if entry.name == "burnish"]
    assert entry.load() is create_app


def test_what_mlflow_was_told_is_ours_too() -> None:
    settings = settings_under_mlflow(
        {
            "_MLFLOW_SERVER_FILE_STORE": "sqlite:////data/mlflow.db",
            "MLFLOW_SERVER_ALLOWED_HOSTS": "burnish.example, *.lab.example",
            "BURNISH_ALLOWED_HOSTS": "own.example",
            "BURNISH_WORKERS": "3",
        }
    )
    assert settings.tracking_uri == "sqlite:////data/mlflow.db"
    assert settings.allowed_hosts == ("own.example", "burnish.example", "*.lab.example")
    assert settings.workers == 3


def test_a_wrong_variable_stops_the_start() -> None:
    with pytest.raises(InvalidInput, match="BURNISH_WORKERS"):
        settings_under_mlflow({"BURNISH_WORKERS": "many"})


async def test_one_process_works_and_the_others_answer(tmp_path: Path) -> None:
    settings = Settings(
        store_uri=f"sqlite:///{tmp_path}/jobs.db", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db"
    )
    first = await open_working_or_answering(settings)
    second = await open_working_or_answering(settings)
    assert (first.settings.workers, second.settings.workers) == (1, 0)
    await first.close()
    third = await open_working_or_answering(settings)  # the first has died and was started again
    assert third.settings.workers == 1
    await second.close()
    await third.close()


async def test_what_other_processes_take_in_is_announced_once(tmp_path: Path) -> None:
    async with fake_services(tmp_path) as services:
        announced: list[str] = []
        looks = 0

        async def search(query: JobQuery) -> JobPage:
            nonlocal looks
            looks += 1
            return await services.store.search(query)

        async def a_whole_look() -> None:
            before = looks
            await eventually(lambda: looks >= before + 2)

        process = SimpleNamespace(
            store=SimpleNamespace(search=search), dispatcher=SimpleNamespace(announce=announced.append)
        )
        looking = asyncio.create_task(announce_waiting(process, look_seconds=0.005))  # type: ignore[arg-type]
        config = JobConfig(
            source_prompt_uris=(services.source(),),
            dataset_id=services.dataset(),
            scorers=("exact_match",),
            optimizer_type=OptimizerType.JOINT_SEARCH,
        )
        job, _ = await services.jobs.submit("0", config)
        await a_whole_look()
        await a_whole_look()
        assert announced == [job.job_id]
        await services.jobs.cancel(job.job_id)
        await a_whole_look()
        await services.jobs.resume(job.job_id)
        await a_whole_look()
        assert announced == [job.job_id, job.job_id]
        looking.cancel()


async def test_streams_end_before_the_server_waits_for_them() -> None:
    order: list[str] = []
    earlier = signal.signal(signal.SIGTERM, lambda number, frame: order.append("server"))
    try:
        undo = before_signals(lambda: order.append("streams"))
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0.01)
        assert sorted(order) == ["server", "streams"]
        undo()
        signal.raise_signal(signal.SIGTERM)
        assert order.count("server") == 2
    finally:
        signal.signal(signal.SIGTERM, earlier)


def test_answers_are_sent_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as other:
        send_at_once()
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not other.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

"""Metrics: few labels, few values of each, jobs counted when somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from burnish.domain.job import JobStatus
from burnish.domain.usage import Role, Usage
from burnish.errors import StoreUnavailable
from burnish.llm.gateway import CallReport
from burnish.observability.metrics import MOST_MODELS, Metrics
from burnish.observability.scrape import Scrape, watch_loop


def report(model: str = "openai:/m", **changes: object) -> CallReport:
    fields = {"model": model, "role": Role.TARGET, "seconds": 0.1, "tries": 1, "usage": Usage(1, 1, 1)}
    return CallReport(**{**fields, **changes})  # type: ignore[arg-type]


def test_no_label_but_the_few() -> None:
    metrics = Metrics()
    metrics.called(report())
    metrics.attempt_ended("failed")
    metrics.store_answered({})
    ours = [family for family in metrics.registry.collect() if family.name.startswith("burnish_")]
    names = {name for family in ours for sample in family.samples for name in sample.labels}
    assert names == {"model", "role", "outcome", "direction", "status", "le"}


def test_an_endless_list_of_models_does_not_fill_the_memory() -> None:
    metrics = Metrics()
    for number in range(MOST_MODELS + 50):
        metrics.called(report(f"openai:/m{number}"))
    calls = [
        sample
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "burnish_model_calls_total"
    ]
    assert len(calls) == MOST_MODELS + 1
    assert {sample.value for sample in calls if sample.labels["model"] == "other"} == {50.0}


def test_an_unknown_price_is_no_dollar() -> None:
    metrics = Metrics()
    metrics.called(report(usage=Usage(1, 1, 1, None)))
    found = metrics.registry.get_sample_value(
        "burnish_model_usd_total", {"model": "openai:/m", "role": "target"}
    )
    assert found == 0


async def test_jobs_are_counted_at_the_scrape() -> None:
    counted = {JobStatus.PENDING: 3}

    async def count() -> Mapping[JobStatus, int]:
        return counted

    scrape = Scrape(Metrics(), count)
    assert b'burnish_jobs{status="PENDING"} 3.0' in (await scrape())[0]
    counted[JobStatus.PENDING] = 0
    page, content_type = await scrape("application/openmetrics-text; version=1.0.0")
    assert b'burnish_jobs{status="PENDING"} 0.0' in page
    assert page.endswith(b"# EOF\n")
    assert content_type.startswith("application/openmetrics-text")


async def test_a_store_that_is_away_does_not_take_the_other_numbers_along() -> None:
    away = False

    async def count() -> Mapping[JobStatus, int]:
        if away:
            raise StoreUnavailable("gone")
        return {JobStatus.FAILED: 1}

    scrape = Scrape(Metrics(), count)
    assert b"burnish_store_up 1.0" in (await scrape())[0]
    away = True
    page, _ = await scrape()
    assert b"burnish_store_up 0.0" in page
    assert b"burnish_jobs{" not in page
    assert b"burnish_event_loop_lag_seconds_count" in page


async def test_the_lag_is_what_the_sleep_took_too_long() -> None:
    now = 0.0
    reported: list[float] = []
    late = iter([0.0, 0.25, 1.5])

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds + next(late)

    with pytest.raises(RuntimeError):  # the iterator's end, as a coroutine shows it
        await watch_loop(reported.append, 0.5, lambda: now, sleep)
    assert reported == [0.0, 0.25, 1.5]


async def test_a_cancelled_watch_ends() -> None:
    task = asyncio.create_task(watch_loop(lambda seconds: None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

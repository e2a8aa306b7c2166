"""One request, and a newcomer has a job to look at."""

from __future__ import annotations

from typing import Any

from burnish.samples import DEMO_MAX_CALLS, SAMPLE_PROMPT


async def test_the_demo_job_is_made_of_the_samples(api: Any) -> None:
    job = (await api.call("POST", "/demo"))["job"]
    tracker = api.services.tracker
    assert tracker.experiments[job["experiment_id"]] == "burnish-demo"
    assert tracker.prompt(job["source_prompt_uri"]).template == SAMPLE_PROMPT
    assert len(tracker.datasets[job["config"]["dataset_id"]].examples) == 208
    assert job["config"]["model"] == "local:/smollm2"
    assert job["config"]["budget"] == {"max_calls": DEMO_MAX_CALLS}
    assert job["tags"] == [{"key": "demo", "value": "true"}]
    again = (await api.call("POST", "/demo"))["job"]
    assert again["job_id"] != job["job_id"]
    assert again["source_prompt_uri"] == job["source_prompt_uri"]
    assert again["config"]["dataset_id"] == job["config"]["dataset_id"]


async def test_what_it_would_be_is_said_before_it_is_started(api: Any) -> None:
    described = await api.call("GET", "/demo")
    assert described == {"model": "local:/smollm2", "max_calls": DEMO_MAX_CALLS}
    assert not await api.call("POST", "/search", {})


async def test_a_demo_takes_nothing(api: Any) -> None:
    refused = await api.call("POST", "/demo", {"model": "openai:/large"}, status=400)
    assert refused["problems"][0]["field"] == "model"

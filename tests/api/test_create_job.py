"""Creating a job: what MLflow's clients send works; what cannot work is refused with every reason."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from burnish.domain.job import OptimizerType
from burnish.domain.records import JobQuery
from burnish.errors import TrackingUnavailable


async def test_a_request_written_for_mlflow_works_unchanged(api: Any) -> None:
    job = await api.create()
    assert job["state"] == {"status": "JOB_STATUS_PENDING"}
    assert job["experiment_id"] == "0"
    assert job["source_prompt_uri"] == "prompts:/sentiment/1"
    assert job["tags"] == [{"key": "team", "value": "search"}]
    assert isinstance(job["creation_timestamp_ms"], int)
    stored = await api.services.store.get(job["job_id"])
    assert stored.config.optimizer_type is OptimizerType.GEPA
    assert stored.config.reflection_model == "openai:/large"
    assert stored.config.optimizer_config == {"max_metric_calls": 100}


async def test_the_answer_holds_what_mlflow_clients_look_for_in_the_settings(api: Any) -> None:
    config = (await api.create())["config"]
    assert '"reflection_model": "openai:/large"' in config["optimizer_config_json"]
    assert '"max_metric_calls": 100' in config["optimizer_config_json"]


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("base", ["/api/3.0", "/ajax-api/3.0"])
async def test_both_base_paths_answer(api: Any, base: str, end: str) -> None:
    path = f"{base}/mlflow/prompt-optimization/jobs{end}"
    answer = await api.http.post(path, json=api.services.request())
    assert answer.status_code == 200


async def test_our_own_settings_arrive(api: Any) -> None:
    request = api.services.request()
    request["config"] |= {
        "model": "openai:/small",
        "budget": {"max_calls": 900, "max_usd": None, "max_seconds": 60},
        "split": {"train": 0.6, "validation": 0.2, "test": 0.2},
        "seed": "7",  # int64 as its digits, as protobuf's own JSON has it
        "maxOutputTokens": 16,  # and names in camelCase
    }
    job = (await api.call("POST", "", request))["job"]
    config = (await api.services.store.get(job["job_id"])).config
    assert (config.model, config.seed, config.max_output_tokens) == ("openai:/small", 7, 16)
    assert (config.budget.max_calls, config.budget.max_usd, config.budget.max_seconds) == (900, None, 60)
    assert (config.split.train, config.split.test) == (0.6, 0.2)


async def test_one_answer_names_every_problem(api: Any) -> None:
    request: dict[str, Any] = {
        "experiment_id": "77",
        "source_prompt_uri": "prompts:/nowhere/1",
        "config": {
            "optimizer_type": "GEPA",
            "dataset_id": "d-none",
            "scorers": ["exact_match", "exct_match"],
            "optimizer_config_json": "[1]",
            "scorer": [],
            "concurrency": 0,
            "budget": {"max_calls": -1},
        },
        "tag": [],
        "tags": [{"key": "", "value": "x"}, {"key": "burnish.priority", "value": "high"}],
    }
    request["config"] |= {"model": "opnai:/small", "split": {"train": 0.9, "validation": 0.9}}
    headers = {"Idempotency-Key": "k" * 256}
    answer = await api.call("POST", "", request, status=400, headers=headers)
    assert answer["error_code"] == "INVALID_PARAMETER_VALUE"
    named = {problem["field"] for problem in answer["problems"]}
    assert named >= {
        "experiment_id",
        "source_prompt_uri",
        "config.optimizer_type",
        "dataset_id",
        "config.optimizer_config_json",
        "config.scorer",
        "config.concurrency",
        "budget.max_calls",
        "tag",
        "tags.key",
        "tags.burnish.priority",
        "model",
        "split",
        "Idempotency-Key",
    }
    assert len(answer["problems"]) == len({str(problem) for problem in answer["problems"]})
    assert "exct_match" in answer["message"]
    assert "did you mean 'tags'?" in answer["message"]
    assert "did you mean 'OPTIMIZER_TYPE_GEPA'?" in answer["message"]


async def test_wrong_tags_and_a_wrong_scorer_are_named_together(api: Any) -> None:
    request = api.services.request(tags=[{"key": "a", "value": "x" * 6000}])
    request["config"]["scorers"] = ["exct_match"]
    for path in ("", "/estimate"):
        answer = await api.call("POST", path, request, status=400)
        assert {problem["field"] for problem in answer["problems"]} == {"tags.a", "scorers"}


async def test_a_bad_model_is_reported_at_the_field_that_names_it(api: Any) -> None:
    request = api.services.request()
    request["config"] |= {"model": "nowhere:/m", "reflection_model": "gpt-4o", "optimizer_config_json": "{}"}
    for path in ("", "/estimate"):
        answer = await api.call("POST", path, request, status=400)
        fields = {problem["field"]: problem["value"] for problem in answer["problems"]}
        assert fields == {"model": "nowhere:/m", "config.reflection_model": "gpt-4o"}


async def test_what_is_wrong_anyway_is_named_while_mlflow_is_away(api: Any) -> None:
    request = api.services.request(tags=[{"key": "", "value": "x"}])
    api.services.tracker.away = True
    answer = await api.call("POST", "", request, status=400)
    assert [problem["field"] for problem in answer["problems"]] == ["tags.key"]


async def test_a_bad_request_is_refused_though_its_key_has_made_a_job(api: Any) -> None:
    request, key = api.services.request(), {"Idempotency-Key": "k3"}
    await api.call("POST", "", request, headers=key)
    answer = await api.call("POST", "", {**request, "extra": 1}, status=400, headers=key)
    assert [problem["field"] for problem in answer["problems"]] == ["extra"]


async def test_a_refused_request_leaves_nothing_behind(api: Any) -> None:
    await api.call("POST", "", api.services.request(experiment_id="77"), status=400)
    assert (await api.services.store.search(JobQuery())).jobs == ()
    assert api.services.tracker.runs == {}


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ("{", "Invalid JSON in optimizer_config_json: "),
        ('"text"', "must be a JSON object"),
        ('{"max_metric_calls": NaN}', "NaN is not a JSON number"),
        ('{"max_metric_call": 1}', "there is no such setting"),
        ('{"reflection_model": 3}', "must be a model's URI"),
        ("[" * 5000, "Invalid JSON in optimizer_config_json: "),
    ],
)
async def test_settings_that_cannot_be_read_are_refused(api: Any, settings: str, remedy: str) -> None:
    request = api.services.request()
    request["config"]["optimizer_config_json"] = settings
    answer = await api.call("POST", "", request, status=400)
    assert remedy in answer["message"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b"[" * 100_000, b'{"config": 5}', b'{"tags": {"a": 1}}'],
)
async def test_a_body_that_cannot_be_read_is_refused(api: Any, body: bytes) -> None:
    answer = await api.http.post("/api/3.0/mlflow/prompt-optimization/jobs", content=body)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


async def test_what_is_missing_is_said_in_mlflows_words(api: Any) -> None:
    answer = await api.call("POST", "", {"config": {"optimizer_config_json": "{"}}, status=400)
    for words in (
        "source_prompt_uri is required",
        "experiment_id is required",
        "optimizer_type is required",
        "Invalid JSON in optimizer_config_json",
    ):
        assert words in answer["message"]


async def test_half_a_surrogate_pair_is_named_in_an_answer_that_is_unicode(api: Any) -> None:
    body = b'{"experiment_id": "\\ud800", "source_prompt_uri": "a\\u0000b"}'
    answer = await api.http.post("/api/3.0/mlflow/prompt-optimization/jobs", content=body)
    assert answer.status_code == 400
    fields = {problem["field"] for problem in answer.json()["problems"]}
    assert {"experiment_id", "source_prompt_uri"} <= fields


async def test_the_first_answer_names_the_run(api: Any) -> None:
    job = await api.create()
    assert api.services.tracker.runs[job["run_id"]].status.value == "SCHEDULED"
    assert (await api.call("GET", f"/{job['job_id']}"))["job"]["run_id"] == job["run_id"]


async def test_with_mlflow_away_a_create_fails_clearly(api: Any) -> None:
    body = api.services.request()
    api.services.tracker.failures["schedule_run"] = TrackingUnavailable("MLflow is away")
    refused = await api.call("POST", "", body, status=503)
    assert refused == {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "MLflow is away"}
    assert (await api.call("POST", "/search", {})).get("jobs", []) == []


async def test_an_idempotency_key_makes_one_job(api: Any) -> None:
    request, key = api.services.request(), {"Idempotency-Key": "k1"}
    first = await api.call("POST", "", request, headers=key)
    again = await api.call("POST", "", dict(reversed(request.items())), headers=key)
    assert again["job"]["job_id"] == first["job"]["job_id"]
    other = await api.call("POST", "", {**request, "tags": []}, status=409, headers=key)
    assert other["error_code"] == "RESOURCE_CONFLICT"


async def test_twenty_clients_with_one_key_make_one_job(api: Any) -> None:
    request, key = api.services.request(), {"Idempotency-Key": "k2"}
    answers = await asyncio.gather(*(api.call("POST", "", request, headers=key) for _ in range(20)))
    assert len({answer["job"]["job_id"] for answer in answers}) == 1
    assert len((await api.services.store.search(JobQuery())).jobs) == 1


async def test_a_key_that_is_too_long_is_refused(api: Any) -> None:
    headers = {"Idempotency-Key": "k" * 256}
    answer = await api.call("POST", "", api.services.request(), status=400, headers=headers)
    assert "Idempotency-Key" in answer["message"]


async def test_tags_are_stored_and_a_contradiction_is_refused(api: Any) -> None:
    tags = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]
    answer = await api.call("POST", "", api.services.request(tags=tags), status=400)
    assert "tags[1].key" in answer["message"]


async def test_an_estimate_takes_the_same_request_and_writes_nothing(api: Any) -> None:
    request = api.services.request()
    request["config"]["budget"] = {"max_calls": 200}
    answer = (await api.call("POST", "/estimate", request))["estimate"]
    assert 0 < answer["calls_low"] <= answer["calls_high"] <= 200
    assert (await api.services.store.search(JobQuery())).jobs == ()
    refused = await api.call("POST", "/estimate", {**request, "experiment_id": "77"}, status=400)
    assert "experiment_id" in refused["message"]


async def test_while_mlflow_is_away_the_client_is_asked_to_come_back(api: Any) -> None:
    request = api.services.request()
    api.services.tracker.away = True
    answer = await api.call("POST", "", request, status=503)
    assert answer["error_code"] == "TEMPORARILY_UNAVAILABLE"

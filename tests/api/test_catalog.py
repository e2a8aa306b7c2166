"""What a form is filled in from."""

from __future__ import annotations

import importlib.util
from typing import Any

import jsonschema
import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.optimizer_type import OptimizerType
from burnish.domain.prompt import Message, Prompt


async def test_experiments_and_prompts_in_pages(api: Any) -> None:
    tracker = api.services.tracker
    for name in ("alpha", "beta", "gamma"):
        tracker.ensure_experiment(name)
        tracker.ensure_prompt(Prompt(name=f"p-{name}", template="{{x}}"))
    first = await api.call("GET", "/catalog/prompts?max_results=2&name_contains=P-")
    assert [entry["name"] for entry in first["prompts"]] == ["p-alpha", "p-beta"]
    token = first["next_page_token"]
    second = await api.call("GET", f"/catalog/prompts?max_results=2&name_contains=P-&page_token={token}")
    assert second == {"prompts": [{"name": "p-gamma", "latest_version": 1}]}
    found = await api.call("GET", "/catalog/experiments?name_contains=eta")
    assert [entry["name"] for entry in found["experiments"]] == ["beta"]
    refused = await api.call("GET", "/catalog/experiments?page_token=none", status=400)
    assert refused["problems"][0]["field"] == "page_token"
    refused = await api.call("GET", "/catalog/prompts?max_results=1001", status=400)
    assert refused["problems"][0]["field"] == "max_results"


async def test_versions_of_a_prompt(api: Any) -> None:
    tracker = api.services.tracker
    model = {"provider": "openai", "model_name": "small"}
    tracker.ensure_prompt(Prompt(name="greet", template="Hello {{name}}, {{place}}", model_config=model))
    tracker.ensure_prompt(Prompt(name="greet", template=(Message("user", "Hi {{name}}"),)))
    tracker.set_alias("greet", "production", 1)
    assert await api.call("GET", "/catalog/prompts/greet") == {
        "name": "greet",
        "versions": [
            {
                "uri": "prompts:/greet/2",
                "version": 2,
                "template": {"messages": [{"role": "user", "content": "Hi {{name}}"}]},
                "variables": ["name"],
            },
            {
                "uri": "prompts:/greet/1",
                "version": 1,
                "template": {"text": "Hello {{name}}, {{place}}"},
                "variables": ["name", "place"],
                "aliases": ["production"],
                "model": "openai:/small",
            },
        ],
    }
    await api.call("GET", "/catalog/prompts/none", status=404)


async def test_a_dataset_with_columns_and_records(api: Any) -> None:
    rows: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"review": "good", "stars": 5, "meta": {"a": 1}}, {"expected_response": "positive"}),
        ({"review": "bad", "stars": "two", "meta": None}, {"expected_facts": ["x"]}),
        ({"review": "so so"}, {}),
    ]
    made = api.services.tracker.ensure_dataset(Dataset.of(rows, "reviews"), "0")
    listed = await api.call("GET", "/catalog/datasets")
    assert listed["datasets"] == [{"dataset_id": made.dataset_id, "name": "reviews", "records": 3}]
    found = await api.call("GET", f"/catalog/datasets/{made.dataset_id}?max_results=3")
    assert found["columns"] == [
        {"name": "review", "kind": "input", "type": "text", "filled": 3},
        {"name": "stars", "kind": "input", "type": "mixed", "filled": 2},
        {"name": "meta", "kind": "input", "type": "object", "filled": 1},
        {"name": "expected_response", "kind": "expectation", "type": "text", "filled": 1},
        {"name": "expected_facts", "kind": "expectation", "type": "list", "filled": 1},
    ]
    assert found["records"][0] == {"inputs": rows[0][0], "expectations": rows[0][1]}
    assert len(found["records"]) == 3
    one = await api.call("GET", f"/catalog/datasets/{made.dataset_id}?max_results=1")
    assert len(one["records"]) == 1
    refused = await api.call("GET", f"/catalog/datasets/{made.dataset_id}?max_results=101", status=400)
    assert "from 1 to 100" in refused["message"]
    await api.call("GET", "/catalog/datasets/d-none", status=404)


async def test_scorers_with_what_each_needs(api: Any) -> None:
    judge = {"instructions": "Is it kind?\n\nMore.", "model": "openai:/large"}
    api.services.tracker.scorers[("0", "tone")] = {"instructions_judge_pydantic_data": judge}
    without = await api.call("GET", "/catalog/scorers")
    names = {entry["name"]: entry for entry in without["scorers"]}
    assert "tone" not in names
    assert names["exact_match"]["kind"] == "BUILT_IN"
    assert names["exact_match"]["argument"] == "NONE"
    assert names["exact_match"]["requires"] == ["expected_response"]
    assert names["exact_match"]["asks_model"] is False
    assert names["exact_match"]["description"].startswith("1 when the answer equals")
    assert names["regex_match"]["argument"] == "REQUIRED"
    assert names["regex_match"]["argument_description"]
    assert (names["Guidelines"]["kind"], names["Guidelines"]["argument"]) == ("JUDGE", "REQUIRED")
    assert names["Correctness"]["asks_model"] is True
    there = await api.call("GET", "/catalog/scorers?experiment_id=0")
    assert there["scorers"][-1] == {
        "name": "tone",
        "kind": "REGISTERED",
        "description": "Is it kind?",
        "argument": "OPTIONAL",
        "argument_description": "model=URI",
        "asks_model": True,
        "model": "openai:/large",
    }


async def test_optimizers_with_schemas_of_their_settings(api: Any) -> None:
    found = (await api.call("GET", "/catalog/optimizers"))["optimizers"]
    assert [entry["type"] for entry in found] == [kind.wire_name for kind in OptimizerType]
    for entry in found:
        schema = entry["settings_schema"]
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["properties"]["target_score"]["default"] == 1.0
        assert entry["name"] and entry["changes"] and entry["choose_when"]


async def test_providers_say_whether_there_is_a_key_and_never_show_it(api: Any) -> None:
    answer = await api.http.get("/api/3.0/mlflow/prompt-optimization/jobs/catalog/providers")
    assert "sk-secret" not in answer.text
    assert answer.json()["judge_model"] == "openai:/large"
    found = {entry["scheme"]: entry for entry in answer.json()["providers"]}
    assert (found["openai"]["usable"], found["openai"]["has_key"]) == (True, True)
    assert (found["anthropic"]["usable"], found["anthropic"]["has_key"]) == (False, False)
    assert "ANTHROPIC_API_KEY" in found["anthropic"]["remedy"]
    assert found["anthropic"]["key_variables"][0] == "ANTHROPIC_API_KEY"
    assert found["litellm"]["usable"] is (importlib.util.find_spec("litellm") is not None)
    assert "scripted" not in found


@pytest.mark.local_model
async def test_the_local_model_is_listed(api: Any) -> None:
    found = (await api.call("GET", "/catalog/providers"))["providers"]
    (local,) = [entry for entry in found if entry["scheme"] == "local"]
    assert local["models"] == ["local:/smollm2"]


async def test_a_tracking_server_that_is_away(api: Any) -> None:
    api.services.tracker.away = True
    for path in ("experiments", "prompts", "datasets", "prompts/x", "datasets/x", "scorers?experiment_id=0"):
        refused = await api.call("GET", f"/catalog/{path}", status=503)
        assert refused["error_code"] == "TEMPORARILY_UNAVAILABLE"
    await api.call("GET", "/catalog/optimizers")
    await api.call("GET", "/catalog/providers")

"""What a job was given stays readable, whatever becomes of it in MLflow."""

from __future__ import annotations

from typing import Any

from burnish.domain.dataset import Dataset
from burnish.domain.inputs import JobInputs, ResolvedModel
from burnish.domain.job import Job
from burnish.domain.prompt import Prompt


async def test_a_job_says_what_it_runs_on(api: Any) -> None:
    tracker = api.services.tracker
    api.services.source()
    tracker.set_alias("sentiment", "prod", 1)
    job = await api.create(source_prompt_uri="prompts:/sentiment@prod")
    assert job["source_prompt_uri"] == "prompts:/sentiment/1"
    assert job["requested_source_prompt_uri"] == "prompts:/sentiment@prod"
    assert job["models"] == {"target": "openai:/small", "reflection": "openai:/large"}
    assert job["dataset"] == {
        "dataset_id": "d-1",
        "name": "reviews",
        "digest": tracker.datasets["d-1"].digest,
        "train": 20,
        "validation": 10,
        "test": 10,
    }
    assert (await api.call("GET", f"/{job['job_id']}"))["job"] == job
    query = "/search?filter=source_prompt_uri%20%3D%20'prompts:/sentiment/1'"
    assert (await api.call("GET", query))["jobs"] == [job]


async def test_inputs_are_those_of_the_submission(api: Any) -> None:
    job = await api.create()
    tracker = api.services.tracker
    tracker.ensure_prompt(Prompt(name="sentiment", template="Something else: {{review}}"))
    tracker.datasets["d-1"] = Dataset.of([({"review": "other"}, {})], "reviews", "d-1")
    tracker.versions.clear()
    tracker.away = True
    inputs = (await api.call("GET", f"/{job['job_id']}/inputs"))["inputs"]
    (prompt,) = inputs["prompts"]
    assert prompt["uri"] == "prompts:/sentiment/1"
    assert prompt["template"]["text"].endswith("{{review}}")
    assert prompt["template"]["text"] != "Something else: {{review}}"
    assert inputs["target"] == {"uri": "openai:/small"}
    assert inputs["scorers"] == [{"name": "exact_match", "spec": "exact_match"}]
    assert inputs["optimizer_settings"] == {"max_metric_calls": 100}
    assert inputs["dataset"] == job["dataset"]
    assert "burnish" in inputs["versions"]
    examples = (await api.call("GET", f"/{job['job_id']}/examples"))["examples"]
    assert len(examples) == 40


async def test_examples_come_in_pages_with_their_split(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    dataset = api.services.tracker.datasets["d-1"]
    seen: list[dict[str, Any]] = []
    token = ""
    while True:
        page = await api.call("GET", f"/{job_id}/examples?max_results=15&page_token={token}")
        seen += page["examples"]
        if not (token := page.get("next_page_token", "")):
            break
    assert [entry["example_id"] for entry in seen] == [example.example_id for example in dataset.examples]
    assert seen[3]["inputs"] == dict(dataset.examples[3].inputs)
    assert seen[3]["expectations"] == dict(dataset.examples[3].expectations)
    assert [entry.get("position", 0) for entry in seen] == list(range(40))
    for split, count in (("train", 20), ("validation", 10), ("test", 10)):
        part = (await api.call("GET", f"/{job_id}/examples?split={split}"))["examples"]
        assert part == [entry for entry in seen if entry["split"] == split]
        assert len(part) == count


async def test_some_examples_by_their_ids(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    everything = (await api.call("GET", f"/{job_id}/examples"))["examples"]
    ids = [everything[at]["example_id"] for at in (31, 4)]
    query = "&".join(f"example_ids={name}" for name in [*ids, "of-no-example"])
    found = await api.call("GET", f"/{job_id}/examples?{query}")
    assert found == {"examples": [everything[4], everything[31]]}
    too_many = "&".join(f"example_ids={number}" for number in range(101))
    refused = await api.call("GET", f"/{job_id}/examples?{too_many}", status=400)
    assert refused["problems"][0]["field"] == "example_ids"


async def test_examples_that_there_are_not(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    for query, field in (
        ("page_token=x", "page_token"),
        ("split=tests", "split"),
        ("max_results=0", "max_results"),
    ):
        refused = await api.call("GET", f"/{job_id}/examples?{query}", status=400)
        assert refused["problems"][0]["field"] == field
    assert await api.call("GET", f"/{job_id}/examples?page_token=40") == {}
    for path in ("inputs", "examples"):
        await api.call("GET", f"/nothing/{path}", status=404)


async def test_texts_that_are_not_unicode_are_shown_all_the_same(api: Any) -> None:
    config = (await api.services.store.get((await api.create())["job_id"])).config
    inputs = JobInputs(
        prompts=(Prompt(name="p", template="half \ud800", model_config={"stop": ("\ud800",)}),),
        target=ResolvedModel("openai:/small", {"stop": ("\ud800",), "extra": {"a": (1, 2.5)}}),
    )
    job = Job(job_id="odd", experiment_id="0", config=config, creation_timestamp_ms=1, inputs=inputs.summary)
    await api.services.store.create(job, inputs=inputs)
    shown = (await api.call("GET", "/odd/inputs"))["inputs"]
    assert shown["prompts"][0]["template"]["text"].startswith("half ")
    assert shown["target"]["parameters"]["extra"] == {"a": [1, 2.5]}


async def test_the_same_job_again_runs_on_what_the_first_one_ran_on(api: Any) -> None:
    first = await api.create()
    tracker = api.services.tracker
    tracker.datasets["d-1"] = Dataset.of([({"review": "other"}, {})], "reviews", "d-1")
    tracker.versions.clear()
    again = (await api.call("POST", "", {"like_job_id": first["job_id"]}))["job"]
    assert again["job_id"] != first["job_id"]
    for name in ("config", "tags", "experiment_id", "dataset", "models", "source_prompt_uri"):
        assert again[name] == first[name], name
    store = api.services.store
    assert await store.find_inputs(again["job_id"]) == await store.find_inputs(first["job_id"])
    assert await store.find_data(again["job_id"]) == await store.find_data(first["job_id"])


async def test_the_same_job_again_on_what_there_is_today(api: Any) -> None:
    api.services.source()
    tracker = api.services.tracker
    tracker.set_alias("sentiment", "prod", 1)
    first = await api.create(source_prompt_uri="prompts:/sentiment@prod")
    tracker.ensure_prompt(
        Prompt(name="sentiment", template="Newer: {{review}}", model_config={"model_name": "small"})
    )
    tracker.set_alias("sentiment", "prod", 2)
    body = {"like_job_id": first["job_id"], "tags": [{"key": "round", "value": "2"}]}
    same = (await api.call("POST", "", body))["job"]
    today = (await api.call("POST", "", {**body, "refresh_inputs": True}))["job"]
    assert same["source_prompt_uri"] == "prompts:/sentiment/1"
    assert today["source_prompt_uri"] == "prompts:/sentiment/2"
    assert today["requested_source_prompt_uri"] == "prompts:/sentiment@prod"
    assert today["tags"] == [{"key": "round", "value": "2"}, {"key": "team", "value": "search"}]


async def test_what_does_not_go_with_another_job_s_id_is_refused(api: Any) -> None:
    first = await api.create()
    like = {"like_job_id": first["job_id"]}
    body = {
        **like,
        "source_prompt_uri": "prompts:/x/1",
        "config": {"seed": 3, "scorers": ["similarity"], "concurrency": 2},
        "experiment_id": "99",
    }
    refused = await api.call("POST", "", body, status=400)
    assert [problem["field"] for problem in refused["problems"]] == [
        "source_prompt_uri",
        "config.scorers",
        "config.seed",
        "experiment_id",
    ]
    assert all("refresh_inputs" in problem["remedy"] for problem in refused["problems"][:3])
    refused = await api.call("POST", "", {**like, "experiment_id": "99"}, status=400)
    assert [problem["field"] for problem in refused["problems"]] == ["experiment_id"]
    await api.call("POST", "", {"like_job_id": "nothing"}, status=404)
    refused = await api.call("POST", "", {**api.services.request(), "refresh_inputs": True}, status=400)
    assert [problem["field"] for problem in refused["problems"]] == ["refresh_inputs"]


async def test_the_same_job_again_with_another_budget(api: Any) -> None:
    request = api.services.request()
    request["config"] |= {"budget": {"max_calls": 500, "max_tokens": 90_000}, "scorers": ["exact_match"]}
    first = await api.call("POST", "", request)
    first_id = first["job"]["job_id"]
    api.services.tracker.datasets.clear()
    body = {"like_job_id": first_id, "config": {"budget": {"max_calls": 900}, "register": "always"}}
    again = (await api.call("POST", "", body))["job"]
    assert again["config"]["budget"] == {"max_calls": 900, "max_tokens": 90_000}
    assert again["config"]["register"] == "always"
    unchanged = {name: first["job"]["config"][name] for name in ("scorers", "optimizer_type", "dataset_id")}
    assert unchanged.items() <= again["config"].items()
    store = api.services.store
    assert await store.find_inputs(again["job_id"]) == await store.find_inputs(first_id)

    refused = await api.call("POST", "", {**body, "config": {"budget": {"max_calls": 3}}}, status=400)
    assert "raise it to" in refused["message"]
    refused = await api.call("POST", "", {**body, "config": {"budget": {"max_usd": 1}}}, status=400)
    assert "price of this model is unknown" in refused["message"]
    refused = await api.call("POST", "", {**body, "config": {"concurrency": 5000}}, status=400)
    assert refused["problems"][0]["field"] == "config.concurrency"


async def test_the_same_job_again_with_any_change_when_all_is_looked_up_anew(api: Any) -> None:
    first = await api.create()
    body = {
        "like_job_id": first["job_id"],
        "refresh_inputs": True,
        "config": {"seed": 3, "scorers": ["similarity"], "reflection_model": "openai:/other"},
    }
    again = (await api.call("POST", "", body))["job"]
    assert again["config"]["seed"] == 3
    assert again["config"]["scorers"] == ["similarity"]
    assert again["config"]["reflection_model"] == "openai:/other"
    assert '"max_metric_calls": 100' in again["config"]["optimizer_config_json"]
    body["config"] = {"optimizer_type": "OPTIMIZER_TYPE_JOINT_SEARCH"}
    other = (await api.call("POST", "", body))["job"]
    assert "optimizer_config_json" not in other["config"]  # those were settings of GEPA


async def test_a_job_that_has_kept_no_inputs_yet_says_so(api: Any) -> None:
    config = (await api.services.store.get((await api.create())["job_id"])).config
    await api.services.store.create(
        Job(job_id="old", experiment_id="0", config=config, creation_timestamp_ms=1)
    )
    await api.call("GET", "/old/inputs", status=404)
    assert await api.call("GET", "/old/examples") == {}
    refused = await api.call("POST", "", {"like_job_id": "old"}, status=400)
    assert "refresh_inputs" in refused["message"]
    assert (await api.call("POST", "", {"like_job_id": "old", "refresh_inputs": True}))["job"]["models"]

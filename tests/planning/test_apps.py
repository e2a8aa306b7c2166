"""A job whose target is an app at a URL: what is checked, and what it is expected to take."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.app import App
from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.job import OptimizerType
from burnish.domain.prompt import Prompt
from burnish.errors import InvalidInput
from burnish.evaluation.scorers.registry import make_scorers
from burnish.llm.apps.addresses import AllowedApps
from burnish.llm.apps.http import HttpApps
from burnish.llm.providers.registry import Registry
from burnish.llm.testing.scripted import ScriptedProvider
from burnish.optimizers.registry import complete_settings, make_optimizer
from burnish.planning.checks import check_budget
from burnish.planning.plan import Planner
from burnish.planning.resolver import Resolution, Resolver
from burnish.service.estimate import estimate
from tests.worker.harness import EXPERIMENT, WorkerHarness

URL = "https://apps.example/support"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    yield harness
    await harness.close()


async def resolve(harness: WorkerHarness, *allowed: str, **changes: Any) -> Resolution:
    apps = HttpApps(AllowedApps(allowed), {})
    registry = Registry(providers={"scripted": ScriptedProvider()})
    planner = Planner(make_scorers, make_optimizer)
    resolver = Resolver(harness.tracker, registry, planner, complete_settings, check_app=apps.check)
    config = harness.config(**{"app": App(url=URL), "model": None, **changes})
    return await resolver.resolve(EXPERIMENT, config)


async def problems_of(harness: WorkerHarness, *allowed: str, **changes: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        await resolve(harness, *allowed, **changes)
    return {problem.field: problem.remedy for problem in refused.value.problems}


async def test_an_app_that_the_operator_does_not_allow(harness: WorkerHarness) -> None:
    found = await problems_of(harness)
    assert "BURNISH_APP_URLS" in found["config.app.url"]


async def test_everything_wrong_with_it_is_named_at_once(harness: WorkerHarness) -> None:
    app = App(url=URL, timeout_seconds=0.0, headers_from_env={"Host": "HOME"})
    found = await problems_of(harness, app=app, model="scripted:/sentiment", scorers=("low_cst",))
    assert {
        "config.app.url",
        "config.app.timeout_seconds",
        "config.app.headers_from_env.Host",
    } <= found.keys()
    assert {"model", "scorers"} <= found.keys()


async def test_its_calls_are_evaluations_and_its_price_is_not_known(harness: WorkerHarness) -> None:
    plan = (await resolve(harness, URL)).plan
    found = estimate(plan)
    assert found.calls_high == plan.config.budget.max_calls
    assert found.calls_low == plan.needed.target_low + len(plan.splits.test)
    assert (found.usd_low, found.usd_high) == (None, None)
    assert "a run of the app counts as one call here" in found.warnings[0]
    assert plan.target.uri == f"app:/{URL}"


async def test_what_a_run_is_seen_to_take_sizes_search_and_test(harness: WorkerHarness) -> None:
    plan = (await resolve(harness, URL, budget=Budget(max_calls=300))).plan
    seen = plan.with_calls_per_run(3)
    assert seen.test_calls == 3 * plan.test_calls
    assert 3 * seen.needed.target_high + seen.test_calls <= 300
    least = plan.needed.target_low * 3 + seen.test_calls
    small = replace(seen, config=replace(seen.config, budget=Budget(max_calls=least - 1)))
    with pytest.raises(InvalidInput, match=f"a run of the app makes 3 calls; .* need {least} calls"):
        check_budget(small)


async def test_worked_examples_need_a_prompt_that_is_given_the_records(harness: WorkerHarness) -> None:
    few_shot = {"optimizer_type": OptimizerType.FEW_SHOT}
    assert (await resolve(harness, URL, **few_shot)).plan.config.app is not None
    other = harness.tracker.ensure_prompt(Prompt(name="rag", template="From {{pages}} answer {{review}}"))
    refused = await problems_of(harness, URL, source_prompt_uris=(str(other.uri),), **few_shot)
    assert "take gepa, metaprompt, joint-search or factorial" in refused["optimizer_type"]


async def test_a_limit_in_dollars_is_left_to_what_the_app_says(harness: WorkerHarness) -> None:
    assert (await resolve(harness, URL, budget=Budget(max_usd=1.0))).plan.config.budget.max_usd == 1.0


async def test_inputs_are_the_app_s_own_and_may_be_mapped(harness: WorkerHarness) -> None:
    records = [({"messages": [{"content": f"c{n}"}]}, {"expected_response": str(n % 2)}) for n in range(24)]
    nested = harness.tracker.ensure_dataset(Dataset.of(records, "nested"), EXPERIMENT)
    as_they_are = await resolve(harness, URL, dataset_id=nested.dataset_id)
    assert as_they_are.data is not None
    assert as_they_are.data.examples[0].inputs == {"messages": [{"content": "c0"}]}
    mapped = await resolve(harness, URL, dataset_id=nested.dataset_id, inputs={"any": "messages[0].content"})
    assert mapped.data is not None
    assert mapped.data.examples[0].inputs == {"any": "c0"}

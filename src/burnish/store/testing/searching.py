"""What a store promises of searches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from burnish.domain.app import App
from burnish.domain.job import JobStatus, OptimizerType, TestScores, Verdict
from burnish.domain.records import JobQuery
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.errors import InvalidInput
from burnish.store.protocol import JobStore
from burnish.store.testing.samples import NOON_MS, Opener, a_config, a_job


async def fill(store: JobStore) -> None:
    """Six jobs, the youngest last: plain, failed, good, better, canceled, elsewhere."""
    results: dict[str, dict[str, Any]] = {
        "plain": {},
        "failed": {"status": JobStatus.FAILED, "initial_eval_scores": {"aggregate": 0.5}},
        "good": {
            "status": JobStatus.COMPLETED,
            "initial_eval_scores": {"aggregate": 0.25},
            "final_eval_scores": {"aggregate": 0.5, "exact_match": 0.75},
            "test_scores": TestScores(0.25, 0.5, 0.25, 0.0, 0.5, 20),
            "verdict": Verdict.NO_DIFFERENCE,
            "usage": UsageByRole({Role.TARGET: Usage(10, 100, 10, 250_000_000)}),
            "run_id": "run-good",
        },
        "better": {
            "status": JobStatus.COMPLETED,
            "final_eval_scores": {"aggregate": 0.75},
            "test_scores": TestScores(0.25, 0.75, 0.5, 0.25, 0.75, 20),
            "verdict": Verdict.IMPROVED,
            "optimized_prompt_uris": ("prompts:/Greet/2",),
            "usage": UsageByRole({Role.TARGET: Usage(30, 100, 10, None)}),
        },
    }
    tags = {
        "plain": {"team": "search", "odd key": "50% off_"},
        "failed": {"team": "Search"},
        "good": {"team": "ads", "long": "a" * 300 + "b"},
        "canceled": {"team": ""},
    }
    configs = {
        "failed": a_config(optimizer_type=OptimizerType.GEPA, dataset_id=None),
        "better": a_config(app=App(function="helpdesk.answer")),
        "elsewhere": a_config(source_prompt_uris=("prompts:/ask/12",), app=App(url="http://app.test")),
    }
    for age, name in enumerate(("plain", "failed", "good", "better", "canceled", "elsewhere")):
        await store.create(
            a_job(
                name,
                experiment_id="8" if name == "elsewhere" else "7",
                creation_timestamp_ms=NOON_MS + age,
                tags=tags.get(name, {}),
                config=configs.get(name, a_config()),
            )
        )
        if name in results:
            await store.take(name, "worker-1")
            await store.update(name, 1, results[name])
    await store.request_cancel("canceled")


async def names(store: JobStore, filter: str = "", *order_by: str, **options: Any) -> list[str]:
    page = await store.search(JobQuery(filter=filter, order_by=order_by, **options))
    return [job.job_id for job in page.jobs]


async def all_pages(store: JobStore, query: dict[str, Any], max_results: int) -> list[str]:
    found: list[str] = []
    token = None
    while True:
        page = await store.search(JobQuery(**query, max_results=max_results, page_token=token))
        assert len(page.jobs) <= max_results
        found += [job.job_id for job in page.jobs]
        token = page.next_page_token
        if token is None:
            return found


ALL = ["elsewhere", "canceled", "better", "good", "failed", "plain"]


class SearchContract(Opener):
    async def test_an_empty_search_gives_all_jobs_newest_first(self) -> None:
        async with self.open() as store:
            assert (await store.search(JobQuery())).jobs == ()
            await fill(store)
            page = await store.search(JobQuery())
            assert [job.job_id for job in page.jobs] == ALL
            assert page.next_page_token is None
            assert page.jobs[2] == await store.get("better")

    async def test_searches_stay_in_their_experiments(self) -> None:
        async with self.open() as store:
            await fill(store)
            assert await names(store, experiment_ids=("8",)) == ["elsewhere"]
            assert await names(store, experiment_ids=("7", "8")) == ALL
            assert await names(store, "tags.team = 'ads'", experiment_ids=("8",)) == []
            assert await names(store, experiment_ids=("9",)) == []

    async def test_searches_show_what_may_be_read_and_their_pages_go_on(self) -> None:
        async with self.open() as store:
            await fill(store)
            await store.create(a_job("other", experiment_id="9", workspace="team-a"))
            assert await store.experiment_ids() == {"7", "8", "9"}
            assert await store.workspaces() == {"default", "team-a"}
            assert await names(store, workspace="team-a") == ["other"]
            assert await names(store, workspace="default") == ALL
            assert await names(store, readable_experiment_ids=frozenset({"8", "9"})) == ["elsewhere", "other"]
            assert await names(store, readable_experiment_ids=frozenset()) == []
            only = frozenset({"8"})
            found = await names(store, experiment_ids=("7", "8"), readable_experiment_ids=only)
            assert found == ["elsewhere"]
            query = JobQuery(max_results=1, readable_experiment_ids=frozenset({"8", "9"}))
            first = await store.search(query)
            fewer = replace(query, page_token=first.next_page_token, readable_experiment_ids=frozenset({"9"}))
            assert [job.job_id for job in (await store.search(fewer)).jobs] == ["other"]

    async def test_an_empty_store_has_no_experiments(self) -> None:
        async with self.open() as store:
            assert (await store.experiment_ids(), await store.workspaces()) == (frozenset(), frozenset())

    @pytest.mark.parametrize(
        ("filter", "found"),
        [
            ("status = 'COMPLETED'", ["better", "good"]),
            ("status = 'job_status_completed'", ["better", "good"]),
            (
                "status != \"COMPLETED\" and status in ('FAILED', 'PENDING')",
                ["elsewhere", "failed"],
            ),
            ("optimizer_type = 'OPTIMIZER_TYPE_GEPA'", ["failed"]),
            ("optimizer_type LIKE 'JOINT%' AND status = 'PENDING'", ["elsewhere"]),
            ("kind = 'app'", ["elsewhere", "better"]),
            ("kind = 'APP' AND status = 'COMPLETED'", ["better"]),
            ("kind != 'app'", ["canceled", "good", "failed", "plain"]),
            ("kind IN ('prompt')", ["canceled", "good", "failed", "plain"]),
            ("NOT kind ILIKE 'A%' AND run_id = 'run-good'", ["good"]),
            ("source_prompt_uri LIKE 'prompts:/ask/__'", ["elsewhere"]),
            ("source_prompt_uri LIKE 'prompts:/Ask/%'", []),
            ("source_prompt_uri ILIKE 'prompts:/Ask/%'", ["elsewhere"]),
            ("optimized_prompt_uri = 'prompts:/Greet/2'", ["better"]),
            ("dataset_id != 'd-2' AND status = 'FAILED'", []),
            ("NOT dataset_id != 'd-2' AND status = 'FAILED'", ["failed"]),
            ("run_id = 'run-good'", ["good"]),
            ("verdict IN ('IMPROVED', 'WORSE')", ["better"]),
            ("tags.team = 'search'", ["plain"]),
            ("tags.team ILIKE 's%'", ["failed", "plain"]),
            ("tags.team = ''", ["canceled"]),
            ("tags.team >= 'a'", ["good", "plain"]),
            ("NOT tags.team >= 'a'", ["elsewhere", "canceled", "better", "failed"]),
            ("tags.`odd key` LIKE '50\\% off\\_'", ["plain"]),
            ("tags.`odd key` LIKE '5_\\%%'", ["plain"]),
            ("tags.`odd key` LIKE '[5]*'", []),
            ("tags.long = '" + "a" * 300 + "b'", ["good"]),
            ("tags.long = '" + "a" * 300 + "c'", []),
            ("tags.nobody = 'x'", []),
            ("final_eval_scores.aggregate > 0.5", ["better"]),
            ("final_eval_scores.aggregate IN (.5, 75e-2)", ["better", "good"]),
            ("final_eval_scores.exact_match >= 0.75", ["good"]),
            ("final_eval_scores.ExactMatch >= 0.75", ["good"]),
            ("initial_eval_scores.aggregate = 0.5", ["failed"]),
            ("NOT final_eval_scores.aggregate != 0.5", ["elsewhere", "canceled", "good", "failed", "plain"]),
            ("test_scores.difference >= 0.25", ["better", "good"]),
            ("usage.calls > 9.5", ["better", "good"]),
            ("usage.calls > 99999999999999999999999", []),
            ("usage.calls < 99999999999999999999999 AND run_id = 'run-good'", ["good"]),
            ("usage.usd = 0.25", ["good"]),
            ("usage.usd >= 0.2500000001", []),
            (f"creation_timestamp_ms <= {NOON_MS + 1}", ["failed", "plain"]),
            ("completion_timestamp_ms > 0", ["canceled", "better", "good", "failed"]),
            ("tags.team = 'ads' AND final_eval_scores.aggregate > 0.1 AND usage.calls = 10", ["good"]),
            ("(tags.team = 'ads' OR status = 'FAILED') AND NOT (verdict = 'WORSE')", ["good", "failed"]),
            ("tags.team = ''' OR 1=1 --'", []),
        ],
    )
    async def test_filters_find(self, filter: str, found: list[str]) -> None:
        async with self.open() as store:
            await fill(store)
            assert await names(store, filter) == found

    @pytest.mark.parametrize(
        ("order_by", "found"),
        [
            (["creation_timestamp_ms"], ALL[::-1]),
            (["creation_timestamp_ms DESC"], ALL),
            (
                ["status", "creation_timestamp_ms ASC"],
                ["canceled", "good", "better", "failed", "plain", "elsewhere"],
            ),
            (
                ["final_eval_scores.aggregate DESC"],
                ["better", "good", "elsewhere", "canceled", "failed", "plain"],
            ),
            (
                ["final_eval_scores.aggregate ASC"],
                ["good", "better", "elsewhere", "canceled", "failed", "plain"],
            ),
            # What was never spent costs 0; an unknown price is absent.
            (["usage.usd DESC"], ["good", "elsewhere", "canceled", "failed", "plain", "better"]),
            (["tags.team desc"], ["plain", "good", "failed", "canceled", "elsewhere", "better"]),
            (["verdict", "tags.team"], ["better", "good", "canceled", "failed", "plain", "elsewhere"]),
            (["kind", "status"], ["better", "elsewhere", "canceled", "good", "failed", "plain"]),
            (["test_scores.difference"], ["good", "better", "elsewhere", "canceled", "failed", "plain"]),
        ],
    )
    async def test_orders_hold_over_every_page(self, order_by: Sequence[str], found: list[str]) -> None:
        async with self.open() as store:
            await fill(store)
            for max_results in (1, 2, 5, 6, 1000):
                assert await all_pages(store, {"order_by": tuple(order_by)}, max_results) == found

    @pytest.mark.parametrize(
        ("filter", "found"),
        [
            ("", ["better", "good", "canceled", "failed", "plain"]),
            ("NOT run_id = 'x'", ["better", "good", "canceled", "failed", "plain"]),
            ("tags.team ILIKE '%'", ["good", "canceled", "failed", "plain"]),
            ("tags.team IN ('ads', 'search')", ["good", "plain"]),
            ("final_eval_scores.aggregate < 2", ["better", "good"]),
        ],
    )
    async def test_the_best_jobs_of_an_experiment_come_first(self, filter: str, found: list[str]) -> None:
        query = {
            "experiment_ids": ("7",),
            "filter": filter,
            "order_by": ("final_eval_scores.aggregate DESC",),
        }
        async with self.open() as store:
            await fill(store)
            for max_results in (1, 2, 3, 9):
                assert await all_pages(store, query, max_results) == found

    async def test_jobs_created_between_pages_shift_nothing(self) -> None:
        async with self.open() as store:
            for number in range(10):
                await store.create(a_job(f"job-{number}", creation_timestamp_ms=NOON_MS + number // 4))
            before = await names(store)
            first = await store.search(JobQuery(max_results=4))
            await store.create(a_job("later", creation_timestamp_ms=NOON_MS + 100))
            rest = await store.search(JobQuery(max_results=9, page_token=first.next_page_token))
            assert [job.job_id for job in (*first.jobs, *rest.jobs)] == before

    async def test_a_token_of_another_search_is_refused(self) -> None:
        async with self.open() as store:
            await fill(store)
            token = (await store.search(JobQuery(max_results=2))).next_page_token
            for other in (
                JobQuery(page_token=token, filter="status = 'FAILED'"),
                JobQuery(page_token=token, order_by=("status",)),
                JobQuery(page_token=token, experiment_ids=("7",)),
            ):
                with pytest.raises(InvalidInput) as refused:
                    await store.search(other)
                assert refused.value.problems[0].field == "page_token"

    @pytest.mark.parametrize("token", ["x", "AAAA", "W10", "\ud800", "é", "bnVsbA", "[" * 5000, "W1tbXV1d"])
    async def test_a_token_of_nobody_is_refused(self, token: str) -> None:
        async with self.open() as store:
            with pytest.raises(InvalidInput) as refused:
                await store.search(JobQuery(page_token=token))
            assert refused.value.problems[0].field == "page_token"

    @pytest.mark.parametrize("max_results", [0, -1, 1001])
    async def test_a_page_has_from_1_to_1000_jobs(self, max_results: int) -> None:
        async with self.open() as store:
            with pytest.raises(InvalidInput) as refused:
                await store.search(JobQuery(max_results=max_results))
            assert refused.value.problems[0].field == "max_results"

    async def test_a_search_sees_new_results_and_not_old_ones(self) -> None:
        async with self.open() as store:
            await store.create(a_job(tags={"team": "search"}))
            await store.take("job", "worker-1")
            for best in (0.25, 0.5):
                await store.update("job", 1, {"final_eval_scores": {"aggregate": best}})
            assert await names(store, "final_eval_scores.aggregate = 0.25") == []
            assert await names(store, "final_eval_scores.aggregate = 0.5") == ["job"]
            await store.update("job", 1, {"tags": {"team": "ads"}})
            assert await names(store, "tags.team = 'search'") == []
            assert await names(store, "tags.team = 'ads'") == ["job"]

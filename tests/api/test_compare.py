"""Winners of several jobs against one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from burnish.api.testing import REVIEWS
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Dataset
from burnish.domain.job import JobStatus
from burnish.domain.records import CandidateRecord, EvaluationRecord, Report
from burnish.domain.score import Evaluation
from burnish.evaluation.statistics import paired_bootstrap, verdict_of


async def a_tested_job(api: Any, text: str, scores: Mapping[str, float], **config: Any) -> str:
    """Id of a completed job whose winner has these scores on the sealed test; ``config`` replaces fields."""
    request = api.services.request()
    job_id: str = (await api.create(config=request["config"] | config))["job_id"]
    store = api.services.store
    winner, loser = Candidate({"sentiment": text}), Candidate({"sentiment": "source"})
    evaluations = [
        EvaluationRecord(evaluation=Evaluation(candidate.candidate_id, example, "x", {}, value), split="test")
        for example, score in scores.items()
        for candidate, value in ((winner, score), (loser, 0.5))
    ]
    records = [
        CandidateRecord(candidate=candidate, number=number, status=CandidateStatus.ACCEPTED)
        for number, candidate in enumerate((loser, winner))
    ]
    await store.take(job_id, "w")
    await store.report(job_id, 1, Report(candidates=records, evaluations=evaluations))
    ended = {
        "status": JobStatus.COMPLETED,
        "best_candidate_id": winner.candidate_id,
        "test_scores": paired_bootstrap([0.5] * len(scores), list(scores.values())),
    }
    await store.update(job_id, 1, ended)
    return job_id


async def compare(api: Any, *job_ids: str, status: int = 200) -> Any:
    query = "&".join(f"job_ids={job_id}" for job_id in job_ids)
    answer = await api.call("GET", f"/compare?{query}", status=status)
    return answer["comparisons"] if status == 200 else answer


async def test_the_interval_is_that_of_a_sealed_test(api: Any) -> None:
    ids = [f"e{number:02}" for number in range(24)]
    worse = {name: float(number % 3 == 0) for number, name in enumerate(ids)}
    better = {name: float(number % 6 != 1) for number, name in enumerate(ids)}
    first, second = await a_tested_job(api, "one", worse), await a_tested_job(api, "two", better)
    (found,) = await compare(api, first, second)
    expected = paired_bootstrap([worse[name] for name in ids], [better[name] for name in ids])
    assert (found["job_id"], found["same_dataset"], found["same_test_split"]) == (second, True, True)
    for name in ("initial", "final", "difference", "ci_low", "ci_high", "examples"):
        assert found["scores"][name] == pytest.approx(getattr(expected, name))
    assert found["verdict"] == verdict_of(expected).value == "IMPROVED"
    assert found["scores"]["detectable"] > 0
    (turned,) = await compare(api, second, first)
    assert turned["verdict"] == "WORSE"
    assert turned["scores"]["difference"] == pytest.approx(-expected.difference)


async def test_only_common_examples_are_paired(api: Any) -> None:
    first = await a_tested_job(api, "one", {f"e{number:02}": 0.0 for number in range(12)})
    second = await a_tested_job(api, "two", {f"e{number:02}": 1.0 for number in range(3, 20)})
    few = await a_tested_job(api, "three", {f"e{number:02}": 1.0 for number in range(10, 20)})
    found, too_few = await compare(api, first, second, few)
    assert (found["same_test_split"], found["scores"]["examples"]) == (False, 9)
    assert (found["scores"]["initial"], found["scores"]["final"]) == (0.0, 1.0)
    assert "scores" not in too_few
    assert "2 test examples in common" in too_few["reason"]


async def test_what_cannot_be_compared_says_why(api: Any) -> None:
    scores = {f"e{number:02}": 1.0 for number in range(12)}
    first = await a_tested_job(api, "one", scores)
    some = Dataset.of(REVIEWS[:30], "some reviews")
    smaller = str(api.services.tracker.ensure_dataset(some, "0").dataset_id)
    untested = (await api.create())["job_id"]
    elsewhere = await a_tested_job(api, "two", scores, dataset_id=smaller)
    others = await a_tested_job(api, "three", scores, scorers=["contains"])
    reasons = [found["reason"] for found in await compare(api, first, untested, elsewhere, others)]
    assert untested in reasons[0] and "tested" in reasons[0]
    assert "Other data" in reasons[1]
    assert "other scorers" in reasons[2]


async def test_jobs_that_cannot_be_asked_for(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    for asked in ((), (job_id,), (job_id, job_id), tuple(f"j{number}" for number in range(7))):
        refused = await compare(api, *asked, status=400)
        assert refused["problems"][0]["field"] == "job_ids"
    missing = await compare(api, job_id, "nothing", status=404)
    assert missing["name"] == "nothing"

"""The matrix of candidates and examples."""

from __future__ import annotations

import gzip
import json
from typing import Any

from burnish.api.routes import json_answer, packed
from burnish.api.wire import scores_to_proto
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.records import CandidateRecord, EvaluationRecord, Report, ScoredExample
from burnish.domain.score import Evaluation, Score


def evaluation(
    candidate: Candidate, example: str, value: float, split: str = "validation"
) -> EvaluationRecord:
    scores = {"exact_match": Score(value, ""), "tone": Score(value / 2, "")}
    found = Evaluation(candidate.candidate_id, example, "yes", scores, 0.75 * value)
    return EvaluationRecord(evaluation=found, split=split)


def failed(candidate: Candidate, example: str) -> EvaluationRecord:
    found = Evaluation(candidate.candidate_id, example, "", {}, 0.0, error="timed out")
    return EvaluationRecord(evaluation=found, split="validation")


async def a_job_with_results(api: Any) -> tuple[str, list[str]]:
    """A running job with three candidates; the last is not measured on everything."""
    job_id = (await api.create())["job_id"]
    job = await api.services.store.take(job_id, "w")
    candidates = [Candidate({"sentiment": text}) for text in ("one", "two", "three")]
    records = [
        CandidateRecord(candidate=candidate, number=number, status=CandidateStatus.PROPOSED)
        for number, candidate in enumerate(candidates)
    ]
    first, second, third = candidates
    evaluations = [
        *(evaluation(first, example, 1 / 3) for example in ("b", "a", "c")),
        evaluation(second, "a", 1.0),
        failed(second, "b"),
        evaluation(second, "c", 0.0),
        evaluation(third, "c", 1.0),
        evaluation(first, "z", 1.0, "test"),
    ]
    await api.services.store.report(job_id, job.attempt, Report(candidates=records, evaluations=evaluations))
    return job_id, [candidate.candidate_id for candidate in candidates]


async def test_rows_stand_in_the_order_of_the_candidates(api: Any) -> None:
    job_id, (first, second, third) = await a_job_with_results(api)
    assert await api.call("GET", f"/{job_id}/evaluations") == {
        "example_ids": ["a", "b", "c"],
        "rows": [
            {"candidate_id": first, "scores": [0.25, 0.25, 0.25]},
            {"candidate_id": second, "scores": [0.75, 0.0, 0.0], "errors": [1]},
            {"candidate_id": third, "columns": [2], "scores": [0.75]},
        ],
    }


async def test_one_split_and_one_scorer(api: Any) -> None:
    job_id, (first, second, third) = await a_job_with_results(api)
    assert await api.call("GET", f"/{job_id}/evaluations?split=test") == {
        "example_ids": ["z"],
        "rows": [{"candidate_id": first, "scores": [0.75]}],
    }
    tone = await api.call("GET", f"/{job_id}/evaluations?scorer=tone")
    assert tone["rows"] == [
        {"candidate_id": first, "scores": [0.166667, 0.166667, 0.166667]},
        {"candidate_id": second, "scores": [0.5, 0.0, 0.0], "errors": [1]},
        {"candidate_id": third, "columns": [2], "scores": [0.5]},
    ]
    nothing = await api.call("GET", f"/{job_id}/evaluations?split=train&scorer=none")
    assert nothing == {}


async def test_a_split_that_there_is_not(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    refused = await api.call("GET", f"/{job_id}/evaluations?split=valid", status=400)
    assert refused["problems"][0]["field"] == "split"
    assert "train, validation, test; did you mean 'validation'?" in refused["problems"][0]["remedy"]
    await api.call("GET", "/none/evaluations", status=404)


async def test_a_large_matrix_is_small_on_the_wire() -> None:
    """200 candidates on 500 examples, as a browser asks for them."""
    candidates = [Candidate({"sentiment": f"text {number}"}) for number in range(200)]
    scores = [
        ScoredExample(candidate.candidate_id, f"example-{example:04}", (row + example) % 3 / 2, failed=False)
        for row, candidate in enumerate(candidates)
        for example in range(500)
    ]
    matrix = scores_to_proto(scores, {each.candidate_id: row for row, each in enumerate(candidates)})
    sent = await packed(json_answer(matrix), "br, gzip")
    assert sent.headers["content-encoding"] == "gzip" and sent.headers["vary"] == "accept-encoding"
    assert len(sent.body) < 100_000
    whole = json.loads(gzip.decompress(sent.body))
    assert len(whole["rows"]) == 200 and len(whole["rows"][0]["scores"]) == 500
    assert "content-encoding" not in (await packed(json_answer(matrix), "identity")).headers
    assert "vary" not in (await packed(json_answer({}), "gzip")).headers

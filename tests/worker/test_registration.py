"""A winner is registered where the job's policy says so, and the job says why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.job import JobStatus, RegisterPolicy, SplitFractions, TestScores, Verdict
from burnish.worker.registration import decide
from tests.worker.harness import Result, WorkerHarness, WorkerProcess

IMPROVED, BETTER = RegisterPolicy.IMPROVED, RegisterPolicy.BETTER
ALWAYS, NEVER = RegisterPolicy.ALWAYS, RegisterPolicy.NEVER


def scores(difference: float, low: float, high: float, pairs: int = 40) -> TestScores:
    return TestScores(0.5, 0.5 + difference, difference, low, high, pairs)


SURE, UNSURE, WORSE = scores(0.2, 0.1, 0.3), scores(0.1, -0.1, 0.3), scores(-0.2, -0.3, -0.1)


@pytest.mark.parametrize(
    ("policy", "test", "registers"),
    [
        (IMPROVED, SURE, True),
        (IMPROVED, UNSURE, False),
        (IMPROVED, WORSE, False),
        (BETTER, UNSURE, True),
        (BETTER, WORSE, False),
        (BETTER, scores(0.0, -0.1, 0.1), False),
        (ALWAYS, WORSE, True),
        (NEVER, SURE, False),
    ],
)
def test_the_sealed_test_decides(policy: RegisterPolicy, test: TestScores, registers: bool) -> None:
    decision = decide(policy, test, validation=SURE)
    assert decision.register is registers


@pytest.mark.parametrize("test", [None, scores(0.9, 0.0, 1.0, pairs=7)])
@pytest.mark.parametrize(("validation", "registers"), [(SURE, True), (UNSURE, False), (None, False)])
def test_validation_decides_where_the_test_is_too_small(
    test: TestScores | None, validation: TestScores | None, registers: bool
) -> None:
    decision = decide(IMPROVED, test, validation)
    assert decision.register is registers
    assert ("no test split" if test is None else "only 7 pairs") in decision.reason
    assert ("validation says" in decision.reason) is (validation is not None)


def test_the_better_one_is_seen_in_a_single_pair() -> None:
    assert decide(BETTER, scores(1.0, 0.0, 1.0, pairs=1), None).register


def test_a_job_without_data_registers_what_it_was_asked_to_write() -> None:
    decision = decide(IMPROVED, None, None, has_data=False)
    assert decision.register
    assert "nothing was measured" in decision.reason
    assert not decide(NEVER, None, None, has_data=False).register


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path, records=48)  # twelve pairs in the sealed test
    yield harness
    await harness.close()


async def the_end_of(harness: WorkerHarness, **changes: Any) -> Result:
    await harness.submit(**changes)
    await WorkerProcess(harness).run()
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED, result.job.error_message
    assert result.events[-1].data["message"] == result.job.status_message
    return result


async def test_an_improved_winner_is_registered_and_the_job_says_why(harness: WorkerHarness) -> None:
    result = await the_end_of(harness, register=IMPROVED)
    assert result.job.verdict is Verdict.IMPROVED
    assert result.job.optimized_prompt_uri == "prompts:/p/2"
    assert str(result.job.status_message).startswith("Registered prompts:/p/2: the sealed test says IMPROVED")
    [registered] = result.kinds("REGISTERED")
    assert registered.data["candidate_id"] == result.job.best_candidate_id
    assert result.job.test_scores is not None
    assert 0 < float(result.job.test_scores.detectable or 0.0) <= 1


async def test_a_job_may_say_never(harness: WorkerHarness) -> None:
    result = await the_end_of(harness, register=NEVER)
    assert (result.job.optimized_prompt_uri, result.versions) == (None, [])
    assert "register=never; it is kept" in str(result.job.status_message)
    assert result.job.best_candidate_id in {entry[1] for entry in result.candidates}


async def test_without_a_test_split_validation_decides(harness: WorkerHarness) -> None:
    result = await the_end_of(harness, register=IMPROVED, split=SplitFractions(0.5, 0.5, 0.0))
    assert result.job.verdict is None
    assert result.job.optimized_prompt_uri == "prompts:/p/2"
    assert "there is no test split, and validation says IMPROVED" in str(result.job.status_message)


async def test_six_pairs_and_six_validation_examples_prove_nothing(tmp_path: Path) -> None:
    harness = WorkerHarness(tmp_path, records=24)
    result = await the_end_of(harness, register=IMPROVED)
    assert result.versions == []
    assert "the sealed test has only 6 pairs" in str(result.job.status_message)
    assert result.job.test_scores is not None
    assert result.job.test_scores.detectable is None
    await harness.close()


async def test_a_source_that_nothing_beats_stays(harness: WorkerHarness) -> None:
    perfect = str(harness.teacher.uri)
    job = (await the_end_of(harness, source_prompt_uris=(perfect,), register=ALWAYS)).job
    assert job.optimized_prompt_uri is None
    assert job.status_message == "Nothing beat the source prompt, so no version was registered."

"""What a run's page in MLflow says of its job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burnish.domain.candidate import Candidate
from burnish.domain.job import Job, JobConfig, JobStatus, OptimizerType, StopReason, TestScores, Verdict
from burnish.tracking.description import MAX_TAG_CHARACTERS
from burnish.tracking.note import run_note

SOURCE = Candidate(texts={"sentiment": "What is the sentiment?\n{{review}}"})
BEST = Candidate(texts={"sentiment": "Answer with one word.\n{{review}}"})
JOB = Job(
    job_id="j1",
    experiment_id="0",
    config=JobConfig(
        source_prompt_uris=("prompts:/sentiment/1",),
        dataset_id="d-1",
        scorers=("exact_match",),
        optimizer_type=OptimizerType.JOINT_SEARCH,
    ),
    creation_timestamp_ms=0,
    status=JobStatus.COMPLETED,
    stop_reason=StopReason.FINISHED,
    verdict=Verdict.IMPROVED,
    initial_eval_scores={"aggregate": 0.25, "exact_match": 0.25},
    final_eval_scores={"aggregate": 0.75, "exact_match": 0.75},
    test_scores=TestScores(initial=0.2, final=0.7, difference=0.5, ci_low=0.375, ci_high=0.625, examples=40),
    optimized_prompt_uris=("prompts:/sentiment/2",),
)


def test_verdict_scores_version_change_and_job() -> None:
    note = run_note(JOB, SOURCE, BEST)
    assert note.startswith("**IMPROVED**")
    assert "Difference +0.500, 95 % interval +0.375 to +0.625, 40 examples." in note
    assert "| validation, exact_match | 0.250 | 0.750 |" in note
    assert "| sealed test | 0.200 | 0.700 |" in note
    assert "`prompts:/sentiment/2`" in note
    assert "-What is the sentiment?\n+Answer with one word.\n {{review}}\n```" in note
    assert "`j1`" in note


def test_nothing_better_shows_no_change() -> None:
    job = replace(JOB, verdict=Verdict.NO_DIFFERENCE, optimized_prompt_uris=())
    note = run_note(job, SOURCE, SOURCE)
    assert "No new version was registered." in note
    assert "```" not in note


@pytest.mark.parametrize(
    ("status", "cause"),
    [(JobStatus.FAILED, "Cause: the model is away"), (JobStatus.CANCELED, "**CANCELED**")],
)
def test_a_job_that_did_not_complete(status: JobStatus, cause: str) -> None:
    job = Job(
        job_id="j2",
        experiment_id="0",
        config=JOB.config,
        creation_timestamp_ms=0,
        status=status,
        error_message="the model is away",
    )
    note = run_note(job)
    assert cause in note
    assert "registered" not in note


def test_a_huge_change_is_cut_and_its_fence_is_closed() -> None:
    long = Candidate(texts={"sentiment": "\n".join(f"line {number}" for number in range(5000))})
    note = run_note(JOB, SOURCE, long)
    assert len(note) <= MAX_TAG_CHARACTERS
    assert "… cut" in note
    assert note.endswith("\n```")


def test_fences_in_a_prompt_do_not_end_the_change() -> None:
    fenced = Candidate(texts={"sentiment": "```json\n{}\n```"})
    note = run_note(JOB, SOURCE, fenced)
    assert note.count("\n````") == 2

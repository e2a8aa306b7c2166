"""Winners of several jobs against one another, pair by pair, on what no search has seen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from burnish.concurrency import gather_in_order
from burnish.domain.job import Job
from burnish.domain.records import JobComparison
from burnish.errors import InvalidInput
from burnish.evaluation.statistics import FEWEST_PAIRS, detectable, paired_bootstrap, spread_of, verdict_of
from burnish.store.protocol import JobStore

MOST_JOBS = 6


async def compare_jobs(store: JobStore, job_ids: Sequence[str]) -> list[JobComparison]:
    """Compare each job with the first, on the test examples that both have.

    Raises:
        InvalidInput: fewer than two, more than six, or one twice.
        NotFound
    """
    if not 2 <= len(job_ids) <= MOST_JOBS or len(set(job_ids)) < len(job_ids):
        remedy = f"name two to {MOST_JOBS} jobs, each once; the others are compared with the first"
        raise InvalidInput.of("job_ids", ", ".join(job_ids), remedy)
    jobs = [await store.get(job_id) for job_id in job_ids]
    scores = await gather_in_order(_winner_scores(store, job) for job in jobs)
    others = list(zip(jobs[1:], scores[1:], strict=True))
    return await asyncio.to_thread(
        lambda: [
            _compare(jobs[0], scores[0], job, found) for job, found in others
        ]  # a bootstrap takes its time
    )


async def _winner_scores(store: JobStore, job: Job) -> Mapping[str, float]:
    """Example id → aggregate of the job's winner on the sealed test; empty where it was not tested."""
    if job.test_scores is None:
        return {}
    found = await store.scores(job.job_id, "test")
    return {entry.example_id: entry.value for entry in found if entry.candidate_id == job.best_candidate_id}


def _compare(first: Job, base: Mapping[str, float], job: Job, found: Mapping[str, float]) -> JobComparison:
    common = sorted(base.keys() & found.keys())
    same_dataset = _digest_of(first) is not None and _digest_of(first) == _digest_of(job)
    reason = _why_not(first, job, same_dataset, len(common))
    comparison = JobComparison(
        job_id=job.job_id,
        same_dataset=same_dataset,
        same_test_split=bool(base) and base.keys() == found.keys(),
        reason=reason,
    )
    if reason:
        return comparison
    before, after = [base[name] for name in common], [found[name] for name in common]
    scores = replace(
        paired_bootstrap(before, after), detectable=detectable(len(common), *spread_of(before, after))
    )
    return replace(comparison, scores=scores, verdict=verdict_of(scores))


def _why_not(first: Job, job: Job, same_dataset: bool, pairs: int) -> str:
    if not same_dataset:
        return "Other data, so there is nothing to pair."
    untested = [each.job_id for each in (first, job) if each.test_scores is None]
    if untested:
        return f"No winner has been tested yet: {', '.join(untested)}."
    if sorted(first.config.scorers) != sorted(job.config.scorers):
        return "They were scored by other scorers, so their scores mean something else."
    if pairs < FEWEST_PAIRS:
        return f"They have {pairs} test examples in common; fewer than {FEWEST_PAIRS} show mostly luck."
    return ""


def _digest_of(job: Job) -> str | None:
    dataset = job.inputs.dataset if job.inputs else None
    return dataset.digest if dataset else None

"""A candidate is registered by hand against what its job was given, whatever has become of that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from burnish.api.testing import fake_services
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.job import JobConfig, JobStatus, OptimizerType
from burnish.domain.records import CandidateRecord, Report


async def test_the_source_is_the_version_that_the_job_was_given(tmp_path: Path) -> None:
    async with fake_services(tmp_path) as services:
        tracker, store = services.tracker, services.store
        first = tracker.prompt(services.source())
        tracker.aliases[first.name, "prod"] = 1
        config = JobConfig(
            source_prompt_uris=(f"prompts:/{first.name}@prod",),
            dataset_id=services.dataset(),
            scorers=("exact_match",),
            optimizer_type=OptimizerType.JOINT_SEARCH,
        )
        job, _ = await services.jobs.submit("0", config)
        text = "What others came to write, too: {{review}}"
        moved = tracker.ensure_prompt(replace(first, template=text, uri=None))
        tracker.aliases[first.name, "prod"] = 2

        candidate = Candidate({first.name: text})
        record = CandidateRecord(candidate=candidate, number=1, status=CandidateStatus.REJECTED)
        await store.take(job.job_id, "worker-1")
        await store.report(job.job_id, 1, Report(candidates=[record]))
        await store.update(job.job_id, 1, {"status": JobStatus.COMPLETED})

        [uri] = await services.prompts.register(job.job_id, candidate.candidate_id)
        assert uri not in (moved.uri, first.uri)
        assert tracker.prompt(uri).template == text
        assert tracker.prompt(uri).model_config == first.model_config
        assert (await store.get(job.job_id)).optimized_prompt_uri is None  # it was not the best

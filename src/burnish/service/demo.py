"""The demo job on a server: the shipped samples and the model in this process, for who has nothing yet."""

from __future__ import annotations

import asyncio

from burnish.domain.budget import Budget
from burnish.domain.job import Job, JobConfig
from burnish.domain.prompt import Prompt
from burnish.files import read_records
from burnish.samples import (
    DEMO_EXPERIMENT,
    DEMO_MAX_CALLS,
    DEMO_MAX_OUTPUT_TOKENS,
    DEMO_MODEL,
    DEMO_PROMPT_NAME,
    SAMPLE_PROMPT,
    sample_reviews_path,
)
from burnish.service.jobs import Jobs
from burnish.tracking.protocol import Tracker

TAGS = {"demo": "true"}


class Demo:
    """Start it."""

    def __init__(self, jobs: Jobs, tracker: Tracker) -> None:
        self._jobs = jobs
        self._tracker = tracker

    async def start(self) -> Job:
        """Put prompt and reviews into MLflow, where they are not there yet, and make the job of
        ``burnish demo``.

        Raises:
            InvalidInput: the local model is not installed; says how to.
            TrackingUnavailable
        """
        experiment_id, config = await asyncio.to_thread(self._prepare)
        job, _ = await self._jobs.submit(experiment_id, config, TAGS)
        return job

    def _prepare(self) -> tuple[str, JobConfig]:
        prompt = Prompt(name=DEMO_PROMPT_NAME, template=SAMPLE_PROMPT)
        records = read_records(sample_reviews_path(), prompt.variables)
        experiment_id = self._tracker.ensure_experiment(DEMO_EXPERIMENT)
        known = self._tracker.ensure_prompt(prompt)
        dataset = self._tracker.ensure_dataset(records, experiment_id)
        config = JobConfig(
            source_prompt_uris=(str(known.uri),),
            dataset_id=dataset.dataset_id,
            scorers=("exact_match",),
            model=DEMO_MODEL,
            budget=Budget(max_calls=DEMO_MAX_CALLS),
            max_output_tokens=DEMO_MAX_OUTPUT_TOKENS,
        )
        return experiment_id, config

"""``kill -9`` at every step of a submission, and at each of the first steps of a job's first attempt.

After the kill everything that the job names is changed or deleted; then what was killed is begun again. The
job must end as if nothing had happened.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp

from burnish.domain.dataset import Dataset
from burnish.domain.job import Job, JobStatus
from burnish.domain.prompt import Prompt
from burnish.domain.records import JobQuery
from burnish.errors import TrackingUnavailable
from tests.chaos.deployment import PROMPT, WORDS, Batch, Deployment
from tests.chaos.invariants import Findings, check_invariants
from tests.chaos.model import JUDGE, OTHER_JUDGE

ATTEMPT_STEPS = 45
"""They reach into the search."""
JUDGE_NAME = "courteous"
_MAX_CALLS = 150
_DEATH_SECONDS = 30.0
_DELETE_TRIES = 20


class Named:
    """What one job names in MLflow, for itself alone."""

    def __init__(self, deployment: Deployment, number: int) -> None:
        self.tracker, self.number = deployment.tracker, number
        self.prompt, self.model, self.judge_model = f"steps-{number}", f"step-{number}", f"judge-{number}"
        self.experiment_id = self.tracker.ensure_experiment(f"steps-{number}")
        self.tracker.ensure_prompt(Prompt(name=self.prompt, template=PROMPT))
        self.tracker.set_alias(self.prompt, "prod", 1)
        self.dataset_id = str(self._dataset(12).dataset_id)
        self._register(JUDGE)

    def spoil(self) -> None:
        """Change all of it, or delete all of it."""
        if self.number % 2:
            self.tracker.ensure_prompt(Prompt(name=self.prompt, template="Newer: {{review}}"))
            self.tracker.set_alias(self.prompt, "prod", 2)
            self._dataset(40)
            self._register(OTHER_JUDGE)
            return
        self._delete_prompt()
        with self.tracker._connection.tracking() as store:
            store.delete_dataset(self.dataset_id)
            store.delete_scorer(self.experiment_id, JUDGE_NAME)

    def _delete_prompt(self) -> None:
        """Once more where the job, which may go on already, registers a version in the same moment."""
        for tries_left in range(_DELETE_TRIES - 1, -1, -1):
            try:
                with self.tracker._connection.registry() as store:
                    store.delete_registered_model(self.prompt)
                break
            except TrackingUnavailable as error:
                if "FOREIGN KEY" not in str(error).upper() or not tries_left:
                    raise
            time.sleep(0.2)

    def _dataset(self, records: int) -> Dataset:
        pairs = [
            ({"review": f"Film {number}: {words}."}, {"expected_response": label})
            for number in range(records // 2)
            for label, words in WORDS.items()
        ]
        dataset = Dataset.of(pairs, f"steps-{self.number}")
        made: Dataset = self.tracker.ensure_dataset(dataset, self.experiment_id)
        return made

    def _register(self, instructions: str) -> None:
        from mlflow.genai.judges import make_judge

        judge = make_judge(
            name=JUDGE_NAME,
            instructions=instructions,
            model=f"openai:/{self.judge_model}",
            feedback_value_type=bool,
        )
        with self.tracker._connection.tracking() as store:
            store.register_scorer(self.experiment_id, JUDGE_NAME, json.dumps(judge.model_dump()))

    def request(self) -> dict[str, Any]:
        """The body of its create."""
        return {
            "experiment_id": self.experiment_id,
            "source_prompt_uri": f"prompts:/{self.prompt}@prod",
            "tags": [{"key": "step", "value": str(self.number)}],
            "config": {
                "dataset_id": self.dataset_id,
                "scorers": ["exact_match", JUDGE_NAME],
                "optimizer_type": "OPTIMIZER_TYPE_JOINT_SEARCH",
                "model": f"openai:/{self.model}",
                "budget": {"max_calls": _MAX_CALLS},
                "concurrency": 1,  # so that one call at most is in flight at the kill
                "max_output_tokens": 16,
                "register": "always",
            },
        }


class KillSteps:
    """Kills one process after another of a deployment that was made ``dying``.

    Attributes:
        batch: the jobs so far.
        outcomes: of those that have ended, in a form that can be compared.
        answers: how many the model and the judge gave to each of them.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.batch = Batch()
        self.outcomes: dict[str, Any] = {}
        self.answers: dict[str, int] = {}
        self._numbers = itertools.count(1)

    async def undisturbed(self) -> None:
        """A job for comparison."""
        await self._run_to_its_end(await self._name(), "undisturbed")

    async def submission(self, step: int) -> bool:
        """Kill whoever takes a job in at this step. Returns whether it came to that."""
        named = await self._name()
        self._wish("submission", step)
        answered = await self._create(named)
        died = await self._is_dead(self.deployment.server) if answered is None else False
        self._wish()
        if died:
            await self.deployment.server.start()
            await self.deployment.until_healthy()
        if await self._find(named) is None:  # nothing is to be seen of it: who asked asks again
            answered = await self._create(named)
        await asyncio.to_thread(named.spoil)
        await self._run_to_its_end(named, f"submission, step {step}")
        return died

    async def attempt(self, step: int) -> bool:
        """Kill whoever works on a job at this step of its first attempt."""
        victim = self.deployment.workers[0] if self.deployment.workers else self.deployment.server
        named = await self._name()
        self._wish("attempt", step)
        await self._create(named)
        died = await self._is_dead(victim)
        self._wish()
        await asyncio.to_thread(named.spoil)
        if died:
            await victim.start()
            await self.deployment.until_healthy()
        await self._run_to_its_end(named, f"attempt, step {step}")
        return died

    async def findings(self) -> Findings:
        """What is not as it must be."""
        waiting = [job for job in await self.deployment.jobs(self.batch) if not job.status.terminal]
        found = await check_invariants(self.deployment, self.batch, waiting, None)
        expected = self.outcomes.get("undisturbed")
        for what, outcome in self.outcomes.items():
            if outcome != expected:
                found.problems.append(f"{what}: came out otherwise: {outcome} instead of {expected}")
            found.repeated += max(0, self.answers[what] - self.answers["undisturbed"] - 1)
        return found

    def _wish(self, during: str = "", step: int = 0) -> None:
        file = self.deployment.step_file
        if during:
            (new := file.with_suffix(".new")).write_text(json.dumps({"during": during, "step": step}))
            new.replace(file)
        else:
            file.unlink()

    async def _name(self) -> Named:
        return await asyncio.to_thread(Named, self.deployment, next(self._numbers))

    async def _create(self, named: Named) -> str | None:
        """The job's id; ``None`` where the server died before it answered."""
        url = f"{self.deployment.url}/api/3.0/mlflow/prompt-optimization/jobs"
        headers = {"Idempotency-Key": f"step-{named.number}"}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(url, json=named.request(), headers=headers) as answer,
            ):
                body = await answer.json()
                if answer.status != 200:
                    self.batch.problems.append(f"create {named.number} answered {answer.status}: {body}")
                    return None
                return str(body["job"]["job_id"])
        except aiohttp.ClientError:
            return None

    async def _is_dead(self, child: Any) -> bool:
        deadline = time.monotonic() + _DEATH_SECONDS
        while child.alive and time.monotonic() < deadline:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
        return not child.alive

    async def _find(self, named: Named) -> Job | None:
        page = await self.deployment.store.search(JobQuery(filter=f"tags.step = '{named.number}'"))
        if len(page.jobs) > 1:
            self.batch.problems.append(f"one request made {len(page.jobs)} jobs")
        return page.jobs[0] if page.jobs else None

    async def _run_to_its_end(self, named: Named, what: str) -> None:
        """Ask once more with the same key: it is the same job. Then wait for it."""
        job_id = await self._create(named)
        job = await self._find(named)
        if job is None or job.job_id != job_id:
            self.batch.problems.append(f"{what}: asked again, the answer was job {job_id}, found is {job}")
            return
        self.batch.job_ids.append(job.job_id)
        self.batch.models[job.job_id] = named.model
        alone = Batch(job_ids=[job.job_id])
        await self.deployment.until_over(alone, 60.0)
        self.batch.ended_at |= alone.ended_at
        job = await self.deployment.store.get(job.job_id)
        if job.status is JobStatus.COMPLETED:
            self.outcomes[what] = [
                (record.number, record.status, dict(record.scores), list(record.candidate.texts.values()))
                for record in await self.deployment.store.candidates(job.job_id)
            ] + [job.verdict, job.stop_reason, job.test_scores]
            mine = (named.model, named.judge_model)
            self.answers[what] = sum(
                request["model"] in mine and request["end"] == "answered"
                for request in self.deployment.model.requests()
            )


async def kill_at_steps(
    folder: Path,
    *,
    postgres: bool,
    submission: Iterable[int] | None = None,
    attempt: Iterable[int] = range(1, ATTEMPT_STEPS + 1),
    latency_ms: float = 5.0,
) -> Findings:
    """Kill at these steps.

    Args:
        submission: ``None``: at every one, until a submission outlives its step.
    """
    deployment = Deployment(folder, postgres=postgres, latency_ms=latency_ms, dying=True)
    async with deployment:
        kills = KillSteps(deployment)
        await kills.undisturbed()
        for step in submission if submission is not None else itertools.count(1):
            if not await kills.submission(step):
                if submission is not None:
                    kills.batch.problems.append(f"submission has no step {step}")
                break
        for step in attempt:
            if not await kills.attempt(step):
                kills.batch.problems.append(f"the attempt has no step {step}")
        return await kills.findings()

"""Real jobs on a model made of chance: how often is a version registered that is not better?

    python -m bench.null_jobs                    100 jobs for each optimizer where no prompt is better,
                                                 and 100 where every new prompt gains 0.2
    python -m bench.null_jobs --jobs 20 --only gain

Each job goes the whole way (resolver, store, worker, gateway, sealed test, registration) on the scripted
model; MLflow is the fake. A fixed seed gives the same figures each time. Exits with 1 where a limit is
broken: in 100 null jobs at most 5 IMPROVED and 5 registered, in 100 jobs with the gain at least 80 IMPROVED.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.job import Job, JobStatus, OptimizerType, RegisterPolicy, SplitFractions, Verdict
from burnish.domain.prompt import Prompt
from burnish.llm.protocol import Request, Response
from burnish.llm.testing.hidden_rules import SOURCE, HiddenRules
from burnish.llm.testing.scripted import response_to
from tests.worker.harness import EXPERIMENT, WorkerHarness, WorkerProcess

MOST_IMPROVED, MOST_REGISTERED, LEAST_DETECTED = 0.05, 0.05, 0.80  # shares of the jobs
CHANCE = 0.5  # of a right answer to the source prompt
MODEL = "scripted:/chance"
_SOURCE_PROMPT = re.compile(re.escape(SOURCE.partition("{{")[0]) + r"Case \d+ of kind \w+: which code\?")
"""The source prompt as the model sees it, for any record."""

REFLECTION = "scripted:/chance-reflect"
TEACHER = "scripted:/chance-teacher"

SETTINGS: dict[OptimizerType, dict[str, Any]] = {
    OptimizerType.FEW_SHOT: {"reflection_model": TEACHER},
    OptimizerType.GEPA: {"optimizer_config": {"max_metric_calls": 200}},
    OptimizerType.DISTILLATION: {
        "optimizer_config": {
            "teacher_prompt_uri": "prompts:/teacher/1",
            "teacher_model": TEACHER,
            "student": "joint-search",
        },
    },
}


@dataclass(frozen=True)
class Chance:
    """A model that is right by chance: with the source prompt at :data:`CHANCE`, with any other prompt
    ``gain`` more often, each answer independent of every other. The reflection model writes a rule or two."""

    seed: int
    gain: float
    rules: HiddenRules = field(init=False)

    def __post_init__(self) -> None:
        chance = CHANCE + self.gain
        object.__setattr__(self, "rules", HiddenRules(seed=self.seed, known=chance, guessed=chance))

    async def __call__(self, request: Request) -> Response:
        return response_to(request, self._script_for(request)(request))

    def _script_for(self, request: Request) -> HiddenRules:
        text = "\n\n".join(message.content for message in request.messages)
        if "reflect" in request.model:
            return self.rules
        if "teacher" in request.model:
            return HiddenRules(seed=self.seed, known=1.0, guessed=1.0)
        is_source = bool(_SOURCE_PROMPT.fullmatch(text))
        return HiddenRules(seed=self.seed, known=CHANCE, guessed=CHANCE) if is_source else self.rules


@dataclass
class Tally:
    """What came of the jobs of one row."""

    name: str
    verdicts: Counter[str] = field(default_factory=Counter)
    registered: int = 0
    unfinished: list[str] = field(default_factory=list)
    calls: int = 0

    def add(self, job: Job) -> None:
        if job.status is not JobStatus.COMPLETED:
            self.unfinished.append(f"{job.status}: {job.error_message}")
        self.verdicts[job.verdict.value if job.verdict else "none"] += 1
        self.registered += job.optimized_prompt_uri is not None
        self.calls += job.usage.total.calls

    @property
    def jobs(self) -> int:
        return sum(self.verdicts.values())

    @property
    def improved(self) -> int:
        return self.verdicts[Verdict.IMPROVED.value]

    def __str__(self) -> str:
        return (
            f"{self.name:24} {self.jobs:5} {self.improved:9} {self.registered:11} "
            f"{self.verdicts[Verdict.WORSE.value]:6} {self.calls / max(1, self.jobs):8.0f}"
        )


async def run_job(seed: int, optimizer: OptimizerType, gain: float, records: int, **changes: Any) -> Job:
    """One job in a world of its own.

    Args:
        gain: by which every other prompt is better than the source.
        changes: of the job's configuration.
    """
    with tempfile.TemporaryDirectory(prefix="burnish-null-") as folder:
        harness = WorkerHarness(Path(folder))
        tracker = harness.tracker
        harness.prompt = tracker.ensure_prompt(Prompt(name="p", template=SOURCE))
        tracker.versions["teacher"].clear()
        tracker.ensure_prompt(Prompt(name="teacher", template=f"Think first. {SOURCE}"))
        pairs = [
            (record["inputs"], record["expectations"]) for record in HiddenRules(seed=seed).records(records)
        ]
        harness.dataset = tracker.ensure_dataset(Dataset.of(pairs, "cases"), EXPERIMENT)
        fields = {"model": MODEL, "reflection_model": REFLECTION, "register": RegisterPolicy.IMPROVED}
        fields |= {"seed": seed, "optimizer_type": optimizer, "concurrency": 16}
        await harness.submit(**{**fields, **SETTINGS.get(optimizer, {}), **changes})
        await WorkerProcess(harness, answer=Chance(seed, gain)).run()
        job = await harness.store.get("job")
        await harness.close()
        return job


async def run_jobs(name: str, jobs: int, optimizer: OptimizerType, gain: float, **changes: Any) -> Tally:
    """``jobs`` of them, one after the other, with seeds from 0."""
    tally = Tally(name)
    for seed in range(jobs):
        tally.add(await run_job(seed, optimizer, gain, **changes))
    return tally


async def null_jobs(optimizer: OptimizerType, jobs: int) -> Tally:
    """No prompt is better than another; 24 pairs in the sealed test."""
    return await run_jobs(
        f"null, {optimizer.cli_name}",
        jobs,
        optimizer,
        0.0,
        records=96,
        split=SplitFractions(0.5, 0.25, 0.25),
        budget=Budget(max_calls=400),
    )


async def gaining_jobs(jobs: int) -> Tally:
    """Every new prompt gains 0.2; 100 pairs in the sealed test."""
    return await run_jobs(
        "gain of 0.2, joint-search",
        jobs,
        OptimizerType.JOINT_SEARCH,
        0.2,
        records=250,
        split=SplitFractions(0.3, 0.3, 0.4),
        budget=Budget(max_calls=600),
    )


def broken_limits(tally: Tally) -> list[str]:
    """What a row breaks, in words."""
    found = [f"{tally.name}: {text}" for text in tally.unfinished]
    if tally.name.startswith("null"):
        if tally.improved > MOST_IMPROVED * tally.jobs:
            found.append(f"{tally.name}: {tally.improved} of {tally.jobs} say IMPROVED")
        if tally.registered > MOST_REGISTERED * tally.jobs:
            found.append(f"{tally.name}: {tally.registered} of {tally.jobs} registered a version")
    elif tally.improved < LEAST_DETECTED * tally.jobs:
        found.append(f"{tally.name}: only {tally.improved} of {tally.jobs} say IMPROVED")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.null_jobs", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100, help="for each row")
    parser.add_argument("--only", choices=["null", "gain"])
    parser.add_argument("--optimizer", action="append", choices=[kind.cli_name for kind in OptimizerType])
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"{'':24} {'jobs':>5} {'IMPROVED':>9} {'registered':>11} {'WORSE':>6} {'calls':>8}")
    broken: list[str] = []
    rows = [
        null_jobs(kind, chosen.jobs)
        for kind in OptimizerType
        if chosen.only != "gain" and (not chosen.optimizer or kind.cli_name in chosen.optimizer)
    ]
    if chosen.only != "null":
        rows.append(gaining_jobs(chosen.jobs))
    for row in rows:
        began = time.monotonic()
        tally = asyncio.run(row)
        print(tally, f"  {time.monotonic() - began:.0f} s", flush=True)
        broken += broken_limits(tally)
    print("\n".join(broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

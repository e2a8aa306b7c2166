"""Real jobs on a model made of chance: how often is a version registered that is not better?

    python -m bench.null_jobs                    100 jobs for each optimizer where no prompt is better,
                                                 and 100 where every new prompt gains 0.2
    python -m bench.null_jobs --jobs 20 --only gain

The gain is measured twice: where half of the examples are as easy or as hard with every prompt (35 of 100
pairs differ), and, without a limit, where every answer is luck of its own: there 50 of 100 pairs differ,
and a test of 100 detects 0.194 four times of five, so that 0.2 is at the edge of what it can show.

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
from burnish.domain.hashing import uniform_draw
from burnish.domain.job import Job, JobStatus, OptimizerType, RegisterPolicy, SplitFractions, Verdict
from burnish.domain.prompt import Prompt
from burnish.llm.protocol import Request, Response
from burnish.llm.testing.hidden_rules import SOURCE, HiddenRules
from burnish.llm.testing.scripted import response_to
from tests.worker.harness import EXPERIMENT, WorkerHarness, WorkerProcess

MOST_IMPROVED, MOST_REGISTERED, LEAST_DETECTED = 0.05, 0.05, 0.80  # shares of the jobs
CHANCE = 0.5  # of a right answer to the source prompt
MODEL = "scripted:/chance"
_CASE = re.compile(r"Case \d+ of kind \w+: which code\?")
_SOURCE_PROMPT = re.compile(re.escape(SOURCE.partition("{{")[0]) + _CASE.pattern)
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
    ``gain`` more often. The reflection model writes a rule or two, the teacher is always right.

    Attributes:
        own: share of the examples that are as easy or as hard with every prompt, as with real models; on
            the others each prompt has luck of its own.
    """

    seed: int
    gain: float
    own: float = 0.0

    async def __call__(self, request: Request) -> Response:
        text = "\n\n".join(message.content for message in request.messages)
        is_right = "teacher" in request.model or self._luck(text) < self._chance_of(text)
        rules = HiddenRules(seed=self.seed, known=float(is_right), guessed=float(is_right))
        return response_to(request, rules(request))

    def _chance_of(self, text: str) -> float:
        return CHANCE if _SOURCE_PROMPT.fullmatch(text) else CHANCE + self.gain

    def _luck(self, text: str) -> float:
        example = _CASE.findall(text)[-1:]  # demonstrations come before
        is_own = uniform_draw(self.seed, "own", *example) < self.own
        return uniform_draw(self.seed, "luck", *(example if is_own else [text]))


@dataclass
class Tally:
    """What came of the jobs of one row.

    Attributes:
        least_improved, most_improved, most_registered: limits, as shares of the jobs.
    """

    name: str
    least_improved: float = 0.0
    most_improved: float = 1.0
    most_registered: float = 1.0
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


async def run_job(model: Chance, optimizer: OptimizerType, records: int, **changes: Any) -> Job:
    """One job in a world of its own, which is that of its model.

    Args:
        changes: of the job's configuration.
    """
    with tempfile.TemporaryDirectory(prefix="burnish-null-") as folder:
        harness = WorkerHarness(Path(folder))
        tracker = harness.tracker
        harness.prompt = tracker.ensure_prompt(Prompt(name="p", template=SOURCE))
        tracker.versions["teacher"].clear()
        tracker.ensure_prompt(Prompt(name="teacher", template=f"Think first. {SOURCE}"))
        pairs = [
            (record["inputs"], record["expectations"])
            for record in HiddenRules(seed=model.seed).records(records)
        ]
        harness.dataset = tracker.ensure_dataset(Dataset.of(pairs, "cases"), EXPERIMENT)
        fields: dict[str, Any] = {
            "model": MODEL,
            "reflection_model": REFLECTION,
            "register": RegisterPolicy.IMPROVED,
            "seed": model.seed,
            "optimizer_type": optimizer,
            "concurrency": 16,
        }
        await harness.submit(**{**fields, **SETTINGS.get(optimizer, {}), **changes})
        await WorkerProcess(harness, answer=model).run()
        job = await harness.store.get("job")
        await harness.close()
        return job


async def null_jobs(optimizer: OptimizerType, jobs: int) -> Tally:
    """No prompt is better than another; 24 pairs in the sealed test."""
    tally = Tally(f"null, {optimizer.cli_name}", most_improved=MOST_IMPROVED, most_registered=MOST_REGISTERED)
    for seed in range(jobs):
        shares, budget = SplitFractions(0.5, 0.25, 0.25), Budget(max_calls=400)
        tally.add(await run_job(Chance(seed, 0.0), optimizer, 96, split=shares, budget=budget))
    return tally


async def gaining_jobs(jobs: int, own: float = 0.5) -> Tally:
    """Every new prompt gains 0.2; 100 pairs in the sealed test."""
    tally = Tally(f"gain of 0.2, {own:.0%} own", least_improved=LEAST_DETECTED if own else 0.0)
    for seed in range(jobs):
        shares, budget = SplitFractions(0.3, 0.3, 0.4), Budget(max_calls=600)
        job = await run_job(
            Chance(seed, 0.2, own), OptimizerType.JOINT_SEARCH, 250, split=shares, budget=budget
        )
        tally.add(job)
    return tally


def broken_limits(tally: Tally) -> list[str]:
    """What a row breaks, in words."""
    found = [f"{tally.name}: {text}" for text in tally.unfinished]
    if not tally.least_improved * tally.jobs <= tally.improved <= tally.most_improved * tally.jobs:
        found.append(f"{tally.name}: {tally.improved} of {tally.jobs} say IMPROVED")
    if tally.registered > tally.most_registered * tally.jobs:
        found.append(f"{tally.name}: {tally.registered} of {tally.jobs} registered a version")
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
        rows += [gaining_jobs(chosen.jobs), gaining_jobs(chosen.jobs, own=0.0)]
    for row in rows:
        began = time.monotonic()
        tally = asyncio.run(row)
        print(tally, f"  {time.monotonic() - began:.0f} s", flush=True)
        broken += broken_limits(tally)
    print("\n".join(broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

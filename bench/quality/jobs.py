"""The planted task as real jobs, through the whole stack, on a scripted model.

    python -m bench.quality.jobs [--seeds 3]

Each job goes the whole way (resolver, store, worker, gateway, journal, sealed test); MLflow is the fake.
FACTORIAL has 400 and 1,000 calls, GEPA 1,000; a second FACTORIAL job of each seed is killed in the middle and
resumed, and must end as the first did without asking again what had been answered.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.planted_insight import TEST, TRAIN, VALIDATION, Planted
from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset, Example
from burnish.domain.job import Job, JobStatus, OptimizerType, SplitFractions
from burnish.domain.prompt import Prompt
from burnish.llm.protocol import Request, Response
from burnish.llm.testing.scripted import response_to
from tests.worker.harness import EXPERIMENT, WorkerHarness, WorkerProcess

from .planted import PlantedTask
from .world import SOURCE

SEALED = 60
KILLED_AT = 200
JOBS = ((OptimizerType.FACTORIAL, 400), (OptimizerType.FACTORIAL, 1000), (OptimizerType.GEPA, 1000))
LOST_CALLS = 32
"""Room for those in flight when a worker dies: they are paid for and asked again."""
_NAME = re.compile(r"(?:train|validation|sealed) \d+$")


class PlantedModel:
    """Answers as the planted task has it; a wrong answer says what was missing: reflection sees it."""

    def __init__(self, seed: int) -> None:
        self._planted, self._task = Planted(seed=seed), PlantedTask(seed)
        parts = {"train": TRAIN, "validation": VALIDATION, "sealed": SEALED}
        self.examples = [e for part, count in parts.items() for e in self._planted.examples(count, part)]
        self._by_name = {str(example.inputs["question"]): example for example in self.examples}

    async def __call__(self, request: Request) -> Response:
        text = "\n\n".join(message.content for message in request.messages)
        if request.model.endswith("reflect"):
            return response_to(request, self._task.answer_to(text, 0))
        return response_to(request, self._answer(text))

    def truth(self, text: str) -> float:
        return self._planted.true_score(text, self._planted.examples(TEST, "test"))

    def _answer(self, text: str) -> str:
        name = _NAME.search(text)
        example = self._by_name[name[0]] if name else self.examples[0]
        right = self._planted.is_right(text, example)
        return "right" if right else self._planted.feedback(example, right)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a job ended.

    Attributes:
        asked_again: requests of a resumed job that had been answered before.
    """

    job: Job
    text: str
    truth: float
    asked_again: int = 0


async def run_job(seed: int, optimizer: OptimizerType, calls: int, killed_at: int | None = None) -> Finished:
    """One job in a world of its own.

    Args:
        killed_at: the request at which its first worker dies; another goes on.
    """
    model = PlantedModel(seed)
    by_itself = optimizer is OptimizerType.FACTORIAL  # ends by its own limit, not by the job's
    with tempfile.TemporaryDirectory(prefix="burnish-planted-") as folder:
        harness = WorkerHarness(Path(folder))
        harness.prompt = harness.tracker.ensure_prompt(Prompt(name="p", template=SOURCE))
        harness.dataset = harness.tracker.ensure_dataset(
            Dataset.of(_records(model.examples), "p"), EXPERIMENT
        )
        await harness.submit(
            model="scripted:/planted",
            reflection_model="scripted:/planted-reflect",
            optimizer_type=optimizer,
            optimizer_config=_settings(optimizer, calls),
            seed=seed,
            concurrency=16,
            split=SplitFractions(0.4, 0.2, 0.4),
            budget=Budget(max_calls=calls + 2 * SEALED + (LOST_CALLS if by_itself else 0)),
        )
        if killed_at is not None:
            await WorkerProcess(harness, answer=model, dies_at_call=killed_at).run()
        journal = set((await harness.result()).journal)
        process = WorkerProcess(harness, answer=model)
        await process.run(reason="recovered at start" if killed_at else "")
        again = sum(key in journal for key in process.asked)
        job = await harness.store.get("job")
        assert job.status is JobStatus.COMPLETED, job.error_message
        records = await harness.store.candidates("job")
        await harness.close()
    [text] = [
        str(r.candidate.texts["p"]) for r in records if r.candidate.candidate_id == job.best_candidate_id
    ]
    return Finished(job, text, model.truth(text), again)


def _settings(optimizer: OptimizerType, calls: int) -> dict[str, int | float]:
    """FACTORIAL counts its calls itself: three passes over validation, and one question, are beside them."""
    if optimizer is OptimizerType.FACTORIAL:
        return {"search_calls": calls - 3 * VALIDATION - 1, "minimum_gain": 0.0}
    return {}


def _records(examples: Sequence[Example]) -> list[tuple[dict[str, str], dict[str, str]]]:
    return [({"question": str(e.inputs["question"])}, {"expected_response": "right"}) for e in examples]


async def compare(seeds: int) -> None:
    found: dict[tuple[OptimizerType, int], list[float]] = {job: [] for job in JOBS}
    for seed in range(seeds):
        for optimizer, calls in JOBS:
            finished = await run_job(seed, optimizer, calls)
            found[optimizer, calls].append(finished.truth)
            if optimizer is OptimizerType.FACTORIAL:
                resumed = await run_job(seed, optimizer, calls, KILLED_AT)
                same = "the same winner" if resumed.text == finished.text else "ANOTHER WINNER"
                print(f"seed {seed}, killed at call {KILLED_AT}: {same}, {resumed.asked_again} asked again")
    for (optimizer, calls), scores in found.items():
        print(f"{optimizer.cli_name}, {calls} calls: true score {statistics.fmean(scores):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    asyncio.run(compare(parser.parse_args().seeds))

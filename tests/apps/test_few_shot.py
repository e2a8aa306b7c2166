"""``few-shot`` on an app whose one prompt is given a record's inputs: killed half way, it goes on unpaid."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import mlflow
import pytest
from mlflow.entities.model_registry import PromptVersion

from burnish.api.testing import serving
from burnish.apps.function_app import FunctionApp
from burnish.apps.server import create_app
from burnish.domain.app import App
from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.hashing import uniform_draw
from burnish.domain.job import Job, JobStatus, OptimizerType, Verdict
from burnish.domain.prompt import Prompt, text_of
from burnish.domain.usage import Role
from burnish.llm.apps.addresses import AllowedApps
from burnish.llm.apps.http import HttpApps
from tests.worker.harness import EXPERIMENT, WorkerHarness, WorkerProcess

pytestmark = pytest.mark.usefixtures("mlflow", "traced")

TEMPLATE = "Which team takes this note?\n\n{{note}}"
TEAMS = {"parcel": "DELIVERY", "invoice": "BILLING", "password": "ACCOUNT", "screen": "REPAIR"}
NOTES = [(f"Note {number}: my {subject}", TEAMS[subject]) for number in range(30) for subject in TEAMS]
CONCURRENCY = 4


class Triage:
    """An app of one prompt, on a model that knows a team's name where the prompt shows it, or by chance.

    Attributes:
        runs: how often each note was answered under each text of the prompt.
        kill: the run, from 1, in which something is killed, and how.
    """

    def __init__(self) -> None:
        self._prompt = PromptVersion("triage", 1, TEMPLATE)
        self._lock = threading.Lock()
        self.runs: Counter[tuple[str, str]] = Counter()
        self.kill: tuple[int, Callable[..., None]] | None = None

    def answer(self, note: str) -> str:
        """What MLflow calls ``predict_fn``."""
        with self._lock:
            self.runs[self._prompt.template, note] += 1
            if self.kill and self.runs.total() == self.kill[0]:
                self.kill[1]()
        text = self._prompt.format(note=note)
        team = TEAMS[note.rpartition(" ")[2]]
        knows = team in text or uniform_draw("triage", note) < 0.3
        with mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
            span.set_inputs({"messages": [{"role": "user", "content": text}]})
            reply = team if knows else "Somebody will."
            span.set_outputs({"choices": [{"message": {"role": "assistant", "content": reply}}]})
            span.set_attribute(
                "mlflow.chat.tokenUsage", {"input_tokens": 20, "output_tokens": 2, "total_tokens": 22}
            )
        return reply


async def attempt(harness: WorkerHarness, app: App, triage: Triage, kill_at: int | None = None) -> Job:
    """One worker process on the job, killed in that run of the app."""
    apps = HttpApps(AllowedApps((app.url,) if app.url else ()), {})
    found = apps.find(app) if app.url else FunctionApp(triage.answer)
    process = WorkerProcess(harness, app=found)
    triage.kill = (kill_at, process.die) if kill_at else None
    await process.run(reason="submitted" if kill_at else "the worker died")
    await apps.close()
    return await harness.store.get("job")


async def submit(harness: WorkerHarness, app: App) -> None:
    prompt = harness.tracker.ensure_prompt(Prompt(name="triage", template=TEMPLATE))
    records = [({"note": note}, {"expected_response": team}) for note, team in NOTES]
    dataset = harness.tracker.ensure_dataset(Dataset.of(records, "notes"), EXPERIMENT)
    await harness.submit(
        source_prompt_uris=(str(prompt.uri),),
        dataset_id=dataset.dataset_id,
        app=app,
        model=None,
        max_output_tokens=None,
        optimizer_type=OptimizerType.FEW_SHOT,
        budget=Budget(max_calls=500),
        concurrency=CONCURRENCY,
        seed=1,
    )


@pytest.mark.parametrize("where", ["function", "http"])
async def test_a_killed_job_goes_on_and_no_evaluation_is_paid_twice(
    where: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with AsyncExitStack() as exits:

        async def app_of(triage: Triage) -> App:
            if where == "function":
                return App(function="triage.answer")
            served = create_app(FunctionApp(triage.answer), traced=False)
            return App(url=await exits.enter_async_context(serving(served)))

        undisturbed, killed = Triage(), Triage()
        whole = WorkerHarness(tmp_path_factory.mktemp("whole"))
        exits.push_async_callback(whole.close)
        app = await app_of(undisturbed)
        await submit(whole, app)
        job = await attempt(whole, app, undisturbed)
        expected = (await whole.result()).check()

        assert job.status is JobStatus.COMPLETED, job.error_message
        assert job.verdict is Verdict.IMPROVED
        records = await whole.store.candidates("job")
        (best,) = (r.candidate for r in records if r.candidate.candidate_id == job.best_candidate_id)
        shown = text_of(best.texts["triage"])
        assert TEMPLATE.partition("\n")[0] in shown, "the instruction stays"
        learnt = [(note, team) for note, team in NOTES if note in shown]
        assert len({team for _, team in learnt}) >= 3, shown
        assert all(team in shown for _, team in learnt)
        target: Any = job.usage.roles[Role.TARGET]
        assert target.calls == undisturbed.runs.total()
        assert set(undisturbed.runs.values()) == {1}

        harness = WorkerHarness(tmp_path_factory.mktemp("killed"))
        exits.push_async_callback(harness.close)
        app = await app_of(killed)
        await submit(harness, app)
        left = await attempt(harness, app, killed, kill_at=undisturbed.runs.total() // 2)
        assert left.status is JobStatus.IN_PROGRESS
        kept = len(await harness.store.journal_read("job"))
        in_flight = killed.runs.total() - kept
        assert kept > 50
        assert in_flight <= CONCURRENCY
        resumed = await attempt(harness, app, killed)
        result = (await harness.result()).check()

    assert resumed.attempt == 2
    assert resumed.test_scores == job.test_scores
    assert [row[3] for row in result.candidates] == [row[3] for row in expected.candidates]
    assert result.journal.total() == expected.journal.total()
    again = killed.runs - undisturbed.runs
    assert again.total() == (in_flight if where == "function" else 0), "an app that is served knows its runs"
    assert killed.runs - again == undisturbed.runs

"""Every optimizer on an app of two prompts, as a function and over HTTP: it works, or is refused at once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.entities.model_registry import PromptVersion
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.routing import Route

from burnish.api.testing import serving
from burnish.apps.function_app import FunctionApp
from burnish.apps.server import create_app
from burnish.domain.app import App
from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.hashing import uniform_draw
from burnish.domain.job import Job, JobStatus, OptimizerType, RegisterPolicy, Verdict
from burnish.domain.prompt import Prompt, text_of
from burnish.domain.usage import Role
from burnish.errors import InvalidInput
from burnish.llm.apps.addresses import AllowedApps
from burnish.llm.apps.http import HttpApps
from burnish.llm.protocol import AppProvider, Request, Response
from tests.worker.harness import EXPERIMENT, WorkerHarness, WorkerProcess

pytestmark = pytest.mark.usefixtures("mlflow", "traced")

MAX_CALLS = 500
BESIDE_GEPA = [
    OptimizerType.JOINT_SEARCH,
    OptimizerType.METAPROMPT,
    OptimizerType.FACTORIAL,
    OptimizerType.AUTO,
    OptimizerType.DISTILLATION,
]


class Desk:
    """The help desk of ``examples/app`` on its scripted model, which is asked in this process.

    Attributes:
        requests: to the model.
    """

    def __init__(self, example: Callable[[str], Any]) -> None:
        self._model, self._desk, self._pages = example("model"), example("desk"), example("questions")
        self.records = self._pages.RECORDS
        self.templates: dict[str, str] = self._desk.TEMPLATES
        self._prompts = [PromptVersion(name, 1, text) for name, text in self.templates.items()]
        self._lock = threading.Lock()
        self.requests = 0

    def answer(self, question: str) -> str:
        """What MLflow calls ``predict_fn``."""
        topic, answer = self._prompts
        found = self._ask(topic.format(question=question), self._topic, question)
        pages = self._pages.find_pages(found)
        reply = self._ask(answer.format(question=question, pages=pages), self._answer, question)
        return str(self._desk.parse(reply))

    def _topic(self, text: str, question: str) -> str:
        topic = next(name for name, pages in self._pages.HANDBOOK.items() if question in pages)
        return topic if self._is_clear(self._model.ONE_WORD, text, question) else f"It seems to be {topic}."

    def _answer(self, text: str, question: str) -> str:
        answer = next(pages[question] for pages in self._pages.HANDBOOK.values() if question in pages)
        if f"{question} {answer}." not in text:
            return "The handbook does not say."
        return (
            answer if self._is_clear(self._model.BARE_FACT, text, question) else f"It is {answer}, I think."
        )

    @staticmethod
    def _is_clear(rule: str, text: str, question: str) -> bool:
        """What its prompt says of the form decides, or chance."""
        return rule in text or uniform_draw(rule, question) < 0.4

    def _ask(self, text: str, model: Callable[[str, str], str], question: str) -> str:
        """A model call, with the span that autologging makes."""
        with self._lock:
            self.requests += 1
        with mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
            span.set_inputs({"messages": [{"role": "user", "content": text}]})
            reply = model(text, question)
            span.set_outputs({"choices": [{"message": {"role": "assistant", "content": reply}}]})
            used = {"input_tokens": 100, "output_tokens": 5, "total_tokens": 105}
            span.set_attribute("mlflow.chat.tokenUsage", used)
            span.set_attribute("mlflow.llm.model", "gpt-4o-mini")
            span.set_attribute("mlflow.llm.provider", "openai")
        return reply

    async def write(self, request: Request) -> Response:
        """The reflection model: the remedy for what it sees, in whatever form it is asked for. As a teacher
        it knows the answer."""
        with self._lock:
            self.requests += 1
        text = "\n".join(message.content for message in request.messages)
        return Response(text=self._written(text), prompt_tokens=100, completion_tokens=20)

    def _written(self, text: str) -> str:
        if text.startswith("Teach:"):
            question = text.rpartition("\n")[2]
            return next(
                str(record["expectations"]["expected_response"])
                for record in self.records
                if record["inputs"]["question"] == question
            )
        rules = {"desk_topic": self._model.ONE_WORD, "desk_answer": self._model.BARE_FACT}
        if edit := re.search(r"each as\n<(\S+) kind=", text):
            return "\n".join(
                f'<{edit[1]} kind="rule" prompt="{name}">{rule}</{edit[1]}>' for name, rule in rules.items()
            )
        better = {
            name: old.replace("{{question}}", f"{rules[name]}\n\n{{{{question}}}}")
            for name, old in self.templates.items()
        }
        if instruction := re.search(r"Put each instruction between <(\S+?)> and", text):
            name = "desk_topic" if "The prompt 'desk_topic'" in text else "desk_answer"
            own = "Which topic is this question about: warranty, returns, delivery, repair, rental or hours?"
            own = own if name == "desk_topic" else "Answer the question from the handbook."
            return f"<{instruction[1]}>{own} {rules[name]}</{instruction[1]}>"
        tag = re.search(r'<(\S+) name="desk_topic"', text)
        assert tag, text[:300]
        return "\n".join(f'<{tag[1]} name="{name}">\n{new}\n</{tag[1]}>' for name, new in better.items())


async def submit(harness: WorkerHarness, desk: Desk, app: App, kind: OptimizerType, **changes: Any) -> Job:
    prompts = [harness.tracker.ensure_prompt(Prompt(name=n, template=t)) for n, t in desk.templates.items()]
    teacher = harness.tracker.ensure_prompt(Prompt(name="teacher", template="Teach:\n{{question}}"))
    records = [(record["inputs"], record["expectations"]) for record in desk.records]
    dataset = harness.tracker.ensure_dataset(Dataset.of(records, "questions"), EXPERIMENT)
    distilled = {"teacher_prompt_uri": teacher.uri, "teacher_model": "scripted:/gpt-4o"}
    asked = {
        "source_prompt_uris": tuple(str(prompt.uri) for prompt in prompts),
        "dataset_id": dataset.dataset_id,
        "app": app,
        "model": None,
        "max_output_tokens": None,
        "optimizer_type": kind,
        "optimizer_config": distilled if kind is OptimizerType.DISTILLATION else {},
        "reflection_model": "scripted:/gpt-4o",
        "budget": Budget(max_calls=MAX_CALLS),
        "register": RegisterPolicy.IMPROVED,
        "seed": 1,
    }
    return await harness.submit(**(asked | changes))


async def run(harness: WorkerHarness, desk: Desk, app: AppProvider | None) -> Job:
    await WorkerProcess(harness, app=app, answer=desk.write).run()
    return await harness.store.get("job")


async def check_improved(harness: WorkerHarness, desk: Desk, job: Job) -> None:
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert job.verdict is Verdict.IMPROVED
    records = await harness.store.candidates("job")
    (best,) = (r.candidate for r in records if r.candidate.candidate_id == job.best_candidate_id)
    changed = {name for name, text in best.texts.items() if text_of(text) != desk.templates[name]}
    assert changed == desk.templates.keys()
    assert desk.requests == job.usage.total.calls <= MAX_CALLS
    assert not any("the budget ended" in warning for warning in job.warnings), job.warnings
    used = job.usage.roles[Role.TARGET]
    assert used.calls % 2 == 0, "both model calls of each run are counted"


@pytest.mark.parametrize("kind", BESIDE_GEPA)
async def test_a_function_is_improved_within_the_budget(
    kind: OptimizerType, example: Any, tmp_path: Path
) -> None:
    harness, desk = WorkerHarness(tmp_path), Desk(example)
    app = FunctionApp(desk.answer)
    await submit(harness, desk, app.app, kind)
    job = await run(harness, desk, app)
    await check_improved(harness, desk, job)
    await harness.close()


@pytest.mark.parametrize("kind", BESIDE_GEPA)
async def test_an_app_over_http_is_improved_within_the_budget(
    kind: OptimizerType, example: Any, tmp_path: Path
) -> None:
    harness, desk = WorkerHarness(tmp_path), Desk(example)
    async with serving(create_app(FunctionApp(desk.answer), traced=False)) as url:
        await submit(harness, desk, App(url=url), kind)
        apps = HttpApps(AllowedApps((url,)), {})
        job = await run(harness, desk, apps.find(App(url=url)))
        await apps.close()
    await check_improved(harness, desk, job)
    await harness.close()


@pytest.mark.parametrize("kind", [OptimizerType.FEW_SHOT, OptimizerType.DISTILLATION])
async def test_worked_examples_are_refused_where_no_record_is_one(
    kind: OptimizerType, example: Any, tmp_path: Path
) -> None:
    harness, desk = WorkerHarness(tmp_path), Desk(example)
    student = {"teacher_prompt_uri": "prompts:/teacher/1", "teacher_model": "scripted:/gpt-4o"}
    settings = {**student, "student": "few-shot"} if kind is OptimizerType.DISTILLATION else {}
    with pytest.raises(InvalidInput, match="none is one of what these prompts answer"):
        await submit(harness, desk, App(function="desk"), kind, optimizer_config=settings)
    assert desk.requests == 0
    await harness.close()


async def test_an_app_that_ignores_the_prompts_is_named(example: Any, tmp_path: Path) -> None:
    async def echo(request: HttpRequest) -> JSONResponse:
        return JSONResponse({"output": (await request.json())["inputs"]["question"]})

    harness, desk = WorkerHarness(tmp_path), Desk(example)
    async with serving(Starlette(routes=[Route("/", echo, methods=["POST"])])) as url:
        await submit(harness, desk, App(url=url), OptimizerType.METAPROMPT)
        apps = HttpApps(AllowedApps((url,)), {})
        job = await run(harness, desk, apps.find(App(url=url)))
        await apps.close()
    assert job.verdict is Verdict.NO_DIFFERENCE
    assert any("it seems not to use the prompts that it is sent" in said for said in job.warnings)
    await harness.close()

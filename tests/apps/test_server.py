"""A function behind ``burnish app serve``, and a job that optimizes its prompts over HTTP."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from burnish.api.testing import serving
from burnish.apps.function_app import FunctionApp
from burnish.apps.server import check_exposure, create_app, load_function
from burnish.apps.tracing import tracing
from burnish.domain.app import App
from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.job import JobStatus, OptimizerType, Verdict
from burnish.domain.prompt import Prompt, text_of
from burnish.domain.usage import Role
from burnish.errors import InvalidInput
from burnish.llm.apps.addresses import AllowedApps
from burnish.llm.apps.http import HttpApps
from burnish.llm.protocol import Request, Response
from tests.new_databases import Migrated
from tests.worker.harness import EXPERIMENT, PROMPT, WorkerHarness, WorkerProcess

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def prompt_uri(tmp_path_factory: pytest.TempPathFactory, migrated: Migrated) -> Iterator[str]:
    """A prompt in an MLflow of this module's own, which the functions below load."""
    import mlflow

    folder = tmp_path_factory.mktemp("registry")
    shutil.copyfile(migrated.mlflow, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        mlflow.tracing.reset()
        with tracing(exported=False):
            yield str(mlflow.genai.register_prompt("p", PROMPT).uri)
        mlflow.tracing.reset()


@asynccontextmanager
async def client_of(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client,
    ):
        yield client


async def ask(function: Callable[..., Any], body: Any, **options: Any) -> tuple[int, Any]:
    async with client_of(create_app(FunctionApp(function), **options)) as client:
        answer = await client.post("/any/path", json=body)
        return answer.status_code, answer.json()


def body(text: str = "Say {{review}}", **changes: Any) -> dict[str, Any]:
    return {"inputs": {"review": "fun"}, "prompts": {"p": text}, "evaluation_id": "e1", **changes}


async def test_the_function_sees_the_candidate_s_prompts(prompt_uri: str) -> None:
    import mlflow

    loaded_before = mlflow.genai.load_prompt(prompt_uri)

    def predict(review: str) -> dict[str, Any]:
        now = mlflow.genai.load_prompt(prompt_uri)
        return {"before": loaded_before.format(review=review), "now": now.format(review=review)}

    status, answer = await ask(predict, body())
    assert status == 200
    assert answer["output"] == {"before": "Say fun", "now": "Say fun"}
    assert answer["trace_id"].startswith("tr-")
    assert "usage" not in answer, "no model call was traced, so nothing is known of its cost"
    assert loaded_before.format(review="x") != "Say x", "outside it shows its own"


async def test_an_exception_is_the_example_s_failure(prompt_uri: str) -> None:
    def predict(review: str) -> str:
        raise ValueError(f"no such film: {review}")

    assert await ask(predict, body()) == (422, {"error": "ValueError: no such film: fun"})


async def test_halves_of_surrogate_pairs_are_answered_as_question_marks(prompt_uri: str) -> None:
    status, answer = await ask(lambda review: {"review": [f"{review}\ud800"]}, body())
    assert (status, answer["output"]) == (200, {"review": ["fun?"]})


async def test_numbers_that_json_does_not_have_are_the_example_s_failure(prompt_uri: str) -> None:
    status, answer = await ask(lambda review: {"score": float("nan")}, body())
    assert status == 422
    assert "cannot be kept as JSON" in answer["error"]


async def test_a_function_that_hangs_is_left(prompt_uri: str) -> None:
    go_on = threading.Event()

    def predict(review: str) -> str:
        go_on.wait(20)
        return review

    status, answer = await ask(predict, body(), timeout_seconds=0.05)
    go_on.set()
    assert (status, "has not returned within 0.05 s" in answer["error"]) == (504, True)


@pytest.mark.parametrize(
    ("request_body", "said"),
    [
        ([], "body: must be an object"),
        ({}, "inputs: must be an object"),
        (body(inputs=[1]), "inputs: '[1]': must be an object"),
        (body(prompts="x"), "prompts: \"'x'\": must be an object"),
        (body(prompts={"p": 3}), "prompts.p: '3': must be a text or a list of messages"),
        (body(prompts={"p": [{"role": "user"}]}), "prompts.p[0]"),
        (body(evaluation_id=3), "evaluation_id: '3': must be a text"),
    ],
)
async def test_requests_that_are_none(prompt_uri: str, request_body: Any, said: str) -> None:
    status, answer = await ask(lambda review: review, request_body)
    assert status == 400
    assert said in answer["error"]


async def test_no_json_and_other_methods(prompt_uri: str) -> None:
    async with client_of(create_app(FunctionApp(lambda review: review))) as client:
        assert (await client.post("/", content=b"{")).status_code == 400
        assert (await client.post("/", content=b"[" * 100_000)).status_code == 400
        assert (await client.get("/")).status_code == 405


@pytest.mark.parametrize(
    ("header", "status"),
    [("Bearer secret", 422), ("secret", 422), ("Bearer wrong", 401), ("", 401), ("Bearer", 401)],
)
async def test_a_token(prompt_uri: str, header: str, status: int) -> None:
    def predict(review: str) -> str:
        raise ValueError

    async with client_of(create_app(FunctionApp(predict), token="Bearer secret")) as client:
        answer = await client.post("/", json=body(), headers={"Authorization": header})
    assert answer.status_code == status


async def test_what_is_asked_again_is_not_run_again(prompt_uri: str) -> None:
    runs: Counter[str] = Counter()
    now = [0.0]

    async def predict(review: str) -> str:
        runs[review] += 1
        await asyncio.sleep(0)
        if review == "fails":
            raise ValueError
        return review

    app = create_app(FunctionApp(predict), clock=lambda: now[0])
    async with client_of(app) as client:
        asked = [client.post("/", json=body()) for _ in range(5)]
        assert {answer.json()["output"] for answer in await asyncio.gather(*asked)} == {"fun"}
        assert runs["fun"] == 1
        for _ in range(2):
            await client.post("/", json=body(inputs={"review": "fails"}, evaluation_id="e2"))
            await client.post("/", json=body(inputs={"review": "no id"}, evaluation_id=None))
        assert (runs["fails"], runs["no id"]) == (2, 2)
        now[0] = 601.0
        await client.post("/", json=body())
        assert runs["fun"] == 2, "after ten minutes it is forgotten"


@pytest.mark.parametrize("where", ["served:shout", "served:Shop.answer"])
def test_functions_by_name(where: str) -> None:
    assert callable(load_function(where, FOLDER))


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("served", "write MODULE:FUNCTION"),
        ("served:", "write MODULE:FUNCTION"),
        ("nowhere_at_all:f", "cannot be imported: ModuleNotFoundError"),
        ("served:shot", "there is no 'shot' in it; did you mean 'shout'?"),
        ("served:NUMBER", "is of type int"),
    ],
)
def test_a_path_without_a_function(where: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        load_function(where, FOLDER)
    assert said in str(refused.value)


def test_other_machines_need_a_token() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        check_exposure(host, "")
    check_exposure("0.0.0.0", "secret")
    for host in ("0.0.0.0", "::", "10.0.0.7", "app.example"):
        with pytest.raises(InvalidInput, match="BURNISH_APP_TOKEN"):
            check_exposure(host, "")


# --- a job over HTTP


class Desk:
    """The help desk of ``examples/app``, and what it was asked.

    Attributes:
        runs: how often each question was answered under each pair of prompts.
        kill: the run, from 1, in which something is killed, and how.
    """

    def __init__(self, example: Any, uris: list[str]) -> None:
        self._desk = example("desk").Desk(*uris)
        self._lock = threading.Lock()
        self.runs: Counter[tuple[str, ...]] = Counter()
        self.kill: tuple[int, Callable[[], None]] | None = None

    def answer(self, question: str) -> str:
        """What MLflow calls ``predict_fn``."""
        with self._lock:
            self.runs[*self._desk.texts(), question] += 1
            if self.kill and self.runs.total() == self.kill[0]:
                self.kill[1]()
        return str(self._desk.answer(question))


async def submit(harness: WorkerHarness, example: Any, app: App) -> None:
    """A job on both prompts of the desk, whose reflection is the example's model."""
    templates = example("desk").TEMPLATES
    prompts = [harness.tracker.ensure_prompt(Prompt(name=n, template=t)) for n, t in templates.items()]
    records = [(record["inputs"], record["expectations"]) for record in example("questions").RECORDS]
    dataset = harness.tracker.ensure_dataset(Dataset.of(records, "questions"), EXPERIMENT)
    await harness.submit(
        source_prompt_uris=tuple(str(prompt.uri) for prompt in prompts),
        dataset_id=dataset.dataset_id,
        app=app,
        model=None,
        optimizer_type=OptimizerType.GEPA,
        reflection_model="scripted:/gpt-4o",
        budget=Budget(max_calls=400),
        seed=1,
    )


async def run_job(
    harness: WorkerHarness, url: str, example: Any, desk: Desk | None = None, kill_at: int | None = None
) -> None:
    async def reflect(request: Request) -> Response:
        text = example("model").desk_model(request)
        return Response(text=text, prompt_tokens=100, completion_tokens=20)

    apps = HttpApps(AllowedApps((url,)), {})
    process = WorkerProcess(harness, app=apps.find(App(url=url)), answer=reflect)
    if desk is not None:
        desk.kill = (kill_at, process.die) if kill_at else None
    await process.run(reason="submitted" if kill_at else "the worker died")
    await apps.close()


@pytest.mark.usefixtures("model")
async def test_a_job_over_http_is_killed_and_resumed_and_nothing_is_paid_twice(
    mlflow: Any, example: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    uris = example("desk").register_prompts()
    undisturbed, killed = Desk(example, uris), Desk(example, uris)
    whole = WorkerHarness(tmp_path_factory.mktemp("whole"))
    async with serving(create_app(FunctionApp(undisturbed.answer), traced=False)) as url:
        await submit(whole, example, App(url=url))
        await run_job(whole, url, example)
    expected = (await whole.result()).check()
    job = expected.job
    records = await whole.store.candidates("job")
    await whole.close()
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert job.verdict is Verdict.IMPROVED
    (best,) = (r.candidate for r in records if r.candidate.candidate_id == job.best_candidate_id)
    model = example("model")
    assert model.ONE_WORD in text_of(best.texts["desk_topic"]), "reflection saw what became of this prompt"
    assert model.BARE_FACT in text_of(best.texts["desk_answer"])
    used = job.usage.roles[Role.TARGET]
    assert used.calls == 2 * undisturbed.runs.total(), "both model calls of an evaluation are traced"
    assert used.prompt_tokens > 0
    assert used.usd is not None

    harness = WorkerHarness(tmp_path_factory.mktemp("killed"))
    async with serving(create_app(FunctionApp(killed.answer), traced=False)) as url:
        await submit(harness, example, App(url=url))
        await run_job(harness, url, example, killed, kill_at=undisturbed.runs.total() // 2)
        assert (await harness.store.get("job")).status is JobStatus.IN_PROGRESS
        await run_job(harness, url, example, killed)
    result = (await harness.result()).check()
    await harness.close()
    assert [row[3] for row in result.candidates] == [row[3] for row in expected.candidates]
    assert result.job.test_scores == job.test_scores
    assert result.job.attempt == 2
    assert killed.runs == undisturbed.runs, "each evaluation ran once, those in flight at the kill included"
    assert set(killed.runs.values()) == {1}


async def test_a_job_whose_app_answers_html_fails_with_what_was_answered(tmp_path: Path) -> None:
    async def page(scope: Any, receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]}
        if scope["type"] == "http":
            await send(start)
            await send({"type": "http.response.body", "body": b"<h1>Sign in</h1>"})
        else:
            for answer in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{answer}.complete"})

    harness = WorkerHarness(tmp_path)
    async with serving(page) as url:
        await harness.submit(app=App(url=url), model=None)
        await run_job(harness, url, None)
    job = await harness.store.get("job")
    await harness.close()
    assert job.status is JobStatus.FAILED
    assert "200 with text/html: '<h1>Sign in</h1>'; check config.app.url" in (job.error_message or "")

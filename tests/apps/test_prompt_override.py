"""Inside an evaluation prompts show the candidate's texts: wherever they come from, and to nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from mlflow.entities import NoOpSpan
from mlflow.entities.model_registry import PromptVersion

from burnish.apps import prompt_override
from burnish.apps.function_app import FunctionApp
from burnish.apps.prompt_override import Override, patched, showing
from burnish.domain.prompt import Message
from burnish.llm.protocol import AppRequest

QA = PromptVersion("qa", 1, "Answer {{question}}")
OTHER = PromptVersion("other", 1, "Another {{x}}")
CHAT = PromptVersion("chat", 1, [{"role": "user", "content": "Say {{word}}"}])
POOL = ThreadPoolExecutor(2)


class Holder:
    prompt = QA


def test_what_was_loaded_before_follows_and_other_prompts_do_not() -> None:
    with patched(), showing(Override({"qa": "Reply to {{question}} in {{tone}}"})):
        assert QA.template == "Reply to {{question}} in {{tone}}"
        assert Holder.prompt.format(question="Q", tone="T") == "Reply to Q in T"
        assert QA.variables == {"question", "tone"}
        assert QA.to_single_brace_format() == "Reply to {question} in {tone}"
        assert PromptVersion("qa", 7, "any version").template == "Reply to {{question}} in {{tone}}"
        assert OTHER.template == "Another {{x}}"
    assert QA.format(question="Q") == "Answer Q"


def test_chat_prompts_show_messages() -> None:
    candidate = (Message("system", "Be brief"), Message("user", "Speak {{word}}"))
    with patched(), showing(Override({"chat": candidate})):
        assert CHAT.format(word="hi") == [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": "Speak hi"},
        ]


def test_jinja_prompts_are_filled_in_by_mlflow() -> None:
    candidate = "{% if word %}Speak {{ word | upper }}{% else %}Be silent{% endif %}"
    with patched(), showing(Override({"qa": candidate, "chat": (Message("user", candidate),)})):
        assert QA.format(word="hi") == "Speak HI"
        assert QA.format() == "Be silent"
        assert CHAT.format(word="hi") == [{"role": "user", "content": "Speak HI"}]


def test_a_prompt_that_is_filled_in_by_half_keeps_what_was_filled_in() -> None:
    with patched(), showing(Override({"qa": "Reply to {{question}} in {{tone}}"})):
        half = QA.format(question="Q", allow_partial=True)
        assert half.template == "Reply to Q in {{tone}}"
        assert half.format(tone="T") == "Reply to Q in T"


def test_nothing_is_left_when_the_last_job_ends() -> None:
    before = {name: PromptVersion.__dict__[name] for name in ("template", "variables", "format")}
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    with patched():
        with patched():
            pass
        with showing(Override({"qa": "new"})):
            assert QA.template == "new"
    assert {name: PromptVersion.__dict__[name] for name in before} == before
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == (start, submit)


def in_a_thread(work: Callable[[], str]) -> str:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def in_a_new_pool(work: Callable[[], str]) -> str:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def in_a_task(work: Callable[[], str]) -> str:
    async def run() -> str:
        return await asyncio.get_running_loop().run_in_executor(None, work)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "where", [in_a_thread, in_a_new_pool, lambda work: POOL.submit(work).result(), in_a_task]
)
def test_threads_that_the_app_starts_follow(where: Callable[[Callable[[], str]], str]) -> None:
    with patched():
        for text in ("first", "second"):  # the pool's threads began in the first
            with showing(Override({"qa": text})):
                assert where(lambda: str(QA.template)) == text
        assert where(lambda: str(QA.template)) == "Answer {{question}}"


# --- many evaluations at once

CANDIDATES = [f"candidate {number}: {{{{question}}}}" for number in range(8)]
EVALUATIONS, AT_ONCE = 2000, 16


async def count_mixed() -> tuple[int, int]:
    """How many of the outputs hold another candidate's text, or another question; and how many there are."""

    def answer(question: str) -> list[str]:
        first = str(Holder.prompt.format(question=question))
        threading.Event().wait(0.0001)  # others get their turn
        return [first, str(QA.format(question=question)), POOL.submit(QA.format, question=question).result()]

    app = FunctionApp(answer)
    free = asyncio.Semaphore(AT_ONCE)
    outputs: Counter[bool] = Counter()

    async def evaluate(number: int) -> None:
        template = CANDIDATES[number % len(CANDIDATES)]
        async with free:
            request = AppRequest(model="app:/x", prompts={"qa": template}, inputs={"question": f"Q{number}"})
            response = await app.run(request, 30.0)
        text = template.replace("{{question}}", f"Q{number}")
        outputs[response.text == f'["{text}", "{text}", "{text}"]'] += 1

    await asyncio.gather(*(evaluate(number) for number in range(EVALUATIONS)))
    return outputs[False], outputs.total()


@pytest.fixture
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of spans would take their time."""
    monkeypatch.setattr("mlflow.start_span", lambda name: nullcontext(NoOpSpan()))
    monkeypatch.setattr("burnish.apps.function_app.read_trace", lambda root: None)


@pytest.mark.usefixtures("untraced")
async def test_two_thousand_evaluations_of_eight_candidates_never_mix() -> None:
    with patched():
        assert await count_mixed() == (0, EVALUATIONS)


@pytest.mark.usefixtures("untraced")
async def test_the_same_with_one_override_for_the_process_mixes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As MLflow's own patch does: so the test above can fail."""
    current: list[Any] = [None]

    class ForAll:
        def get(self) -> Any:
            return current[0]

    @contextmanager
    def showing_to_all(override: Override) -> Iterator[None]:
        current[0] = override
        yield

    monkeypatch.setattr(prompt_override, "_override", ForAll())
    monkeypatch.setattr("burnish.apps.function_app.showing", showing_to_all)
    monkeypatch.setattr(f"{__name__}.EVALUATIONS", 300)
    with patched():
        mixed, total = await count_mixed()
    assert mixed > total / 10

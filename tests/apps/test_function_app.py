"""A function as an app: what it costs, what became of its prompts, and everything it may do wrong."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import mlflow
import pytest
from mlflow.entities.model_registry import PromptVersion

from burnish.apps.function_app import RUNS_WITHOUT_PROMPTS, FunctionApp
from burnish.domain.app import LARGEST_OUTPUT_BYTES, PromptUse
from burnish.domain.usage import Usage
from burnish.errors import InvalidInput
from burnish.llm.protocol import AppFailed, AppRequest, Response

pytestmark = pytest.mark.usefixtures("mlflow", "traced")

TOPIC = PromptVersion("topic", 1, "Which topic? {{question}}")
ANSWER = PromptVersion("answer", 1, "From {{pages}} answer {{question}}")
TEXTS = {"topic": "One word: {{question}}", "answer": "Use {{pages}} for {{question}}"}


def chat(text: str, answer: str, tokens: tuple[int, int] | None = (10, 2), model: str = "gpt-4o-mini") -> str:
    """The span that autologging makes of a call."""
    with mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
        span.set_inputs({"messages": [{"role": "user", "content": text}]})
        span.set_outputs({"choices": [{"message": {"role": "assistant", "content": answer}}]})
        if tokens:
            used = {"input_tokens": tokens[0], "output_tokens": tokens[1], "total_tokens": sum(tokens)}
            span.set_attribute("mlflow.chat.tokenUsage", used)
        span.set_attribute("mlflow.llm.model", model)
        span.set_attribute("mlflow.llm.provider", "openai")
    return answer


def desk(question: str) -> str:
    topic = chat(TOPIC.format(question=question), "returns")
    return chat(ANSWER.format(question=question, pages=f"<{topic}>"), "30 days", tokens=(20, 3))


def itself_in_a_list() -> list[Any]:
    found: list[Any] = [1]
    found.append(found)
    return found


def itself_in_a_dict() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["itself"] = found
    return found


def nested() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


async def parts() -> AsyncIterator[str]:
    yield "a"


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("nothing to show")


async def run(function: Callable[..., Any], timeout_seconds: float = 10.0, **inputs: Any) -> Response:
    app = FunctionApp(function)
    try:
        request = AppRequest(model="app:/x", prompts=TEXTS, inputs=inputs or {"question": "How long?"})
        return await app.run(request, timeout_seconds)
    finally:
        app.close()


async def failure_of(function: Callable[..., Any], timeout_seconds: float = 10.0, **inputs: Any) -> AppFailed:
    with pytest.raises(AppFailed) as failed:
        await run(function, timeout_seconds, **inputs)
    return failed.value


async def test_calls_tokens_and_dollars_come_from_the_trace() -> None:
    response = await run(desk)
    assert response.text == "30 days"
    assert response.usage is not None
    assert response.usage == Usage(2, 30, 5, response.usage.usd_nanos)
    assert response.usage.usd == pytest.approx(30 * 0.15e-6 + 5 * 0.6e-6)
    assert response.run is not None
    assert str(response.run.trace_id).startswith("tr-")


async def test_each_prompt_s_part_of_the_trace_is_known() -> None:
    response = await run(desk)
    assert response.run is not None
    assert response.run.uses == (
        PromptUse("topic", "chat", "question: How long?", "returns"),
        PromptUse("answer", "chat", "question: How long?\npages: <returns>", "30 days"),
    )


async def test_a_prompt_whose_template_alone_was_taken_is_found_by_its_words() -> None:
    def raw(question: str) -> str:
        return chat(str(TOPIC.template).replace("{{question}}", question), "sales")

    response = await run(raw)
    assert response.run is not None
    assert response.run.uses == (PromptUse("topic", "chat", "user\nOne word: How long?", "sales"),)


async def test_a_coroutine_function_runs_too_and_keeps_one_loop() -> None:
    loops = set()

    async def answer(question: str) -> str:
        loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return chat(TOPIC.format(question=question), "hours")

    app = FunctionApp(answer)
    request = AppRequest(model="app:/x", prompts=TEXTS, inputs={"question": "Q"})
    responses = await asyncio.gather(*(app.run(request, 10.0) for _ in range(4)))
    app.close()
    assert {response.text for response in responses} == {"hours"}
    assert len(loops) == 1
    assert loops != {asyncio.get_running_loop()}
    assert all(r.run and r.run.uses[0].output == "hours" for r in responses)


async def test_calls_in_threads_of_the_app_are_counted() -> None:
    def answer(question: str) -> str:
        text = TOPIC.format(question=question)
        threads = [threading.Thread(target=chat, args=(text, "x")) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return "done"

    assert (await run(answer)).usage == Usage(3, 30, 6, 3 * 2700)


async def test_a_wrapper_around_a_call_is_not_counted_beside_it() -> None:
    def answer(question: str) -> str:
        with mlflow.start_span("ChatOpenAI", span_type="CHAT_MODEL") as outer:
            chat(TOPIC.format(question=question), "x")
            used = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}
            outer.set_attribute("mlflow.chat.tokenUsage", used)
        return "x"

    assert (await run(answer)).usage == Usage(1, 10, 2, 2700)


class TestUnknown:
    async def test_without_model_spans_nothing_is_known(self) -> None:
        assert (await run(lambda question: TOPIC.format(question=question))).usage is None

    async def test_tokens_that_no_span_says_are_unknown_and_not_zero(self) -> None:
        usage = (await run(lambda question: chat(TOPIC.format(question=question), "x", None))).usage
        assert usage == Usage(1, 0, 0, None, unmetered=1)

    async def test_a_price_that_nobody_knows_is_unknown(self) -> None:
        def answer(question: str) -> str:
            chat(TOPIC.format(question=question), "x")
            return chat("more", "x", model="nobody-knows-it")

        assert (await run(answer)).usage == Usage(2, 20, 4, None)

    async def test_an_app_that_was_metered_and_makes_no_call_costs_nothing(self) -> None:
        def answer(question: str) -> str:
            TOPIC.format(question=question)
            return chat("x", "y") if question == "ask" else "from the cache"

        app = FunctionApp(answer)
        asked, cached = [
            await app.run(AppRequest(model="app:/x", prompts=TEXTS, inputs={"question": question}), 10.0)
            for question in ("ask", "again")
        ]
        assert asked.usage is not None
        assert asked.usage.calls == 1
        assert cached.usage == Usage()


class TestFailures:
    async def test_an_exception_is_the_example_s_failure_with_what_it_had_cost(self) -> None:
        def answer(question: str) -> str:
            chat(TOPIC.format(question=question), "x")
            raise KeyError("no such page")

        failure = await failure_of(answer)
        assert "KeyError: 'no such page'" in str(failure)
        assert failure.usage == Usage(1, 10, 2, 2700)
        assert failure.app_run is not None
        assert failure.app_run.uses[0].prompt == "topic"

    async def test_leaving_is_a_failure_of_the_example_only(self) -> None:
        async def coroutine(question: str) -> None:
            sys.exit(3)

        def interrupted(question: str) -> None:
            raise KeyboardInterrupt

        assert "SystemExit: 3" in str(await failure_of(lambda question: sys.exit(3)))
        assert "SystemExit: 3" in str(await failure_of(coroutine))
        assert "KeyboardInterrupt" in str(await failure_of(interrupted))

    async def test_a_function_that_hangs_is_left(self) -> None:
        forever = threading.Event()
        failure = await failure_of(lambda question: forever.wait(), timeout_seconds=0.05)
        assert "has not returned within 0.05 s" in str(failure)
        assert failure.maybe_paid
        forever.set()

    async def test_a_coroutine_that_hangs_is_cancelled(self) -> None:
        ended = threading.Event()

        async def answer(question: str) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        app = FunctionApp(answer)
        with pytest.raises(AppFailed, match="has not returned"):
            await app.run(AppRequest(model="app:/x", prompts=TEXTS, inputs={"question": "Q"}), 0.05)
        assert ended.wait(10)
        app.close()

    async def test_a_value_that_is_not_json_is_named(self) -> None:
        failure = await failure_of(lambda question: {"text": TOPIC.format(question=question), "x": object()})
        assert "returned a value of type dict, which cannot be kept as JSON" in str(failure)

    async def test_numbers_that_json_does_not_have_are_named(self) -> None:
        failure = await failure_of(lambda question: [TOPIC.format(question=question), float("nan")])
        assert "returned a value of type list, which cannot be kept as JSON" in str(failure)

    async def test_an_output_that_is_too_long_is_not_kept(self) -> None:
        longest = LARGEST_OUTPUT_BYTES // 2
        assert len((await run(lambda question: "é" * longest)).text) == longest
        failure = await failure_of(lambda question: "é" * longest + "!")
        assert f"returned {LARGEST_OUTPUT_BYTES + 1} bytes; at most {LARGEST_OUTPUT_BYTES}" in str(failure)

    async def test_a_function_that_never_looks_at_its_prompts_stops_the_job(self) -> None:
        text = TOPIC.template  # taken out before

        def answer(question: str) -> str:
            return f"{text} {question}"

        app = FunctionApp(answer)
        request = AppRequest(model="app:/x", prompts=TEXTS, inputs={"question": "Q"})
        for _ in range(RUNS_WITHOUT_PROMPTS - 1):
            await app.run(request, 10.0)
        with pytest.raises(InvalidInput, match=r"predict_fn.*none of its prompts \(answer, topic\)"):
            await app.run(request, 10.0)

    async def test_a_prompt_that_is_never_looked_at_is_known(self) -> None:
        app = FunctionApp(lambda question: TOPIC.format(question=question))
        await app.run(AppRequest(model="app:/x", prompts=TEXTS, inputs={"question": "Q"}), 10.0)
        assert app.unused == {"answer"}


class TestOutputs:
    async def test_inputs_that_it_changes_are_its_own(self) -> None:
        def answer(question: dict[str, list[int]]) -> Any:
            question["n"].append(1)
            TOPIC.format(question="x")
            return question

        inputs = {"question": {"n": [0]}}
        request = AppRequest(model="app:/x", prompts=TEXTS, inputs=inputs)
        app = FunctionApp(answer)
        assert [(await app.run(request, 10.0)).text for _ in range(2)] == ['{"n": [0, 1]}'] * 2
        assert inputs == {"question": {"n": [0]}}

    async def test_values_are_kept_as_json(self) -> None:
        from pydantic import BaseModel

        @dataclass
        class Part:
            name: str

        class Reply(BaseModel):
            parts: list[Any]

        response = await run(lambda question: [Reply(parts=[1, None, TOPIC.format(question="x")]), Part("a")])
        assert response.text == '[{"parts": [1, null, "One word: x"]}, {"name": "a"}]'
        assert response.run is not None
        assert response.run.is_json

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (itself_in_a_list, r"list.*Circular reference"),
            (itself_in_a_dict, r"dict.*Circular reference"),
            (nested, r"list.*nested too deeply"),
            (Unshowable, r"Unshowable is no JSON value"),
            (lambda: (part for part in "ab"), r"generator.*joined to one text"),
            (parts, r"async_generator.*joined to one text"),
            (lambda: float("nan"), r"float values are not JSON"),
            (lambda: {(1, 2): 3}, r"keys must be str"),
        ],
    )
    async def test_an_output_that_json_cannot_hold_is_named_with_the_remedy(
        self, make: Callable[[], Any], said: str
    ) -> None:
        def answer(question: str) -> Any:
            TOPIC.format(question=question)
            return make()

        message = str(await failure_of(answer))
        assert re.search(f"the function returned a value of type .*{said}", message)

    async def test_an_async_function_behind_a_plain_one_is_to_be_awaited(self) -> None:
        async def ask(question: str) -> str:
            return str(TOPIC.format(question=question))

        waiting = ask("How long?")
        message = str(await failure_of(lambda question: waiting))
        assert "await it in the function, which is then an async def" in message
        waiting.close()

    async def test_a_megabyte_on_standard_output_is_left_there(self, capsys: Any) -> None:
        def answer(question: str) -> str:
            print("x" * 1_000_000)
            return str(TOPIC.format(question=question))

        assert (await run(answer)).text == "One word: How long?"
        assert len(capsys.readouterr().out) == 1_000_001

    async def test_two_functions_share_prompts(self) -> None:
        one, other = FunctionApp(lambda q: TOPIC.format(question=q)), FunctionApp(desk)
        requests = [
            (one, AppRequest(model="app:/a", prompts={"topic": "A {{question}}"}, inputs={"q": "1"})),
            (
                other,
                AppRequest(model="app:/b", prompts={"topic": "B {{question}}"}, inputs={"question": "2"}),
            ),
        ]
        first, second = await asyncio.gather(*(app.run(request, 10.0) for app, request in requests))
        assert first.text == "A 1"
        assert second.run is not None
        assert second.run.uses[0].given == "question: 2"

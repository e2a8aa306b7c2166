"""The example's help desk with the OpenAI SDK and as a LangGraph graph, autologging on.

They are no part of the set-up (80 MB): ``make test-apps`` installs them and runs this.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, TypedDict

import pytest

import burnish
from burnish.domain.usage import Role

Answer = Callable[..., Any]


def with_openai(mlflow: Any, example: Any, uris: list[str]) -> Answer:
    openai = pytest.importorskip("openai")
    client, prompt = openai.OpenAI(), mlflow.genai.load_prompt(uris[0])

    def ask(text: str) -> str:
        messages = [{"role": "user", "content": text}]
        answer = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
        return str(answer.choices[0].message.content)

    def answer(question: str) -> str:
        pages = example("questions").find_pages(ask(prompt.format(question=question)))
        other = mlflow.genai.load_prompt(uris[1])
        return str(example("desk").parse(ask(other.format(question=question, pages=pages))))

    return answer


def with_openai_async(mlflow: Any, example: Any, uris: list[str]) -> Answer:
    openai = pytest.importorskip("openai")
    client = openai.AsyncOpenAI()

    async def ask(text: str) -> str:
        messages = [{"role": "user", "content": text}]
        answer = await client.chat.completions.create(model="gpt-4o-mini", messages=messages)
        return str(answer.choices[0].message.content)

    async def answer(question: str) -> str:
        topic = await ask(mlflow.genai.load_prompt(uris[0]).format(question=question))
        pages = example("questions").find_pages(topic)
        other = mlflow.genai.load_prompt(uris[1])
        return str(example("desk").parse(await ask(other.format(question=question, pages=pages))))

    return answer


def with_langgraph(mlflow: Any, example: Any, uris: list[str]) -> Answer:
    graphs, models = pytest.importorskip("langgraph.graph"), pytest.importorskip("langchain_openai")
    model, prompt = models.ChatOpenAI(model="gpt-4o-mini"), mlflow.genai.load_prompt(uris[0])

    class State(TypedDict, total=False):
        question: str
        topic: str
        pages: str
        answer: str

    def find_topic(state: State) -> State:
        return {"topic": model.invoke(prompt.format(question=state["question"])).content}

    def retrieve(state: State) -> State:
        return {"pages": example("questions").find_pages(state["topic"])}

    def write(state: State) -> State:
        other = mlflow.genai.load_prompt(uris[1])
        reply = model.invoke(other.format(question=state["question"], pages=state["pages"]))
        return {"answer": example("desk").parse(reply.content)}

    graph = graphs.StateGraph(State)
    for node in (find_topic, retrieve, write):
        graph.add_node(node.__name__, node)
    for edge in ((graphs.START, "find_topic"), ("find_topic", "retrieve"), ("retrieve", "write")):
        graph.add_edge(*edge)
    graph.add_edge("write", graphs.END)
    compiled = graph.compile()
    return lambda question: compiled.invoke({"question": question})["answer"]


@pytest.mark.filterwarnings("ignore")  # of the frameworks themselves
@pytest.mark.parametrize("make", [with_openai, with_openai_async, with_langgraph])
def test_usage_is_counted_and_both_prompts_are_improved(
    make: Callable[..., Answer], mlflow: Any, model: Any, example: Any
) -> None:
    uris = example("desk").register_prompts()
    asked: list[str] = []
    script = model.script

    def listen(request: Any) -> str:
        if request.model.endswith("gpt-4o"):
            asked.append(request.messages[0].content)
        return str(script(request))

    model.script = listen
    result = burnish.optimize_prompts(
        predict_fn=make(mlflow, example, uris),
        train_data=example("questions").RECORDS,
        prompt_uris=uris,
        reflection_model="openai:/gpt-4o",
        scorers=["exact_match"],
        budget={"max_calls": 500, "max_usd": 1.0},
        seed=1,
        enable_tracking=False,
    )
    assert result.verdict is burnish.Verdict.IMPROVED
    assert [prompt.version for prompt in result.optimized_prompts] == [2, 2]
    target = result.usage.roles[Role.TARGET]
    assert target.calls + result.usage.roles[Role.REFLECTION].calls == model.requests
    assert target.tokens > 0
    assert target.usd is not None
    for name in ("desk_topic", "desk_answer"):
        assert any(f"Given to {name}" in text and f"What came of {name}" in text for text in asked)
    gc.collect()  # clients that nobody has closed: their warnings belong here, where they are ignored

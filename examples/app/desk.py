"""The app: a topic is found, the handbook is opened there, the answer is written and read.

Nothing in it knows of optimization. Both prompts come from MLflow's registry, one when the module is loaded.
"""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

import mlflow
from mlflow.entities import SpanType
from questions import find_pages

MODEL = "gpt-4o-mini"
TOPIC = "desk_topic"
ANSWER = "desk_answer"
TEMPLATES = {
    TOPIC: "Which topic is this question about: warranty, returns, delivery, repair, rental or hours?\n\n"
    "{{question}}",
    ANSWER: "Handbook:\n{{pages}}\n\nAnswer the question from the handbook.\n\n{{question}}",
}


def register_prompts() -> list[str]:
    """Version 1 of both; their URIs."""
    return [mlflow.genai.register_prompt(name, text).uri for name, text in TEMPLATES.items()]


class Desk:
    """Answers questions."""

    def __init__(self, topic_uri: str, answer_uri: str) -> None:
        self._topic = mlflow.genai.load_prompt(topic_uri)  # long before anybody optimizes it
        self._answer_uri = answer_uri

    @mlflow.trace  # type: ignore[untyped-decorator]
    def answer(self, question: str) -> str:
        """What MLflow calls ``predict_fn``."""
        topic = ask(self._topic.format(question=question))
        with mlflow.start_span("retrieve", span_type=SpanType.RETRIEVER) as span:
            span.set_inputs({"topic": topic})
            pages = find_pages(topic.strip().strip(".").lower())
            span.set_outputs(pages)
        prompt = mlflow.genai.load_prompt(self._answer_uri)
        return parse(ask(prompt.format(question=question, pages=pages)))

    def texts(self) -> list[str]:
        """Both prompts as they are now."""
        return [str(self._topic.template), str(mlflow.genai.load_prompt(self._answer_uri).template)]


def parse(reply: str) -> str:
    """The answer of a reply in JSON; of any other its first line."""
    try:
        return str(json.loads(reply)["answer"])
    except (ValueError, KeyError, TypeError):
        return reply.strip().split("\n")[0]


@mlflow.trace(name="chat", span_type=SpanType.CHAT_MODEL)  # type: ignore[untyped-decorator]
def ask(text: str) -> str:
    """One chat completion by plain HTTP, with the span that autologging makes for the OpenAI SDK."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
    request = urllib.request.Request(
        f"{os.environ['OPENAI_BASE_URL']}/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        answer: dict[str, Any] = json.load(response)
    if span := mlflow.get_current_active_span():
        used = answer["usage"]
        span.set_attribute(
            "mlflow.chat.tokenUsage",
            {
                "input_tokens": used["prompt_tokens"],
                "output_tokens": used["completion_tokens"],
                "total_tokens": used["total_tokens"],
            },
        )
        span.set_attribute("mlflow.llm.model", MODEL)
        span.set_attribute("mlflow.llm.provider", "openai")
    return str(answer["choices"][0]["message"]["content"])

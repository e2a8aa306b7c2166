"""Whether the traces of a served function are written to MLflow."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.apps.test_server import ask, body


@pytest.mark.parametrize("traced", [True, False])
async def test_traces_are_written_where_that_is_wanted(mlflow: Any, traced: bool) -> None:
    status, answer = await ask(lambda review: review, body(), traced=traced)
    assert (status, "trace_id" in answer) == (200, traced)
    mlflow.flush_trace_async_logging()
    assert len(mlflow.search_traces(locations=["0"], return_type="list")) == traced


async def test_a_trace_server_that_is_away_changes_no_answer(
    mlflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(review: str) -> str:
        with mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
            span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 10, "output_tokens": 2})
        return review

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    status, answered = await ask(answer, body(), traced=True)
    assert (status, answered["output"]) == (200, body()["inputs"]["review"])
    assert answered["usage"] == {"calls": 1, "prompt_tokens": 10, "completion_tokens": 2}
    mlflow.flush_trace_async_logging()

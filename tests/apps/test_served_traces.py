"""Whether the traces of a served function are written to MLflow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apps.test_server import ask, body


@pytest.mark.parametrize("traced", [True, False])
async def test_traces_are_written_where_that_is_wanted(mlflow: Any, traced: bool) -> None:
    status, answer = await ask(lambda review: review, body(), traced=traced)
    assert (status, "trace_id" in answer) == (200, traced)
    mlflow.flush_trace_async_logging()
    assert len(mlflow.search_traces(locations=["0"], return_type="list")) == traced

"""The way to the MLflow application of this process: its guard is run without its handlers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from burnish.access.mlflow import NO_ENDPOINT, Answer
from burnish.access.questions import Question
from burnish.errors import TrackingUnavailable

_log = logging.getLogger(__name__)
_ONLY_BASIC = "MLflow cannot read these credentials; send a user name and a password (HTTP Basic)"


class FlaskAnswers:
    """Runs the functions that a Flask application calls before any request: MLflow's basic-auth app has its
    rules there, as have plugins made after it.

    Args:
        loaded: gives MLflow's Flask application, or raises TrackingUnavailable.
    """

    def __init__(self, loaded: Callable[[], Awaitable[Any]]) -> None:
        self._loaded = loaded

    async def guard(self, question: Question, headers: Mapping[str, str]) -> Answer:
        flask = await self._loaded()
        return await asyncio.to_thread(_guard, flask, question, headers)

    async def send(self, question: Question, headers: Mapping[str, str]) -> Answer:
        flask = await self._loaded()
        return await asyncio.to_thread(_send, flask, question, headers)


def _guard(flask: Any, question: Question, headers: Mapping[str, str]) -> Answer:
    with flask.test_request_context(**_request(question, headers)):
        try:
            refusal = flask.preprocess_request()
        except Exception as error:
            if not headers.get("authorization", "").lower().startswith("basic "):
                return Answer(401, _ONLY_BASIC, 'Basic realm="mlflow"')  # which MLflow answers with 500
            _log.exception("MLflow's guard failed")
            raise TrackingUnavailable("MLflow could not say whether this is permitted") from error
        if refusal is not None:
            return _answer(flask.make_response(refusal))
        from flask import g, request

        if request.routing_exception is not None:
            return NO_ENDPOINT
        return Answer(200, user=g.get("mlflow_authenticated_user"))


def _send(flask: Any, question: Question, headers: Mapping[str, str]) -> Answer:
    return _answer(flask.test_client(use_cookies=False).open(**_request(question, headers)))


def _request(question: Question, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "path": question.path_in_process,
        "method": question.method,
        "query_string": dict(question.query),
        "json": question.body,
        "headers": dict(headers),
    }


def _answer(response: Any) -> Answer:
    challenge = response.headers.get("WWW-Authenticate", "")
    return Answer(response.status_code, response.get_data(as_text=True), challenge)

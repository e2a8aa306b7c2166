"""Errors as answers: MLflow's error codes and statuses, so that its clients read them.

Codes and statuses are those of ``mlflow.exceptions``, but for INVALID_STATE: MLflow's table says 500,
which its own client takes for a passing failure and repeats for minutes; we answer 400
(docs/decisions/0070).
"""

from __future__ import annotations

import logging
import uuid

from starlette.responses import JSONResponse

from burnish.errors import (
    AttemptSuperseded,
    BurnishError,
    Conflict,
    InvalidInput,
    InvalidState,
    ModelRejected,
    ModelRequestInvalid,
    ModelUnavailable,
    NotAuthenticated,
    NotFound,
    OutsideFailure,
    PermissionDenied,
)
from burnish.proto import service_pb2 as wire
from burnish.proto.message import message_to_json

_log = logging.getLogger(__name__)

_CODES: tuple[tuple[type[BurnishError], str, int], ...] = (
    (InvalidInput, "INVALID_PARAMETER_VALUE", 400),
    (NotFound, "RESOURCE_DOES_NOT_EXIST", 404),
    (NotAuthenticated, "UNAUTHENTICATED", 401),
    (PermissionDenied, "PERMISSION_DENIED", 403),
    (InvalidState, "INVALID_STATE", 400),
    (Conflict, "RESOURCE_CONFLICT", 409),
    (AttemptSuperseded, "RESOURCE_CONFLICT", 409),  # someone else changed or deleted it in between
    (ModelRejected, "INVALID_PARAMETER_VALUE", 400),
    (ModelRequestInvalid, "INVALID_PARAMETER_VALUE", 400),
    (ModelUnavailable, "TEMPORARILY_UNAVAILABLE", 503),
    (OutsideFailure, "TEMPORARILY_UNAVAILABLE", 503),
)


def error_answer(error: BaseException) -> JSONResponse:
    """The answer to a request that failed. What nobody expected is logged, and named by a number only."""
    for kind, code, status in _CODES:
        if isinstance(error, kind):
            challenge = {"www-authenticate": error.challenge} if isinstance(error, NotAuthenticated) else None
            return answer(code, status, str(error), error, challenge)
    reference = uuid.uuid4().hex[:12]
    _log.error("unexpected error %s", reference, exc_info=error)
    message = f"an unexpected error; the server's log says more under {reference}"
    return answer("INTERNAL_ERROR", 500, message)


def answer(
    code: str,
    status: int,
    message: str,
    error: BaseException | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """An error as MLflow's clients expect it, with what ours can make the exception of again."""
    body = wire.Error(error_code=code, message=_text(message))
    if isinstance(error, InvalidInput):
        for problem in error.problems:
            body.problems.add(
                field=_text(problem.field), value=_text(problem.value), remedy=_text(problem.remedy)
            )
    elif isinstance(error, NotFound):
        body.what, body.name = error.what, _text(error.name)
    return JSONResponse(message_to_json(body), status, headers)


def _text(value: str) -> str:
    """Without half surrogate pairs: an answer that names a bad value must be Unicode itself."""
    return value.encode("utf-8", "backslashreplace").decode()

"""An answer that is an error → the exception it was on the server."""

from __future__ import annotations

from burnish.errors import (
    BurnishError,
    Conflict,
    InvalidInput,
    InvalidState,
    NotFound,
    OutsideFailure,
    Problem,
)
from burnish.proto import service_pb2 as wire


class ServerUnavailable(OutsideFailure):
    """The server could not be reached, or says that something it depends on is away."""


class NotAllowed(BurnishError):
    """The server asks for a token, or this one is not enough."""


class ServerFailed(BurnishError):
    """The server met with something it had not expected, or the answer is not Burnish's."""


class JobFailed(BurnishError):
    """The job ended without a result: it failed or was canceled."""

    def __init__(self, job_id: str, status: str, message: str | None) -> None:
        self.job_id, self.status = job_id, status
        super().__init__(f"job {job_id} is {status}" + (f": {message}" if message else ""))


def error_from(status: int, body: wire.Error) -> BurnishError:
    """The exception for an answer with this status and body."""
    message = body.message or f"status {status}"
    match body.error_code:
        case "INVALID_PARAMETER_VALUE" if body.problems:
            return InvalidInput(*(Problem(entry.field, entry.value, entry.remedy) for entry in body.problems))
        case "INVALID_PARAMETER_VALUE" | "BAD_REQUEST":
            return InvalidInput(Problem("request", "", message))
        case "RESOURCE_DOES_NOT_EXIST" if body.what:
            return NotFound(body.what, body.name)
        case "INVALID_STATE":
            return InvalidState(message)
        case "RESOURCE_CONFLICT":
            return Conflict(message)
        case "TEMPORARILY_UNAVAILABLE":
            return ServerUnavailable(message)
        case "UNAUTHENTICATED":
            return NotAllowed(
                "the server asks who you are: give the right token (BURNISH_TOKEN), or name and password "
                "(BURNISH_USERNAME, BURNISH_PASSWORD)"
            )
        case "PERMISSION_DENIED":
            return NotAllowed(message)
    return ServerFailed(f"{message} (status {status})")

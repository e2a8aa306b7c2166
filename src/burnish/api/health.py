"""Is the process alive, and can it work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from burnish.api.services import Services
from burnish.errors import BurnishError

CHECK_SECONDS = 5.0

Check = Callable[[], Awaitable[None]]
"""Returns when the part can work; raises BurnishError when it cannot."""


def checks_of(services: Services, mlflow: Check, worker: Check) -> dict[str, Check]:
    """The parts that ``/ready`` names."""

    async def tracking() -> None:
        await mlflow()
        await asyncio.to_thread(services.tracker.check)

    return {"store": services.store.check, "tracking": tracking, "dispatcher": worker}


async def health(request: Request) -> Response:
    """Liveness: the event loop turns."""
    return JSONResponse({"status": "ok"})


def ready(
    checks: Mapping[str, Check], known: Callable[[Request], Awaitable[bool]]
) -> Callable[[Request], Awaitable[Response]]:
    """Readiness: 200 when every part can work, else 503; each part named with what ails it.

    Args:
        known: whether the request is from somebody who may read more than that something ails it: what
            ails it may hold addresses.
    """

    async def endpoint(request: Request) -> Response:
        found = await asyncio.gather(*(_outcome(check) for check in checks.values()))
        good = all(outcome == "ok" for outcome in found)
        if not good and not await known(request):
            found = ["ok" if outcome == "ok" else "not ready" for outcome in found]
        body = {"status": "ready" if good else "not ready", "checks": dict(zip(checks, found, strict=True))}
        return JSONResponse(body, 200 if good else 503)

    return endpoint


async def _outcome(check: Check) -> str:
    try:
        await asyncio.wait_for(check(), CHECK_SECONDS)
    except BurnishError as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"
    return "ok"

"""``/metrics``: for Prometheus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from burnish.access.tokens import read_tokens
from burnish.api.auth import AllowedHosts, Guard
from burnish.api.session import Sessions
from burnish.config import Settings

Scrape = Callable[[str], Awaitable[tuple[bytes, str]]]
"""The page and its content type, given the request's ``Accept`` header."""


def metrics(scrape: Scrape) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint."""

    async def endpoint(request: Request) -> Response:
        page, content_type = await scrape(request.headers.get("accept", ""))
        return Response(page, headers={"content-type": content_type})

    return endpoint


def create_metrics_app(settings: Settings, scrape: Scrape) -> ASGIApp:
    """Nothing but ``/metrics``, for a process without an API; guarded like the API.

    Raises:
        InvalidInput: the token file cannot be used.
    """
    app = Starlette(routes=[Route("/metrics", metrics(scrape))])
    hosts = AllowedHosts((settings.metrics_host, *settings.allowed_hosts))
    tokens = read_tokens(Path(settings.auth_token_file)) if settings.auth_token_file else ()
    return Guard(app, hosts, Sessions(tokens), limits={})

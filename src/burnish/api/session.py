"""Who is signed in: tokens, and the cookie a browser gets for one.

The cookie holds no token. It is an end and a signature over it that only who knows the token can make,
so that every process with the same token file reads it, none keeps state, and a token that is taken out
of the file ends its sessions.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable

from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from burnish.api.errors import answer

COOKIE = "burnish_session"
CSRF_HEADER = "x-burnish-csrf"
"""Other sites' pages cannot set it without asking first, which is refused to them."""
SESSION_SECONDS = 14 * 24 * 3600


class Sessions:
    """The tokens of a server, and the sessions opened with them.

    Args:
        tokens: empty: nobody is asked for one.
        clock: seconds since 1970.
    """

    def __init__(self, tokens: tuple[str, ...], clock: Callable[[], float] = time.time) -> None:
        self._keys = tuple(_digest(token) for token in tokens)
        self._clock = clock

    @property
    def required(self) -> bool:
        """Whether this server asks for tokens at all."""
        return bool(self._keys)

    def knows(self, token: str) -> bool:
        """Whether it is one of the tokens."""
        given = _digest(token)
        known = [hmac.compare_digest(given, key) for key in self._keys]  # all: no timing to learn
        return any(known)

    def open(self, token: str) -> str | None:
        """The cookie for a token; ``None`` where it is none of ours."""
        if not self.knows(token):
            return None
        end = str(int(self._clock()) + SESSION_SECONDS)
        return f"{end}.{_signature(_digest(token), end)}"

    def holds(self, cookies: str) -> bool:
        """Whether a ``Cookie`` header holds a session that has not ended."""
        end, _, signature = cookie_parser(cookies).get(COOKIE, "").partition(".")
        if not (end.isascii() and end.isdigit() and len(end) < 13) or int(end) < self._clock():
            return False
        known = [hmac.compare_digest(signature.encode(), _signature(key, end).encode()) for key in self._keys]
        return any(known)


def session_route(sessions: Sessions, path: str) -> Route:
    """``POST {"token": …}`` signs a browser in, ``DELETE`` signs it out."""

    async def endpoint(request: Request) -> Response:
        if request.method == "DELETE":
            return _with_cookie(request, "", 0)
        token = await _token_of(request)
        if token is None:
            return answer("INVALID_PARAMETER_VALUE", 400, 'the body must be JSON: {"token": "…"}')
        cookie = sessions.open(token)
        if cookie is None:
            return answer("UNAUTHENTICATED", 401, "this server does not know that token")
        return _with_cookie(request, cookie, SESSION_SECONDS)

    return Route(path, endpoint, methods=["POST", "DELETE"])


async def _token_of(request: Request) -> str | None:
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        return None
    token = body.get("token") if isinstance(body, dict) else None
    return token.strip() if isinstance(token, str) else None


def _with_cookie(request: Request, value: str, max_age_seconds: int) -> Response:
    response = JSONResponse({})
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    response.set_cookie(
        COOKIE,
        value,
        max_age=max_age_seconds,
        path="/",
        secure=scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


def _signature(key: bytes, end: str) -> str:
    return hmac.new(key, f"{COOKIE}.{end}".encode(), hashlib.sha256).hexdigest()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()

"""Who is signed in: tokens, and the cookie a browser gets for one.

The cookie holds no token. It is an end and a signature over it that only who knows the token can make,
so that every process with the same token file reads it, none keeps state, and a token that is taken out
of the file ends its sessions.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping

from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from burnish.access.tokens import Token, digest_of, find_token
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

    def __init__(self, tokens: tuple[Token, ...], clock: Callable[[], float] = time.time) -> None:
        self._tokens = tokens
        self._clock = clock

    @property
    def required(self) -> bool:
        """Whether this server asks for tokens at all."""
        return bool(self._tokens)

    def find(self, headers: Mapping[str, str]) -> Token | None:
        """The token behind a request: its own, or that of the session in its cookie."""
        return self.find_sent(headers) or self.find_session(headers.get("cookie", ""))

    def find_sent(self, headers: Mapping[str, str]) -> Token | None:
        """The token in ``Authorization``."""
        return find_token(self._tokens, _token_in(headers.get("authorization", "")))

    def open(self, token: str) -> str | None:
        """The cookie for a token; ``None`` where it is none of ours."""
        if find_token(self._tokens, token) is None:
            return None
        end = str(int(self._clock()) + SESSION_SECONDS)
        return f"{end}.{_signature(digest_of(token), end)}"

    def find_session(self, cookies: str) -> Token | None:
        """The token of the session in a ``Cookie`` header, where it has not ended."""
        end, _, signature = cookie_parser(cookies).get(COOKIE, "").partition(".")
        if not (end.isascii() and end.isdigit() and len(end) < 13) or int(end) < self._clock():
            return None
        signed = signature.encode()
        found = [
            token
            for token in self._tokens
            if hmac.compare_digest(signed, _signature(token.digest, end).encode())
        ]
        return found[0] if found else None


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


def _token_in(authorization: str) -> str:
    """The bearer token, or the password of HTTP Basic (which browsers can ask for)."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""

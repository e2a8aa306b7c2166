"""Who may ask: Host and Origin against an allow-list, bearer tokens, the size of a body.

A browser can be made to send requests to a server on its own machine: by a page whose name is made to
resolve to 127.0.0.1 (DNS rebinding; the Host header gives it away), or by any page's form (the Origin
header does). Both are refused before anything else is looked at.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from burnish.access.tokens import CHALLENGE
from burnish.api.errors import answer
from burnish.api.session import CSRF_HEADER, Sessions
from burnish.config import Settings
from burnish.errors import InvalidInput

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_FILE_BYTES = 100 * 1024 * 1024
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CHALLENGE = {"www-authenticate": CHALLENGE}
_PAGES_CHALLENGE = {"www-authenticate": 'Bearer realm="burnish"'}  # Basic would open the browser's own dialog


def is_exposed(settings: Settings) -> bool:
    """Whether other machines reach the server and give no token or name, and nobody said this is meant."""
    guarded = settings.auth_token_file or settings.mlflow_app
    return not (guarded or settings.no_auth or is_loopback(settings.host))


def check_exposure(settings: Settings) -> None:
    """Other machines reach a server on another address than loopback: it needs tokens then.

    Raises:
        InvalidInput: it has none, and ``no_auth`` was not said.
    """
    if is_exposed(settings):
        raise InvalidInput.of(
            "host",
            settings.host,
            "other machines reach this address: name --auth-token-file FILE, --mlflow-app basic-auth "
            "(MLflow's own users), or --no-auth if that is meant",
        )


class AllowedHosts:
    """Names this server answers to: loopback, the address it listens on, this machine, and those given.

    Addresses in digits are always allowed: only a name can be made to resolve elsewhere.

    Args:
        names: further names, ``*`` stands for any characters. A port in them says nothing.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._given = tuple(_without_port(name).lower() for name in names)
        self._names = ("localhost", "*.localhost", socket.gethostname().lower(), *self._given)

    def allows(self, host: str) -> bool:
        """Whether a ``Host`` header, with or without a port, is one of them."""
        name = _without_port(host).lower().rstrip(".")
        if _is_address(name):
            return True
        return any(fnmatchcase(name, allowed) for allowed in self._names)

    def allows_origin(self, origin: str, host: str) -> bool:
        """Whether a page of ``origin`` may change things: our own pages, and those of given names."""
        try:
            netloc = urlsplit(origin).netloc
        except ValueError:
            return False
        if not netloc:
            return False
        if netloc.lower() == host.lower():
            return True
        name = _without_port(netloc).lower()
        return any(fnmatchcase(name, allowed) for allowed in self._given)


class Guard:
    """ASGI middleware in front of everything, MLflow's app included.

    Args:
        limits: beginning of a path → the most bytes of a body; the longest that fits counts. Other paths
            have no limit (MLflow's uploads are not ours).
        open_paths: what nobody needs a token for: the page, and its sign-in. One that ends in ``/*``
            stands for everything below it.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: AllowedHosts,
        sessions: Sessions,
        limits: Mapping[str, int],
        open_paths: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._sessions = sessions
        self._limits = sorted(limits.items(), key=lambda entry: len(entry[0]), reverse=True)
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None and (limit := self._limit_of(scope)) is not None:
            refusal, receive = await _read_limited(scope, receive, limit)
        if refusal is None:
            await self._app(scope, receive, _with_headers(scope, send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _limit_of(self, scope: Scope) -> int | None:
        if scope["type"] != "http" or scope["method"] in _SAFE_METHODS:
            return None
        return self._body_limit(scope["path"])

    def _body_limit(self, path: str) -> int | None:
        """``None``: the path is not the API's."""
        return next((limit for start, limit in self._limits if path.startswith(start)), None)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._hosts.allows(host):
            remedy = "start it with BURNISH_ALLOWED_HOSTS=NAME to answer to it"
            return answer("PERMISSION_DENIED", 403, f"Host {host[:200]!r} is not this server's; {remedy}")
        origin = headers.get("origin")
        if scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS:
            if origin is not None and not self._hosts.allows_origin(origin, host):
                return answer(
                    "PERMISSION_DENIED", 403, f"pages of {origin[:200]!r} may not change things here"
                )
            if origin is None and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
                return answer("PERMISSION_DENIED", 403, "another site's page may not change things here")
        if self._sessions.required and not self._is_open(scope["path"]):
            return self._unknown(scope, headers)
        return None

    def _is_open(self, path: str) -> bool:
        below = tuple(open_path[:-1] for open_path in self._open_paths if open_path.endswith("/*"))
        return path in self._open_paths or path.startswith(below)

    def _unknown(self, scope: Scope, headers: Headers) -> Response | None:
        """A refusal, unless the request carries a token, or the cookie of a page of ours."""
        sent = self._sessions.find_sent(headers)
        token = sent or self._sessions.find_session(headers.get("cookie", ""))
        if token is None:
            message = (
                "a token is needed: Authorization: Bearer TOKEN, or as the password of a browser's login"
            )
            challenge = _PAGES_CHALLENGE if CSRF_HEADER in headers else _CHALLENGE
            return answer("UNAUTHENTICATED", 401, message, headers=challenge)
        if not token.unlimited and self._body_limit(scope["path"]) is None:
            message = "this token is limited, and only good for Burnish's own API"
            return answer("PERMISSION_DENIED", 403, message)
        if sent:
            return None
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if changes and CSRF_HEADER not in headers and not _is_own_page(headers):
            return answer(
                "PERMISSION_DENIED", 403, f"a cookie alone may change nothing; send {CSRF_HEADER}: 1 too"
            )
        return None


def _with_headers(scope: Scope, send: Send) -> Send:
    """No guessing of content types, and no framing by other sites (but of MLflow's notebook renderer)."""
    added = [(b"x-content-type-options", b"nosniff")]
    if not scope["path"].startswith("/static-files/"):
        added.append((b"x-frame-options", b"SAMEORIGIN"))

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            known = {name.lower() for name, _ in message["headers"]}
            missing = [(name, value) for name, value in added if name not in known]
            message = {**message, "headers": [*message["headers"], *missing]}
        await send(message)

    return sending


async def _read_limited(scope: Scope, receive: Receive, limit: int) -> tuple[Response | None, Receive]:
    """Read the body, or refuse it as soon as it is known to be too large; give it on as one piece."""
    too_large = answer("INVALID_PARAMETER_VALUE", 413, f"the body is larger than {limit // 1024**2} MB")
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > limit:
        return too_large, receive
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return too_large, receive
        more = message.get("more_body", False)
    whole: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

    async def replay() -> Message:
        return whole.pop() if whole else await receive()

    return None, replay


def _is_own_page(headers: Headers) -> bool:
    """Whether a browser says that the request is from a page of this very address."""
    origin = headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server at this host."""
    if host == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

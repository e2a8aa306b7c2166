"""One JSON request over HTTP, and what its failures mean."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from burnish.errors import (
    ModelError,
    ModelRejected,
    ModelRequestInvalid,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreadable,
)
from burnish.llm.providers.proxies import Proxy, find_proxy
from burnish.redaction import excerpt

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver

_CONNECT_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 15.0
_KEPT_CHARACTERS = 4000  # of an error's body
_REFUSALS_OF_A_GOOD_KEY = 5
_ANSWERS = ("choices", "content", "output")  # where there is one of them, an error beside it is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedies:
    """What to do about the failures that a retry cannot mend.

    Attributes:
        who: answers, as messages call it.
    """

    key: str
    address: str
    who: str = "the provider"


@dataclass(slots=True)
class _KeyHistory:
    """What came of one key with one model."""

    answered: bool = False
    refused_in_a_row: int = 0


class JsonClient:
    """Posts JSON; one connection pool for each event loop, connections kept alive, proxies honoured.

    Args:
        environment: has the proxies, and the secrets that must not appear in errors.
        key_variables: names in it whose values are secrets, whatever they are called.
        remedies: what to do where the key or the address does not work.
        largest_answer_bytes: what is longer is refused.
        make_resolver: looks hosts up and may refuse what they lead to. No proxy is used then, since that
            would look them up itself.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        remedies: Remedies,
        largest_answer_bytes: int = 32 * 2**20,
        make_resolver: Callable[[], AbstractResolver] | None = None,
        key_variables: Sequence[str] = (),
    ) -> None:
        self._environment = environment
        self._key_variables = key_variables
        self._remedies = remedies
        self._largest_answer_bytes = largest_answer_bytes
        self._make_resolver = make_resolver
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._proxies: dict[str, Proxy | None] = {}
        self._keys: defaultdict[tuple[str, tuple[str, ...]], _KeyHistory] = defaultdict(_KeyHistory)

    async def post(
        self,
        url: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str],
        timeout_seconds: float,
        model: str,
    ) -> dict[str, Any]:
        """The answer to one request, a JSON object. Redirects are not followed.

        Raises:
            ModelError: the kind that fits; never with a secret in it.
        """
        import aiohttp

        session = self._open()
        proxy = self._proxy(url)
        try:
            async with session.post(
                url,
                data=json.dumps(body).encode(),
                headers={"Content-Type": "application/json", **headers},
                timeout=aiohttp.ClientTimeout(
                    total=timeout_seconds, sock_connect=min(_CONNECT_SECONDS, timeout_seconds)
                ),
                allow_redirects=False,
                proxy=proxy.url if proxy else None,
            ) as answer:
                content = await _read(answer, model, self._largest_answer_bytes)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._failure(error, url, proxy, timeout_seconds, model) from error
        history = self._keys[model, tuple(headers.values())]
        if answer.status != 200:
            text = content.decode("utf-8", "replace")
            raise self._refusal(answer.status, answer.headers, text, url, model, history)
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._unreadable(answer, content.decode("utf-8", "replace"), url, model)
        if found.get("error") and found.keys().isdisjoint(_ANSWERS):
            text = content.decode("utf-8", "replace")
            raise self._error_in_success(found["error"], text, url, model, history)
        history.answered, history.refused_in_a_row = True, 0
        return found

    async def close(self) -> None:
        """Close the connections. May be called twice."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            import aiohttp

            connector = aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_KEEP_ALIVE_SECONDS,
                resolver=self._make_resolver() if self._make_resolver else None,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "burnish"},
            )
            self._loop = loop
        return self._session

    def _proxy(self, url: str) -> Proxy | None:
        if self._make_resolver is not None:
            return None
        if url not in self._proxies:
            self._proxies[url] = find_proxy(url, self._environment)
        return self._proxies[url]

    # --- failures

    def _failure(
        self,
        error: Exception,
        url: str,
        proxy: Proxy | None,
        timeout_seconds: float,
        model: str,
    ) -> ModelError:
        """What an exception means that came in the place of an answer."""
        import aiohttp

        shown = self._show(error)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return ModelRejected(model, f"the proxy {proxy} refuses to connect to {url}: {shown}")
        if proxy is not None and isinstance(error, (aiohttp.ClientProxyConnectionError, ValueError)):
            return ModelUnavailable(model, f"no connection to the proxy {proxy}: {shown}; {proxy.remedy}")
        if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)):
            return ModelRejected(
                model,
                f"no secure connection to {url}: {shown}; if the server's certificate is signed by an "
                f"authority of your own, set SSL_CERT_FILE to its file, else {self._remedies.address}",
            )
        if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
            return ModelUnavailable(model, f"no connection to {url}: {shown}; {self._remedies.address}")
        if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError)):
            return ModelRejected(model, f"{url} is no address: {self._remedies.address}")
        if isinstance(error, TimeoutError):
            return _unknown_end(ModelTimeout(model, f"no answer within {timeout_seconds:g} s"))
        return _unknown_end(ModelUnavailable(model, f"the connection was lost: {shown}"))

    def _refusal(
        self,
        status: int,
        headers: Mapping[str, str],
        body: str,
        url: str,
        model: str,
        history: _KeyHistory,
    ) -> ModelError:
        said = f"{status} {self._excerpt(_message_in(body))}".strip()
        if status in (401, 403) and history.answered:
            history.refused_in_a_row += 1
            if history.refused_in_a_row < _REFUSALS_OF_A_GOOD_KEY:
                return ModelRequestInvalid(
                    model,
                    f"{self._remedies.who} refuses this request, though the key has worked before: {said}",
                )
        if status in (401, 402, 403):
            return ModelRejected(model, f"{self._remedies.who} refuses: {said}; {self._remedies.key}")
        if 300 <= status < 400:
            to = self._excerpt(headers.get("Location", "nowhere"))
            return ModelRejected(
                model,
                f"{url} redirects ({status}) to {to}, and redirects are never followed; "
                f"{self._remedies.address}",
            )
        if status in (404, 405, 410) or status < 400:
            return ModelRejected(model, f"nothing answers at {url}: {said}; {self._remedies.address}")
        if status == 407:
            return ModelRejected(model, f"the proxy wants to know who asks: {said}; check HTTP_PROXY")
        if status == 429 and "insufficient_quota" in body:
            return ModelRejected(model, f"the account has no credit left: {said}; {self._remedies.key}")
        if status in (408, 409, 425, 429) or status >= 500:
            error: ModelError = ModelUnavailable(model, f"{self._remedies.who} answers {said}")
            error.throttled = status in (429, 503, 529)
            error.retry_after_seconds = retry_after(headers)
            return error
        invalid = ModelRequestInvalid(model, f"{self._remedies.who} does not accept this request: {said}")
        invalid.answer = body[:_KEPT_CHARACTERS]
        return invalid

    def _error_in_success(
        self, error: Any, body: str, url: str, model: str, history: _KeyHistory
    ) -> ModelError:
        """Some proxies answer 200 and put the status into the error."""
        code = (error.get("status") or error.get("code")) if isinstance(error, dict) else None
        status = int(code) if isinstance(code, int) or (isinstance(code, str) and code.isdigit()) else 0
        if 400 <= status < 600:
            return self._refusal(status, {}, body, url, model, history)
        shown = f"an error in a 200: {self._excerpt(_message_in(body))}"
        return ModelUnreadable(model, url, f"{shown}; {self._remedies.address}")

    def _unreadable(self, answer: aiohttp.ClientResponse, body: str, url: str, model: str) -> ModelError:
        kind = answer.headers.get("Content-Type", "").partition(";")[0] or "no content type"
        if kind == "text/event-stream" or body.lstrip().startswith("data:"):
            kind = "a stream, which was not asked for"
        shown = self._excerpt(body[:_KEPT_CHARACTERS])
        return ModelUnreadable(model, url, f"200 with {kind}: {shown!r}; {self._remedies.address}")

    def _show(self, error: BaseException) -> str:
        return self._excerpt(str(error) or type(error).__name__)

    def _excerpt(self, text: str) -> str:
        """What may be shown of it."""
        secrets = [self._environment.get(name, "").strip() for name in self._key_variables]
        return excerpt(text, self._environment, secrets)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait (RFC 9110, 10.2.3: a number, or a date), or ``None``."""
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            until, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("Date", ""))
            seconds = (until - now).total_seconds()
        except (ValueError, TypeError):
            return None
    return seconds if 0 <= seconds < float("inf") else None


async def _read(answer: aiohttp.ClientResponse, model: str, largest: int) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > largest:
            raise _unknown_end(
                ModelUnreadable(model, str(answer.url), f"it is longer than {largest} bytes; answer less")
            )
    return b"".join(parts)


def _message_in(body: str) -> str:
    """The provider's own words in an error's body, or all of it."""
    try:
        found = json.loads(body)
        error = found.get("error", found)
        message = error.get("message") if isinstance(error, dict) else error
        return message if isinstance(message, str) and message else body
    except (ValueError, AttributeError):
        return body


def _unknown_end(error: ModelError) -> ModelError:
    error.maybe_paid = True
    return error

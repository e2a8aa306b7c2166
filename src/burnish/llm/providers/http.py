"""One JSON request over HTTP, and what its failures mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from burnish.errors import ModelError, ModelRejected, ModelRequestInvalid, ModelTimeout, ModelUnavailable
from burnish.redaction import excerpt

if TYPE_CHECKING:
    import aiohttp

_CONNECT_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 15.0
_LARGEST_ANSWER_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedies:
    """What to tell the user about the failures that a retry cannot mend."""

    key: str
    address: str


class JsonClient:
    """Posts JSON; one connection pool for each event loop, connections kept alive.

    Args:
        environment: where secrets are looked up that must not appear in errors.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def post(
        self,
        url: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str],
        timeout_seconds: float,
        model: str,
        remedies: Remedies,
    ) -> dict[str, Any]:
        """The answer to one request, a JSON object. Redirects are not followed.

        Raises:
            ModelError: the kind that fits; never with a secret in it.
        """
        import aiohttp

        session = self._open()
        timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(_CONNECT_SECONDS, timeout_seconds)
        )
        try:
            async with session.post(
                url,
                data=json.dumps(body).encode(),
                headers={"Content-Type": "application/json", **headers},
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                content = await _read(answer, model)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as error:
            raise ModelRejected(
                model, f"no secure connection to {url}: {self._show(error)}; {remedies.address}"
            ) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ModelUnavailable(
                model, f"no connection to {url}: {self._show(error)}; {remedies.address}"
            ) from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError) as error:
            raise ModelRejected(model, f"{url} is no address: {remedies.address}") from error
        except TimeoutError as error:
            raise _unknown_end(ModelTimeout(model, f"no answer within {timeout_seconds:g} s")) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _unknown_end(
                ModelUnavailable(model, f"the connection was lost: {self._show(error)}")
            ) from error
        if answer.status != 200:
            raise self._refusal(answer, content.decode("utf-8", "replace"), model, remedies)
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self.garbage(model, content.decode("utf-8", "replace"))
        return found

    def garbage(self, model: str, shown: str) -> ModelError:
        """The error for an answer that cannot be read."""
        what = excerpt(shown, self._environment)
        return _unknown_end(ModelUnavailable(model, f"the answer cannot be read: {what!r}"))

    async def close(self) -> None:
        """Close the connections. May be called twice."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            import aiohttp

            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "burnish"},
            )
            self._loop = loop
        return self._session

    def _refusal(
        self, answer: aiohttp.ClientResponse, body: str, model: str, remedies: Remedies
    ) -> ModelError:
        status = answer.status
        said = f"{status} {excerpt(_message_in(body), self._environment)}".strip()
        if status in (401, 402, 403):
            return ModelRejected(model, f"the provider refuses: {said}; {remedies.key}")
        if status in (404, 405, 410) or status < 400:
            return ModelRejected(model, f"nothing answers at this address: {said}; {remedies.address}")
        if status == 429 and "insufficient_quota" in body:
            return ModelRejected(model, f"the account has no credit left: {said}; {remedies.key}")
        if status == 408 or status == 409 or status == 425 or status == 429 or status >= 500:
            error: ModelError = ModelUnavailable(model, f"the provider answers {said}")
            error.throttled = status in (429, 503, 529)
            error.retry_after_seconds = retry_after(answer.headers)
            return error
        return ModelRequestInvalid(model, f"the provider does not accept this request: {said}")

    def _show(self, error: BaseException) -> str:
        return excerpt(str(error) or type(error).__name__, self._environment)


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


async def _read(answer: aiohttp.ClientResponse, model: str) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > _LARGEST_ANSWER_BYTES:
            raise _unknown_end(
                ModelUnavailable(model, f"the answer is longer than {_LARGEST_ANSWER_BYTES} bytes")
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

"""``ollama:/``: models of an Ollama server, through its OpenAI-style endpoint.

``OLLAMA_HOST`` as Ollama itself reads it: a host, ``host:port`` or a URL; port 11434 where none is said.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from burnish.llm.providers.info import FREE, ProviderInfo
from burnish.llm.providers.openai import OpenAiProvider

_PORT = 11434


class OllamaProvider(OpenAiProvider):
    """OpenAI's chat completions at Ollama's address."""

    @property
    def base_url(self) -> str:
        """The server's address with the path of its OpenAI-style endpoint."""
        found = super().base_url
        return f"{(found if '://' in found else _url_of(found)).removesuffix('/v1')}/v1"


def _url_of(address: str) -> str:
    """A URL for a host, a port or both; a server that listens everywhere is asked on this machine."""
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname or "127.0.0.1", parts.port or _PORT
    except ValueError:
        return f"http://{address}"  # the error that follows shows it as it is
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{parts.path}"


INFO = ProviderInfo(
    scheme="ollama",
    make=OllamaProvider,
    keys=("OLLAMA_API_KEY",),
    key_optional=True,
    url_variable="OLLAMA_HOST",
    default_url=f"http://127.0.0.1:{_PORT}",
    prices=FREE,
)

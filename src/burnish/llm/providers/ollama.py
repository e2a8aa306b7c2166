"""``ollama:/``: models of an Ollama server, through its OpenAI-style endpoint.

``OLLAMA_HOST`` as Ollama itself reads it (``host:port`` or a URL); ``http://127.0.0.1:11434`` if unset.
"""

from __future__ import annotations

from burnish.llm.providers.openai import OpenAiProvider


class OllamaProvider(OpenAiProvider):
    """OpenAI's chat completions at Ollama's address, without a key."""

    key_variable = "OLLAMA_API_KEY"
    url_variable = "OLLAMA_HOST"
    default_url = "http://127.0.0.1:11434"

    @property
    def base_url(self) -> str:
        """The server's address with the path of its OpenAI-style endpoint."""
        found = self._base_url or self._environment.get(self.url_variable) or self.default_url
        if "://" not in found:
            found = f"http://{found}"
        return f"{found.rstrip('/').removesuffix('/v1')}/v1"

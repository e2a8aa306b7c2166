"""``gemini:/``: Google's models through their OpenAI-style endpoint (https://ai.google.dev/gemini-api/docs/openai).

``GEMINI_API_KEY`` or ``GOOGLE_API_KEY``; ``GEMINI_BASE_URL`` for a proxy.
"""

from __future__ import annotations

from burnish.errors import ModelRejected
from burnish.llm.providers.openai import OpenAiProvider


class GeminiProvider(OpenAiProvider):
    """OpenAI's chat completions at Google's address."""

    key_variable = "GEMINI_API_KEY"
    url_variable = "GEMINI_BASE_URL"
    default_url = "https://generativelanguage.googleapis.com/v1beta/openai"

    def headers(self, model: str) -> dict[str, str]:
        """Google takes its key as a bearer token here."""
        key = self._environment.get(self.key_variable) or self._environment.get("GOOGLE_API_KEY")
        if not key:
            raise ModelRejected(model, f"no key: set {self.key_variable}")
        return {"Authorization": f"Bearer {key}"}

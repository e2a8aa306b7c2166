"""Model URIs: ``scheme:/name``, for example ``openai:/gpt-4o-mini``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, urlencode

from burnish.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class ModelUri:
    """A model URI in its parts.

    Attributes:
        name: the model's name or path, as the provider wants it.
        base_url: another server than the scheme's own (``openai:/llama?base_url=http://…``); used only
            if the operator allows it. No slash at its end.
    """

    scheme: str
    name: str
    base_url: str | None = None

    def __str__(self) -> str:
        query = f"?{urlencode({'base_url': self.base_url})}" if self.base_url else ""
        return f"{self.scheme}:/{self.name}{query}"


@lru_cache(maxsize=1024)
def parse_model_uri(text: str) -> ModelUri:
    """
    ``local:///models/a.gguf`` and ``local://models/a.gguf`` name absolute paths, like
    ``local://`` + path everywhere.

    Raises:
        InvalidInput: not of the form ``scheme:/name``.
    """
    scheme, colon, rest = text.partition(":/")
    if not colon or not scheme or not rest.strip("/ "):
        raise InvalidInput.of("model", text, "a model is SCHEME:/NAME, for example openai:/gpt-4o-mini")
    name, _, query = rest.partition("?base_url=")
    base_url = parse_qs(f"base_url={query}").get("base_url", [""])[0].rstrip("/") if query else ""
    if name.startswith("/"):
        name = "/" + name.lstrip("/")
    return ModelUri(scheme.lower(), name, base_url or None)

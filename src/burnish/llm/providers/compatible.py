"""Providers that speak OpenAI's chat completions at an address of their own: one line each."""

from __future__ import annotations

from burnish.llm.providers.info import ProviderInfo
from burnish.llm.providers.openai import OpenAiProvider


def _compatible(
    scheme: str, default_url: str, *keys: str, prices: str | None = None, aliases: tuple[str, ...] = ()
) -> ProviderInfo:
    return ProviderInfo(
        scheme=scheme,
        make=OpenAiProvider,
        keys=keys or (f"{scheme.upper()}_API_KEY",),
        url_variable=f"{scheme.upper()}_BASE_URL",
        default_url=default_url,
        prices=prices or scheme,
        aliases=aliases,
    )


INFOS = (
    _compatible(
        "gemini",  # https://ai.google.dev/gemini-api/docs/openai
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        prices="google",
        aliases=("google", "google_genai", "google-genai"),
    ),
    _compatible("mistral", "https://api.mistral.ai/v1", aliases=("mistralai",)),
    _compatible("groq", "https://api.groq.com/openai/v1"),
    _compatible("deepseek", "https://api.deepseek.com/v1"),
    _compatible("cohere", "https://api.cohere.ai/compatibility/v1", "COHERE_API_KEY", "CO_API_KEY"),
    _compatible(
        "together",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        "TOGETHERAI_API_KEY",
        aliases=("together_ai", "togetherai"),
    ),
    _compatible("openrouter", "https://openrouter.ai/api/v1"),
    _compatible("xai", "https://api.x.ai/v1", prices="x-ai"),
    _compatible("fireworks", "https://api.fireworks.ai/inference/v1", aliases=("fireworks_ai",)),
    _compatible("perplexity", "https://api.perplexity.ai", "PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"),
)

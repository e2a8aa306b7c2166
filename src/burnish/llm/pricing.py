"""What calls cost, from the price data that genai-prices carries. Never asks the network."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Any

from burnish.domain.usage import NANOS_PER_USD
from burnish.llm.uri import ModelUri

FREE_SCHEMES = frozenset({"local", "ollama", "scripted"})
"""Run on the user's own machine."""

_PRICE_LISTS = {
    "openai": "openai",
    "azure": "azure",
    "anthropic": "anthropic",
    "gemini": "google",
    "litellm": "litellm",
}
_PROBE_TOKENS = 1_000_000


def price(model: ModelUri, prompt_tokens: int, completion_tokens: int) -> int | None:
    """Nano-dollars of one call, rounded up; ``None`` when the model's price is unknown.

    It is the list price of the scheme's provider, whatever ``base_url`` answers in its place, without
    discounts for cached prompts: never too low for a limit.
    """
    if model.scheme in FREE_SCHEMES:
        return 0
    rates = _rates(model.scheme, model.name)
    if rates is None:
        return _look_up(model.scheme, model.name, prompt_tokens, completion_tokens)
    return -(-(prompt_tokens * rates[0] + completion_tokens * rates[1]) // _PROBE_TOKENS)


def price_known(model: ModelUri) -> bool:
    """Whether :func:`price` has an answer for this model."""
    return price(model, 1, 1) is not None


@lru_cache(maxsize=256)
def _rates(scheme: str, name: str) -> tuple[int, int] | None:
    """Nano-dollars for a million tokens in and out, if the price is that simple (a look-up costs 0.1 ms);
    ``None`` for prices with tiers or hours, and for unknown ones."""
    found = _calculation(scheme, name, 0, 0)
    if found is None or found.total_price or found.model.prices is not found.model_price:
        return None
    if any(hasattr(value, "tiers") for value in vars(found.model_price).values()):
        return None
    million_in = _look_up(scheme, name, _PROBE_TOKENS, 0)
    million_out = _look_up(scheme, name, 0, _PROBE_TOKENS)
    return None if million_in is None or million_out is None else (million_in, million_out)


def _look_up(scheme: str, name: str, prompt_tokens: int, completion_tokens: int) -> int | None:
    found = _calculation(scheme, name, prompt_tokens, completion_tokens)
    return None if found is None else _nanos(found.total_price)


def _calculation(scheme: str, name: str, prompt_tokens: int, completion_tokens: int) -> Any:
    from genai_prices import Usage, calc_price

    if scheme not in _PRICE_LISTS:
        return None
    usage = Usage(input_tokens=prompt_tokens, output_tokens=completion_tokens)
    try:
        return calc_price(usage, name, provider_id=_PRICE_LISTS[scheme])
    except LookupError:
        return None


def _nanos(usd: Decimal) -> int:
    return int((usd * NANOS_PER_USD).to_integral_value(rounding=ROUND_CEILING))

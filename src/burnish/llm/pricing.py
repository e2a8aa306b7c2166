"""What calls cost, from the price data that genai-prices carries. Never asks the network."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache, partial
from typing import Any

from burnish.domain.usage import NANOS_PER_USD
from burnish.llm.providers.catalog import PROVIDERS
from burnish.llm.providers.info import FREE
from burnish.llm.uri import ModelUri

_PROBE_TOKENS = 1_000_000


def price(model: ModelUri, prompt_tokens: int, completion_tokens: int) -> int | None:
    """Nano-dollars of one call, rounded up; ``None`` when the model's price is unknown.

    It is the list price of the scheme's provider, whatever ``base_url`` answers in its place, without
    discounts for cached prompts: never too low for a limit.
    """
    info = PROVIDERS.get(model.scheme)
    source = info.prices if info else None
    if source is None:
        return None
    return 0 if source == FREE else _tariff(source, model.name)(prompt_tokens, completion_tokens)


def price_known(model: ModelUri) -> bool:
    """Whether :func:`price` has an answer for this model."""
    return price(model, 1, 1) is not None


@lru_cache(maxsize=1024)
def _tariff(source: str, name: str) -> Callable[[int, int], int | None]:
    """What so many tokens in and out cost. A look-up takes 0.1 ms and more, so it is made for each call
    only where the price has tiers or hours."""
    found = _calculation(source, name, 0, 0)
    if found is None:
        return _unknown
    look_up = partial(_look_up, source, name)
    if found.total_price or found.model.prices is not found.model_price:
        return look_up
    if any(hasattr(value, "tiers") for value in vars(found.model_price).values()):
        return look_up
    million_in, million_out = look_up(_PROBE_TOKENS, 0), look_up(0, _PROBE_TOKENS)
    if million_in is None or million_out is None:
        return look_up
    return partial(_linear, million_in, million_out)


def _unknown(prompt_tokens: int, completion_tokens: int) -> None:
    return None


def _linear(million_in: int, million_out: int, prompt_tokens: int, completion_tokens: int) -> int:
    return -(-(prompt_tokens * million_in + completion_tokens * million_out) // _PROBE_TOKENS)


def _look_up(source: str, name: str, prompt_tokens: int, completion_tokens: int) -> int | None:
    found = _calculation(source, name, prompt_tokens, completion_tokens)
    return None if found is None else _nanos(found.total_price)


def _calculation(source: str, name: str, prompt_tokens: int, completion_tokens: int) -> Any:
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=prompt_tokens, output_tokens=completion_tokens)
    try:
        return calc_price(usage, name, provider_id=source)
    except LookupError:
        return None


def _nanos(usd: Decimal) -> int:
    return int((usd * NANOS_PER_USD).to_integral_value(rounding=ROUND_CEILING))

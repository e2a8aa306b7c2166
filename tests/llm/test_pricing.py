"""Prices: exact, offline, unknown where unknown."""

from __future__ import annotations

import socket
import threading

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.usage import NANOS_PER_USD
from burnish.llm.pricing import price
from burnish.llm.uri import parse_model_uri

TOKENS = st.integers(0, 2_000_000)


@pytest.mark.parametrize(
    ("uri", "provider"),
    [
        ("openai:/gpt-4o-mini", "openai"),
        ("anthropic:/claude-3-5-haiku-latest", "anthropic"),
        ("gemini:/gemini-2.5-pro", "google"),  # dearer above 200,000 tokens
        ("azure:/gpt-4o", "azure"),
    ],
)
@given(prompt_tokens=TOKENS, completion_tokens=TOKENS)
def test_it_is_the_list_price_rounded_up(
    uri: str, provider: str, prompt_tokens: int, completion_tokens: int
) -> None:
    model = parse_model_uri(uri)
    usage = Usage(input_tokens=prompt_tokens, output_tokens=completion_tokens)
    exact = calc_price(usage, model.name, provider_id=provider).total_price * NANOS_PER_USD
    ours = price(model, prompt_tokens, completion_tokens)
    assert ours is not None
    assert 0 <= ours - exact < 1


@given(TOKENS, TOKENS, TOKENS, TOKENS)
def test_more_tokens_never_cost_less(a: int, b: int, c: int, d: int) -> None:
    """So that a reservation of the most tokens is one of the most dollars."""
    model = parse_model_uri("gemini:/gemini-2.5-pro")
    less, more = price(model, min(a, b), min(c, d)), price(model, max(a, b), max(c, d))
    assert less is not None
    assert more is not None
    assert less <= more


@pytest.mark.parametrize("uri", ["local:/smollm2", "ollama:/llama3.2", "scripted:/echo"])
def test_ones_own_machine_is_free(uri: str) -> None:
    assert price(parse_model_uri(uri), 10**9, 10**9) == 0


@pytest.mark.parametrize(
    "uri", ["openai:/never-heard-of", "endpoints:/ours", "gateway:/ours", "litellm:/no/such", "else:/m"]
)
def test_unknown_is_unknown_never_zero(uri: str) -> None:
    assert price(parse_model_uri(uri), 1, 1) is None


def test_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    threads = threading.active_count()
    price(parse_model_uri("openai:/gpt-4o"), 1, 1)
    assert threading.active_count() == threads

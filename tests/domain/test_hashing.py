"""Identity of contents, and chance without a generator."""

from __future__ import annotations

import pytest

from burnish.domain.hashing import digest, uniform_draw


def test_the_order_of_keys_is_no_difference() -> None:
    assert digest({"a": 1, "b": "é"}) == digest({"b": "é", "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})


def test_draws_are_fixed_for_ever() -> None:
    """Splits of stored jobs depend on these numbers."""
    assert uniform_draw(0, "example", "x") == 0.9312750892561752


def test_draws_are_spread_evenly() -> None:
    draws = [uniform_draw(1, n) for n in range(2000)]
    assert all(0 <= draw < 1 for draw in draws)
    assert sum(draws) / len(draws) == pytest.approx(0.5, abs=0.02)
    assert uniform_draw(1, "\ud800") != uniform_draw(1, "\ud801")

"""What is found as personal data in records, and what is not."""

from __future__ import annotations

import pytest

from burnish.domain.personal_data import find_personal_data, mask_personal_data, mask_text

# Put together here, so that no scanner of repositories takes them for real.
KEYS = (
    "sk-" + "proj-abcDEF0123456789xyz",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "a1" * 18,
    "xoxb-" + "123456789012-abcdef",
    "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3.dBjftJeZ4CVP-mB92K27uhbUJU1p1r",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
)


@pytest.mark.parametrize("key", KEYS)
def test_keys(key: str) -> None:
    assert mask_text(f"use {key}, please") == "use [KEY], please"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to ada.lovelace+x@mail.example.co.uk!", "Write to [EMAIL]!"),
        ("jürgen@größe.example", "[EMAIL]"),
        ("4111 1111 1111 1111 exp 12/27", "[CARD] exp 12/27"),
        ("card 5500-0055-5555-5559.", "card [CARD]."),
        ("amex 378282246310005", "amex [CARD]"),
        ("DE89 3704 0044 0532 0130 00", "[IBAN]"),
        ("GB82WEST12345698765432", "[IBAN]"),
        ("call +49 30 1234567 or (415) 555-2671", "call [PHONE] or [PHONE]"),
        ("0211/1234567", "[PHONE]"),
        ("020 7946 0958", "[PHONE]"),
        ("+1-212-555-0123", "[PHONE]"),
    ],
)
def test_what_is_found(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # no card: its check digit is wrong
        "order 1234567890123456",
        "DE89 3704 0044 0532 0130 01",
        "2026-11-29 12:26:43",
        "version 3.17.2 of 10.0.0.1",
        "1795955605124 ms, 0.1234567",
        "skateboarding-in-the-park-with-friends",
        "a@b, @mlflow.trace, user@localhost",
        "the risk-adjusted-return-of-the-fund",
        "tr-13f939fd41224e10f8ab590023a8b5a6",
        "1,234,567.89 and 100 200 300",
    ],
)
def test_other_texts_have_none(text: str) -> None:
    assert mask_text(text) == text


def test_a_find_says_where_it_stands_and_shows_little() -> None:
    record = {
        "messages": [{"content": "hi"}, {"content": "I am ada@example.org"}],
        "card": 4111111111111111,
        "ada@example.org": {"n": 1, "ok": True, "none": None},
    }
    found = {(find.kind.value, find.path, find.shown) for find in find_personal_data(record, "inputs")}
    assert found == {
        ("e-mail address", "inputs.messages[].content", "ad…rg"),
        ("card number", "inputs.card", "41…11"),
        ("e-mail address", "inputs", "ad…rg"),
    }
    assert mask_personal_data(record) == {
        "messages": [{"content": "hi"}, {"content": "I am [EMAIL]"}],
        "card": "[CARD]",
        "[EMAIL]": {"n": 1, "ok": True, "none": None},
    }


@pytest.mark.parametrize(
    "piece", ["a@b.example ", "a", "a.", "1", "1 ", "a@a.", "sk-a", "eyJ", "A1", "+1 ", "0 "]
)
def test_a_long_text_takes_time_in_proportion(piece: str) -> None:
    """Half a million characters: no clock is read, for the square of that would outlast every time limit."""
    mask_text((piece * 500_000)[:500_000])

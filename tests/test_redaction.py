"""No secret survives in a text that is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.llm.providers.http import retry_after
from burnish.redaction import excerpt, redact


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Incorrect API key provided: sk-proj-abcdefghijklmnop1234.", "abcdefghijklmnop1234"),
        ("Authorization: Bearer eyJhbGciOi.J9-x_y", "eyJhbGciOi"),
        ('{"api_key": "hunter2hunter2"}', "hunter2hunter2"),
        ("postgresql://user:pa55word@host/db", "pa55word"),
        ("https://h/v1?api-key=abcdef123", "abcdef123"),
        ("key AIzaSyA1234567890abcdefg", "AIzaSyA1234567890abcdefg"),
    ],
)
def test_what_looks_like_a_secret_goes(text: str, secret: str) -> None:
    assert secret not in redact(text, {})
    assert "***" in redact(text, {})


@given(st.text(min_size=6, max_size=40), st.text(max_size=50), st.text(max_size=50))
def test_what_the_environment_has_as_a_secret_goes(secret: str, before: str, after: str) -> None:
    for name in ("OPENAI_API_KEY", "MLFLOW_TRACKING_TOKEN", "DB_PASSWORD", "KEY"):
        assert secret not in redact(f"{before} {secret} {after}", {name: secret}).replace("***", "")


def test_other_texts_stay() -> None:
    text = "the model gpt-4o at http://127.0.0.1:8000/v1 has no key named MONKEY; see tokens=12"
    assert redact(text, {"MODEL": "gpt-4o", "HOME": "/home/us", "MONKEY": "monkey"}) == text


def test_an_excerpt_is_one_short_line() -> None:
    assert excerpt("a\n\n  b" + " c" * 1000, {}).startswith("a b c c")
    assert len(excerpt("x" * 10_000, {})) == 300


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.5"}, 0.5),
        (
            {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Fri, 31 Dec 1999 23:59:29 GMT"},
            30.0,
        ),
        (
            {"Retry-After": "Fri, 31 Dec 1999 23:59:29 GMT", "Date": "Fri, 31 Dec 1999 23:59:59 GMT"},
            None,
        ),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds

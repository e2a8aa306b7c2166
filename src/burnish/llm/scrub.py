"""Secrets are taken out of every text that comes from outside before it is shown or kept."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_SHOWN = 300
_SHORTEST_SECRET = 6
_SECRET_NAME = re.compile(
    r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)($|_)", re.IGNORECASE
)
_SECRET_SHAPES = (
    re.compile(r"\b(?:sk|pk|rk|gsk|xai|hf|dapi|AIza)[-_]?[A-Za-z0-9*_-]{12,}"),
    re.compile(r"(?i)\bbearer\s+[^\s\"']+"),
    re.compile(r"(?i)\b(?:api[-_ ]?key|access[-_ ]?token|password|secret)[\"']?\s*[:=]\s*[\"']?[^\s\"',}&]+"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)


def scrub(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text with ``***`` for what is, or looks like, a key, a token or a password.

    Args:
        environment: whose values under names such as ``OPENAI_API_KEY`` are secrets; the process's own.
    """
    for name, value in (os.environ if environment is None else environment).items():
        if len(value) >= _SHORTEST_SECRET and value in text and _SECRET_NAME.search(name):
            text = text.replace(value, "***")
    for shape in _SECRET_SHAPES:
        text = shape.sub("***", text)
    return text


def excerpt(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The scrubbed beginning of an error's body, on one line, at most 300 characters."""
    line = " ".join(scrub(text[: 4 * _SHOWN], environment).split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."

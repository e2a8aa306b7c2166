"""Secrets are taken out of every text before it is shown or kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

_SHOWN = 300
_SHORTEST_SECRET = 6
_SECRET_NAME = re.compile(
    r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)($|_)", re.IGNORECASE
)
KEY_SHAPES = (
    re.compile(
        r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[^-]{0,10000}(?:-----END [A-Z ]{0,20}PRIVATE KEY-----)?"
    ),
    re.compile(r"\b(?:sk|pk|rk|gsk|xai|hf|whsec)[-_](?=[A-Za-z0-9_-]{0,200}\d)[A-Za-z0-9_-]{16,200}"),
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{35}|\bdapi[0-9a-f]{32}\b"),
    re.compile(r"\b(?:gh[oprsu]_[A-Za-z0-9]{36}|github_pat_\w{22,200}|glpat-[\w-]{20,200})"),
    re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,200}"),
    re.compile(r"\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,1000}"),
)
"""What is a key by its very form, whatever stands around it."""
_SECRET_SHAPES = (
    *KEY_SHAPES,
    re.compile(r"\b(?:sk|pk|rk|gsk|xai|hf|dapi|AIza)[-_]?[A-Za-z0-9*_-]{12,}"),
    re.compile(r"(?i)\bbearer\s+[^\s\"',]+"),
    re.compile(r"(?i)\b(?:api[-_ ]?key|access[-_ ]?token|password|secret)[\"']?\s*[:=]\s*[\"']?[^\s\"',}&]+"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)
_URI_CREDENTIALS = re.compile(r"(?<=://).*@", re.DOTALL)
_URI_PASSWORD = re.compile(r"(password|passfile|sslpassword)=[^&\s]*", re.IGNORECASE)


def redact(text: str, environment: Mapping[str, str] | None = None, secrets: Iterable[str] = ()) -> str:
    """Put ``***`` in the place of what is, or looks like, a key, a token or a password.

    Args:
        environment: whose values under names such as ``OPENAI_API_KEY`` are secrets; the process's own.
        secrets: further ones that the caller knows, of any length (see :func:`uri_secrets`).
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):  # a long one may hold a short one
        text = text.replace(secret, "***")
    for name, value in (os.environ if environment is None else environment).items():
        if len(value) >= _SHORTEST_SECRET and value in text and _SECRET_NAME.search(name):
            text = text.replace(value, "***")
    for shape in _SECRET_SHAPES:
        text = shape.sub("***", text)
    return text


def excerpt(text: str, environment: Mapping[str, str] | None = None, secrets: Iterable[str] = ()) -> str:
    """Show the redacted beginning of an error's body: one line, at most 300 characters."""
    line = " ".join(redact(text[: 4 * _SHOWN], environment, secrets).split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."


def redact_uri(uri: str) -> str:
    """Show a URI without user, password and password options."""
    return _URI_PASSWORD.sub(r"\1=***", _URI_CREDENTIALS.sub("***@", uri))


def uri_secrets(uri: str) -> set[str]:
    """Find what a URI holds that no message may repeat: its password, as written and decoded, or a user
    part that is a token."""
    userinfo = urlsplit(uri).netloc.rpartition("@")[0]
    password = userinfo.partition(":")[2]
    return {password, unquote(password)} if password else {userinfo} - {""}

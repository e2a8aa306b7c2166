"""Which proxy a request goes through: ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``.

As curl and Python's own urllib read them: in lower case first, ``NO_PROXY`` a list of host name endings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from burnish.redaction import redact_uri


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy and the variable that names it."""

    url: str
    variable: str

    def __str__(self) -> str:
        return f"{redact_uri(self.url)} ({self.variable})"

    @property
    def remedy(self) -> str:
        """What to do where it does not answer."""
        return f"check {self.variable}, or name the model's host in NO_PROXY"


def find_proxy(url: str, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy for a URL, or ``None`` where it is asked without one."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None  # no address at all
    found = _first(environment, f"{parts.scheme}_proxy", "all_proxy")
    if found is None:
        return None
    exempt = _first(environment, "no_proxy")
    if exempt and proxy_bypass_environment(parts.netloc.rpartition("@")[2], {"no": exempt.url}):
        return None
    return found if "://" in found.url else Proxy(f"http://{found.url}", found.variable)


def proxies_in(environment: Mapping[str, str]) -> tuple[Proxy, ...]:
    """Every proxy that is set, for whoever wants to show them."""
    found = (_first(environment, name) for name in ("http_proxy", "https_proxy", "all_proxy"))
    return tuple(proxy for proxy in found if proxy)


def _first(environment: Mapping[str, str], *names: str) -> Proxy | None:
    for name in names:
        for variable in (name, name.upper()):
            if value := environment.get(variable, "").strip():
                return Proxy(value, variable)
    return None

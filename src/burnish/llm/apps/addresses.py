"""Which apps may be asked: below the operator's base URLs, and at no private address that is not named.

A URL is checked when a job is made and again at each request; the address it leads to, when a connection is
made, so that a name which leads elsewhere meanwhile reaches nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, urlsplit

from burnish.errors import InvalidInput, ModelRejected, Problem
from burnish.redaction import redact_uri

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

URLS_SETTING = "BURNISH_APP_URLS (burnish server --allow-app-url)"
NETWORKS_SETTING = "BURNISH_APP_NETWORKS (burnish server --allow-app-network)"
_SUCH_AS = "https://apps.example/support"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class AllowedApps:
    """What the operator allows.

    Attributes:
        urls: base URLs; an app's own is one of them, or lies below one.
        networks: private networks that names may lead to, such as ``10.0.0.0/8``. ``localhost`` and an
            address that stands in ``urls`` itself need none.
    """

    urls: Sequence[str] = ()
    networks: Sequence[str] = field(default=())

    def problems(self) -> list[Problem]:
        """What is wrong with the settings themselves."""
        found = []
        for url in self.urls:
            if reason := _fault_of(url):
                found.append(Problem("app_urls", redact_uri(url), f"{reason}; write such as {_SUCH_AS}"))
        for network in self.networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                found.append(Problem("app_networks", network, f"{error}; write such as 10.0.0.0/8"))
        return found

    def check_url(self, url: str) -> None:
        """
        Raises:
            InvalidInput: no URL of an app, or the operator does not allow it.
        """
        shown = redact_uri(url)
        if reason := _fault_of(url):
            raise InvalidInput.of("config.app.url", shown, f"{reason}; write such as {_SUCH_AS}")
        if not any(_is_below(urlsplit(url), urlsplit(base)) for base in self.urls):
            remedy = f"is not below a base URL that the operator allows; add it to {URLS_SETTING}"
            raise InvalidInput.of("config.app.url", shown, remedy)
        address = _address_of(urlsplit(url).hostname or "")
        if address is not None and not self._may_connect(address):
            raise InvalidInput.of("config.app.url", shown, _private(url, address))

    def check_address(self, url: str, address: str) -> None:
        """
        Args:
            url: of the app that is to be asked.
            address: that its host leads to.

        Raises:
            ModelRejected: it is a private one, and not named.
        """
        found = _address_of(address)
        if found is None or not self._may_connect(found):
            raise ModelRejected(f"app:/{url}", _private(url, found or address))

    def _may_connect(self, address: IpAddress) -> bool:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        if mapped is not None:
            return self._may_connect(mapped)
        named = address in self._named or any(address in network for network in self._networks)
        return named or (address.is_global and not address.is_multicast)

    @cached_property
    def _networks(self) -> tuple[IpNetwork, ...]:
        return tuple(ipaddress.ip_network(network) for network in self.networks)

    @cached_property
    def _named(self) -> frozenset[IpAddress]:
        hosts = {urlsplit(url).hostname or "" for url in self.urls}
        loopback = {"127.0.0.1", "::1"} if "localhost" in hosts else set()
        found = (_address_of(host) for host in hosts | loopback)
        return frozenset(address for address in found if address is not None)


def _fault_of(url: str) -> str:
    """Why a text is no URL that an app may have; empty where it is one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"is no URL: {error}"
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        return "is no http:// or https:// URL"
    if parts.username is not None or parts.password is not None:
        return "holds a user or a password; put it into headers_from_env"
    if parts.fragment or not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:
        return "holds a fragment, blanks, backslashes or characters that are not ASCII"
    if any(part in (".", "..") for part in parts.path.replace("%2e", ".").replace("%2E", ".").split("/")):
        return "holds . or .. in its path"
    return ""


def _is_below(url: SplitResult, base: SplitResult) -> bool:
    if _origin(url) != _origin(base):
        return False
    folder = base.path.rstrip("/")
    return url.path.rstrip("/") == folder or url.path.startswith(f"{folder}/")


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]


def _address_of(host: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _private(url: str, address: Any) -> str:
    return (
        f"{url} leads to {address}, which is no public address; if the app is meant to be there, name its "
        f"network in {NETWORKS_SETTING}"
    )

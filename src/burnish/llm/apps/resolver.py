"""The looking up of hosts, where not every address may be asked."""

from __future__ import annotations

import socket

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from burnish.llm.apps.addresses import AllowedApps


class CheckedResolver(AbstractResolver):
    """Looks hosts up, and gives no address that may not be asked.

    Args:
        allowed: by the operator.
        resolver: does the looking up; ``None``: the system's.
    """

    def __init__(self, allowed: AllowedApps, resolver: AbstractResolver | None = None) -> None:
        self._allowed = allowed
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """
        Raises:
            ModelRejected: the name leads to an address that may not be asked.
            OSError: it leads nowhere.
        """
        found = await self._resolver.resolve(host, port, family)
        for entry in found:
            self._allowed.check_address(host, entry["host"])
        return found

    async def close(self) -> None:
        """Close what does the looking up."""
        await self._resolver.close()

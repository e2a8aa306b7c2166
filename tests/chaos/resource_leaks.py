"""What jobs that are over may not leave in the processes and in PostgreSQL: tasks, connections, messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import aiohttp

from tests.chaos.deployment import Deployment

_ATTEMPTS = "burnish_attempts_running"
_CONNECTIONS_OF_A_PROCESS = 14  # the store's 8, the queue's 4, one that listens, one to spare
_HELD = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name LIKE 'burnish%' AND state LIKE 'idle in transaction%'
AND state_change < now() - interval '6s'
"""
_CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'burnish%'"
_MESSAGES = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"


async def find_resource_leaks(deployment: Deployment, patience_seconds: float = 20.0) -> list[str]:
    """Wait until nothing is left of jobs that are over.

    Returns:
        What is still there when patience ends.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        left = _named(
            await _look(deployment),
            most_connections=_CONNECTIONS_OF_A_PROCESS * (len(deployment.children) + 1),
        )
        if not left or time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.5)


async def _look(deployment: Deployment) -> dict[str, float]:
    found: dict[str, float] = {}
    async with aiohttp.ClientSession() as session:
        for child in deployment.children:
            async with session.get(deployment.metrics_urls[child.name]) as answer:
                found[f"attempts running in {child.name}"] = gauge(await answer.text(), _ATTEMPTS)
    if deployment.postgres is not None:
        import psycopg

        async with await psycopg.AsyncConnection.connect(
            deployment.postgres.uri, autocommit=True
        ) as connection:
            for what, query in (
                ("transactions held open", _HELD),
                ("connections", _CONNECTED),
                ("messages in the queue", _MESSAGES),
            ):
                row = await (await connection.execute(query)).fetchone()
                found[what] = row[0] if row else 0
    return found


def _named(found: Mapping[str, float], most_connections: int) -> list[str]:
    allowed = {"connections": most_connections}
    return [f"{number:g} {what} left" for what, number in found.items() if number > allowed.get(what, 0)]


def gauge(exposition: str, name: str) -> float:
    """The value of a gauge without labels.

    Raises:
        KeyError: it is not there.
    """
    for line in exposition.splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    raise KeyError(name)

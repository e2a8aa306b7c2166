"""What goes wrong. Each fault happens while the jobs of a batch run, and is over when it returns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from burnish.dispatch.queue import Queue
from burnish.domain.events import Event, EventKind
from burnish.domain.job import JobStatus
from tests.chaos.deployment import TAKEOVER_SECONDS, Batch, Deployment
from tests.chaos.processes import Child

MAX_SECONDS_AFTER_TAKEOVER = 2.0


@dataclass(frozen=True)
class Fault:
    """
    Attributes:
        changes_results: what comes out may differ from an undisturbed run.
        where: the stores it is for.
        short: the stores for which it is in the short form, too.
        tracking_server: needs MLflow as a server of its own.
    """

    name: str
    strike: Callable[[Deployment, Batch], Awaitable[None]]
    where: tuple[str, ...] = ("sqlite", "postgres")
    short: tuple[str, ...] = ()
    changes_results: bool = False
    tracking_server: bool = False


async def nothing(deployment: Deployment, batch: Batch) -> None:
    """For comparison."""


async def kill_worker(deployment: Deployment, batch: Batch) -> None:
    """``kill -9`` of whoever works, at random times, and again."""
    for _ in range(3):
        await deployment.pause(0.3, 2.0)
        victim = deployment.draw.choice(deployment.workers or [deployment.server])
        victim.kill()
        await deployment.pause(0.0, 1.0)
        await victim.start()
    await deployment.until_healthy()


async def kill_api_server(deployment: Deployment, batch: Batch) -> None:
    """``kill -9`` of the server that only answers."""
    deployment.server.kill()
    await deployment.pause(1.0, 2.0)
    await deployment.server.start()
    await deployment.until_healthy()


async def kill_everything(deployment: Deployment, batch: Batch) -> None:
    """A power cut."""
    await deployment.pause(0.2, 1.0)
    for child in deployment.children:
        child.kill()
    if deployment.postgres is not None:
        await asyncio.to_thread(deployment.postgres.kill)
        await asyncio.to_thread(deployment.postgres.start)
    await deployment.revive()


async def freeze_past_the_takeover(deployment: Deployment, batch: Batch) -> None:
    """SIGSTOP, takeover, SIGCONT: the superseded worker must write nothing and fall silent."""
    await deployment.pause(0.0, 0.5)
    frozen, held = await _freeze_one_at_work(deployment, batch)
    frozen_at = time.monotonic()
    while not await _taken_over(deployment, held):  # the other worker may have been begun a moment ago
        if time.monotonic() - frozen_at > 10 * TAKEOVER_SECONDS:
            batch.problems.append("none of the frozen worker's jobs was taken over")
            break
        await asyncio.sleep(0.1)
    if time.monotonic() - frozen_at > TAKEOVER_SECONDS + 3.0:
        batch.late.append(f"the first takeover took {time.monotonic() - frozen_at:.0f} s")
    await asyncio.sleep(1.0)  # the others follow
    woken_at = time.time()
    frozen.thaw()
    await asyncio.sleep(MAX_SECONDS_AFTER_TAKEOVER + 1.0)
    for job_id, later in (await _taken_over(deployment, held)).items():
        if any(f"-{frozen.pid}-" in event.data["worker_id"] for event in later):
            continue  # it has taken the job again, as it may
        lost_at = max(woken_at, later[0].timestamp_ms / 1000)
        late = _asked_by(
            deployment, frozen.name, {batch.models[job_id]}, lost_at + MAX_SECONDS_AFTER_TAKEOVER
        )
        if late:
            batch.late.append(f"{job_id}: its superseded worker made {len(late)} requests")


async def _freeze_one_at_work(deployment: Deployment, batch: Batch) -> tuple[Child, dict[str, int]]:
    """Stop a worker that has jobs.

    Returns:
        It, and the jobs that it has with their attempt; there is at least one.
    """
    async with asyncio.timeout(30):
        while True:
            for worker in deployment.workers:
                worker.freeze()
                held = {
                    job.job_id: job.attempt
                    for job in await deployment.jobs(batch)
                    if job.status is JobStatus.IN_PROGRESS and f"-{worker.pid}-" in str(job.worker_id)
                }
                if held:
                    return worker, held
                worker.thaw()
            await asyncio.sleep(0.1)


async def _taken_over(deployment: Deployment, held: dict[str, int]) -> dict[str, list[Event]]:
    """The STARTED events of later attempts, of those jobs that have one."""
    found = {}
    for job_id, attempt in held.items():
        events = await deployment.store.events(job_id)
        later = [e for e in events if e.kind is EventKind.STARTED and e.data["attempt"] > attempt]
        if later:
            found[job_id] = later
    return found


async def take_over_the_living(deployment: Deployment, batch: Batch) -> None:
    """Jobs handed to the other worker although theirs is alive and at work: two attempts side by side."""
    queue = Queue(deployment.store_uri)
    await queue.open()
    try:
        for _ in range(3):
            for job in await deployment.jobs(batch):
                if job.status is JobStatus.IN_PROGRESS:
                    await queue.requeue(job.job_id, job.attempt, "by mistake")
            await deployment.pause(0.3, 1.0)
    finally:
        await queue.close()


async def freeze_for_a_moment(deployment: Deployment, batch: Batch) -> None:
    """SIGSTOP and SIGCONT of the only process: it just goes on."""
    deployment.server.freeze()
    await asyncio.sleep(4.0)
    deployment.server.thaw()


async def restart_postgres(deployment: Deployment, batch: Batch) -> None:
    """Stopped in immediate mode, begun again; twice."""
    assert deployment.postgres is not None
    for _ in range(2):
        await deployment.pause(0.2, 1.0)
        await asyncio.to_thread(deployment.postgres.kill)
        await deployment.pause(0.5, 2.0)
        await asyncio.to_thread(deployment.postgres.start)


async def mlflow_away(deployment: Deployment, batch: Batch) -> None:
    """The tracking server killed, and back after half a minute."""
    assert deployment.tracking is not None
    deployment.tracking.kill()
    if await deployment.tracking_answers():
        batch.problems.append("MLflow answered though it was killed")
    await asyncio.sleep(30.0)
    await deployment.tracking.start(wait=False)


async def provider_error_burst(deployment: Deployment, batch: Batch) -> None:
    """Too many requests, errors, garbage, lost connections, no answers at all; then it is over."""
    for shares in (
        {"429": 0.4, "500": 0.2},
        {"garbage": 0.1, "drop": 0.1, "no_choices": 0.05, "503": 0.1},
        {"hang": 0.08, "500": 0.1},
    ):
        await deployment.model.set_faults(shares=shares, retry_after_seconds=0.3)
        await asyncio.sleep(2.0)
    await deployment.model.set_faults(shares={})


async def disk_full(deployment: Deployment, batch: Batch) -> None:
    """No file of the server can grow; then there is room again."""
    for _ in range(2):
        await deployment.pause(0.2, 1.0)
        files = [path for path in deployment.folder.glob("*.db*") if path.is_file()]
        deployment.server.limit_file_size(min(path.stat().st_size for path in files if path.stat().st_size))
        await deployment.pause(1.0, 3.0)
        deployment.server.limit_file_size(None)


async def clock_jump(deployment: Deployment, batch: Batch) -> None:
    """Two hours forth, three back, and right again."""
    for offset in (7200.0, -3600.0, 0.0):
        deployment.clock_file.write_text(str(offset))
        await deployment.pause(1.0, 1.5)


async def cancel_burst(deployment: Deployment, batch: Batch) -> None:
    """Most jobs canceled, several times each, from several sides at once."""
    victims = deployment.draw.sample(batch.job_ids, max(1, 2 * len(batch.job_ids) // 3))
    await asyncio.gather(*(deployment.cancel(job_id, batch) for job_id in victims for _ in range(3)))


async def delete_while_running(deployment: Deployment, batch: Batch) -> None:
    """Half of the jobs deleted, whatever they do."""
    victims = batch.job_ids[: max(1, len(batch.job_ids) // 2)]
    await asyncio.gather(*(deployment.delete(job_id, batch) for job_id in victims))


async def second_server(deployment: Deployment, batch: Batch) -> None:
    """Another server on the same store: refused on SQLite, a good neighbour on PostgreSQL."""
    other = deployment.make_second_server(workers=2)
    if deployment.postgres is None:
        await other.start(wait=False)
        await deployment.until(lambda: not other.alive)
        if other.returncode != 2 or "already works on this store" not in other.said():
            batch.problems.append(f"the second server ended with {other.returncode}: {other.said()[-500:]}")
        return
    await other.start()
    await asyncio.sleep(1.0)
    other.kill()


async def supervisor_killed(deployment: Deployment, batch: Batch) -> None:
    """Only the process that started the worker, and reads its output, is killed; its child lives."""
    child = await deployment.put_under_supervisor()
    await asyncio.sleep(1.5)
    child.kill_supervisor()
    killed_at = time.time()
    for other in deployment.workers[1:]:
        await other.stop()  # so that the child must do the work, with nobody to read what it says
    await deployment.submit(2, batch)
    mine = set(list(batch.models.values())[-2:])
    try:
        await deployment.until(lambda: any(_asked_by(deployment, child.name, mine, killed_at)))
    except TimeoutError:
        batch.problems.append("the worker no longer works without its supervisor")
    child.kill()
    await deployment.put_under_supervisor(False)
    await deployment.revive()


def _asked_by(deployment: Deployment, process: str, models: set[str], after: float) -> list[dict[str, Any]]:
    """Requests of one process for some jobs, behind a moment."""
    return [
        request
        for request in deployment.model.requests()
        if request["path"].startswith(f"/{process}/") and request["model"] in models and request["at"] > after
    ]


SQLITE, POSTGRES = ("sqlite",), ("postgres",)
BOTH = SQLITE + POSTGRES

FAULTS = (
    Fault("none", nothing, short=BOTH),
    Fault("kill -9 of a worker", kill_worker, short=BOTH),
    Fault("kill -9 of the server", kill_api_server, where=POSTGRES),
    Fault("power cut", kill_everything),
    Fault("stopped past the takeover", freeze_past_the_takeover, where=POSTGRES, short=POSTGRES),
    Fault("taken over by mistake", take_over_the_living, where=POSTGRES, short=POSTGRES),
    Fault("stopped for a moment", freeze_for_a_moment, where=SQLITE),
    Fault("PostgreSQL restarted (immediate)", restart_postgres, where=POSTGRES, short=POSTGRES),
    Fault("MLflow away for 30 s", mlflow_away, tracking_server=True),
    Fault("provider error burst", provider_error_burst, short=SQLITE, changes_results=True),
    Fault("disk full", disk_full, where=SQLITE, short=SQLITE),
    Fault("clock jump", clock_jump),
    Fault("cancel burst", cancel_burst, short=BOTH),
    Fault("delete while running", delete_while_running, short=BOTH),
    Fault("second server", second_server, short=SQLITE),
    Fault("supervisor killed", supervisor_killed, short=POSTGRES),
)

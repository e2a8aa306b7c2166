"""A long queue of short jobs on PostgreSQL, drained by one, two and four workers.

The workers share this machine with PostgreSQL, the model server and each other. So the CPU of a job is
counted, in the workers and in PostgreSQL: what a job costs more beside other workers is what is lost to
locks and to the queue. Workers with cores of their own scale by the number of workers times that ratio.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from bench.options import Options
from bench.processes import cpu_seconds
from bench.results import Cell, Plot, Result, TableOfFigures, Target
from burnish.domain.budget import Budget
from burnish.store import tables
from tests.chaos.deployment import Deployment
from tests.chaos.processes import Child

CONCURRENCY = 20
POLL_SECONDS = 0.5
WARM_UP = 20
"""Jobs that each worker ends before anything is counted: its start and what it loads are not a job's."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What some workers did in the time they were watched.

    Attributes:
        jobs: that ended.
        worker_ms, postgres_ms: CPU of a job.
    """

    workers: int
    jobs: int
    seconds: float
    worker_ms: float
    postgres_ms: float


class Queue:
    """Copies of one job that was created over HTTP."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    async def submit(self) -> str:
        """The job of which there will be copies. Returns its id."""
        batch = await self.deployment.submit(
            1,
            optimizer_type="METAPROMPT",
            dataset_id=None,
            scorers=(),
            reflection_model="openai:/job-0000",
            budget=Budget(max_calls=5),
            max_output_tokens=64,
            register="never",
        )
        return batch.job_ids[0]

    def lengthen(self, template_id: str, count: int, prefix: str) -> None:
        """Put so many copies of a waiting job behind the queue, by the database itself. Each worker makes the
        runs of those that it takes."""
        with psycopg.connect(self.deployment.store_uri) as connection:
            for table in (tables.jobs, tables.job_inputs, tables.events):
                names = [column.name for column in table.c if column.name not in ("job_id", "run_id")]
                columns = sql.SQL(", ").join(map(sql.Identifier, names))
                connection.execute(
                    sql.SQL(
                        "INSERT INTO {table} (job_id, {columns}) SELECT %s || n, {columns} "
                        "FROM {table}, generate_series(1, %s) n WHERE job_id = %s"
                    ).format(table=sql.Identifier(table.name), columns=columns),
                    (prefix, count, template_id),
                )
            connection.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, queueing_lock, args) "
                "SELECT queue_name, task_name, priority, %s || n, "
                "args || jsonb_build_object('job_id', %s || n) "
                "FROM procrastinate_jobs, generate_series(1, %s) n WHERE args->>'job_id' = %s",
                (prefix, prefix, count, template_id),
            )
            connection.commit()
            connection.autocommit = True
            connection.execute("VACUUM ANALYZE")  # as autovacuum does soon after

    async def ended(self) -> int:
        counts = await self.deployment.store.count_by_status()
        return sum(count for status, count in counts.items() if status.terminal)

    def warm(self) -> set[str]:
        """Ids of the workers, present and former, that have ended their first jobs."""
        query = sql.SQL(
            "SELECT worker_id FROM {} WHERE status = 'COMPLETED' GROUP BY worker_id HAVING count(*) >= %s"
        ).format(sql.Identifier(tables.jobs.name))
        with psycopg.connect(self.deployment.store_uri) as connection:
            return {worker_id for (worker_id,) in connection.execute(query, (WARM_UP,))}

    async def until_ended(self, count: int) -> None:
        while await self.ended() < count:  # noqa: ASYNC110 - the state of other processes
            await asyncio.sleep(POLL_SECONDS)


async def drain(queue: Queue, workers: list[Child], postgres_pid: int, seconds: float) -> Drained:
    """Let the workers have the queue for some time."""
    former = await asyncio.to_thread(queue.warm)
    for worker in workers:
        await worker.start()
    while len(await asyncio.to_thread(queue.warm) - former) < len(workers):  # noqa: ASYNC110 - as above
        await asyncio.sleep(POLL_SECONDS)
    before, began = await queue.ended(), time.perf_counter()
    used, postgres = sum(cpu_seconds(worker.pid) for worker in workers), cpu_seconds(postgres_pid)
    await asyncio.sleep(seconds)
    await queue.until_ended(before + 1)
    jobs, took = await queue.ended() - before, time.perf_counter() - began
    used = sum(cpu_seconds(worker.pid) for worker in workers) - used
    postgres = cpu_seconds(postgres_pid) - postgres
    for worker in workers:
        await worker.stop()
    return Drained(len(workers), jobs, took, 1000 * used / jobs, 1000 * postgres / jobs)


async def measure(options: Options) -> Result:
    length, long, most = (1_000, 2_000, 2) if options.short else (10_000, 100_000, 8)
    seconds, counts = (5.0, (1, 2)) if options.short else (20.0, (1, 2, 4))
    folder = Path(tempfile.mkdtemp(prefix="bench-scale-"))
    deployment = Deployment(
        folder, postgres=True, latency_ms=0.0, worker_concurrency=CONCURRENCY, takeover_seconds=None
    )
    assert deployment.postgres is not None
    with psycopg.connect(deployment.store_uri, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET max_connections = 200")  # eight workers have up to 104
    await asyncio.to_thread(deployment.postgres.kill)
    await asyncio.to_thread(deployment.postgres.start)
    deployment.workers = []
    workers = [deployment.make_worker(number) for number in range(1, most + 1)]
    found: list[tuple[int, Drained]] = []
    async with deployment:
        try:
            queue, postgres = Queue(deployment), deployment.postgres.pid
            template_id = await queue.submit()
            await asyncio.to_thread(queue.lengthen, template_id, length, "short-")
            for count in counts:
                found.append((length, await drain(queue, workers[:count], postgres, seconds)))
                options.so_far(result_of(found, seconds))
            await asyncio.to_thread(queue.lengthen, f"short-{length}", long, "long-")
            found.append((long, await drain(queue, workers, postgres, seconds)))
        finally:
            for worker in workers:
                if worker.alive:
                    worker.kill()
    return result_of(found, seconds)


def result_of(found: Sequence[tuple[int, Drained]], seconds: float) -> Result:
    """
    Args:
        found: (jobs in the queue, what was done), the one with a single worker first.
    """
    one, others = found[0][1], [at for _, at in found if at.workers == 2]
    rows: list[list[Cell]] = [
        [queued, at.workers, at.jobs, at.worker_ms, at.postgres_ms, at.workers * one.worker_ms / at.worker_ms]
        for queued, at in found
    ]
    by_size = [(f"{at.workers}, {queued:,}", at) for queued, at in found]
    return Result(
        name="scale",
        about=f"Jobs of one call each, a model that answers at once, {CONCURRENCY} jobs at a time in each "
        "worker. CPU is counted, since workers, PostgreSQL and the model share the cores; workers with cores "
        "of their own do so many times the work of one as the last column says.",
        tables=[
            TableOfFigures(
                title=f"{seconds:g} s each",
                columns=(
                    "jobs in the queue",
                    "workers",
                    "jobs ended",
                    "worker, CPU ms a job",
                    "PostgreSQL, CPU ms a job",
                    "times one worker",
                ),
                rows=rows,
            )
        ],
        plots=[
            Plot(
                title="CPU of a job",
                x="workers, jobs in the queue",
                y="ms",
                series={
                    "workers": [(at, drained.worker_ms) for at, drained in by_size],
                    "PostgreSQL": [(at, drained.postgres_ms) for at, drained in by_size],
                },
                kind="bars",
            )
        ],
        targets=[
            Target(
                what="from one to two workers with cores of their own, by CPU",
                value=2 * one.worker_ms / two.worker_ms,
                at_least=1.8,
                unit="times",
            )
            for two in others[:1]
        ],
        constants={"worker_ms_a_job": one.worker_ms, "postgres_ms_a_job": one.postgres_ms},
    )

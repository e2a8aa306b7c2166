"""``burnish jobs`` against a real server: for people, and for programs with ``--json``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from burnish.api.testing import ServerElsewhere, play_job, server_elsewhere
from burnish.cli.main import app
from burnish.cli.output import stdout
from burnish.concurrency import Backoff
from burnish.domain.app import App
from burnish.domain.job import JobStatus, Progress
from burnish.store.testing.samples import a_config, a_job
from burnish.tracking.earlier_jobs import FakeEarlierJobs


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerElsewhere]:
    with server_elsewhere(tmp_path) as running:
        yield running


class Cli:
    """Runs ``burnish jobs``."""

    def __init__(self, url: str, columns: int = 200) -> None:
        self.url = url
        self._environment = {"BURNISH_URL": url, "COLUMNS": str(columns)}

    def __call__(self, *arguments: str, code: int = 0) -> str:
        stdout.cache_clear()  # each command is a process of its own
        shown = CliRunner().invoke(app, ["jobs", *arguments], env=self._environment)
        assert shown.exit_code == code, shown.output
        return shown.stdout if code == 0 else shown.output

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))


@pytest.fixture
def cli(server: ServerElsewhere) -> Cli:
    return Cli(server.url)


@pytest.fixture
def create(server: ServerElsewhere) -> list[str]:
    services = server.services
    options = ["--prompt", services.source(), "--dataset", services.dataset(), "--scorer", "exact_match"]
    return ["create", *options, "--max-calls", "900", "--tag", "team=search"]


def test_jobs_that_mlflow_made_say_so(tmp_path: Path) -> None:
    earlier = a_job("00000000-0000-0000-0000-000000000001", status=JobStatus.COMPLETED)
    with server_elsewhere(tmp_path, FakeEarlierJobs([earlier])) as server:
        cli = Cli(server.url)
        assert "mlflow" in cli("list")
        assert cli.json("list")["jobs"][0]["origin"] == "mlflow"
        assert cli.json("list", "--filter", "kind = 'prompt'")["jobs"][0]["kind"] == "prompt"
        assert cli.json("list", "--filter", "kind = 'app'")["jobs"] == []
        assert "MLflow's own prompt optimization" in cli("get", earlier.job_id)
        assert "origin: mlflow" in cli("resume", earlier.job_id, code=2)


def test_jobs_are_compared(cli: Cli, create: list[str], server: ServerElsewhere) -> None:
    first, second = (cli.json(*create, "--seed", seed)["job_id"] for seed in "12")
    (found,) = cli.json("compare", first, second)["comparisons"]
    assert (found["job_id"], found["same_dataset"]) == (second, True)
    assert "No winner has been tested yet" in cli("compare", first, second)
    assert "two to 6 jobs" in cli("compare", first, code=2)


def test_a_job_for_programs(cli: Cli, create: list[str], server: ServerElsewhere) -> None:
    made = cli.json(*create, "--optimizer-config", '{"max_metric_calls": 9}')
    assert made["state"]["status"] == "JOB_STATUS_PENDING"
    assert made["config"]["optimizer_type"] == "OPTIMIZER_TYPE_JOINT_SEARCH"
    assert made["config"]["budget"] == {"max_calls": 900}
    job_id = made["job_id"]
    server.run(play_job(server.services, job_id))
    events = [json.loads(line) for line in cli("watch", job_id, "--json").splitlines()]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5]
    job = cli.json("get", job_id)
    assert (job["verdict"], job["optimized_prompt_uri"]) == ("IMPROVED", "prompts:/sentiment/2")
    assert cli.json("list", "--filter", "tags.team = 'search'") == {"jobs": [job]}
    assert cli.json("list", "--filter", "tags.team = 'maps'") == {"jobs": []}
    source, winner = cli.json("candidates", job_id)["candidates"]
    assert winner["parents"] == [source["candidate_id"]]
    detail = cli.json("candidates", job_id, winner["candidate_id"])["candidate"]
    assert detail["texts"]["sentiment"]["text"].startswith("Answer positive")
    inputs = cli.json("inputs", job_id)["inputs"]
    assert inputs["prompts"][0]["uri"] == "prompts:/sentiment/1"
    lines = [json.loads(line) for line in cli("examples", job_id, "--split", "test", "--json").splitlines()]
    assert len(lines) == job["dataset"]["test"]
    assert {line["split"] for line in lines} == {"test"}
    assert cli.json("register", job_id, winner["candidate_id"]) == {"prompt_uris": ["prompts:/sentiment/2"]}
    assert "does not exist" in cli("register", job_id, "nope", code=2)
    assert cli.json("promote", job_id, "production")["promotion"]["version"] == 2
    assert cli.json("promote", job_id, "production", "--rollback")["promotion"]["previous_version"] == 2
    assert cli.json("delete", job_id) == {}
    assert "does not exist; check the name" in cli("get", job_id, code=2)


def test_a_job_for_people(cli: Cli, create: list[str], server: ServerElsewhere) -> None:
    job_id = cli.json(*create)["job_id"]
    assert job_id in cli("list")
    assert "CANCELED" in cli("cancel", job_id)
    assert cli("watch", job_id, code=130)
    assert "PENDING" in cli("resume", job_id)
    assert "no candidates yet" in cli("candidates", job_id)
    server.run(play_job(server.services, job_id))
    shown = cli("watch", job_id)
    assert "+0.600 (+0.400 to +0.800), IMPROVED" in shown
    assert "0.250 → 0.750" in cli("list")
    assert "rewrite 1" in cli("candidates", job_id)
    assert cli("candidates", job_id).count("ACCEPTED, best") == 1
    assert "20 train, 10 validation, 10 test" in cli("inputs", job_id)
    assert "--- prompts:/sentiment/1\n" in cli("inputs", job_id)
    assert cli("examples", job_id, "--limit", "3").count("→") == 3
    assert "@production is version 2" in cli("promote", job_id, "production")
    assert "is deleted" in cli("delete", job_id)
    assert "no jobs" in cli("list")


def test_the_same_job_again(cli: Cli, create: list[str], server: ServerElsewhere) -> None:
    first = cli.json(*create)
    again = cli.json("create", "--like", first["job_id"], "--tag", "round=2")
    assert again["job_id"] != first["job_id"]
    assert (again["config"], again["dataset"]) == (first["config"], first["dataset"])
    assert {tag["key"] for tag in again["tags"]} == {"team", "round"}
    assert cli.json("create", "--like", first["job_id"], "--refresh")["dataset"] == first["dataset"]
    other = cli.json("create", "--like", first["job_id"], "--max-calls", "333")
    assert other["config"]["budget"]["max_calls"] == 333
    assert other["config"] | {"budget": 0} == first["config"] | {"budget": 0}
    refused = cli("create", "--like", first["job_id"], "--prompt", "prompts:/x/1", "--seed", "3", code=2)
    assert "source_prompt_uri" in refused
    assert "config.seed" in refused
    assert "--refresh" in refused
    changed = cli.json("create", "--like", first["job_id"], "--refresh", "--seed", "3")
    assert changed["config"] | {"seed": 0} == first["config"] | {"seed": 0}
    assert changed["config"]["seed"] == 3
    assert "--like" in cli("create", "--refresh", code=2)


@pytest.mark.parametrize("columns", [50, 80, 120])
def test_no_id_is_cut_in_a_narrow_terminal(
    cli: Cli, create: list[str], server: ServerElsewhere, columns: int
) -> None:
    job_id = cli.json(*create)["job_id"]
    server.run(play_job(server.services, job_id))
    narrow = Cli(cli.url, columns)
    assert job_id in narrow("list")
    assert "…" not in narrow("list")
    assert ("20 calls" in narrow("list")) is (columns == 120)
    shown = narrow("candidates", job_id)
    assert all(entry["candidate_id"] in shown for entry in cli.json("candidates", job_id)["candidates"])


def test_jobs_of_apps_say_so_and_are_found(cli: Cli, create: list[str], server: ServerElsewhere) -> None:
    prompt = cli(*create).split()[1]
    assert "kind" not in cli("list")
    app = a_job("app", config=a_config(app=App(url="http://app.test")))
    server.run(server.services.store.create(app))
    assert "kind" in cli("list")
    assert "app:/http://app.test" in cli("get", "app")
    for kind, job_id in {"prompt": prompt, "app": "app"}.items():
        found = cli.json("list", "--filter", f"kind = '{kind}'")["jobs"]
        assert [(job["job_id"], job["kind"]) for job in found] == [(job_id, kind)]
    assert "kind is one of prompt, app" in cli("list", "--filter", "kind = 'model'", code=2)


def test_a_running_job_says_how_far_it_is(cli: Cli, create: list[str], server: ServerElsewhere) -> None:
    job_id = cli(*create).split()[1]
    assert "waits for a worker" in cli("get", job_id)
    store = server.services.store
    job = server.run(store.take(job_id, "worker-1"))
    server.run(store.update(job_id, job.attempt, {"progress": Progress("search", 60, 150)}, []))
    assert "search, 60 of 150 calls" in cli("get", job_id)
    retrying = {"status": JobStatus.PENDING, "status_message": "will retry: no answer"}
    server.run(store.update(job_id, job.attempt, retrying, []))
    assert "will retry: no answer" in cli("get", job_id)


def test_a_mistake_in_a_filter_is_shown_with_a_caret_under_it(cli: Cli) -> None:
    shown = cli("list", "--filter", "status = 'DONE'", code=2).splitlines()
    assert shown[0].startswith("error: filter: ")
    assert shown[1].index("'DONE'") == shown[2].index("^^^^^^")


def test_an_estimate(cli: Cli, create: list[str]) -> None:
    assert cli.json(*create, "--estimate")["estimate"]["calls_high"] <= 900
    assert "calls" in cli(*create, "--estimate")
    assert cli.json("list") == {"jobs": []}


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--dataset", "d-none"], "dataset_id"),
        (["--optimizer", "gpa"], "did you mean 'gepa'?"),
        (["--optimizer-config", "["], "Invalid JSON"),
        (["--optimizer-config", "[]"], "must be a JSON object"),
        (["--tag", "team"], "write KEY=VALUE"),
        (["--split", "1/1/1"], "sum to 1"),
    ],
)
def test_bad_input_is_named_and_leaves_2(cli: Cli, create: list[str], options: list[str], shown: str) -> None:
    assert shown in cli(*create, *options, code=2)
    assert cli.json("list") == {"jobs": []}


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("burnish.sdk.transport.RETRY", Backoff(base_seconds=0))
    shown = Cli("http://127.0.0.1:1")("list", code=1)
    assert "http://127.0.0.1:1: cannot connect" in shown
    assert "is the server running" in shown

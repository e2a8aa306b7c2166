"""The main job from the command line to MLflow, on a scripted model: what a user is promised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

PROMPT = "What is the sentiment of this review?\n\n{{review}}"
WORDS = {"positive": "great fun, charming", "negative": "dull mess, boring"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with a prompt and labelled data."""
    path = tmp_path_factory.mktemp("user")
    (path / "p.txt").write_text(PROMPT)
    rows = [
        {
            "inputs": {"review": f"Film {i}: {WORDS[label]}."},
            "expectations": {"expected_response": label},
        }
        for i in range(30)
        for label in WORDS
    ]
    (path / "d.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return path


def burnish(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BURNISH_", "MLFLOW_"))}
    return subprocess.run(
        [sys.executable, "-m", "burnish.cli.main", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
        timeout=280,
        check=False,
    )


OPTIMIZE = (
    *("optimize", "--prompt", "p.txt", "--data", "d.jsonl", "--model", "scripted:/sentiment"),
    *("--max-output-tokens", "16", "--max-calls", "400", "--json"),
)


def optimize_here(folder: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> dict[str, Any]:
    ran = burnish_here(folder, monkeypatch, *OPTIMIZE, *more)
    return dict(json.loads(ran.stdout))


def burnish_here(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    """A command in this process, which has imported everything already."""
    from burnish.cli.main import app
    from burnish.cli.output import stderr, stdout

    monkeypatch.chdir(folder)
    stderr.cache_clear()
    stdout.cache_clear()
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 0, ran.stderr
    return ran


@pytest.fixture(scope="module")
def job(folder: Path) -> dict[str, Any]:
    ran = burnish(folder, *OPTIMIZE)
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))  # exactly one document


def test_the_answer_is_the_job_as_the_api_shows_it(job: dict[str, Any]) -> None:
    assert job["state"]["status"] == "JOB_STATUS_COMPLETED"
    assert job["verdict"] == "IMPROVED"
    assert job["stop_reason"] in ("FINISHED", "TARGET_REACHED", "PATIENCE", "BUDGET")
    assert job["initial_eval_scores"] == {"aggregate": 0.0, "exact_match": 0.0}
    assert job["final_eval_scores"]["exact_match"] == 1.0
    test = job["test_scores"]
    assert test["final"] - test["initial"] == pytest.approx(test["difference"])
    assert test["ci_low"] > 0.3
    assert test["examples"] == 15
    assert job["source_prompt_uri"].endswith("/1")
    assert job["optimized_prompt_uri"].endswith("/2")
    assert job["config"]["optimizer_type"] == "OPTIMIZER_TYPE_JOINT_SEARCH"
    assert job["completion_timestamp_ms"] >= job["creation_timestamp_ms"]


def test_usage_is_split_by_role_and_within_the_budget(job: dict[str, Any]) -> None:
    usage = job["usage"]
    assert 0 < usage["calls"] <= 400
    assert usage["usd"] == 0
    assert usage["roles"]["target"]["calls"] == usage["calls"]


def test_the_run_in_mlflow(folder: Path, job: dict[str, Any]) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    run = client.get_run(job["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.run.isPromptOptimization"] == "true"
    assert run.data.tags["burnish.job_id"] == job["job_id"]
    assert run.data.metrics["initial_eval_score"] == 0.0
    assert run.data.metrics["final_eval_score.exact_match"] == 1.0
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith(f"**{job['verdict']}**")
    assert "```diff" in note
    assert run.data.metrics["test_score.difference"] == pytest.approx(job["test_scores"]["difference"])
    history = client.get_metric_history(job["run_id"], "eval_score")
    assert len(history) > 1
    assert len({point.step for point in history}) == len(history)
    folders = client.list_artifacts(job["run_id"], "prompt_candidates")
    assert folders[0].path == "prompt_candidates/iteration_0"
    names = {Path(entry.path).name for entry in client.list_artifacts(job["run_id"], folders[0].path)}
    assert names == {"p.txt", "eval_results.json", "scores.json"}


def test_the_winner_is_registered_with_its_evidence(folder: Path, job: dict[str, Any]) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    winner = client.get_prompt_version("p", "2")
    assert winner.tags["burnish.job_id"] == job["job_id"]
    assert "{{review}}" in winner.template or "{{ review }}" in winner.template


def test_the_same_seed_gives_the_same_candidates_in_the_same_order(
    folder: Path, job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = optimize_here(folder, monkeypatch)
    assert again["job_id"] != job["job_id"]
    assert _candidates(folder, again) == _candidates(folder, job)


def test_nothing_better_than_a_perfect_source_and_no_version(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "perfect.txt").write_text(
        "Positive or negative? Answer with one word.\n\nReview: {{review}}\nSentiment:"
    )
    job = optimize_here(folder, monkeypatch, "--prompt", "perfect.txt")
    assert job["stop_reason"] == "NO_HEADROOM"
    assert job["verdict"] == "NO_DIFFERENCE"
    assert not job.get("optimized_prompt_uri")


def test_for_people_the_result_goes_to_stdout_and_progress_to_stderr(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = burnish_here(
        folder,
        monkeypatch,
        *("optimize", "--prompt", "p.txt", "--data", "d.jsonl", "--model", "scripted:/sentiment"),
        *("--max-calls", "300", "--output", "best.txt"),
    )
    for words in ("IMPROVED", "95 % interval", "sealed test", "prompts:/p/", "runs:/", "load_prompt"):
        assert words in ran.stdout, words
    assert "best so far" in ran.stderr
    assert "best so far" not in ran.stdout
    assert "{{review}}" in (folder / "best.txt").read_text()


def _candidates(folder: Path, job: dict[str, Any]) -> list[tuple[int, str, str, float | None]]:
    import asyncio

    from burnish.store.sql import SqlJobStore

    async def read() -> list[tuple[int, str, str, float | None]]:
        store = SqlJobStore(f"sqlite:///{folder / 'burnish.db'}")
        try:
            return [
                (
                    record.number,
                    record.candidate.candidate_id,
                    record.status.value,
                    record.scores.get("aggregate"),
                )
                for record in await store.candidates(job["job_id"])
            ]
        finally:
            await store.close()

    return asyncio.run(read())

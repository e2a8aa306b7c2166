"""The examples of an app: MLflow's call and ours, and an app at a URL; killed half way and resumed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.new_databases import Migrated

ROOT = Path(__file__).parents[2]


pytestmark = [
    pytest.mark.chaos,  # a process is killed
    pytest.mark.timeout(400),  # four processes, each of which imports MLflow and GEPA
]


def run(example: str, tmp_path: Path, migrated: Migrated) -> str:
    """What it prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BURNISH_", "MLFLOW_"))}
    folder = tmp_path / "here"
    folder.mkdir()
    shutil.copyfile(migrated.mlflow, tmp_path / "mlflow.db")
    environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{tmp_path}/mlflow.db"
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "app" / example)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=390,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    return done.stdout


def test_a_function_is_killed_with_its_process_and_goes_on(tmp_path: Path, migrated: Migrated) -> None:
    said = run("run.py", tmp_path, migrated)
    theirs = re.search(r"MLflow, its metaprompt: (\S+) on", said)
    behind = re.search(r"MlflowOptimizer: (\S+) on validation", said)
    killed = re.search(r"killed half way: (\d+) requests", said)
    resumed = re.search(r"resumed: (\d+) more; evaluations in flight paid twice: (\d+)", said)
    assert theirs and behind and killed and resumed, said
    assert float(behind[1]) > 0.9
    assert int(killed[1]) > 60
    assert int(resumed[2]) <= 4  # the concurrency
    assert "IMPROVED" in said


def test_an_app_at_a_url_is_asked_nothing_twice_when_the_server_is_killed(
    tmp_path: Path, migrated: Migrated
) -> None:
    said = run("over_http.py", tmp_path, migrated)
    killed = re.search(r"killed half way: the app had answered (\d+) times", said)
    went_on = re.search(r"went on: (\d+) answers in all, (\d+) of them given twice", said)
    assert killed and went_on, said
    assert 45 <= int(killed[1]) < int(went_on[1])
    assert int(went_on[2]) == 0
    assert "IMPROVED" in said

"""The example of an app: MLflow's call and ours, killed half way and resumed."""

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


@pytest.mark.chaos  # a process is killed
@pytest.mark.timeout(400)  # four processes, each of which imports MLflow and GEPA
def test_the_example_does_what_it_says(tmp_path: Path, migrated: Migrated) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BURNISH_", "MLFLOW_"))}
    folder = tmp_path / "here"
    folder.mkdir()
    shutil.copyfile(migrated.mlflow, tmp_path / "mlflow.db")
    environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{tmp_path}/mlflow.db"
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "app" / "run.py")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=390,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = re.search(r"MLflow, its metaprompt: (\S+) on", done.stdout)
    behind = re.search(r"MlflowOptimizer: (\S+) on validation", done.stdout)
    killed = re.search(r"killed half way: (\d+) requests", done.stdout)
    resumed = re.search(r"resumed: (\d+) more; evaluations in flight paid twice: (\d+)", done.stdout)
    assert theirs and behind and killed and resumed, done.stdout
    assert float(behind[1]) > 0.9
    assert int(killed[1]) > 60
    assert int(resumed[2]) <= 4  # the concurrency
    assert "IMPROVED" in done.stdout
    assert list(folder.iterdir()) == []

"""The example of an app: MLflow's call and ours, killed half way and resumed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_example_does_what_it_says(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BURNISH_", "MLFLOW_"))}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "app" / "run.py")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
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
    assert list(tmp_path.iterdir()) == []

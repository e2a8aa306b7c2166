"""A real MLflow over SQLite, made once because that takes a second."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from burnish.tracking.mlflow import MlflowTracker


@pytest.fixture(autouse=True)
def _no_server_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests may have mounted MLflow's server, which passes its settings by the environment."""
    for name in [name for name in os.environ if name.startswith("_MLFLOW_SERVER_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> MlflowTracker:
    """One MLflow for the tests that do not mind others' runs in it."""
    folder = tmp_path_factory.mktemp("mlflow")
    tracker = MlflowTracker(
        f"sqlite:///{folder}/mlflow.db", artifact_root=f"{folder}/mlruns", sleep=lambda seconds: None
    )
    tracker.check()
    return tracker


@pytest.fixture
def own(shared: MlflowTracker, tmp_path: Path) -> MlflowTracker:
    """A copy of that MLflow in a folder of the test's own."""
    shutil.copy(str(shared.address.sqlite_path), tmp_path / "own.db")
    return MlflowTracker(f"sqlite:///{tmp_path}/own.db", sleep=lambda seconds: None)

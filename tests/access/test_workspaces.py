"""A job belongs to a workspace: it runs there, and is nowhere else."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from burnish.api import authority
from tests.access.conftest import FoundBy

pytestmark = pytest.mark.timeout(600)  # a process that imports MLflow


@pytest.fixture(scope="module")
def found(found_by: FoundBy) -> dict[str, Any]:
    if find_spec("mlflow.utils.workspace_context") is None:
        pytest.skip("this MLflow (3.9) has no workspaces")
    return found_by("tests.access.workspaces")


def test_a_job_runs_in_its_workspace(found: dict[str, Any]) -> None:
    assert found["workspace"] == "team-a"
    assert found["end"] == ["JOB_STATUS_COMPLETED", ""]
    assert found["run"] == "FINISHED"


def test_another_workspace_knows_nothing_of_it(found: dict[str, Any]) -> None:
    assert set(found["elsewhere"].values()) == {404}
    assert found["searched"] == {"team-a": 1, "default": 0}
    assert found["deleted"] == 200


def test_a_workspace_that_is_none_is_an_error(found: dict[str, Any]) -> None:
    assert found["team-b"] == [404, "RESOURCE_DOES_NOT_EXIST", "workspace 'team-b' does not exist"]
    status, code, message = found["Not a name!"]
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "X-MLFLOW-WORKSPACE" in message and "Not a name!" in message


def test_a_server_with_workspaces_is_ready(found: dict[str, Any]) -> None:
    assert found["ready"]["status"] == "ready"


def test_an_mlflow_that_has_none_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = ModuleSpec("mlflow", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(authority, "find_spec", lambda name: spec)
    assert not authority.has_workspaces()
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    assert not authority.has_workspaces()
    assert "install 3.10 or later" in caplog.text
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils" / "workspace_context.py").touch()
    assert authority.has_workspaces()

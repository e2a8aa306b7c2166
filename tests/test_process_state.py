"""A test that leaves the process changed fails itself, and not the next one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from burnish.mlflow_import import load_mlflow
from tests.process_state import left_as_it_was


def test_a_changed_environment_is_named_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGED", "before")
    monkeypatch.setenv("DELETED", "before")
    with pytest.raises(AssertionError) as said, left_as_it_was():
        os.environ["ADDED"] = "after"
        os.environ["CHANGED"] = "after"
        del os.environ["DELETED"]
    for change in (
        "os.environ['ADDED']: None → 'after'",
        "os.environ['CHANGED']: 'before' → 'after'",
        "os.environ['DELETED']: 'before' → None",
    ):
        assert change in str(said.value)
    assert ("ADDED" in os.environ, os.environ["CHANGED"], os.environ["DELETED"]) == (
        False,
        "before",
        "before",
    )


def test_another_working_directory(tmp_path: Path) -> None:
    before = Path.cwd()
    with pytest.raises(AssertionError, match="the working directory"), left_as_it_was():
        os.chdir(tmp_path)
    assert Path.cwd() == before


def test_mlflows_tracking_uri_given_back_as_its_public_functions_do() -> None:
    """That puts the URI which was only the default into the environment, for every later test."""
    load_mlflow()
    import mlflow

    with (
        pytest.raises(AssertionError, match=r"MLFLOW_TRACKING_URI.*_tracking_uri: None → 'sqlite"),
        left_as_it_was(),
    ):
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri("sqlite:///other.db")
        mlflow.set_tracking_uri(before)
    assert not mlflow.is_tracking_uri_set()


def test_what_is_given_back_is_no_change(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with left_as_it_was(), monkeypatch.context() as changed:
        changed.setenv("ADDED", "a while")
        changed.chdir(tmp_path)

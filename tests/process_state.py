"""What a test may not leave changed, because all tests of a process share it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PYTESTS_OWN = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION")
_MLFLOW_GLOBALS = {
    "mlflow.tracking._tracking_service.utils": "_tracking_uri",
    "mlflow.tracking._model_registry.utils": "_registry_uri",
    "mlflow.tracking.fluent": "_active_experiment_id",
}


@pytest.fixture(autouse=True, scope="module")
def _module_leaves_the_process_as_it_was() -> Iterator[None]:
    """Set up before, and looked at after the module's other fixtures."""
    with left_as_it_was():
        yield


@pytest.fixture(autouse=True)
def _test_leaves_the_process_as_it_was() -> Iterator[None]:
    with left_as_it_was():
        yield


@contextmanager
def left_as_it_was() -> Iterator[None]:
    """Put back the environment, the working directory and MLflow's global addresses.

    Raises:
        AssertionError: one of them had changed; says which, and how.
    """
    environment, folder, addresses = _environment(), Path.cwd(), _mlflow_addresses()
    yield
    changes = [
        f"os.environ[{name!r}]: {environment.get(name)!r} → {os.environ.get(name)!r}"
        for name in sorted(environment.keys() | _environment().keys())
        if environment.get(name) != os.environ.get(name)
    ]
    for name in environment.keys() | _environment().keys():
        if name in environment:
            os.environ[name] = environment[name]
        else:
            del os.environ[name]
    if Path.cwd() != folder:
        changes.append(f"the working directory: {folder} → {Path.cwd()}")
        os.chdir(folder)
    for module, now in _mlflow_addresses().items():
        if now != (before := addresses.get(module)):
            changes.append(f"{module}.{_MLFLOW_GLOBALS[module]}: {before!r} → {now!r}")
            setattr(sys.modules[module], _MLFLOW_GLOBALS[module], before)
    assert not changes, "left behind for the next test: " + "; ".join(changes)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _PYTESTS_OWN}


def _mlflow_addresses() -> dict[str, object]:
    """The values of those modules that have been imported."""
    return {
        module: getattr(sys.modules[module], name)
        for module, name in _MLFLOW_GLOBALS.items()
        if module in sys.modules
    }

"""What modules of this folder find that are run in a process of their own; see ``served.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.new_databases import Migrated

FoundBy = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def found_by(migrated: Migrated, tmp_path_factory: pytest.TempPathFactory) -> FoundBy:
    """Runs a module on migrated databases: ``found_by("tests.access.table")``.

    Named arguments become files of its folder: ``found_by("tests.access.earlier_jobs", database=uri)``.
    """

    def run(module: str, **files: str) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("found")
        migrated.copy_to(folder)
        for name, text in files.items():
            (folder / name).write_text(text)
        command = [sys.executable, "-m", module, str(folder)]
        root = Path(__file__).parents[2]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-4000:]
        read: dict[str, Any] = json.loads((folder / "found.json").read_text())
        return read

    return run

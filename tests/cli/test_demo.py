"""``burnish demo`` is the main job, within the calls that it says it takes."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from burnish.cli.job_options import read_options
from burnish.samples import DEMO_MAX_CALLS, DEMO_MAX_OUTPUT_TOKENS
from tests.cli.conftest import Folder

MODEL = "scripted:/sentiment"


def test_it_stays_within_its_budget(
    burnish: Callable[..., Any], folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("burnish.cli.demo.DEMO_MODEL", MODEL)
    said = burnish("demo")
    assert said.exit_code == 0, said
    with sqlite3.connect(folder.path / "burnish.db") as database:
        (text,) = database.execute("SELECT config FROM burnish_jobs").fetchone()
    config = json.loads(text)
    assert config["budget"]["max_calls"] == DEMO_MAX_CALLS
    assert config["max_output_tokens"] == DEMO_MAX_OUTPUT_TOKENS
    calls = re.search(r"^(\d+) calls", said.stdout, re.MULTILINE)
    assert calls
    assert 0 < int(calls[1]) <= DEMO_MAX_CALLS


def test_an_option_that_no_job_has_is_never_passed_over() -> None:
    with pytest.raises(ValueError, match="max_calls"):
        read_options({"max_calls": 7})

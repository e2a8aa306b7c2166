"""The command line in a folder of its own."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burnish.concurrency import Backoff
from burnish.llm.gateway import Gateway
from burnish.llm.retries import RetrySchedule
from burnish.llm.testing.scripted import sentiment
from burnish.llm.testing.scripted_server import ScriptedServer

PROMPT = "What is the sentiment of this review?\n\n{{review}}"


@dataclass
class Folder:
    """A working directory with a good prompt and good data in it."""

    path: Path
    prompt: Path
    data: Path

    def left_behind(self) -> set[str]:
        """Files that a refused command should not have made."""
        return {path.name for path in self.path.iterdir()} - {self.prompt.name, self.data.name}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    prompt = tmp_path / "sentiment.txt"
    prompt.write_text(PROMPT, encoding="utf-8")
    data = tmp_path / "reviews.jsonl"
    rows = [
        {
            "inputs": {"review": f"{'a joy' if i % 2 else 'a bore'}, number {i}"},
            "expectations": {"expected_response": "positive" if i % 2 else "negative"},
        }
        for i in range(40)
    ]
    data.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return Folder(tmp_path, prompt, data)


@dataclass
class Said:
    """What a command answered."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture
def burnish() -> Callable[..., Said]:
    """Run ``burnish ARGUMENTS`` in this process."""
    from burnish.cli.main import app
    from burnish.cli.output import stderr, stdout

    def run(*arguments: object) -> Said:
        stderr.cache_clear()
        stdout.cache_clear()
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """An OpenAI-style server in a thread of its own; retries without waiting."""
    served = ScriptedServer(sentiment)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(served.start(), loop).result(60)
    monkeypatch.setenv("OPENAI_BASE_URL", served.url + "/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    quick = functools.partial(
        Gateway, retries=RetrySchedule(backoff=Backoff(base_seconds=0.001, cap_seconds=0.01))
    )
    monkeypatch.setattr("burnish.bootstrap.Gateway", quick)
    yield served
    asyncio.run_coroutine_threadsafe(served.stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()

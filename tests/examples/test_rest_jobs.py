"""The example of plain HTTP against a real ``burnish server``, MLflow behind it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOKEN = "correct-horse-battery-staple"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "tokens").write_text(TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BURNISH_", "MLFLOW_"))}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "burnish.cli.main", "server"),
            *("--port", str(port), "--auth-token-file", "tokens"),
        ],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert TOKEN not in log


def wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    request = urllib.request.Request(f"{url}/ready", headers={"Authorization": f"Bearer {TOKEN}"})
    while process.poll() is None:
        try:
            with urllib.request.urlopen(request):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(process.stderr.read() if process.stderr else "")


def test_the_example_does_what_it_says(server: str) -> None:
    ran = subprocess.run(
        [
            *(sys.executable, str(ROOT / "examples" / "rest_jobs.py")),
            *("--url", server, "--token", TOKEN, "--model", "scripted:/sentiment"),
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "JOB_STATUS_COMPLETED" in ran.stdout
    assert "IMPROVED" in ran.stdout
    assert "JOB_STATUS_CANCELED" in ran.stdout
    assert len(re.findall("^listed: ", ran.stdout, re.MULTILINE)) == 2
    assert len(re.findall("^deleted: ", ran.stdout, re.MULTILINE)) == 2

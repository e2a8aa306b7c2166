"""The help desk at a URL, and a server that optimizes its prompts; the server is killed half way.

    python examples/app/over_http.py

It needs no key and no network: the model is a script on loopback. All is written to a temporary folder.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import mlflow
from desk import register_prompts
from questions import RECORDS
from run import HERE, model

import burnish

LOG = Path("answered.txt")  # which at_url.py writes
KILLED_AFTER = 45  # answers of the app: about half of what the search asks for
BURNISH = (sys.executable, "-m", "burnish.cli.main")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, model() as server:
        os.chdir(folder)
        os.environ |= {
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "OPENAI_API_KEY": "none",
            "MLFLOW_TRACKING_URI": os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db"),
            "PYTHONPATH": str(HERE),  # where the app's module is
        }
        prompt_uris = register_prompts()
        dataset = mlflow.genai.datasets.create_dataset(name="questions", experiment_id="0")
        dataset.merge_records(RECORDS)

        app_port, port = free_port(), free_port()
        app_url, url = f"http://127.0.0.1:{app_port}/", f"http://127.0.0.1:{port}"
        app = ["app", "serve", "at_url:answer", "--port", str(app_port), "--no-traces"]
        server_of_jobs = ["server", "--port", str(port), "--allow-app-url", app_url]
        with process("app", app, app_url), process("server", server_of_jobs, f"{url}/ready") as first:
            job = burnish.Client(url).create_job(
                prompt_uris[0],
                experiment_id="0",
                further_source_prompt_uris=prompt_uris[1:],
                dataset_id=dataset.dataset_id,
                scorers=["exact_match"],
                app=burnish.App(url=app_url),
                optimizer_type=burnish.OptimizerType.GEPA,
                reflection_model="openai:/gpt-4o",
                budget=burnish.Budget(max_calls=500),
                concurrency=4,
                seed=1,
            )
            wait_for(lambda: len(answered()) >= KILLED_AFTER)
            first.kill()
            print(f"killed half way: the app had answered {len(answered())} times")
            with process("server", server_of_jobs, f"{url}/ready"):
                done = job.result()

        twice = sum(times - 1 for times in Counter(answered()).values())
        test = done.test_scores
        assert test is not None
        print(f"went on: {len(answered())} answers in all, {twice} of them given twice")
        print(f"sealed test {test.initial:.2f} -> {test.final:.2f}: {done.verdict}")
        print(f"{done.usage.total.calls} calls of at most 500")


@contextmanager
def process(name: str, command: Sequence[str], url: str) -> Iterator[subprocess.Popen[bytes]]:
    """``burnish …`` once it answers at the URL, and until the block ends."""
    with Path(f"{name}.log").open("wb") as log:
        running = subprocess.Popen([*BURNISH, *command], stdout=log, stderr=log)
    try:
        wait_for(lambda: running.poll() is not None or answers(url))
        assert running.poll() is None, Path(f"{name}.log").read_text()
        yield running
    finally:
        running.terminate()
        running.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 405  # an app wants a POST
    except OSError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def answered() -> list[str]:
    return LOG.read_text().splitlines() if LOG.exists() else []


def wait_for(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.1)


if __name__ == "__main__":
    main()

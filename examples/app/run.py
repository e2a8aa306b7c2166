"""MLflow's ``optimize_prompts`` and Burnish's on one app: what each finds, and what is left after a crash.

    python examples/app/run.py

It needs no key and no network: the model is a script on loopback. All is written to a temporary folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, model() as server:
        environment = {
            **os.environ,
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "OPENAI_API_KEY": "none",
            "MLFLOW_TRACKING_URI": os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db"),
        }

        def in_a_process(how: str, check: bool = True) -> dict[str, Any]:
            before = server.requests
            command = [sys.executable, str(HERE / "optimize.py"), how]
            done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=check)
            lines = done.stdout.decode().splitlines()
            found: dict[str, Any] = json.loads(lines[-1]) if lines and check else {}
            return found | {"requests": server.requests - before}

        theirs = in_a_process("mlflow")
        print(f"MLflow, its metaprompt: {theirs['score']:.2f} on the data it learned from, not tested")

        behind = in_a_process("mlflow-with-burnish")
        print(f"MLflow, optimizer=burnish.MlflowOptimizer: {behind['score']:.2f} on validation")

        killed = in_a_process("killed", check=False)
        print(f"Burnish, killed half way: {killed['requests']} requests")
        resumed = in_a_process("resume")
        twice = resumed["twice"]
        print(f"Burnish, resumed: {resumed['requests']} more; evaluations in flight paid twice: {twice}")
        test = resumed["test"]
        print(f"  sealed test {test['initial']:.2f} -> {test['final']:.2f}: {resumed['verdict']}")
        print(f"  {resumed['calls']} calls, {resumed['tokens']} tokens, {resumed['usd']:.4f} USD")
        for uri, text in resumed["prompts"].items():
            print(f"  {uri}: {text!r}")


@contextmanager
def model() -> Iterator[Any]:
    """The scripted model on loopback."""
    from model import desk_model

    from burnish.llm.testing.scripted_server import ScriptedServer

    server, loop = ScriptedServer(desk_model), asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)


if __name__ == "__main__":
    main()

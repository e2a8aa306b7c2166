"""MLflow's own jobs (run a judge, evaluate, find issues): the runner it starts beside its server, and
what is answered where nobody runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from burnish.api.errors import answer
from burnish.config import Settings
from burnish.errors import InvalidInput
from burnish.mlflow_import import importing
from burnish.tracking.mlflow.address import Address

_ENABLED = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"
_QUEUE = "_MLFLOW_HUEY_STORAGE_PATH"
_STOP_SECONDS = 5.0

_INVOKES = re.compile(r"/ajax-api/[^/]+/mlflow/.+/invoke/?$")

OFF = (
    "MLflow's own jobs (running judges, evaluations, issue detection) are not run by this server; start it "
    "with --mlflow-jobs (BURNISH_MLFLOW_JOBS=true)"
)


def switch_jobs(on: bool) -> None:
    """Tell MLflow's application, before it is loaded, whether somebody runs its jobs."""
    os.environ[_ENABLED] = str(on).lower()


def check_jobs(settings: Settings) -> None:
    """
    Raises:
        InvalidInput: MLflow's jobs could not run, or could not ask this server.
    """
    if not settings.mlflow_jobs:
        return
    if not Address(settings.tracking_uri).is_database:
        remedy = "goes with a tracking database; a tracking server elsewhere runs its own jobs"
        raise InvalidInput.of("mlflow_jobs", "true", remedy)
    if settings.auth_token_file and not os.environ.get("MLFLOW_TRACKING_TOKEN"):
        remedy = "its jobs ask this server: set MLFLOW_TRACKING_TOKEN to one of its tokens"
        raise InvalidInput.of("mlflow_jobs", "true", remedy)


@contextmanager
def running_jobs(server_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's runner as a process beside this one, stopped in the end; it ends by itself when we die.

    To be entered once MLflow's application has its environment; it finds the queue there too.

    Args:
        server_url: where the jobs find this server.
    """
    with importing():
        from mlflow.server.jobs import utils

    folder = Path(tempfile.mkdtemp(prefix="burnish-mlflow-jobs-"))
    os.environ[_QUEUE] = str(folder)
    scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {
        "MLFLOW_TRACKING_URI": server_url,
        _QUEUE: str(folder),
        _ENABLED: "true",
        "PATH": scripts,  # MLflow 3.9 looks its consumer up there, and starts "python None" where it is not
    }
    runner: subprocess.Popen[bytes] = utils._launch_job_runner(environment, os.getpid())
    try:
        yield runner
    finally:
        runner.terminate()
        try:
            runner.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            runner.kill()
            runner.wait()
        shutil.rmtree(folder, ignore_errors=True)


def explaining(app: ASGIApp) -> ASGIApp:
    """MLflow's application, with a plain answer where nobody runs its jobs.

    MLflow itself answers 500 and names a variable that would not help here; before that, some of its
    endpoints make a run for the job, which nobody ends. Those that are called invoke are refused before they
    are asked. Which others submit jobs differs between versions, so there the answer is looked at.
    """

    async def explained(scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []
        if scope["type"] == "http" and _INVOKES.search(scope["path"]) and os.environ.get(_ENABLED) == "false":
            await answer("NOT_IMPLEMENTED", 501, OFF)(scope, receive, send)
            return

        async def look(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 500:
                held.append(message)
                return
            if not held:
                await send(message)
                return
            held.append(message)
            if message.get("more_body"):
                return
            body = b"".join(part.get("body", b"") for part in held)
            if _ENABLED.encode() in body:
                await answer("NOT_IMPLEMENTED", 501, OFF)(scope, receive, send)
            else:
                for part in held:
                    await send(part)
            held.clear()

        await app(scope, receive, look if scope["type"] == "http" else send)

    return explained

"""MLflow's own server application, mounted behind our routes in the same process."""

from __future__ import annotations

import gc
import os
import warnings
from pathlib import Path
from typing import cast

from starlette.types import ASGIApp

from burnish.config import Settings
from burnish.tracking.mlflow.address import Address
from burnish.tracking.quiet import silence


def behind(settings: Settings) -> ASGIApp | None:
    """MLflow's application over the tracking database, or ``None`` where tracking is a server elsewhere.

    Takes some seconds, and sets the environment variables by which MLflow's server is told where its
    database and artifacts are. Ours keeps guard in front, so MLflow's own guard (which knows nothing of
    our ``--allowed-host``) is left out, and its own job runner is not started.

    Raises:
        InvalidInput: the tracking URI is not one that MLflow keeps datasets at.
    """
    address = Address(settings.tracking_uri)
    if not address.is_database:
        return None
    folder = address.sqlite_path.parent if address.sqlite_path else Path.cwd()
    os.environ.update(
        {
            "_MLFLOW_SERVER_FILE_STORE": address.tracking_uri,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
        }
    )
    os.environ.setdefault("_MLFLOW_SERVER_ARTIFACT_DESTINATION", str(folder / "mlartifacts"))
    return load()


def load() -> ASGIApp:
    """MLflow's application, as its environment variables say.

    It brings 300,000 objects that stay. The garbage collector is told to leave them alone: it would
    stop the process for a quarter of a second each time, and for longer than a second at the end.
    """
    silence()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies
        from mlflow.server.fastapi_app import app
    gc.freeze()
    return cast(ASGIApp, app)

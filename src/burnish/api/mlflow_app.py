"""MLflow's own server application, mounted behind our routes in the same process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from burnish.api.errors import error_answer
from burnish.config import Settings
from burnish.errors import TrackingUnavailable
from burnish.mlflow_import import importing
from burnish.tracking.mlflow.address import Address, folder_location

_log = logging.getLogger(__name__)


def behind(settings: Settings) -> LazyApp | None:
    """MLflow's application over the tracking database, or ``None`` where tracking is a server elsewhere.

    It takes some seconds until it is there. Sets the environment variables in which MLflow's server looks for
    its database and artifacts. Ours keeps guard in front, so MLflow's own guard (which
    knows nothing of our ``--allowed-host``) is left out, and its own job runner is not started.

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
    os.environ.setdefault("_MLFLOW_SERVER_ARTIFACT_DESTINATION", folder_location(folder / "mlartifacts"))
    return LazyApp(load)


def load() -> ASGIApp:
    """MLflow's application, as its environment variables say.

    It brings 300,000 objects that stay. The garbage collector leaves them alone: it would
    stop the process for a quarter of a second each time, and for longer than a second at the end.
    """
    with importing():
        from mlflow.server.fastapi_app import app
    gc.freeze()
    return cast(ASGIApp, app)


class LazyApp:
    """An application that a thread loads while others answer on this event loop. A request for it waits.

    Args:
        load: gives the application.
    """

    def __init__(self, load: Callable[[], ASGIApp]) -> None:
        self._loading = asyncio.get_running_loop().run_in_executor(None, load)
        self._loading.add_done_callback(_log_failure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.wait([self._loading])  # a client that goes away does not stop it
        if (refusal := self._refusal()) is None:
            await self._loading.result()(scope, receive, send)
        elif scope["type"] == "http":
            await error_answer(refusal)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1013})

    async def check(self) -> None:
        """
        Raises:
            TrackingUnavailable: it is not there yet, or cannot be loaded.
        """
        if refusal := self._refusal():
            raise refusal

    def _refusal(self) -> TrackingUnavailable | None:
        if not self._loading.done():
            return TrackingUnavailable("MLflow's server is being loaded")
        if error := self._loading.exception():
            return TrackingUnavailable(f"MLflow's server could not be loaded: {error}")
        return None


def _log_failure(loading: asyncio.Future[ASGIApp]) -> None:
    if not loading.cancelled() and (error := loading.exception()):
        _log.error("MLflow's server could not be loaded", exc_info=error)

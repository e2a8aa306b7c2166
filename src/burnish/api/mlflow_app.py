"""MLflow's own server application, mounted behind our routes in the same process."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
from collections.abc import Callable
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from burnish.api.errors import error_answer
from burnish.api.mlflow_jobs import explaining, switch_jobs
from burnish.config import Settings
from burnish.errors import BurnishError, InvalidInput, TrackingUnavailable, did_you_mean
from burnish.mlflow_import import importing
from burnish.tracking.mlflow.address import Address, folder_location

_log = logging.getLogger(__name__)


def behind(settings: Settings) -> LazyApp | None:
    """MLflow's application over the tracking database, or ``None`` where tracking is a server elsewhere.

    It takes some seconds until it is there. Sets the environment variables in which MLflow's server looks for
    its database and artifacts. Ours keeps guard in front, so MLflow's own guard (which
    knows nothing of our ``--allowed-host``) is left out. Its own jobs run where ``mlflow_jobs`` says so.

    Raises:
        InvalidInput: the tracking URI is not one that MLflow keeps datasets at; or there is no such plugin.
    """
    address = Address(settings.tracking_uri)
    if not address.is_database:
        if settings.mlflow_app:
            remedy = (
                "goes with a tracking database; a tracking server elsewhere has its own users, who are asked"
            )
            raise InvalidInput.of("mlflow_app", settings.mlflow_app, remedy)
        return None
    plugin = find_plugin(settings.mlflow_app)
    folder = address.sqlite_path.parent if address.sqlite_path else Path.cwd()
    os.environ.update(
        {
            "_MLFLOW_SERVER_FILE_STORE": address.tracking_uri,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
        }
    )
    switch_jobs(settings.mlflow_jobs)
    os.environ.setdefault("_MLFLOW_SERVER_ARTIFACT_DESTINATION", folder_location(folder / "mlartifacts"))
    return LazyApp(partial(load, plugin))


def find_plugin(name: str) -> EntryPoint | None:
    """The ``mlflow.app`` plugin of this name; ``None`` for no name.

    Raises:
        InvalidInput: there is none.
    """
    if not name:
        return None
    found = {entry.name: entry for entry in entry_points(group="mlflow.app") if entry.name != "burnish"}
    if name not in found:
        remedy = f"there is no such mlflow.app plugin; there are {', '.join(sorted(found)) or 'none'}"
        raise InvalidInput.of("mlflow_app", name, remedy + did_you_mean(name, found))
    return found[name]


def load(plugin: EntryPoint | None = None) -> ASGIApp:
    """MLflow's application, as its environment variables say, or a plugin's.

    It brings 300,000 objects that stay. The garbage collector leaves them alone: it would
    stop the process for a quarter of a second each time, and for longer than a second at the end.

    Raises:
        InvalidInput: the plugin cannot be loaded as it is configured.
    """
    with importing():
        if plugin is None:
            from mlflow.server.fastapi_app import app
        else:
            app = _load_plugin(plugin)
    gc.freeze()
    return explaining(cast(ASGIApp, app))


def _load_plugin(plugin: EntryPoint) -> object:
    os.environ["_MLFLOW_SGI_NAME"] = "uvicorn"  # what a plugin looks at to know what to make
    from flask import Flask

    try:
        made = plugin.load()
        app = made() if inspect.isfunction(made) else made
    except Exception as error:
        remedy = f"this mlflow.app plugin could not be loaded: {' '.join(str(error).split())}"
        raise InvalidInput.of("mlflow_app", plugin.name, remedy) from error
    if isinstance(app, Flask):
        from mlflow.server.fastapi_app import create_fastapi_app

        return create_fastapi_app(app)
    return app


class LazyApp:
    """An application that a thread loads while others answer on this event loop. A request for it waits.

    Args:
        load: gives the application.
    """

    def __init__(self, load: Callable[[], ASGIApp]) -> None:
        self._loading = asyncio.get_running_loop().run_in_executor(None, load)
        self._loading.add_done_callback(_log_failure)

    async def loaded(self) -> ASGIApp:
        """
        Raises:
            TrackingUnavailable, InvalidInput: it cannot be loaded.
        """
        await asyncio.wait([self._loading])
        await self.check()
        return self._loading.result()

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
            InvalidInput: it cannot be loaded as it is configured.
        """
        if refusal := self._refusal():
            raise refusal

    def _refusal(self) -> BurnishError | None:
        if not self._loading.done():
            return TrackingUnavailable("MLflow's server is being loaded")
        error = self._loading.exception()
        if isinstance(error, InvalidInput):
            return error
        if error:
            return TrackingUnavailable(f"MLflow's server could not be loaded: {error}")
        return None


def _log_failure(loading: asyncio.Future[ASGIApp]) -> None:
    if not loading.cancelled() and (error := loading.exception()):
        _log.error("MLflow's server could not be loaded", exc_info=error)

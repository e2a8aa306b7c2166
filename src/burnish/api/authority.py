"""Whose rules a server keeps: MLflow's, where it has users or workspaces; those of tokens; or none."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from burnish.access.in_process import FlaskAnswers
from burnish.access.mlflow import MlflowAuthority
from burnish.access.protocol import Authority, Open
from burnish.access.server import AsgiAnswers, HttpAnswers, ServerAuthority
from burnish.access.tokens import TokenAuthority
from burnish.api.mlflow_app import LazyApp
from burnish.api.session import Sessions
from burnish.config import Settings
from burnish.service.catalog import JobCatalog
from burnish.tracking.mlflow.address import Address

_log = logging.getLogger(__name__)
_WORKSPACES = "MLFLOW_ENABLE_WORKSPACES"

BASIC_AUTH = "basic-auth"
NEAR_SECONDS = 5.0
FAR_SECONDS = 30.0
"""How long a permission is believed to last, of an MLflow in this process and of one elsewhere."""


def authority_of(
    settings: Settings, mlflow_app: ASGIApp | None, sessions: Sessions, catalog: JobCatalog
) -> Authority:
    """
    Args:
        mlflow_app: that of this process.
        sessions: where tokens are found.
        catalog: knows to which experiments a dataset belongs.
    """
    if isinstance(mlflow_app, LazyApp):
        known = _in_process(settings, mlflow_app)
    elif Address(settings.tracking_uri).is_server and not sessions.required:
        known = ServerAuthority(HttpAnswers(str(Address(settings.tracking_uri))), FAR_SECONDS)
    else:
        known = Open()
    if sessions.required:
        return TokenAuthority(sessions.find, known, catalog.experiments_of_dataset)
    return known


def _in_process(settings: Settings, mlflow_app: LazyApp) -> Authority:
    if settings.mlflow_app not in ("", BASIC_AUTH):
        return ServerAuthority(AsgiAnswers(mlflow_app.loaded), NEAR_SECONDS)

    async def flask() -> Any:
        await mlflow_app.loaded()
        from mlflow.server import app

        return app

    if settings.mlflow_app or has_workspaces():
        return MlflowAuthority(FlaskAnswers(flask), NEAR_SECONDS)
    return Open()


def has_workspaces() -> bool:
    """Whether the MLflow of this process was told to have workspaces, and can: 3.9 takes no notice."""
    if os.environ.get(_WORKSPACES, "").lower() not in ("true", "1"):
        return False
    mlflow = find_spec("mlflow")
    folders = mlflow.submodule_search_locations if mlflow else None
    can = any((Path(folder) / "utils" / "workspace_context.py").is_file() for folder in folders or ())
    if not can:
        _log.warning("%s is set, but this MLflow has no workspaces: install 3.10 or later", _WORKSPACES)
    return can

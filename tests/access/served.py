"""MLflow with users in this process, and ours over it: what each answers to whom.

It is run in a process of its own, because MLflow's basic-auth application changes the one Flask application
that a process has. Its argument is a folder; what it finds is written there.
"""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import werkzeug.security

BASE = "/api/3.0/mlflow/prompt-optimization/jobs"
ADMIN, PASSWORD = "admin", "a password: with ünicode"
USERS = ("ana", "ben", "cat")
LEVELS = {"none": None, "read": "READ", "edit": "EDIT", "manage": "MANAGE"}
"""The first is what every user has of an experiment without a grant."""


def set_environment(folder: Path, **more: str) -> None:
    """What MLflow's server reads, and passwords that are checked at once: MLflow 3.9 remembers none."""
    make = werkzeug.security.generate_password_hash
    werkzeug.security.generate_password_hash = lambda password, *_: make(password, "pbkdf2:sha256:1")
    config = folder / "auth.ini"
    config.write_text(
        f"""[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{folder}/auth.db
admin_username = {ADMIN}
admin_password = {PASSWORD}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
""",
        encoding="utf-8",
    )
    os.environ |= {
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "for-tests-only",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        **more,
    }


def basic(user: str, password: str = PASSWORD) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@dataclass
class Served:
    """An application, asked by users."""

    http: httpx.AsyncClient

    async def ask(
        self, user: str | None, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        return await self.http.request(
            method, path, json=body, headers={**(basic(user) if user else {}), **headers}
        )

    async def admin(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = await self.ask(ADMIN, method, path, body, **headers)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()


@asynccontextmanager
async def client_of(app: Any) -> AsyncIterator[Served]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as http:
        yield Served(http)


async def add_users(mlflow: Served) -> None:
    for user in USERS:
        await mlflow.admin("POST", "/api/2.0/mlflow/users/create", {"username": user, "password": PASSWORD})


async def grant(mlflow: Served, user: str, experiment_id: str, permission: str) -> None:
    """As MLflow of this version grants it."""
    body = {"experiment_id": experiment_id, "username": user, "permission": permission}
    unified = {
        "username": user,
        "resource_type": "experiment",
        "resource_id": experiment_id,
        "permission": permission,
    }
    answer = await mlflow.ask(ADMIN, "POST", "/api/3.0/mlflow/users/permissions/grant", unified)
    if answer.status_code == 404:
        answer = await mlflow.ask(ADMIN, "POST", "/api/2.0/mlflow/experiments/permissions/create", body)
        if answer.status_code != 200:
            path = "/api/2.0/mlflow/experiments/permissions/update"
            answer = await mlflow.ask(ADMIN, "PATCH", path, body)
    assert answer.status_code == 200, answer.text


async def revoke(mlflow: Served, user: str, experiment_id: str) -> None:
    body = {"username": user, "resource_type": "experiment", "resource_id": experiment_id}
    answer = await mlflow.ask(ADMIN, "POST", "/api/3.0/mlflow/users/permissions/revoke", body)
    if answer.status_code == 404:
        old = {"experiment_id": experiment_id, "username": user}
        answer = await mlflow.ask(ADMIN, "DELETE", "/api/2.0/mlflow/experiments/permissions/delete", old)
    assert answer.status_code == 200, answer.text


async def share_prompt(mlflow: Served, user: str, name: str) -> None:
    """Let a user edit a prompt."""
    body = {"username": user, "resource_type": "prompt", "resource_id": name, "permission": "EDIT"}
    answer = await mlflow.ask(ADMIN, "POST", "/api/3.0/mlflow/users/permissions/grant", body)
    if answer.status_code != 200:
        old = {"name": name, "username": user, "permission": "EDIT"}
        await mlflow.admin("POST", "/api/2.0/mlflow/registered-models/permissions/create", old)


async def delete_user(mlflow: Served, user: str, experiment_ids: Sequence[str]) -> None:
    """MLflow 3.9 deletes nobody who has a grant."""
    for experiment_id in experiment_ids:
        with suppress(AssertionError):
            await revoke(mlflow, user, experiment_id)
    old = {"name": "sentiment", "username": user}
    await mlflow.ask(ADMIN, "DELETE", "/api/2.0/mlflow/registered-models/permissions/delete", old)
    await mlflow.admin("DELETE", "/api/2.0/mlflow/users/delete", {"username": user})

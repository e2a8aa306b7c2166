"""Both ways of starting a server with MLflow's users, as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.access.served import ADMIN, BASE, PASSWORD, basic
from tests.chaos.processes import free_port

KEY = {"MLFLOW_FLASK_SERVER_SECRET_KEY": "for-tests-only", "BURNISH_WORKERS": "0"}


def command(way: str, folder: Path, port: int) -> list[str]:
    scripts = Path(sys.executable).parent
    if way == "burnish server":
        where = ["--tracking-uri", f"sqlite:///{folder}/mlflow.db", "--mlflow-app", "basic-auth"]
        return [str(scripts / "burnish"), "server", "--port", str(port), *where]
    where = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"]
    return [sys.executable, "-m", "mlflow", "server", "--app-name", "burnish", "--port", str(port), *where]


@contextmanager
def started(way: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    (folder / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = NO_PERMISSIONS\ndatabase_uri = sqlite:///{folder}/auth.db\n"
        f"admin_username = {ADMIN}\nadmin_password = {PASSWORD}\n",
        encoding="utf-8",
    )
    port = free_port()
    environment = os.environ | KEY
    environment |= {"MLFLOW_AUTH_CONFIG_PATH": f"{folder}/auth.ini", "BURNISH_MLFLOW_APP": "basic-auth"}
    environment["BURNISH_STORE_URI"] = f"sqlite:///{folder}/jobs.db"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command(way, folder, port),
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield f"http://127.0.0.1:{port}", server
        finally:
            os.killpg(server.pid, signal.SIGKILL)  # mlflow server has children
            server.wait(10)


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.timeout(600)  # MLflow is imported by four processes, one after another
@pytest.mark.parametrize("way", ["burnish server", pytest.param("mlflow server", marks=pytest.mark.chaos)])
def test_a_real_server_asks_for_users(way: str, tmp_path: Path) -> None:
    with started(way, tmp_path) as (url, server), httpx.Client(base_url=url, timeout=120) as http:
        said = (tmp_path / "log").read_text
        while not answers(http):
            assert server.poll() is None, said()
            time.sleep(0.2)
        for path in (f"{BASE}/search", "/api/2.0/mlflow/experiments/search?max_results=1"):
            refused = http.get(path)
            assert refused.status_code == 401, said()
            assert refused.headers["www-authenticate"] == 'Basic realm="mlflow"'
            assert http.get(path, headers=basic(ADMIN)).status_code == 200, said()
        body = {"username": "ana", "password": PASSWORD}
        made = http.post("/api/2.0/mlflow/users/create", json=body, headers=basic(ADMIN))
        assert made.status_code == 200, made.text
        denied = http.get(f"{BASE}/search?experiment_id=0", headers=basic("ana"))
        assert (denied.status_code, denied.json()["error_code"]) == (403, "PERMISSION_DENIED")
        assert http.get("/burnish/").status_code != 401

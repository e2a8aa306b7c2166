"""The files in deploy/ say what the commands understand; no engine is needed to see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import yaml
from typer.testing import CliRunner

from burnish.api.app import create_app
from burnish.api.auth import check_exposure
from burnish.api.testing import fake_services
from burnish.cli.main import app
from burnish.config import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text())
    return document


def kubernetes() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))


def commands() -> list[list[str]]:
    services = compose()["services"]
    found = [services[name]["command"] for name in ("api", "worker")]
    for document in kubernetes():
        if document["kind"] == "Deployment":
            found += [c["args"] for c in document["spec"]["template"]["spec"]["containers"]]
    return found


@pytest.mark.parametrize("command", commands(), ids=lambda command: " ".join(command[:2]))
def test_every_option_of_a_command_exists(command: list[str]) -> None:
    shown = CliRunner().invoke(app, [command[0], "--help"], env={"COLUMNS": "200"}).stdout
    for option in (word for word in command if word.startswith("--")):
        assert option in shown, f"burnish {command[0]} has no {option}"


def settings_of(command: list[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> Settings:
    """What a process of this command would run with; its token file is one of ours."""
    (folder / "token").write_text("ci: a-token-of-some-length\n")
    found: list[Settings] = []

    def keep(settings: Settings) -> int:
        found.append(settings)
        return 0

    for name in ("run_server", "run_worker"):
        monkeypatch.setattr(f"burnish.cli.server.{name}", keep)
    given = [str(folder / "token") if word.endswith("/token") else word for word in command]
    said = CliRunner().invoke(app, given)
    assert said.exit_code == 0, said.output
    return found[0]


@pytest.mark.parametrize("command", commands(), ids=lambda command: " ".join(command[:2]))
def test_every_command_starts_what_it_says(
    command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = settings_of(command, monkeypatch, tmp_path)
    if command[0] == "server":
        check_exposure(settings)  # listens beyond loopback, and may
        assert (settings.host, settings.workers) == ("0.0.0.0", 0)
    else:
        assert settings.workers == 50


async def test_every_probe_is_answered_by_a_server_of_the_same_flags(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    probed = 0
    for document in kubernetes():
        if document["kind"] != "Deployment":
            continue
        for container in document["spec"]["template"]["spec"]["containers"]:
            probes = [probe for name, probe in container.items() if name.endswith("Probe")]
            if not probes:
                continue
            hosts = [entry["value"] for entry in container["env"] if entry["name"] == "BURNISH_ALLOWED_HOSTS"]
            monkeypatch.setenv("BURNISH_ALLOWED_HOSTS", hosts[0])
            settings = settings_of(container["args"], monkeypatch, tmp_path)
            async with fake_services(tmp_path) as services:
                transport = httpx.ASGITransport(create_app(services, settings))
                # As the kubelet asks: by the pod's address, and without a token.
                async with httpx.AsyncClient(transport=transport, base_url="http://10.1.2.3:5000") as client:
                    for probe in probes:
                        wanted = probe["httpGet"]
                        assert (await client.get(wanted["path"])).status_code == 200
                        foreign = await client.get(wanted["path"], headers={"Host": "rebound.example"})
                        assert foreign.status_code == 403
                        probed += 1
                    for host in hosts[0].split(","):  # the Service's names
                        path, headers = "/api/3.0/mlflow/prompt-optimization/jobs/x", {"Host": host}
                        assert (await client.get(path, headers=headers)).status_code == 401
    assert probed


def test_compose_brings_postgres_mlflow_the_api_and_two_workers() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "mlflow", "api", "worker"}
    assert services["worker"]["deploy"]["replicas"] == 2
    for name in ("api", "worker"):
        assert services[name]["depends_on"]["postgres"] == {"condition": "service_healthy"}
        Settings.read(
            {key: str(value) for key, value in services[name]["environment"].items()}
        )  # every variable is one


def test_ports_are_published_on_loopback_only() -> None:
    for service in compose()["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_no_secret_is_written_down() -> None:
    for path in DEPLOY.iterdir():
        text = path.read_text()
        assert "sk-" not in text
        assert "password: burnish" not in text.lower()


def test_the_kubernetes_objects_select_each_other() -> None:
    documents = kubernetes()
    assert [document["kind"] for document in documents] == ["Deployment", "Service", "Deployment"]
    api, service, worker = documents
    assert service["spec"]["selector"] == api["spec"]["template"]["metadata"]["labels"]
    for deployment in (api, worker):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"] == labels


def test_the_image_copies_what_the_package_needs() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    for name in ("pyproject.toml", "README.md", "LICENSE", "src"):
        assert name in dockerfile
        assert (DEPLOY.parent / name).exists()

"""The files in deploy/ say what the commands understand; no engine is needed to see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

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

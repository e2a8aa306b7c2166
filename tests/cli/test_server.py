"""``burnish server`` as it starts: what it says, and what it refuses before it has loaded anything."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from burnish.cli.server import addresses, check_port
from burnish.config import Settings
from burnish.errors import InvalidInput
from tests.cli.conftest import Folder, Said


def test_a_port_in_use_is_refused_before_anything_is_made(
    burnish: Callable[..., Said], folder: Folder
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = burnish("server", "--port", port)
    assert said.exit_code == 2
    assert said.stderr.startswith(f"error: port: '{port}': cannot listen on 127.0.0.1:{port}")
    assert folder.left_behind() == set()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"host: '192\.0\.2\.1'"):
        check_port(Settings(host="192.0.2.1", port=0))


def test_a_free_port_is_tried_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[socket.socket] = []
    create_server = socket.create_server

    def recording(*arguments: Any, **options: Any) -> socket.socket:
        tried.append(create_server(*arguments, **options))
        return tried[-1]

    monkeypatch.setattr("burnish.cli.listening.socket.create_server", recording)
    check_port(Settings(port=0))
    (listener,) = tried
    assert listener.fileno() == -1  # closed


@pytest.mark.parametrize(
    ("tracking_uri", "mounted"), [("sqlite:///mlflow.db", True), ("https://me:secret@mlflow.example", False)]
)
def test_mlflow_is_named_where_it_is_mounted(tracking_uri: str, mounted: bool) -> None:
    shown = dict(addresses(Settings(tracking_uri=tracking_uri, store_uri="postgresql://me:secret@db/x")))
    assert shown["API"] == "http://127.0.0.1:5000/api/3.0/mlflow/prompt-optimization/jobs"
    assert (shown.get("MLflow") == "http://127.0.0.1:5000") is mounted
    assert "secret" not in str(shown)


def test_an_ipv6_address_is_shown_as_a_url() -> None:
    assert dict(addresses(Settings(host="::1")))["docs"] == "http://[::1]:5000/docs"

"""``burnish app serve`` and ``--app-url``: what is refused before anything begins."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("at_home")
def test_an_address_that_others_reach_needs_a_token(burnish: Callable[..., Said]) -> None:
    said = burnish("app", "serve", "shop:answer", "--host", "0.0.0.0")
    assert said.exit_code == 2
    assert "error: host: '0.0.0.0': other machines reach this address: set BURNISH_APP_TOKEN" in said.stderr


@pytest.mark.usefixtures("at_home")
def test_a_port_that_is_taken(burnish: Callable[..., Said]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = burnish("app", "serve", "shop:answer", "--port", port)
    assert said.exit_code == 2
    assert f"error: port: '{port}': cannot listen on 127.0.0.1:{port}" in said.stderr


@pytest.fixture
def files(tmp_path: Path, at_home: None) -> None:
    (tmp_path / "p.txt").write_text("Answer {{q}}")
    lines = [
        f'{{"inputs": {{"q": "{n}"}}, "expectations": {{"expected_response": "{n}"}}}}' for n in range(9)
    ]
    (tmp_path / "d.jsonl").write_text("\n".join(lines))


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--app-url", "apps.example"), "config.app.url: 'apps.example': is no http:// or https:// URL"),
        (
            ("--app-url", "https://a.example", "--model", "openai:/m"),
            "model: 'openai:/m': an app asks its own",
        ),
        (("--app-timeout", "5"), "config.app.url is required: where the app answers"),
        (
            ("--app-url", "https://a.example", "--app-header", "X=OPENAI_API_KEY"),
            "config.app.headers_from_env.X: 'OPENAI_API_KEY': must begin with BURNISH_APP_",
        ),
        (
            ("--app-url", "https://a.example", "--app-header", "X=BURNISH_APP_X"),
            "config.app.headers_from_env.X: 'BURNISH_APP_X': is not set",
        ),
        (("--input", "q=a["), "config.inputs.q: 'a[': is no JMESPath expression"),
        (("--input", "q=nothing"), "finds nothing for {{q}} in 9 of 9 records: record d.jsonl:1 (q: 0)"),
    ],
)
def test_what_a_job_cannot_have(burnish: Callable[..., Said], typed: tuple[str, ...], said: str) -> None:
    found = burnish("optimize", "--prompt", "p.txt", "--data", "d.jsonl", *typed)
    assert found.exit_code == 2
    assert said in found.stderr
    assert not list(Path().glob("*.db")), "nothing was written"


@pytest.mark.usefixtures("files")
def test_an_app_that_is_not_there_is_named_before_anything_is_written(burnish: Callable[..., Said]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    said = burnish(
        "optimize", "--prompt", "p.txt", "--data", "d.jsonl", "--app-url", url, "--max-seconds", "0.5"
    )
    assert said.exit_code == 2, said.stderr
    assert "config.app.url" in said.stderr
    assert not list(Path().glob("*.db"))


@pytest.mark.usefixtures("files")
def test_a_file_needs_no_column_for_what_the_app_fills_in(burnish: Callable[..., Said]) -> None:
    Path("p.txt").write_text("From {{pages}} answer {{q}}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    said = burnish(
        "optimize", "--prompt", "p.txt", "--data", "d.jsonl", "--app-url", url, "--max-seconds", "0.5"
    )
    assert "pages" not in said.stderr
    assert "config.app.url" in said.stderr, "it got as far as asking the app"

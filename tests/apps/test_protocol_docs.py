"""The programs on the page of the app protocol do what it says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from burnish.domain.app import App
from burnish.domain.usage import Usage
from burnish.llm.apps.addresses import AllowedApps
from burnish.llm.apps.http import HttpApps
from burnish.llm.protocol import AppFailed, AppRequest
from tests.chaos.processes import free_port

PAGE = (Path(__file__).parents[2] / "docs" / "app-protocol.md").read_text()
NODE = Path(sys.executable).parent / "node"


def program(language: str) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found[-1]


def curl() -> dict[str, Any]:
    """The body that is sent with curl."""
    found = re.search(r"-d '(\{.*?\n\})'", PAGE, re.DOTALL)
    assert found
    body: dict[str, Any] = json.loads(found.group(1))
    return body


async def evaluate(url: str, question: str = "Where is my parcel?") -> Any:
    """As a job asks."""
    apps = HttpApps(AllowedApps((url,)), {})
    app = apps.find(App(url=url))
    assert app is not None
    prompts = {"answer": "Answer: {{question}}", "rewrite": "{{question}}"}
    try:
        return await app.run(AppRequest(model="app:/x", prompts=prompts, inputs={"question": question}), 10.0)
    finally:
        await apps.close()


@pytest.mark.skipif(not NODE.exists(), reason="no node in this environment")
async def test_the_one_in_typescript(model: Any, tmp_path: Path) -> None:
    model.script = lambda request: f"to <{request.messages[0].content}>"
    (tmp_path / "app.ts").write_text(program("ts"))
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    running = await asyncio.create_subprocess_exec(
        NODE, "app.ts", cwd=tmp_path, env={**os.environ, "PORT": str(port)}
    )
    try:
        async with httpx.AsyncClient() as client:
            while True:
                assert running.returncode is None
                try:
                    answer = (await client.post(url, json=curl())).json()
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)
        assert answer["output"] == "to <Answer in one sentence: Where is my parcel?>"
        response = await evaluate(url)
        assert response.text == "to <Answer: Where is my parcel?>"
        assert response.usage.calls == 1
        assert response.usage.prompt_tokens > 0
        model.script = lambda request: 1 / 0
        with pytest.raises(AppFailed, match="422 Error: the model answers 500"):
            await evaluate(url, "And now?")
    finally:
        running.terminate()
        await running.wait()


async def test_the_one_in_python() -> None:
    from burnish.api.testing import serving

    class Answer:
        text, usd = "It is with the courier.", 0.001

    async def ask_model(text: str) -> str:
        return text

    async def answer_from(pages: str, template: str, question: str) -> Answer:
        assert (pages, template) == ("Where is my parcel?", "Answer: {{question}}")
        return Answer()

    names: dict[str, Any] = {
        "ask_model": ask_model,
        "answer_from": answer_from,
        "search": lambda query: query,
    }
    exec(program("python"), names)
    served: Callable[..., Any] = names["app"]
    async with serving(served) as url:
        response = await evaluate(url)
    assert response.text == "It is with the courier."
    assert response.usage == Usage(2, 0, 0, 1_000_000, 2)

"""What ``burnish optimize`` takes beside one prompt and its data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from burnish.llm.protocol import Request
from burnish.llm.testing.scripted import sentiment
from burnish.llm.testing.scripted_server import ScriptedServer
from tests.cli.conftest import Folder, Said

Burnish = Callable[..., Said]

REWRITTEN = "In one word: is this review positive or negative?\n\n{{review}}"


def rewriter(request: Request) -> str:
    """A reflection model that knows one good prompt; every other model labels sentiment."""
    return f"<prompt>\n{REWRITTEN}\n</prompt>" if request.model == "writer" else sentiment(request)


def test_metaprompt_needs_no_data(burnish: Burnish, folder: Folder, server: ScriptedServer) -> None:
    server.script = rewriter
    best = folder.path / "best.txt"
    said = burnish(
        *("optimize", "--prompt", folder.prompt, "--optimizer", "metaprompt", "--model", "openai:/small"),
        *("--reflection-model", "openai:/writer", "--output", best, "--json"),
    )
    assert said.exit_code == 0, said.stderr
    job = json.loads(said.stdout)
    assert job["optimized_prompt_uri"] == "prompts:/sentiment/2"
    assert best.read_text() == REWRITTEN
    assert server.requests == 1
    assert "scorers" not in job["config"]


def test_other_optimizers_need_data(burnish: Burnish, folder: Folder) -> None:
    said = burnish("optimize", "--prompt", folder.prompt, "--model", "scripted:/sentiment")
    assert said.exit_code == 2
    assert "--data" in said.stderr


def a_set(folder: Folder) -> tuple[Path, Path]:
    """Two prompts that are sent one after the other; only the second holds the review."""
    manner = folder.path / "manner.txt"
    manner.write_text("You know films.")
    return folder.prompt, manner


def test_several_prompts_are_optimized_together(burnish: Burnish, folder: Folder) -> None:
    first, second = a_set(folder)
    best = folder.path / "best.json"
    said = burnish(
        *("optimize", "--prompt", first, "--prompt", second, "--data", folder.data),
        *("--model", "scripted:/sentiment", "--max-calls", 300, "--output", best, "--json"),
    )
    assert said.exit_code == 0, said.stderr
    job = json.loads(said.stdout)
    assert job["source_prompt_uri"] == "prompts:/sentiment/1"
    assert job["config"]["further_source_prompt_uris"] == ["prompts:/manner/1"]
    assert job["test_scores"]["final"] > job["test_scores"]["initial"] == 0.0
    assert json.loads(best.read_text()).keys() == {"sentiment", "manner"}


def test_one_name_does_not_fit_several_prompts(burnish: Burnish, folder: Folder) -> None:
    first, second = a_set(folder)
    said = burnish(
        *("optimize", "--prompt", first, "--prompt", second, "--data", folder.data, "--name", "mine"),
        *("--model", "scripted:/sentiment"),
    )
    assert said.exit_code == 2
    assert "--name" in said.stderr


def test_the_same_prompt_twice_is_refused(burnish: Burnish, folder: Folder) -> None:
    said = burnish(
        *("optimize", "--prompt", folder.prompt, "--prompt", folder.prompt, "--data", folder.data),
        *("--model", "scripted:/sentiment"),
    )
    assert said.exit_code == 2
    assert "named twice" in said.stderr


def test_what_the_plan_warns_of_is_said_before_the_search(burnish: Burnish, folder: Folder) -> None:
    rows = [
        {"review": f"Film {n % 11}: great", "label": "positive" if n % 2 else "negative"} for n in range(22)
    ]
    data = folder.path / "contradictory.jsonl"
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    said = burnish(
        *("optimize", "--prompt", folder.prompt, "--data", data, "--model", "scripted:/sentiment"),
        *("--max-calls", 90),
    )
    assert said.exit_code == 0, said.stderr
    shown = " ".join(said.stderr.split())
    assert shown.count("expect something else (the first is contradictory.jsonl:12)") == 1
    assert shown.index("contradictory.jsonl:12") < shown.index("scoring the source prompt")

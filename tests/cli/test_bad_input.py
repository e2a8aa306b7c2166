"""Bad input: exit 2, a line that names field, value and remedy, and nothing left behind."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Folder, Said

Burnish = Callable[..., Said]


def refused(said: Said, folder: Folder, *words: str) -> None:
    assert said.exit_code == 2, said
    assert said.stdout == ""
    lines = said.stderr.strip().splitlines()
    assert all(line.startswith("error: ") for line in lines), said.stderr
    for word in words:
        assert word in said.stderr, (word, said.stderr)
    assert not {name for name in folder.left_behind() if name.endswith(".db") or name.startswith("ml")}


def optimize(burnish: Burnish, folder: Folder, **options: Any) -> Said:
    chosen = {"prompt": folder.prompt, "data": folder.data, "model": "scripted:/echo"} | options
    arguments: list[object] = ["optimize"]
    for name, value in chosen.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", value]
    return burnish(*arguments)


def test_no_prompt_and_no_data(burnish: Burnish, folder: Folder) -> None:
    refused(burnish("optimize"), folder, "--prompt", "--data")


@pytest.mark.parametrize("field", ["prompt", "data"])
def test_missing_file(burnish: Burnish, folder: Folder, field: str) -> None:
    refused(optimize(burnish, folder, **{field: "nowhere.jsonl"}), folder, "nowhere.jsonl")


@pytest.mark.parametrize("field", ["prompt", "data"])
def test_empty_file(burnish: Burnish, folder: Folder, field: str) -> None:
    getattr(folder, field).write_text("")
    refused(optimize(burnish, folder), folder, "empty")


def test_broken_json_names_the_line(burnish: Burnish, folder: Folder) -> None:
    good = folder.data.read_text().splitlines()
    folder.data.write_text("\n".join([*good[:2], '{"inputs": {"review": "x"', *good[2:]]))
    refused(optimize(burnish, folder), folder, "3")


def test_prompt_variable_without_a_column(burnish: Burnish, folder: Folder) -> None:
    folder.prompt.write_text("Sentiment of {{review}} in {{language}}?")
    refused(optimize(burnish, folder), folder, "language")


def test_columns_but_no_variable(burnish: Burnish, folder: Folder) -> None:
    folder.prompt.write_text("What is the sentiment?")
    refused(optimize(burnish, folder), folder, "{{variable}}")


def test_no_expectations_while_the_scorer_needs_them(burnish: Burnish, folder: Folder) -> None:
    folder.data.write_text("\n".join(json.dumps({"inputs": {"review": f"r {i}"}}) for i in range(30)))
    refused(optimize(burnish, folder), folder, "expected_response", "exact_match")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("scorer", "exact_macth"),
        ("optimizer", "annealing"),
        ("model", "carrier-pigeon:/x"),
        ("split", "0.5/0.5"),
        ("split", "0.9/0.9/0.9"),
        ("optimizer_config", '{"max_metric_call": 5}'),
        ("optimizer_config", "not json"),
        ("max_calls", -1),
        ("max_usd", "nan"),
    ],
)
def test_unknown_or_impossible_settings(burnish: Burnish, folder: Folder, option: str, value: object) -> None:
    refused(optimize(burnish, folder, **{option: value}), folder, str(value).strip('{}"')[:8])


def test_budget_below_one_validation_pass_says_the_least_that_works(burnish: Burnish, folder: Folder) -> None:
    said = optimize(burnish, folder, max_calls=12)
    refused(said, folder, "max_calls", "12")
    least = int(said.stderr.split("raise it to ")[1].split()[0])
    assert least > 12
    refused(optimize(burnish, folder, max_calls=least - 1), folder, f"raise it to {least} or more")
    accepted = optimize(burnish, folder, max_calls=least, model="scripted:/sentiment")
    assert accepted.exit_code == 0, accepted.stderr


def test_non_utf8_bytes(burnish: Burnish, folder: Folder) -> None:
    folder.data.write_bytes(folder.data.read_bytes() + b'\n{"review": "caf\xe9"}')
    refused(optimize(burnish, folder), folder, "UTF-8")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("{% for x in y %}{{review}}{% endfor %}", "no record has it"),
        ("{% if review %}{{ review }}", "line 1 is not Jinja"),
        ("{% set x = review.__class__.__mro__ %}{{ x }}", "the sandbox forbids"),
        ("{{ review.__class__ }}", "review.__class__"),
        ("{{ review | upper }}", "no {{variable}}"),
    ],
)
def test_code_in_a_prompt_is_never_executed(burnish: Burnish, folder: Folder, code: str, reason: str) -> None:
    folder.prompt.write_text(code)
    refused(optimize(burnish, folder), folder, reason)


def test_a_gguf_that_is_not_one(burnish: Burnish, folder: Folder, tmp_path: Path) -> None:
    fake = tmp_path / "model.gguf"
    fake.write_bytes(b"not a model at all")
    refused(optimize(burnish, folder, model=f"local:/{fake}"), folder, "model.gguf", "GGUF")


def test_store_in_a_folder_that_is_not_there(burnish: Burnish, folder: Folder) -> None:
    said = optimize(burnish, folder, store_uri="sqlite:////nowhere/at/all/burnish.db")
    refused(said, folder, "store_uri", "/nowhere/at/all")


def test_a_folder_that_cannot_be_written(burnish: Burnish, folder: Folder) -> None:
    said = optimize(burnish, folder, store_uri="sqlite:////proc/burnish.db")  # read-only for root too
    refused(said, folder, "store_uri", "/proc")


@pytest.mark.usefixtures("real_migrations")
@pytest.mark.parametrize("kilobytes", [40, 300])
def test_a_full_disk_leaves_no_half_made_database(burnish: Burnish, folder: Folder, kilobytes: int) -> None:
    with largest_file(kilobytes * 1024):
        said = optimize(burnish, folder, model="scripted:/sentiment")
    refused(said, folder, "_uri", "disk")
    assert folder.left_behind() == set()


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """No file of this process can grow beyond it; Python ignores the signal, so that writing fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_argument_that_is_not_utf8_is_refused_before_anything(folder: Folder) -> None:
    name = os.fsencode(folder.path) + b"/caf\xe9.jsonl"
    Path(os.fsdecode(name)).write_bytes(folder.data.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "burnish.cli.main", "optimize", "--prompt", folder.prompt, "--data", name],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"caf\\xe9.jsonl'" in done.stderr
    assert b"is not UTF-8; rename the file" in done.stderr
    assert {path.name for path in folder.path.glob("*.db*")} == set()


def test_a_working_folder_whose_name_is_no_plain_uri(burnish: Callable[..., Said], folder: Folder) -> None:
    odd = folder.path / "a?b"
    odd.mkdir()
    (folder.path / "a").mkdir()
    os.chdir(odd)  # the fixture has noted where to go back to
    said = burnish(
        *("optimize", "--prompt", folder.prompt, "--data", folder.data, "--model", "scripted:/sentiment"),
        *("--max-calls", 150, "--json"),
    )
    assert said.exit_code == 0, said.stderr
    assert {"burnish.db", "mlflow.db"} <= {path.name for path in odd.iterdir()}
    assert list((folder.path / "a").iterdir()) == []
    assert folder.left_behind() == {"a?b", "a"}


@pytest.mark.parametrize(
    ("output", "remedy"),
    [("none/best.txt", "there is no such folder"), (".", "is a folder"), ("reviews.jsonl/x", "is no folder")],
)
def test_an_output_that_cannot_be_written_is_found_before_anything_is_paid(
    burnish: Burnish, folder: Folder, output: str, remedy: str
) -> None:
    refused(optimize(burnish, folder, output=output), folder, "--output", remedy)


def test_an_output_without_permission_is_found_before_anything_is_paid(
    burnish: Burnish, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("burnish.cli.result.os.access", lambda path, mode: False)
    refused(optimize(burnish, folder, output="best.txt"), folder, "--output", "may not be written")

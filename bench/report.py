"""``docs/benchmarks.md``, its plots, the README's figures and the constants of ``docs/scaling.md``, from the
results that are kept: ``python -m bench.report``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.__main__ import NAMES, OTHERS
from bench.plots import save_plot
from bench.results import (
    RESULTS,
    ROOT,
    Plot,
    bound_text,
    cell_text,
    commits_since,
    target_text,
    value_text,
)
from bench.scaling import constants_table, sizes_table

PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
SCALING = ROOT / "docs" / "scaling.md"
IMAGES = ROOT / "docs" / "images" / "benchmarks"
INTRODUCTION = """\
# Benchmarks

`make bench` measures all of this beside what one would use instead, in one run on one machine, and
`make bench-report` writes this page from `bench/results/*.json`. Machines are shared and noisy: read
ratios, counts and CPU time, and take a wall clock only beside the other one of its row.
"""


LOADED = 0.15
"""Share of the processors that others may use before a result says so."""


def main() -> None:
    results = kept_results()
    parts = [INTRODUCTION, *(part for result in results.values() for part in section(result))]
    if missing := [name for name in NAMES if name not in results]:
        parts.append(f"Not measured yet: {', '.join(f'`{name}`' for name in missing)}.")
    PAGE.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
    for file, blocks in quoted(results).items():
        text = file.read_text(encoding="utf-8")
        for name, lines in blocks.items():
            text = with_block(text, name, lines)
        file.write_text(text, encoding="utf-8")


def kept_results() -> dict[str, Mapping[str, Any]]:
    """Name → what is kept of it, in the order of the page."""
    files = {name: RESULTS / f"{name}.json" for name in (*NAMES, *OTHERS)}
    return {
        name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.exists()
    }


def quoted(results: Mapping[str, Mapping[str, Any]]) -> dict[Path, dict[str, list[str]]]:
    """File → name of a block between its markers → lines of it."""
    return {
        README: {"figures": list(_figures(results))},
        SCALING: {"constants": constants_table(results), "sizes": sizes_table(results)},
    }


def with_block(text: str, name: str, lines: list[str]) -> str:
    """The text with other lines between the markers of a block.

    Raises:
        ValueError: it has no such markers.
    """
    begin, end = f"<!-- bench: {name} -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"no lines {begin} and {end}")
    return "\n".join([before + begin, *lines, end + after])


def _figures(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    shown = [
        (name, target)
        for name, result in results.items()
        for target in result["targets"]
        if target.get("quoted") and target["value"] is not None
    ]
    if not shown:
        yield "No results are kept yet: `make bench` measures, `make bench-report` writes them here."
        return
    yield "| | measured | wanted |\n|---|---|---|"
    for name, target in shown:
        missed = "" if target["met"] else ", missed"
        link = f"[{name.replace('_', ' ')}](docs/benchmarks.md#{name.replace('_', '-')})"
        yield f"| {link}: {target['what']} | {value_text(target)} | {bound_text(target)}{missed} |"


def _said_of_the_machine(machine: Mapping[str, Any]) -> tuple[str, str]:
    """Its load in words, and a warning where others were at work."""
    load, others = machine["load"], machine.get("others")
    if others is None:  # of before this was kept
        return f"load {load}", ""
    used = max(others.values())
    warning = f"others used {used:.0%} of the processors just before or after" if used > LOADED else ""
    return f"load {load['before']} before and {load['during']} during", warning


def section(result: Mapping[str, Any]) -> Iterator[str]:
    """Title, age, targets, tables and plots of one benchmark."""
    machine, versions = result["machine"], result["versions"] | result["peers"]
    yield f"## {result['name'].replace('_', ' ')}\n\n{result['about']}\n"
    since = commits_since(result)
    if since or result["uncommitted"]:
        later = f"{since} later commits changed" if since else "uncommitted changes were in"
        yield f"> **Older than the code**: {later} what this speaks of.\n"
    load, loaded = _said_of_the_machine(machine)
    if loaded:
        yield f"> **Measured on a loaded machine**: {loaded}.\n"
    yield from (f"- {target_text(target)}" for target in result["targets"])
    for table in result["tables"]:
        yield f"\n**{table['title']}**\n"
        yield from _markdown(table)
    for number, plot in enumerate(result["plots"]):
        image = IMAGES / f"{result['name']}-{number}"
        save_plot(image, Plot(**plot))
        yield _picture(image, plot["title"])
    yield from (f"\n{note}" for note in result["notes"])
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield (
        f"\n<sub>`{result['command']}` · {result['date']} UTC, {result['minutes']} min · "
        f"commit {result['commit']} · "
        f"{machine['processors']} processors ({machine['processor']}), {load} · {said}"
        + (f" · seeds {', '.join(map(str, result['seeds']))}" if result["seeds"] else "")
        + "</sub>\n"
    )


def _markdown(table: Mapping[str, Any]) -> Iterator[str]:
    yield f"| {' | '.join(table['columns'])} |"
    yield f"|{'|'.join('---' if not number else '---:' for number in range(len(table['columns'])))}|"
    yield from (f"| {' | '.join(cell_text(cell) for cell in row)} |" for row in table["rows"])


def _picture(image: Path, title: str) -> str:
    path = image.relative_to(PAGE.parent)
    return (
        f'\n<picture><source media="(prefers-color-scheme: dark)" srcset="{path}-dark.svg">'
        f'<img src="{path}-light.svg" alt="{title}"></picture>\n'
    )


if __name__ == "__main__":
    main()

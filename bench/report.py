"""``docs/benchmarks.md`` and its plots, from the results that are kept: ``python -m bench.report``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.__main__ import NAMES
from bench.plots import save_plot
from bench.results import RESULTS, ROOT, Plot, cell_text, commits_since, target_text

PAGE = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images" / "benchmarks"
INTRODUCTION = """\
# Benchmarks

`make bench` measures all of this beside what one would use instead, in one run on one machine, and
`make bench-report` writes this page from `bench/results/*.json`. Machines are shared and noisy: read
ratios, counts and CPU time, and take a wall clock only beside the other one of its row.
"""


def main() -> None:
    kept = {name: RESULTS / f"{name}.json" for name in NAMES}
    results = [json.loads(file.read_text(encoding="utf-8")) for file in kept.values() if file.exists()]
    results = [result for result in results if "tables" in result]
    parts = [INTRODUCTION, *(part for result in results for part in section(result))]
    missing = [name for name in kept if name not in {result["name"] for result in results}]
    if missing:
        parts.append(f"Not measured yet: {', '.join(f'`{name}`' for name in missing)}.")
    PAGE.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")


def section(result: Mapping[str, Any]) -> Iterator[str]:
    """Title, age, targets, tables and plots of one benchmark."""
    machine, versions = result["machine"], result["versions"] | result["peers"]
    yield f"## {result['name'].replace('_', ' ')}\n\n{result['about']}\n"
    since = commits_since(result)
    if since or result["uncommitted"]:
        later = f"{since} later commits changed" if since else "uncommitted changes were in"
        yield f"> **Older than the code**: {later} what this speaks of.\n"
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
        f"{machine['processors']} processors ({machine['processor']}), load {machine['load']} · {said}"
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

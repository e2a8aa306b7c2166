"""The table of what helped."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from burnish.cli.edits import edits_table
from burnish.domain.edit import EditKind, EditReport, EditStatus, latest


def test_what_helped_stands_first_and_what_did_not_says_why() -> None:
    kept = EditReport(
        number=2,
        kind=EditKind.RULE,
        text="Mind the [irony].",
        prompt="p",
        origin="reflection 1",
        status=EditStatus.KEPT,
        effect=0.12,
        low=0.03,
        high=0.21,
        chance=0.995,
        calls=80,
    )
    dropped = EditReport(
        number=1,
        kind=EditKind.FORMAT,
        text="x" * 500,
        prompt="p",
        origin="template",
        status=EditStatus.GIVEN_UP,
        effect=-0.05,
        low=-0.12,
        high=0.02,
        chance=0.08,
        calls=33,
        reason="a chance of 0.08 to do good after 33 calls",
    )
    out = StringIO()
    Console(file=out, width=200).print(edits_table(latest([dropped, kept])))
    lines = out.getvalue().splitlines()
    first = next(at for at, line in enumerate(lines) if "Mind the [irony]." in line)
    second = next(at for at, line in enumerate(lines) if "xxx" in line)
    assert first < second
    assert all(part in lines[first] for part in ("+0.120", "+0.030 to +0.210", "100%", "80", "kept"))
    assert "x" * 101 not in out.getvalue()
    assert "given up" in lines[second]
    assert "after 33 calls" in out.getvalue()
    assert "effect: on the mean score" in lines[-1]

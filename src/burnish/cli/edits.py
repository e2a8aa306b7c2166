"""What helped, by how much: the edits of a job as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.edit import EditReport, EditStatus

if TYPE_CHECKING:
    from rich.table import Table

_COLOURS = {EditStatus.KEPT: "green", EditStatus.TESTING: "cyan", EditStatus.GIVEN_UP: "red"}
_LONGEST_TEXT = 100
_LEGEND = (
    "effect: on the mean score; good?: the chance that it helps; calls: those whose prompt held the edit"
)


def edits_table(edits: Sequence[EditReport], title: str = "What helped, by how much") -> Table:
    """One row for each edit, in the order given."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption=_LEGEND,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("effect", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("good?", justify="right", no_wrap=True)
    table.add_column("calls", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("edit", overflow="fold")
    for edit in edits:
        text = edit.text if len(edit.text) <= _LONGEST_TEXT else edit.text[: _LONGEST_TEXT - 1] + "…"
        why = f"  [dim]({escape(edit.reason)})[/]" if edit.reason else ""
        status = edit.status.value.lower().replace("_", " ")
        table.add_row(
            "" if edit.effect is None else f"{edit.effect:+.3f}",
            "" if edit.low is None or edit.high is None else f"{edit.low:+.3f} to {edit.high:+.3f}",
            "" if edit.chance is None else f"{edit.chance:.0%}",
            str(edit.calls),
            f"[{_COLOURS.get(edit.status, 'dim')}]{status}[/]",
            f"[dim]{edit.kind.value.lower()}:[/] {escape(text)}{why}",
        )
    return table

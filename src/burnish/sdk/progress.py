"""A progress bar on standard error while one waits for a job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from burnish.domain.events import Event, EventKind
from burnish.domain.job import JobStatus


@contextmanager
def progress_bar() -> Iterator[Callable[[Event], None]]:
    """Gives a function that shows one event."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        TextColumn("best {task.fields[best]}"),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task("waiting", total=None, unit="", best="–")

        def show(event: Event) -> None:
            data = event.data
            if event.kind in (EventKind.PHASE, EventKind.PROGRESS):
                bar.update(
                    task,
                    description=str(data.get("phase", "")),
                    completed=float(data.get("completed", 0)),
                    total=float(data["total"]) if data.get("total") else None,
                    unit=str(data.get("unit", "")),
                )
            elif event.kind is EventKind.BEST:
                bar.update(task, best=f"{data['score']:.3f}")
            elif event.kind is EventKind.ENDED:
                bar.update(task, description=str(data.get("status", "ended")).lower())
                if data.get("status") == JobStatus.COMPLETED:  # the last steps come without a count
                    bar.update(task, completed=bar.tasks[0].total or 0)

        yield show

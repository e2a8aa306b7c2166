"""A job's events as a progress bar, or as plain lines where there is no terminal."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from burnish.cli.output import stderr
from burnish.domain.events import Event, EventKind
from burnish.domain.job import Job

PHASES = {"source": "scoring the source prompt", "test": "sealed test"}


class ProgressDisplay:
    """Shows calls, elapsed time and the current best. Everything goes to standard error."""

    def __init__(self, job: Job) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = stderr()
        self._live = self._console.is_terminal
        self._bar = Progress(
            TextColumn("[bold]{task.description:<26}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("calls"),
            TimeElapsedColumn(),
            TextColumn("best [bold green]{task.fields[best]}"),
            console=self._console,
            disable=not self._live,
        )
        self._warnings = job.warnings  # those of the plan; no event says them again
        planned = job.config.budget.max_calls
        self._task = self._bar.add_task("starting", total=planned, best="–")
        self._began = time.monotonic()
        self._said: set[str] = set()

    def __enter__(self) -> ProgressDisplay:
        self._bar.start()
        for warning in self._warnings:
            self._note(warning)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Show one event of the job."""
        data = event.data
        match event.kind:
            case EventKind.PHASE:
                self._phase(str(data["phase"]))
            case EventKind.PROGRESS:
                self._bar.update(self._task, completed=data["completed"], total=data["total"])
            case EventKind.BEST:
                self._best(data)
            case EventKind.WARNING:
                self._note(str(data["message"]))
            case EventKind.RETRY:
                self.say(
                    f"[yellow]trying again in {data['delay_seconds']} s:[/] {_plain(str(data['reason']))}"
                )
            case _:
                pass

    def say(self, text: str) -> None:
        """A line above the bar, once."""
        if text not in self._said:
            self._said.add(text)
            self._console.print(text)

    def _note(self, text: str) -> None:
        self.say(f"[yellow]note:[/] {_plain(text)}")

    def _phase(self, phase: str) -> None:
        self._bar.update(self._task, description=PHASES.get(phase, phase))
        if not self._live:
            self.say(
                f"[{time.monotonic() - self._began:6.1f} s] {PHASES.get(phase, phase)}".replace("[", r"\[")
            )

    def _best(self, data: Any) -> None:
        self._bar.update(self._task, best=f"{data['score']:.2f}")
        if not self._live:
            seconds = time.monotonic() - self._began
            self.say(rf"\[{seconds:6.1f} s] best so far {data['score']:.3f} (candidate {data['number']})")


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)

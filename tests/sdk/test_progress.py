"""The bar on standard error says how a job ended."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.domain.events import Event, EventKind
from burnish.sdk.progress import progress_bar


@pytest.mark.parametrize(("status", "count"), [("COMPLETED", "40/40"), ("CANCELED", "0/40")])
def test_the_last_line_of_a_job(status: str, count: str, capsys: pytest.CaptureFixture[str]) -> None:
    events: list[tuple[EventKind, dict[str, Any]]] = [
        (EventKind.PHASE, {"phase": "test", "total": 40, "unit": "evaluations"}),
        (EventKind.BEST, {"score": 0.75}),
        (EventKind.ENDED, {"status": status}),
    ]
    with progress_bar() as show:
        for sequence, (kind, data) in enumerate(events, start=1):
            show(Event("job", sequence, 1, 0, kind, data))
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(status.lower())
    assert count in last

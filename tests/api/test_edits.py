"""What a search knows of each edit, as the API gives it."""

from __future__ import annotations

from typing import Any

from burnish.domain.edit import EditKind, EditReport, EditStatus
from burnish.domain.events import EventKind, NewEvent
from burnish.proto.convert import edit_from_proto, edit_to_proto

EDIT = EditReport(
    number=1,
    kind=EditKind.RULE,
    text="Mind the irony.",
    prompt="sentiment",
    origin="reflection 1",
    effect=0.08,
    low=-0.01,
    high=0.17,
    chance=0.96,
    calls=40,
)


async def test_edits_are_what_was_last_said_of_them(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    assert await api.call("GET", f"/{job_id}/edits") == {}
    first = EditReport(number=1, kind=EditKind.RULE, text="Mind the irony.", prompt="sentiment", origin="x")
    other = EditReport(
        number=2,
        kind=EditKind.FORMAT,
        text="One word.",
        prompt="sentiment",
        origin="template",
        status=EditStatus.GIVEN_UP,
        reason="it repaired none of the failures it was written from",
    )
    await api.services.store.take(job_id, "w")
    reports = [NewEvent(EventKind.EDIT, report.to_data()) for report in (first, other, EDIT)]
    await api.services.store.update(job_id, 1, {}, reports)
    known, unknown = (await api.call("GET", f"/{job_id}/edits"))["edits"]
    assert (known["effect"], known["low"], known["high"], known["chance"]) == (0.08, -0.01, 0.17, 0.96)
    assert (known["kind"], known["status"], known["calls"]) == ("RULE", "TESTING", 40)
    assert (unknown["status"], "effect" in unknown) == ("GIVEN_UP", False)


def test_an_edit_comes_back_from_the_wire_as_it_went() -> None:
    assert edit_from_proto(edit_to_proto(EDIT)) == EDIT


async def test_a_job_that_there_is_not(api: Any) -> None:
    refused = await api.call("GET", "/nothing/edits", status=404)
    assert refused["error_code"] == "RESOURCE_DOES_NOT_EXIST"

"""Much at once: a long night on a running job, and ten thousand rows. Counts, and CPU beside that of a
smaller number, not times: the machine may be busy."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, Route, expect

from tests.ui.conftest import Filled, Opener, Visit

pytestmark = pytest.mark.timeout(300)

NIGHT = 30_000  # events
MOST_HEAP_BYTES = 200_000_000
FRAMES = 200


def metrics_of(page: Page) -> tuple[CDPSession, dict[str, float]]:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    found = session.send("Performance.getMetrics")["metrics"]
    return session, {entry["name"]: entry["value"] for entry in found}


def event(number: int) -> str:
    """One of a night: progress, proposals, candidates with long reasons."""
    data: dict[str, Any] = {
        "sequence": number,
        "attempt": 1,
        "timestamp_ms": 1_790_000_000_000 + number * 900,
    }
    match number % 3:
        case 0:
            counted = {
                "phase": "search",
                "completed": number,
                "total": 10 * NIGHT,
                "unit": "calls",
                "best": 0.5,
            }
            data |= {"kind": "PROGRESS", "data": counted}
        case 1:
            data |= {"kind": "PROPOSAL", "data": {"number": number, "parent": "c0"}}
        case _:
            known = {
                "candidate_id": f"c{number}",
                "number": number,
                "status": "REJECTED",
                "reason": "x" * 300,
            }
            data |= {"kind": "CANDIDATE", "data": known}
    return f"id: {number}\ndata: {json.dumps(data)}\n\n"


def test_a_page_that_is_open_over_night_stays_small(filled: Filled, visit: Opener) -> None:
    window = visit(filled.base)
    page = window.page

    def stream(route: Route) -> None:
        if "event-stream" not in route.request.headers.get("accept", ""):
            return route.fallback()
        after = int(route.request.headers.get("last-event-id") or 0)
        if after >= NIGHT:
            return route.abort()
        body = "".join(map(event, range(after + 1, after + 10_001)))
        return route.fulfill(body=body, headers={"content-type": "text/event-stream"})

    page.route(re.compile("/events$"), stream)
    window.open(f"jobs/{filled.jobs['running']}?tab=activity")
    page.get_by_text("Everything").click()
    expect(page.get_by_text(f"Proposal {NIGHT - 2:,} was begun.")).to_be_visible(timeout=60_000)
    assert page.get_by_role("list", name="Events, latest first").get_by_role("listitem").count() == 300
    _, metrics = metrics_of(page)
    assert metrics["JSHeapUsedSize"] < MOST_HEAP_BYTES / 4, "there is a night, and then there is a week"
    assert metrics["Nodes"] < 20_000


def test_ten_thousand_rows_scroll_as_three_hundred_do(filled: Filled, visit: Opener) -> None:
    shown = filled.stage.job(filled.jobs["improved"])
    jobs = [shown | {"job_id": f"j{n}", "source_prompt_uri": f"prompts:/prompt-{n}/1"} for n in range(10_000)]
    few, _ = scrolled(visit(filled.base), jobs[:300])
    many, heap_bytes = scrolled(visit(filled.base), jobs)
    assert many < 3 * few
    assert heap_bytes < MOST_HEAP_BYTES


def scrolled(window: Visit, jobs: list[dict[str, Any]]) -> tuple[float, float]:
    """CPU seconds of the page's thread while the whole list is walked through, and its heap after that."""
    page = window.page

    def search(route: Route) -> None:
        body: Any = route.request.post_data_json
        start = int(body.get("page_token") or 0)
        end = start + body["max_results"]
        more = {"next_page_token": str(end)} if end < len(jobs) else {}
        route.fulfill(json={"jobs": jobs[start:end], **more})

    page.route("**/search", search)
    page.route("**/jobs/events", lambda route: route.abort())
    window.open()
    expect(page.get_by_text("prompt-0 ")).to_be_visible()
    last = page.get_by_text(f"prompt-{len(jobs) - 1} ")
    for _ in range(300):
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_timeout(100)
        if last.count():
            break
    expect(last).to_be_visible()
    assert page.get_by_role("row").count() < 100
    session, before = metrics_of(page)
    page.evaluate(
        """frames => new Promise(done => {
            let shown = 0;
            const step = () => {
                scrollTo(0, 60 * ++shown);
                shown < frames ? requestAnimationFrame(step) : done();
            };
            step();
        })""",
        FRAMES,
    )
    after = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
    return after["ThreadTime"] - before["ThreadTime"], after["JSHeapUsedSize"]

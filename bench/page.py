"""What the page costs a browser: bytes of its first load, and scripting time of full pages (Chromium)."""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Page, Route, async_playwright

from bench.api import fill, server, store_in
from bench.options import Options
from bench.results import Cell, Result, TableOfFigures, Target
from tests.ui import triage

FIRST_LOAD_KB = 350
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SCROLL = """
() => new Promise(done => {
  const frames = []; let last = performance.now(), steps = 0;
  const step = now => {
    frames.push(now - last); last = now;
    scrollBy(0, 400);
    if (++steps < 240) requestAnimationFrame(step); else done(frames.slice(1));
  };
  requestAnimationFrame(step);
})
"""
"""Scrolls by ten rows a frame; gives the time between frames, ms."""


class Cost:
    """Bytes, scripting and memory of one page, through the browser's own counters."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        self._data: set[str] = set()
        self.page_bytes = self.data_bytes = 0
        session.on("Network.responseReceived", self._received)
        session.on("Network.loadingFinished", self._finished)

    @classmethod
    async def of(cls, context: BrowserContext, page: Page) -> Cost:
        session = await context.new_cdp_session(page)
        await session.send("Network.enable")
        await session.send("Performance.enable")
        return cls(session)

    async def figures(self) -> list[Cell]:
        """Kilobytes of the page itself and of the API's answers, scripting ms, main thread ms, heap MB."""
        metrics = (await self._session.send("Performance.getMetrics"))["metrics"]
        found = {metric["name"]: metric["value"] for metric in metrics}
        times = (1000 * found["ScriptDuration"], 1000 * found["TaskDuration"])
        return [self.page_bytes / 1000, self.data_bytes / 1000, *times, found["JSHeapUsedSize"] / 1e6]

    def _received(self, event: dict[str, Any]) -> None:
        if event["type"] in ("XHR", "Fetch"):
            self._data.add(event["requestId"])

    def _finished(self, event: dict[str, Any]) -> None:
        size = int(event["encodedDataLength"])
        if event["requestId"] in self._data:
            self.data_bytes += size
        else:
            self.page_bytes += size


async def with_candidates(page: Page, count: int) -> None:
    """Answer for a job's candidates and evaluations as a job of so many would."""
    candidates, evaluations = triage.many_candidates(count)

    async def answer_candidates(route: Route) -> None:
        await route.fulfill(json=candidates)

    async def answer_evaluations(route: Route) -> None:
        await route.fulfill(json=evaluations)

    await page.route(re.compile(r"/candidates\?"), answer_candidates)
    await page.route(re.compile(r"/evaluations\?"), answer_evaluations)


async def visit(base: str, job_id: str, jobs: int, candidates: int) -> tuple[list[list[Cell]], float]:
    """The table's rows, and the median time between frames while the list is scrolled, ms.

    Raises:
        RuntimeError: no Chromium is installed.
    """
    chromium = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if chromium is None:
        raise RuntimeError("no Chromium is installed: apt-get install chromium")
    rows: list[list[Cell]] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = await browser.new_context()
        page = await context.new_page()
        cost = await Cost.of(context, page)
        await page.goto(base)
        await page.get_by_role("row").nth(10).wait_for()
        rows.append([f"list of {jobs:,} jobs, first load", *await cost.figures()])
        frames = await page.evaluate(SCROLL)
        rows.append(["the same, scrolled by 2,400 rows", *await cost.figures()])
        for tab in ("", "?tab=candidates", "?tab=examples"):
            detail = await context.new_page()
            await with_candidates(detail, candidates)
            cost = await Cost.of(context, detail)
            await detail.goto(f"{base}jobs/{job_id}{tab}")
            await detail.wait_for_load_state("networkidle")
            name = tab.removeprefix("?tab=") or "overview"
            rows.append([f"job of {candidates:,} candidates, {name}", *await cost.figures()])
            await detail.close()
        await browser.close()
    return rows, statistics.median(frames)


def watch(jobs: int, candidates: int) -> tuple[list[list[Cell]], float]:
    """Look at a server with so many jobs; gives what :func:`visit` gives."""
    with tempfile.TemporaryDirectory() as name, store_in(Path(name), "sqlite") as store_uri:
        known = fill(store_uri, jobs)
        with server(Path(name), store_uri) as (port, _):
            base = f"http://127.0.0.1:{port}/burnish/"
            return asyncio.run(visit(base, known[-1], jobs, candidates))


async def measure(options: Options) -> Result:
    jobs, candidates = (500, 50) if options.short else (10_000, 1_000)
    rows, frame_ms = await asyncio.to_thread(watch, jobs, candidates)
    return Result(
        name="page",
        about="Chromium, headless and without a GPU, on the machine of the server. The list is real; the "
        "candidates of the job are answered in the server's place.",
        tables=[
            TableOfFigures(
                title="Since the page was opened",
                columns=("", "page, kB", "answers, kB", "scripting, ms", "main thread, ms", "heap, MB"),
                rows=rows,
            )
        ],
        targets=[
            Target(
                what="first load, compressed",
                value=float(rows[0][1] or 0),
                at_most=FIRST_LOAD_KB,
                unit="kB",
                quoted=True,
            ),
            Target(what="time between frames while scrolling", value=frame_ms, at_most=17, unit="ms"),
        ],
        sources=("ui/src", "src/burnish/api"),
    )

"""The demo as a newcomer sees it, on the real model: ``python -m tests.ui.demo FOLDER``.

Presses the button of the empty list and watches the job until its verdict, in a real browser. It takes
minutes of CPU, so it is run by hand; the pictures in FOLDER are to be looked at.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.ui.conftest import find_chromium
from tests.ui.stage import FINAL, Stage, stage

PICTURES_ON_THE_WAY = 12
_LOOK_EVERY_MS = 3000


def main(folder: Path) -> None:
    """Watch one demo job.

    Raises:
        AssertionError: it did not complete, or the page did not move while the job did.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        stage(Path(place)) as opened,
        sync_playwright() as playwright,
    ):
        print(f"{opened.url}/burnish/", flush=True)
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1290})
        page.set_default_timeout(120_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        seen = watch(opened, page, folder)
        print(f"{len(seen)} states of the page, the last: {seen[-1]}", flush=True)
        assert len(seen) >= 5, f"the page did not move: {seen}"
        assert errors == []
        browser.close()


def watch(opened: Stage, page: Page, folder: Path) -> list[str]:
    """What the page said of progress and candidates, each once, from the click to the verdict."""
    page.goto(f"{opened.url}/burnish/")
    button = page.get_by_role("button", name="Run the demo job")
    expect(button).to_be_visible()
    page.screenshot(path=folder / "0-before.png")
    button.click()
    page.wait_for_url("**/jobs/*")
    job_id = page.url.rpartition("/")[2]
    tab, calls = page.get_by_role("tab", name="Candidates"), page.get_by_role("progressbar", name="calls")
    seen: list[str] = []
    while opened.job(job_id)["state"]["status"] not in FINAL:
        if calls.count():
            said = f"{tab.inner_text()}, calls {calls.get_attribute('aria-valuetext')}"
            if said not in seen:
                seen.append(said)
                print(said, page.title(), flush=True)
                number = min(len(seen), PICTURES_ON_THE_WAY)  # those that are too many: the last one anew
                page.screenshot(path=folder / f"{number}-running.png")
        page.wait_for_timeout(_LOOK_EVERY_MS)
    job = opened.job(job_id)
    assert job["state"]["status"] == "JOB_STATUS_COMPLETED", job["state"]
    expect(page.get_by_label("Verdict")).to_contain_text("test examples that the search never saw")
    page.wait_for_timeout(_LOOK_EVERY_MS)  # the chart draws itself
    page.screenshot(path=folder / "verdict.png", full_page=True)
    return [*seen, page.title()]


if __name__ == "__main__":
    main(Path(sys.argv[1]))

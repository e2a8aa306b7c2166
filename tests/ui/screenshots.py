"""Pictures of every page for the docs: ``python -m tests.ui.screenshots FOLDER``."""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.ui.conftest import find_chromium
from tests.ui.stage import Stage, fill, stage

MOST_BYTES = 150_000
DESK, LOW, TALL, PHONE = (1280, 860), (1280, 560), (1280, 1290), (390, 844)
TOKEN = "a-token-of-twenty-or-so"


@dataclass(frozen=True)
class Picture:
    """One file, and what it shows.

    Attributes:
        path: of the page; jobs by their names of ``fill``.
        shows: a text that is there when the page is.
        server: with jobs, without, or one that asks for a token.
    """

    name: str
    path: str
    shows: str
    scheme: Literal["light", "dark"] = "light"
    size: tuple[int, int] = DESK
    server: Literal["filled", "empty", "guarded"] = "filled"


COMPARED = 'compare?jobs=["{improved}","{unclear}","{running}"]'
PICTURES = (
    Picture("job", "jobs/{improved}", "The new prompt is better", size=TALL),
    Picture("job-dark", "jobs/{improved}", "The new prompt is better", "dark", TALL),
    Picture("job-failed", "jobs/{failed}", "check OPENAI_API_KEY"),
    Picture("job-candidates", "jobs/{improved}?tab=candidates", "Accepted"),
    Picture("job-examples", "jobs/{improved}?tab=examples", "expected:"),
    Picture("job-activity", "jobs/{improved}?tab=activity", "The job is complete.", size=(1280, 760)),
    Picture("jobs", "", "support-triage", size=LOW),
    Picture("jobs-dark", "", "support-triage", "dark", LOW),
    Picture(
        "jobs-mistake",
        "?filter=status = 'FAILED' AND verdic = 'WORSE'",
        "there is no such field",
        size=(1280, 320),
    ),
    Picture("jobs-empty", "", "Run the demo job", size=LOW, server="empty"),
    Picture("sign-in", "", "Sign in", "dark", LOW, server="guarded"),
    Picture("phone-job", "jobs/{improved}", "The new prompt is better", size=PHONE),
    Picture("phone-jobs", "", "support-triage", "dark", PHONE),
    Picture("new", "new?from={improved}", "records; the first of them", size=(1280, 1100)),
    Picture("phone-new", "new", "Changes: as the one it chooses", size=PHONE),
    Picture("compare", COMPARED, "All ran on the same records", size=(1280, 1240)),
    Picture("compare-dark", COMPARED, "All ran on the same records", "dark", (1280, 1240)),
    Picture("job-canceled", "jobs/{canceled}", "Canceled before the test", size=LOW),
    Picture("job-running", "jobs/{running}", "The source prompt scores"),
    Picture("phone-running", "jobs/{running}", "The source prompt scores", "dark", PHONE),
)


def main(folder: Path) -> None:
    """Take all pictures.

    Raises:
        RuntimeError: one is too large for a repository.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        for server in ("filled", "empty", "guarded"):
            pictures = [picture for picture in PICTURES if picture.server == server]
            token = TOKEN if server == "guarded" else None
            with tempfile.TemporaryDirectory() as place, stage(Path(place), token=token) as opened:
                take(browser, opened, fill(opened) if server == "filled" else {}, pictures, folder)
        browser.close()


def take(
    browser: Browser, opened: Stage, jobs: dict[str, str], pictures: list[Picture], folder: Path
) -> None:
    """Take these pictures of one server."""
    for picture in pictures:
        width, height = picture.size
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=picture.scheme,
            device_scale_factor=2 if picture.size == PHONE else 1.5,
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto(f"{opened.url}/burnish/{picture.path.format(**jobs)}")
        expect(page.locator("main")).to_contain_text(picture.shows, timeout=60_000)
        page.wait_for_timeout(2500)  # charts draw themselves, and numbers come in
        save(page, folder / f"{picture.name}.webp")
        context.close()


def save(page: Page, file: Path) -> None:
    """Keep what is in view.

    Raises:
        RuntimeError: it is too large for a repository.
    """
    with Image.open(io.BytesIO(page.screenshot())) as image:
        image.save(file, quality=82, method=6)
    size = file.stat().st_size
    print(f"{file} {size / 1000:.0f} kB", flush=True)
    if size > MOST_BYTES:
        raise RuntimeError(f"{file} has {size} bytes; {MOST_BYTES} are the most")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

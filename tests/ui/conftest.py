"""A browser, and servers to look at with it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.ui.stage import Stage, fill, stage

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_ROOT = Path(__file__).parents[2]


def find_chromium() -> str | None:
    """The path of the system's Chromium."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no Chromium is installed (looked for {', '.join(_NAMES)}): apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """An open browser. Not for longer than a module: while Playwright is open, its event loop runs in this
    thread, and every asynchronous test that comes after it in the process would fail."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def built_page(chromium: str) -> None:
    """The page as ui/ is now."""
    subprocess.run([sys.executable, str(_ROOT / "ui" / "build.py")], check=True)


@dataclass
class Visit:
    """A browser's window, and what went wrong in it.

    Attributes:
        base: address of the page, with a slash at its end.
        errors: what the console said, and exceptions nobody caught.
        elsewhere: requests to other hosts.
    """

    page: Page
    base: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def open(self, path: str = "") -> Page:
        self.page.goto(self.base + path)
        return self.page

    def watch(self) -> None:
        """Begin to note what goes wrong."""
        host = urlsplit(self.base).netloc
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on(
            "request",
            lambda request: (
                self.elsewhere.append(request.url)
                if urlsplit(request.url).netloc not in (host, "") and not request.url.startswith("data:")
                else None
            ),
        )


Opener = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, built_page: None) -> Iterator[Opener]:
    """Opens windows; options are those of a browser's context, such as ``viewport``."""
    contexts: list[BrowserContext] = []

    def open_window(base: str, **options: Any) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        context.set_default_timeout(20_000)
        contexts.append(context)
        found = Visit(context.new_page(), base)
        found.watch()
        return found

    yield open_window
    for context in contexts:
        context.close()


@dataclass(frozen=True)
class Filled:
    """A server with jobs in every state, by its name."""

    stage: Stage
    jobs: dict[str, str]

    @property
    def base(self) -> str:
        return f"{self.stage.url}/burnish/"


@pytest.fixture(scope="module")
def filled(built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with stage(tmp_path_factory.mktemp("filled")) as opened:
        yield Filled(opened, fill(opened))


@pytest.fixture
def opened(built_page: None, tmp_path: Path) -> Iterator[Stage]:
    """A server of this test's own, without jobs."""
    with stage(tmp_path) as made:
        yield made

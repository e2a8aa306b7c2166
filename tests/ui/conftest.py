"""A browser, and servers to look at with it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.new_databases import Migrated
from tests.ui.stage import Stage, fill, stage

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_ROOT = Path(__file__).parents[2]
# Resolves when the document has not changed for 150 ms, or after a second of changes without a pause.
_STILL = """() => new Promise(resolve => {
  const end = () => { watch.disconnect(); resolve(); };
  const watch = new MutationObserver(() => { clearTimeout(pause); pause = setTimeout(end, 150); });
  let pause = setTimeout(end, 150);
  setTimeout(end, 1000);
  watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
})"""


def find_chromium() -> str | None:
    """The path of the system's Chromium."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium."""
    found = find_chromium()
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
        under_way: requests that have not been answered, but for streams, which never end.
    """

    page: Page
    base: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    under_way: set[Request] = field(default_factory=set)

    def open(self, path: str = "") -> Page:
        self.page.goto(self.base + path)
        return self.page

    def settle(self) -> None:
        """Wait until everything has been answered and nothing has moved for a while."""
        expect(self.page.locator("h1")).to_be_visible()
        expect(self.page.get_by_label("Loading", exact=True)).to_have_count(0)
        self.page.evaluate(_STILL)
        for _ in range(100):
            if not self.under_way:
                return
            self.page.evaluate(_STILL)
        raise AssertionError(f"not answered: {[request.url for request in self.under_way]}")

    def watch(self) -> None:
        """Begin to note what goes wrong."""
        host = urlsplit(self.base).netloc
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("request", self._begun)
        self.page.on("requestfinished", self._ended)
        self.page.on("requestfailed", self._ended)
        self.page.on(
            "request",
            lambda request: (
                self.elsewhere.append(request.url)
                if urlsplit(request.url).netloc not in (host, "") and not request.url.startswith("data:")
                else None
            ),
        )

    def _begun(self, request: Request) -> None:
        if not urlsplit(request.url).path.endswith("/events"):
            self.under_way.add(request)

    def _ended(self, request: Request) -> None:
        self.under_way.discard(request)


Opener = Callable[..., Visit]
Faults = Callable[[Page], list[str]]
_SERIOUS = ("serious", "critical")


@pytest.fixture(scope="session")
def axe(built_page: None) -> str:
    """The script that finds what keeps people out."""
    ui = _ROOT / "ui"
    subprocess.run([sys.executable, str(ui / "build.py"), "npm", "--version"], check=True)  # the modules
    return (ui / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="session")
def faults_of(axe: str) -> Faults:
    """Names what axe finds seriously wrong with a page, each with its element and its remedy."""
    return lambda page: _faults(axe, page, {}, 10)


@pytest.fixture(scope="session")
def colors_of(axe: str) -> Faults:
    """As ``faults_of``, and looks at nothing but colors."""
    return lambda page: _faults(axe, page, {"runOnly": ["color-contrast", "link-in-text-block"]}, 0)


def _faults(axe: str, page: Page, options: dict[str, Any], known_passes: int) -> list[str]:
    page.evaluate(axe)  # the page's policy would refuse a script element
    found = page.evaluate("options => axe.run(document, options)", {"resultTypes": ["violations"], **options})
    assert len(found["passes"]) + len(found["violations"]) > known_passes, "axe has looked at nothing"
    return [
        f"{fault['id']}: {node['html'][:200]} {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in _SERIOUS
        for node in fault["nodes"]
    ]


@pytest.fixture
def visit(browser: Browser, built_page: None) -> Iterator[Opener]:
    """Opens windows; options are those of a browser's context, such as ``viewport``."""
    contexts: list[BrowserContext] = []

    def open_window(base: str, **options: Any) -> Visit:
        usual: dict[str, Any] = {"viewport": {"width": 1400, "height": 900}, "reduced_motion": "reduce"}
        context = browser.new_context(**usual | options)  # what breathes would be painted all the time
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


@pytest.fixture(scope="session")
def filled(
    built_page: None, migrated: Migrated, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    """A server whose jobs all tests look at: whoever makes another job deletes it again."""
    with _served(migrated, tmp_path_factory) as made:
        yield Filled(made, fill(made))


@pytest.fixture(scope="session")
def _empty(built_page: None, migrated: Migrated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with _served(migrated, tmp_path_factory) as made:
        yield made


@pytest.fixture
def opened(_empty: Stage) -> Stage:
    """A server without jobs."""
    _empty.clear()
    return _empty


@pytest.fixture(scope="session")
def _guarded(
    built_page: None, migrated: Migrated, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    with _served(migrated, tmp_path_factory, token="a-token-of-twenty-or-so") as made:
        yield made


@pytest.fixture
def guarded(_guarded: Stage) -> Stage:
    """A server without jobs that asks for its ``token``."""
    _guarded.clear()
    return _guarded


@contextmanager
def _served(migrated: Migrated, folders: pytest.TempPathFactory, token: str | None = None) -> Iterator[Stage]:
    folder = folders.mktemp("served")
    migrated.copy_to(folder)
    with stage(folder, token=token) as made:
        yield made

"""Every address can be opened: it fits the window, asks nobody else, and axe finds nothing serious."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.ui.conftest import Faults, Filled, Opener

pytestmark = pytest.mark.timeout(600)

COMPARED = 'compare?jobs=["{improved}","{unclear}","{chat}"]'
PATHS = (
    "",
    "?filter=chat",
    "?filter=nothing-like-it",
    "?filter=verdic+%3D+1",
    "jobs/{improved}",
    "jobs/{improved}?tab=candidates",
    "jobs/{improved}?tab=examples",
    "jobs/{improved}?tab=activity",
    "jobs/{chat}",
    "jobs/{chat}?tab=candidates",
    "jobs/{unclear}",
    "jobs/{few-shot}",
    "jobs/{failed}",
    "jobs/{failed}?tab=examples",
    "jobs/{canceled}",
    "jobs/{running}",
    "new",
    "new?from={improved}",
    "new?from={chat}",
    COMPARED,
    "jobs/none",
    "no/such/page",
)
_REFUSED = ("?filter=nothing-like-it", "?filter=verdic+%3D+1", "jobs/none")
_DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Half way between two schemes colors are too pale. The page's policy would refuse a style element.
_NOTHING_FADES = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, ::before, ::after { transition: none !important }");
  document.adoptedStyleSheets.push(sheet);
}"""
_SAID_BY_THE_BROWSER = "Failed to load resource"  # of every answer of 400 and more


@pytest.mark.parametrize("width", [1400, 360])
def test_every_address_can_be_opened(
    filled: Filled, visit: Opener, faults_of: Faults, colors_of: Faults, width: int
) -> None:
    """It asks nobody else, says nothing wrong, is no wider than its window, and has no serious fault.

    A desk's window becomes dark, where only the colors are others, and then as wide as a tablet's.
    """
    window = visit(filled.base)
    found: dict[str, list[str]] = {}
    for path in PATHS:
        window.page.set_viewport_size({"width": width, "height": 900})
        page = window.open(path.format(**filled.jobs))
        window.settle()
        faults = faults_of(page) + too_wide(page)
        if width == 1400:
            page.evaluate(_NOTHING_FADES)
            page.emulate_media(color_scheme="dark")
            expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
            page.evaluate(_DRAWN)
            faults += [f"dark: {fault}" for fault in colors_of(page)]
            page.set_viewport_size({"width": 768, "height": 900})
            faults += too_wide(page)
            page.emulate_media(color_scheme="light")
        faults += [e for e in window.errors if path not in _REFUSED or not e.startswith(_SAID_BY_THE_BROWSER)]
        window.errors.clear()
        if faults:
            found[path] = faults
    assert found == {}
    assert window.elsewhere == []


def test_a_window_may_become_narrower_and_wider(filled: Filled, visit: Opener) -> None:
    window = visit(filled.base)
    wide: list[str] = []
    for path in ("", "jobs/{improved}", "jobs/{improved}?tab=examples", "new", COMPARED):
        page = window.open(path.format(**filled.jobs))
        window.settle()
        for width in (768, 360, 1024, 480, 3840, 2560, 1400):
            page.set_viewport_size({"width": width, "height": 900})
            wide += [f"{path}: {fault}" for fault in too_wide(page)]
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dialogs_and_menus_have_no_serious_fault(
    filled: Filled, visit: Opener, faults_of: Faults, scheme: str
) -> None:
    window = visit(filled.base, color_scheme=scheme)
    page = window.open(f"jobs/{filled.jobs['improved']}")
    page.get_by_role("button", name="Promote").click()
    _wait_for_dialog(page)
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="More actions").click()
    expect(page.get_by_role("menuitem").first).to_be_visible()
    page.wait_for_timeout(300)
    assert faults_of(page) == []
    page.get_by_role("menuitem", name="Delete…").click()
    _wait_for_dialog(page)
    assert faults_of(page) == []

    page = window.open()
    page.get_by_role("button", name="Status").first.click()
    expect(page.get_by_label("Failed")).to_be_visible()
    page.wait_for_timeout(300)
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    page.get_by_label("Select all that are loaded").check()
    assert faults_of(page) == []
    page.get_by_label("Search jobs").fill("verdict = ")
    expect(page.get_by_role("option").first).to_be_visible()
    page.wait_for_timeout(300)
    assert faults_of(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_failure_has_no_serious_fault(
    filled: Filled, visit: Opener, faults_of: Faults, scheme: str
) -> None:
    window = visit(filled.base, color_scheme=scheme)
    window.page.route("**/search", lambda route: route.fulfill(status=403, json={"message": "not for you"}))
    page = window.open()
    expect(page.get_by_role("alert")).to_contain_text("not for you")
    assert faults_of(page) == []


def test_axe_sees_a_fault_that_is_there(filled: Filled, visit: Opener, faults_of: Faults) -> None:
    page = visit(filled.base).open()
    expect(page.locator("h1")).to_be_visible()
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [fault.partition(":")[0] for fault in faults_of(page)] == ["button-name"]


def test_axe_sees_a_faint_color(filled: Filled, visit: Opener, colors_of: Faults) -> None:
    page = visit(filled.base, color_scheme="dark").open()
    expect(page.locator("h1")).to_be_visible()
    page.evaluate("document.querySelector('h1').style.color = '#444'")
    assert [fault.partition(":")[0] for fault in colors_of(page)] == ["color-contrast"]


def too_wide(page: Page) -> list[str]:
    """What is to be said if a page is wider than its window, as soon as it is laid out for that."""
    page.evaluate(_DRAWN)
    over = page.evaluate("Math.max(0, document.documentElement.scrollWidth - innerWidth)")
    return [f"{over} px wider than a window of {page.evaluate('innerWidth')}"] if over else []


def _wait_for_dialog(page: Page) -> None:
    expect(page.get_by_role("dialog")).to_be_visible()
    page.wait_for_timeout(400)  # it comes in by fading: half seen, its colors are too pale

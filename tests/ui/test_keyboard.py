"""Without a mouse: the keys, where the focus is, and that it is seen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui.conftest import Filled, Opener

pytestmark = pytest.mark.timeout(300)


def test_keys_lead_from_page_to_page(filled: Filled, visit: Opener) -> None:
    window = visit(filled.base)
    page = window.open(f"jobs/{filled.jobs['improved']}")
    expect(page.get_by_label("Verdict")).to_be_visible()
    page.keyboard.type("gj")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    rows = page.get_by_role("row")
    expect(rows.nth(1)).to_be_visible()
    page.keyboard.press("j")
    expect(rows.nth(1)).to_be_focused()
    assert _outline(page) == "solid"
    page.keyboard.press("j")
    expect(rows.nth(2)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/jobs/\w+$"))
    page.keyboard.type("gn")
    expect(page).to_have_url(re.compile(r"/new$"))
    assert window.errors == []


def test_a_list_of_the_keys_is_shown(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open()
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Next and previous row")
    page.keyboard.type("gn")  # not while a dialog is open
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page).to_have_url(re.compile("/burnish/$"))
    page.get_by_role("button", name="Keys").click()
    expect(dialog).to_be_visible()


def test_what_is_typed_into_a_field_is_no_command(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open()
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("gj?x/")
    expect(page.get_by_label("Search jobs")).to_have_value("gj?x/")
    expect(page.get_by_role("dialog", name="Keys")).to_have_count(0)


@pytest.mark.parametrize("path", ["", "jobs/{improved}", "jobs/{improved}?tab=examples"])
def test_the_focus_is_seen_wherever_the_tab_key_leads(filled: Filled, visit: Opener, path: str) -> None:
    window = visit(filled.base)
    page = window.open(path.format(**filled.jobs))
    window.settle()
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        where = page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
        if where.startswith("<body"):
            break
        reached.add(where)
        assert _is_seen(page), where
    assert len(reached) > 8


def test_the_tab_key_stops_at_the_row_one_came_from(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open()
    rows = page.get_by_role("row")
    rows.nth(1).focus()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows.nth(3)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(rows.nth(3)).not_to_be_focused()
    page.keyboard.press("Tab")
    expect(rows.nth(3)).to_be_focused()


def _outline(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))


def _is_seen(page: Page) -> bool:
    """Whether the focused element, or what stands for it, is marked."""
    return bool(
        page.evaluate(
            """() => {
                const marked = (element) => {
                    const style = getComputedStyle(element);
                    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
                };
                const focused = document.activeElement;
                const label = focused.matches("input") && focused.labels?.[0];
                const field = focused.matches("input") && getComputedStyle(focused);
                return marked(focused) || (label && marked(label)) ||
                    Boolean(field) && field.borderColor !== "rgba(0, 0, 0, 0)";
            }"""
        )
    )

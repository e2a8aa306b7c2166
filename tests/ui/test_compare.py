"""Several jobs side by side."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import Filled, Opener
from tests.ui.stage import JOBS

pytestmark = pytest.mark.timeout(300)


def address(filled: Filled, *names: str) -> str:
    return f"compare?jobs={quote(json.dumps([filled.jobs[name] for name in names]))}"


@pytest.mark.parametrize("width", [360, 1400])
def test_it_fits_and_says_nothing_wrong(filled: Filled, visit: Opener, width: int) -> None:
    window = visit(filled.base, viewport={"width": width, "height": 900})
    page = window.open(address(filled, "improved", "unclear", "running", "failed"))
    chart = page.get_by_role("img", name=re.compile("^Score of 2 jobs"))
    chart.scroll_into_view_if_needed()  # what draws charts is loaded when one is seen
    expect(chart.locator("canvas")).to_be_visible()
    page.emulate_media(color_scheme="dark")  # the chart is drawn again
    expect(chart.locator("canvas")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert window.errors == []
    assert window.elsewhere == []


def test_winners_of_the_same_records_are_compared_pair_by_pair(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open(address(filled, "improved", "unclear", "chat", "running"))
    expect(page.get_by_text("All ran on the same records")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Worse: −0\.\d\d \(.*\) on 30 common examples"))).to_be_visible()
    expect(page.get_by_text("Their test splits are the same.")).to_have_count(1)
    expect(page.get_by_text("They were scored by other scorers")).to_be_visible()
    expect(page.get_by_text("No winner has been tested yet")).to_be_visible()
    page.get_by_role("combobox", name="Compared with").click()
    page.get_by_role("option", name=re.compile("Joint search")).click()
    expect(page.get_by_text(re.compile(r"Better: \+0\.\d\d"))).to_be_visible()


def test_only_what_differs_is_in_the_table(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open(address(filled, "improved", "canceled"))
    table = page.get_by_role("table")
    expect(table.get_by_role("row", name=re.compile("^Seed"))).to_be_visible()
    expect(table.get_by_text("Scorers")).to_have_count(0)
    page.get_by_text("settings they have in common").click()
    expect(page.get_by_text("exact_match")).to_be_visible()


def test_other_data_is_not_compared(filled: Filled, visit: Opener) -> None:
    other = filled.stage.create(
        "prompts:/support-triage/1",
        "JOINT_SEARCH",
        records=48,
        reflection_model=None,
        budget={"max_calls": 200},
    )
    jobs = quote(json.dumps([filled.jobs["improved"], other]))
    page = visit(filled.base).open(f"compare?jobs={jobs}")
    expect(page.get_by_text("They ran on different data")).to_be_visible()
    expect(page.get_by_text("Other data, so there is nothing to pair.")).to_be_visible()
    filled.stage.ask("DELETE", f"{JOBS}/{other}")


def test_a_job_that_is_not_for_this_user_is_left_out_and_named(filled: Filled, visit: Opener) -> None:
    window = visit(filled.base)
    secret = filled.jobs["chat"]
    window.page.route(
        re.compile(f"/jobs/{secret}(/inputs)?$"),
        lambda route: route.fulfill(status=403, json={"message": "you may not read experiment 7"}),
    )
    page = window.open(address(filled, "improved", "unclear", "chat"))
    expect(page.get_by_role("alert")).to_contain_text(f"Job {secret} is left out")
    expect(page.get_by_role("alert")).to_contain_text("you may not read experiment 7")
    expect(page.get_by_role("table").first).to_contain_text("Joint search")
    expect(page.get_by_text("All ran on the same records")).to_be_visible()


def test_the_list_leads_there_and_an_empty_one_leads_back(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open()
    for row in (1, 2):
        page.get_by_role("row").nth(row).get_by_role("checkbox").check()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare 2 jobs")).to_be_visible()
    expect(page.get_by_role("heading", name="The best prompts")).to_be_visible()
    page.goto(f"{filled.base}compare")
    page.get_by_role("link", name="To the jobs").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()


def test_keys_say_which_there_are_and_lead_to_pages(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open("new")
    expect(page.get_by_role("heading", name="New job")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("To the jobs")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.press("?")  # typed into the search box
    expect(page.get_by_role("dialog")).to_have_count(0)

"""With tokens: signing in, coming back to where one was, and signing out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import Faults, Opener
from tests.ui.stage import READER, Stage

pytestmark = pytest.mark.timeout(300)


def test_one_signs_in_once_and_comes_back_to_where_one_was(guarded: Stage, visit: Opener) -> None:
    token = str(guarded.token)
    job_id = guarded.create(guarded.prompt("triage"), budget={"max_calls": 200})
    guarded.wait(job_id)
    page = visit(f"{guarded.url}/burnish/").open(f"jobs/{job_id}?tab=activity")
    field = page.locator("input[type=password]")
    field.fill("a-token-that-is-wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("does not know that token")).to_be_visible()
    field.fill(token)
    field.press("Enter")
    expect(page).to_have_url(re.compile(rf"/jobs/{job_id}\?tab=activity$"))
    expect(page.get_by_text("The job is complete.")).to_be_visible()
    cookie = next(each for each in page.context.cookies() if each["name"] == "burnish_session")
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and token not in cookie["value"]
    assert page.evaluate("document.cookie") == ""
    assert token not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")

    other = page.context.new_page()
    other.goto(f"{guarded.url}/burnish/jobs/{job_id}")
    expect(other.get_by_label("Verdict")).to_be_visible()
    page.get_by_label("Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible(timeout=40_000)  # it asks every 20 s
    page.goto(f"{guarded.url}/burnish/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_session_that_ends_under_a_page_leads_to_sign_in_and_back(guarded: Stage, visit: Opener) -> None:
    page = visit(f"{guarded.url}/burnish/").open()
    page.locator("input[type=password]").fill(str(guarded.token))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    page.context.clear_cookies()
    page.goto(f"{guarded.url}/burnish/?filter=chat")
    page.locator("input[type=password]").fill(str(guarded.token))
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/burnish/\?filter=chat$"))
    expect(page.get_by_role("heading", name="No job matches")).not_to_be_visible()


@pytest.mark.parametrize("reader", [False, True])
def test_the_demo_job_is_offered_to_who_may_start_it(guarded: Stage, visit: Opener, reader: bool) -> None:
    page = visit(f"{guarded.url}/burnish/").open()
    page.locator("input[type=password]").fill(READER if reader else str(guarded.token))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    button = page.get_by_role("button", name="Run the demo job")
    if reader:
        expect(page.get_by_text("this token may only read")).to_be_visible()
        expect(button).to_have_count(0)
    else:
        expect(button).to_be_enabled()


@pytest.mark.parametrize("back", ["//evil.example/", "/\\evil.example", "https://evil.example/"])
def test_signing_in_leads_to_no_other_site(guarded: Stage, visit: Opener, back: str) -> None:
    page = visit(f"{guarded.url}/burnish/").open("")
    page.goto(f"{guarded.url}/burnish/signin?back={back}")
    page.locator("input[type=password]").fill(str(guarded.token))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    assert page.url.startswith(guarded.url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signing_in_has_no_serious_fault(
    guarded: Stage, visit: Opener, faults_of: Faults, scheme: str
) -> None:
    page = visit(f"{guarded.url}/burnish/", color_scheme=scheme).open()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert faults_of(page) == []
    page.locator("input[type=password]").fill("a-token-that-is-wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("does not know that token")).to_be_visible()
    assert faults_of(page) == []

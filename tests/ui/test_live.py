"""Pages over things that move: a job from its creation to its verdict, servers that die, jobs that go."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from burnish.llm.testing.faults import Faults
from tests.ui.conftest import Faults as FaultsOf
from tests.ui.conftest import Opener
from tests.ui.stage import JOBS, Stage

pytestmark = pytest.mark.timeout(300)

LATER = 60_000.0


def test_a_job_is_watched_from_its_creation_to_its_verdict(opened: Stage, visit: Opener) -> None:
    opened.models.faults = Faults(latency_seconds=0.15)
    window = visit(f"{opened.url}/burnish/")
    page = window.open(f"jobs/{opened.create(opened.prompt('triage'))}")
    verdict = page.get_by_label("Verdict")
    expect(verdict).to_contain_text(re.compile("Looking for a better prompt|Waiting"))
    expect(page).to_have_title(re.compile(r"^\d+ % · triage$"), timeout=LATER)
    chart = page.get_by_role("img", name=re.compile(r"^Validation score of [1-9]"))
    expect(chart).to_be_visible(timeout=LATER)
    first = chart.get_attribute("aria-label")
    expect(chart).not_to_have_attribute("aria-label", first or "", timeout=LATER)
    assert (page.locator('link[rel="icon"]').get_attribute("href") or "").startswith("data:")
    expect(verdict).to_contain_text("The new prompt is better", timeout=LATER)
    expect(page.get_by_role("button", name="Promote")).to_be_visible()
    expect(page).to_have_title("Better · triage")
    assert window.errors == []


def test_new_and_changed_jobs_come_into_the_list_by_themselves(opened: Stage, visit: Opener) -> None:
    page = visit(f"{opened.url}/burnish/").open()
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    opened.models.faults = Faults(latency_seconds=0.3)
    prompt = opened.prompt("triage")
    first = opened.create(prompt)
    expect(page.get_by_role("row", name="triage")).to_be_visible(timeout=LATER)
    opened.create(prompt, seed=1)
    expect(page.get_by_role("row")).to_have_count(3, timeout=LATER)
    opened.ask("POST", f"{JOBS}/{first}/cancel")
    expect(page.get_by_text("Canceled")).to_be_visible(timeout=LATER)
    opened.ask("DELETE", f"{JOBS}/{first}")
    expect(page.get_by_role("row")).to_have_count(2, timeout=LATER)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_empty_list_has_no_serious_fault(
    opened: Stage, visit: Opener, faults_of: FaultsOf, scheme: str
) -> None:
    page = visit(f"{opened.url}/burnish/", color_scheme=scheme).open()
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    assert faults_of(page) == []


def test_a_page_outlives_its_server(opened: Stage, visit: Opener) -> None:
    opened.models.faults = Faults(latency_seconds=0.2)
    job_id = opened.create(opened.prompt("triage"), budget={"max_calls": 450})
    page = visit(f"{opened.url}/burnish/").open(f"jobs/{job_id}")
    expect(page.get_by_text("Running")).to_be_visible(timeout=LATER)
    assert opened.process is not None
    opened.process.kill()
    opened.process.wait()
    expect(page.get_by_text("Connection lost, trying again")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("heading", name=re.compile("^triage"))).to_be_visible()
    opened.start()
    expect(page.get_by_text("Connection lost, trying again")).not_to_be_visible(timeout=LATER)
    expect(page.get_by_label("Verdict")).to_contain_text("The new prompt is better", timeout=LATER)
    page.get_by_role("tab", name="Activity").click()
    expect(page.get_by_text("A worker took it up again, attempt 2.")).to_be_visible()


def test_a_part_that_an_update_took_away_asks_for_the_page_to_be_loaded_again(
    opened: Stage, visit: Opener
) -> None:
    opened.models.faults = Faults()
    job_id = opened.create(opened.prompt("triage"), "JOINT_SEARCH", budget={"max_calls": 200})
    opened.wait(job_id)
    page = visit(f"{opened.url}/burnish/").open(f"jobs/{job_id}")
    expect(page.get_by_label("Verdict")).to_be_visible()
    parts = "**/assets/*.js"
    page.route(parts, lambda route: route.fulfill(status=404, content_type="text/plain", body="gone"))
    page.get_by_role("tab", name="Activity").click()
    expect(page.get_by_text("This part cannot be loaded")).to_be_visible()
    page.unroute(parts)
    page.get_by_role("button", name="Reload the page").click()
    expect(page.get_by_text("This part cannot be loaded")).not_to_be_visible()
    expect(page.get_by_role("tab", name="Activity")).to_be_visible()


def test_a_job_that_is_deleted_while_it_is_looked_at(opened: Stage, visit: Opener) -> None:
    opened.models.faults = Faults(latency_seconds=0.5)
    job_id = opened.create(opened.prompt("triage"))
    page = visit(f"{opened.url}/burnish/").open(f"jobs/{job_id}")
    expect(page.get_by_text("Running")).to_be_visible(timeout=LATER)
    opened.ask("DELETE", f"{JOBS}/{job_id}")
    expect(page.get_by_role("heading", name="This job has been deleted")).to_be_visible(timeout=LATER)


def test_a_job_that_is_over_is_deleted_while_it_is_looked_at(opened: Stage, visit: Opener) -> None:
    opened.models.faults = Faults()
    job_id = opened.create(opened.prompt("triage"), "JOINT_SEARCH", budget={"max_calls": 200})
    opened.wait(job_id)
    page = visit(f"{opened.url}/burnish/").page
    page.clock.install()
    page.goto(f"{opened.url}/burnish/jobs/{job_id}")
    expect(page.get_by_label("Verdict")).to_be_visible()
    opened.ask("DELETE", f"{JOBS}/{job_id}")
    page.clock.fast_forward(21_000)
    expect(page.get_by_role("heading", name="This job has been deleted")).to_be_visible()


def test_a_job_is_canceled_resumed_and_deleted_by_hand(opened: Stage, visit: Opener) -> None:
    opened.models.faults = Faults(latency_seconds=0.4)
    job_id = opened.create(opened.prompt("triage"))
    page = visit(f"{opened.url}/burnish/").open(f"jobs/{job_id}")
    other = page.context.new_page()  # another tab, which follows
    other.goto(page.url)
    expect(page.get_by_text("Running")).to_be_visible(timeout=LATER)
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("Nothing more is spent")
    page.get_by_role("button", name="Cancel the job").click()
    for tab in (page, other):
        expect(tab.get_by_text("Canceled before the test")).to_be_visible(timeout=LATER)
    page.get_by_role("button", name="Resume", exact=True).click()
    page.get_by_role("button", name="Resume the job").click()
    expect(page.get_by_text("Running")).to_be_visible(timeout=LATER)
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Delete…").click()
    page.get_by_role("button", name="Delete the job").click()
    expect(page).to_have_url(re.compile("/burnish/$"), timeout=LATER)
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    expect(other.get_by_role("heading", name="This job has been deleted")).to_be_visible(timeout=LATER)


def test_several_jobs_are_canceled_and_deleted_together(opened: Stage, visit: Opener) -> None:
    opened.models.faults = Faults(latency_seconds=0.5)
    prompt = opened.prompt("triage")
    for seed in range(3):
        opened.create(prompt, seed=seed)
    page = visit(f"{opened.url}/burnish/").open()
    page.get_by_label("Select all that are loaded").check()
    bulk = page.get_by_role("region", name="Selected jobs")
    expect(bulk).to_contain_text("3 jobs selected")
    bulk.get_by_role("button", name="Cancel 3").click()
    page.get_by_role("button", name="Cancel them").click()
    expect(page.get_by_text("Canceled")).to_have_count(3, timeout=LATER)
    page.get_by_label("Select all that are loaded").check()
    bulk.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("cannot be undone")
    page.get_by_role("button", name="Delete them").click()
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible(timeout=LATER)


def test_what_people_and_models_wrote_is_text(opened: Stage, visit: Opener) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    prompt = opened.prompt("evil", f"Which team? \u202e{evil} {{{{ticket}}}}")
    tags = {"note": f"{evil}\u202e"}
    job_id = opened.create(prompt, tags=tags, budget={"max_calls": 200})
    opened.wait(job_id)
    window = visit(f"{opened.url}/burnish/")
    for path in ("", *(f"jobs/{job_id}{tab}" for tab in ("", "?tab=candidates", "?tab=examples"))):
        page = window.open(path)
        window.settle()
        assert page.locator("main img:not([alt=''])").count() == 0
        assert "owned" not in page.title()
    expect(page.locator("h1")).to_contain_text("evil")
    page = window.open(f"jobs/{job_id}")
    expect(page.get_by_text("⟨RLO⟩").first).to_be_visible()
    assert window.errors == []
    assert window.elsewhere == []

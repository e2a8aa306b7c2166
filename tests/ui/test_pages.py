"""Every page over real jobs: what it shows, where it leads, and what it never does."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Route, expect

from tests.ui import triage
from tests.ui.conftest import Filled, Opener
from tests.ui.proxy import behind_path

pytestmark = pytest.mark.timeout(300)
# Chromium's own measure of what moved while the page was loaded, and what moved.
_JUMPS = """() => new Promise(done => {
  const told = [];
  new PerformanceObserver(list => told.push(...list.getEntries())).observe(
    { type: "layout-shift", buffered: true });
  setTimeout(() => done(told.map(({ value, sources }) => [value,
    sources.map(({ node }) => node?.className ?? node?.nodeName)])), 200);
})"""


def test_a_browser_with_a_wrong_clock_shows_the_right_ages(filled: Filled, visit: Opener) -> None:
    for days in (3, -3):
        window = visit(filled.base)
        window.page.clock.set_system_time(datetime.now() + timedelta(days=days))
        page = window.open()
        expect(page.get_by_role("row").last).to_contain_text(re.compile(r"(sec|min)\. ago"))
        window.open(f"jobs/{filled.jobs['improved']}")
        expect(page.get_by_text(re.compile(r"^Ended .*(sec|min)\. ago$"))).to_be_visible()


def test_what_is_loaded_first_is_small(filled: Filled, visit: Opener) -> None:
    window = visit(filled.base)
    sizes: list[int] = []
    window.page.on(
        "response",
        lambda answer: (
            sizes.append(int(answer.headers.get("content-length", 0))) if "/assets/" in answer.url else None
        ),
    )
    expect(window.open().get_by_role("row").nth(1)).to_be_visible()
    assert 50_000 < sum(sizes) < 350_000


@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_nothing_jumps_while_a_page_is_loaded(filled: Filled, visit: Opener, width: int) -> None:
    window = visit(filled.base, viewport={"width": width, "height": 860})
    for path in ("", "jobs/{improved}", "jobs/{running}", "jobs/{improved}?tab=examples"):
        window.open(path.format(**filled.jobs))
        window.settle()
        jumps = window.page.evaluate(_JUMPS)
        assert sum(value for value, _ in jumps) < 0.02, (path, jumps)


def test_a_job_says_whether_it_is_better_and_what_it_took(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open(f"jobs/{filled.jobs['improved']}")
    verdict = page.get_by_label("Verdict")
    expect(verdict).to_contain_text("The new prompt is better")
    expect(verdict).to_contain_text(re.compile(r"scores \d\.\d\d against \d\.\d\d on 30 test examples"))
    expect(verdict.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"^Difference \+"))
    expect(page.get_by_role("progressbar", name="calls")).to_have_attribute(
        "aria-valuetext", re.compile(r"^\d+ of 700$")
    )
    expect(page.locator("ins").first).to_contain_text("go to")
    expect(page).to_have_title(re.compile("^Better · support-triage"))


def test_a_job_that_shows_nothing_does_not_claim_to(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open(f"jobs/{filled.jobs['unclear']}")
    expect(page.get_by_label("Verdict")).to_contain_text("No proven difference")


def test_a_failed_job_says_why_and_what_to_do(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open(f"jobs/{filled.jobs['failed']}")
    expect(page.get_by_label("Verdict")).to_contain_text("check OPENAI_API_KEY")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("dialog")).to_contain_text("goes on where it stopped")


def test_demonstrations_stand_apart_from_messages(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open(f"jobs/{filled.jobs['few-shot']}?tab=candidates")
    page.get_by_role("listbox", name="Candidates").press("End")
    page.get_by_role("option").nth(2).click()
    expect(page.get_by_text("Demonstrations:")).to_be_visible()


def test_candidates_are_walked_by_keyboard_and_stand_in_the_address(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open(f"jobs/{filled.jobs['improved']}?tab=candidates")
    box = page.get_by_role("listbox", name="Candidates")
    page.get_by_role("option").first.click()
    expect(page.get_by_role("heading", name="Candidate 0")).to_be_visible()
    box.press("j")
    heading = page.get_by_role("heading", name=re.compile(r"^Candidate [1-9]"))
    expect(heading).to_be_visible()
    name = heading.inner_text()
    page.reload()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_examples_show_what_was_answered_side_by_side(filled: Filled, visit: Opener) -> None:
    window = visit(filled.base)
    page = window.open(f"jobs/{filled.jobs['improved']}?tab=examples")
    chart = page.get_by_role("img", name=re.compile("^Scores of"))
    expect(chart.locator("canvas").first).to_be_visible()
    expect(page.get_by_text("expected '")).to_be_visible()
    before = page.get_by_role("heading", name=re.compile("^Example ")).inner_text()
    page.get_by_role("button", name="Next example").click()
    expect(page.get_by_role("heading", name=before, exact=True)).not_to_be_visible()
    size = chart.bounding_box()
    assert size is not None
    window.settle()
    chart.click(position={"x": size["width"] * 0.7, "y": 15})
    expect(page.get_by_label("Candidate 0 source").first).to_be_visible()
    assert "example" in parse_qs(urlsplit(page.url).query)


def test_the_sealed_test_shows_source_and_winner_alone(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open(f"jobs/{filled.jobs['improved']}?tab=examples")
    page.get_by_text("Sealed test", exact=True).click()
    expect(page.get_by_role("img", name="Scores of 2 candidates on 30 examples")).to_be_visible()


def test_events_are_a_story_and_a_file(filled: Filled, visit: Opener) -> None:
    job_id = filled.jobs["improved"]
    page = visit(filled.base).open(f"jobs/{job_id}?tab=activity")
    expect(page.get_by_text("The job is complete.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="JSONL").click()
    lines = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[-1]["kind"] == "ENDED"


def test_a_version_is_promoted_after_its_consequence_was_said(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open(f"jobs/{filled.jobs['improved']}")
    page.get_by_role("button", name="Promote").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("gets version")
    dialog.get_by_label("Alias").fill("staging")
    dialog.get_by_role("button", name=re.compile("^Point it at version")).click()
    expect(page.get_by_text(re.compile("^support-triage@staging is version"))).to_be_visible()
    found = filled.stage.ask(
        "GET", "/api/2.0/mlflow/registered-models/alias?name=support-triage&alias=staging"
    )
    uri = filled.stage.job(filled.jobs["improved"])["optimized_prompt_uri"]
    assert uri.endswith(f"/{found['model_version']['version']}")


def test_a_refused_action_says_why_and_stays(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open(f"jobs/{filled.jobs['improved']}")
    page.get_by_role("button", name="Promote").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Alias").fill("not an/alias")
    dialog.get_by_role("button", name=re.compile("^Point it at version")).click()
    expect(dialog.get_by_role("alert")).to_contain_text("alias")


def test_a_job_that_is_not_there_is_said_to_be_so(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open("jobs/none")
    expect(page.get_by_role("heading", name="There is no such job")).to_be_visible()
    page.get_by_role("link", name="To the jobs").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()


def test_an_address_that_is_none_is_said_to_be_so(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open("no/such/page")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()


def test_the_list_is_searched_by_name_grammar_and_facet(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open()
    rows = page.get_by_role("row")
    expect(rows).to_have_count(1 + len(filled.jobs))
    box = page.get_by_label("Search jobs")
    box.fill("chat")
    box.press("Enter")
    expect(rows).to_have_count(1 + 2)
    box.fill("verdict = 'IMPROVED' AND tags.run = 'nightly'")
    box.press("Enter")
    expect(rows).to_have_count(1 + 1)
    page.reload()
    expect(rows).to_have_count(1 + 1)
    page.get_by_label("Clear the search").click()
    page.get_by_role("button", name="Status").first.click()
    page.get_by_label("Failed").check()
    expect(rows).to_have_count(1 + 1)
    assert "JOB_STATUS_FAILED" in page.url


def test_a_mistake_in_the_filter_is_shown_at_its_place(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open()
    box = page.get_by_label("Search jobs")
    box.fill("status = 'FAILED' AND verdic = 'WORSE'")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("'verdic': there is no such field")
    assert page.get_by_text("^^^^^^").inner_text() == " " * 22 + "^" * 6


def test_the_filter_offers_what_may_come_next(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open()
    expect(page.get_by_label("Search jobs")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("verd")
    page.get_by_role("option", name="verdict").click()
    page.keyboard.type(" = ")
    page.get_by_role("option", name="'IMPROVED'").click()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Search jobs")).to_have_value("verdict = 'IMPROVED'")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Better")


def test_the_list_is_walked_by_keyboard(filled: Filled, visit: Opener) -> None:
    page = visit(filled.base).open()
    first = page.get_by_role("row").nth(1)
    first.focus()
    page.keyboard.press("j")
    second = page.get_by_role("row").nth(2)
    expect(second).to_be_focused()
    page.keyboard.press("x")
    expect(second).to_have_attribute("aria-selected", "true")
    page.keyboard.press("k")
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/jobs/{filled.jobs['running']}$"))


def test_behind_a_proxy_with_a_path_everything_stays_below_it(filled: Filled, visit: Opener) -> None:
    with behind_path(filled.stage.url, "/tools/prompts") as root:
        window = visit(f"{root}/burnish/")
        outside: list[str] = []
        window.page.on(
            "request",
            lambda request: None if request.url.startswith((root, "data:")) else outside.append(request.url),
        )
        page = window.open()
        page.get_by_role("link", name="support-chat").last.click()
        expect(page).to_have_url(re.compile(r"/tools/prompts/burnish/jobs/\w+$"))
        expect(page.get_by_label("Verdict")).to_be_visible()
        page.reload()
        expect(page.get_by_label("Verdict")).to_be_visible()
        page.get_by_role("button", name="Promote").click()
        page.get_by_label("Alias").fill("proxied")
        page.get_by_role("button", name=re.compile("^Point it at version")).click()
        expect(page.get_by_text(re.compile("^support-chat@proxied is version"))).to_be_visible()
        assert outside == []
        assert window.errors == []
        link = page.get_by_role("link", name="MLflow").get_attribute("href")
        assert link == f"{root}/"


def test_two_thousand_candidates_are_shown(filled: Filled, visit: Opener) -> None:
    window = visit(filled.base)
    candidates, evaluations = triage.many_candidates(2000)
    page = window.page
    page.route(re.compile(r"/candidates\?"), lambda route: route.fulfill(json=candidates))
    page.route(re.compile(r"/evaluations\?"), lambda route: route.fulfill(json=evaluations))
    window.open(f"jobs/{filled.jobs['improved']}?tab=candidates")
    expect(page.get_by_text("2,000 candidates")).to_be_visible()
    assert page.get_by_role("option").count() < 100
    page.get_by_role("tab", name="Overview").click()
    expect(page.get_by_role("img", name=re.compile("of 2000 candidates"))).to_be_visible()
    page.get_by_role("tab", name="Examples").click()
    expect(page.get_by_role("img", name="Scores of 2,000 candidates on 100 examples")).to_be_visible()


def wrong(route: Route, how: str) -> None:
    """An answer that is none of ours; ``silence``: none at all."""
    if how == "html":
        route.fulfill(body="<html>Sign in to the proxy</html>", content_type="text/html")
    elif how == "500":
        route.fulfill(status=500, body="")


@pytest.mark.parametrize(
    ("how", "words"), [("500", "answered 500"), ("html", "not Burnish"), ("silence", "for twenty seconds")]
)
def test_wrong_answers_are_told_and_healed_and_never_blank_the_page(
    filled: Filled, visit: Opener, how: str, words: str
) -> None:
    for path, shown in (
        ("", "support-chat"),
        (f"jobs/{filled.jobs['improved']}", "The new prompt is better"),
    ):
        page = visit(filled.base).page
        page.clock.install()
        page.route(re.compile("/prompt-optimization/"), lambda route: wrong(route, how))
        page.goto(filled.base + path)
        expect(page.get_by_role("main").locator("[aria-busy]")).to_be_visible()
        page.clock.fast_forward(21_000)
        expect(page.get_by_role("main")).to_contain_text(words)
        expect(page.get_by_role("navigation")).to_be_visible()
        page.unroute_all()
        for _ in range(4):  # the tries that were still to come
            page.clock.fast_forward(21_000)
        again = page.get_by_role("button", name="Try again")
        if again.count():
            again.click()
        expect(page.get_by_role("main")).to_contain_text(shown)

"""The form for a new job: what it asks the server, what the server answers, and the code beside it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from burnish.tracking.protocol import LoggedTrace, TraceValues
from tests.tracking.app_traces import log_trace
from tests.ui.conftest import Opener
from tests.ui.stage import JOBS, Stage

pytestmark = pytest.mark.timeout(300)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=re.compile(f"^{re.escape(option)}")).first.click()


def jobs(stage: Stage) -> list[dict[str, Any]]:
    return list(stage.ask("POST", f"{JOBS}/search", {}).get("jobs", []))


def fill_form(page: Page) -> None:
    choose(page, "Prompt to improve", "support-triage")
    choose(page, "Dataset", "tickets-40")
    choose(page, "Add a scorer", "exact_match")
    page.get_by_role("combobox", name="Model that answers").fill("openai:/gpt-4o-mini")


def test_a_job_is_made_from_an_empty_form(opened: Stage, visit: Opener) -> None:
    opened.prompt("support-triage")
    opened.dataset(40)
    page = visit(f"{opened.url}/burnish/").open("new")
    expect(page.get_by_text("Still needed: a prompt, a dataset, a scorer.")).to_be_visible()
    fill_form(page)
    expect(page.get_by_role("radio", name=re.compile("^Auto"))).to_be_checked()
    page.get_by_role("radio", name=re.compile("^Joint search")).click()
    expect(page.get_by_label("Version 1")).to_contain_text("Ticket: {{ticket}}")
    expect(page.get_by_role("columnheader", name="ticket")).to_be_visible()
    expect(page.get_by_text("Model calls").last).to_be_visible()
    page.get_by_role("button", name=re.compile("settings")).click()
    expect(page.get_by_text("The search ends after this many measured candidates")).to_be_visible()
    page.get_by_label("Trials").fill("3")
    page.reload()
    expect(page.get_by_label("Trials")).not_to_be_visible()
    expect(page.get_by_role("button", name=re.compile("1 of them yours"))).to_be_visible()
    page.get_by_role("button", name="Create the job").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))
    (job,) = jobs(opened)
    assert job["config"]["scorers"] == ["exact_match"]
    assert '"trials":3' in job["config"]["optimizer_config_json"].replace(" ", "")
    assert job["source_prompt_uri"] == "prompts:/support-triage/1"


def test_a_double_click_and_a_lost_answer_make_one_job(opened: Stage, visit: Opener) -> None:
    opened.prompt("support-triage")
    opened.dataset(40)
    page = visit(f"{opened.url}/burnish/").open("new")
    fill_form(page)
    create = page.get_by_role("button", name="Create the job")
    expect(create).to_be_enabled()
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        route.fetch()
        if lost:
            return route.fallback()
        lost.append(route.request.url)
        return route.abort()

    page.route(f"**{JOBS}", lose_the_first)
    create.click()
    expect(page.get_by_text("The server does not answer")).to_be_visible()
    create.evaluate("button => { button.click(); button.click(); }")
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))
    assert lost
    assert len(jobs(opened)) == 1


def test_what_the_server_complains_of_stands_at_its_field(opened: Stage, visit: Opener) -> None:
    opened.prompt("support-triage")
    opened.dataset(40)
    page = visit(f"{opened.url}/burnish/").open("new")
    fill_form(page)
    page.get_by_role("combobox", name="Model that answers").fill("gpt-4o")
    page.get_by_label("Model calls").fill("-3")
    page.get_by_label("Test %").fill("90")
    for field, words in (
        ("Model that answers", "a model is SCHEME:/NAME"),
        ("Model calls", "must be a number above 0"),
    ):
        box = page.locator("input").and_(page.get_by_label(field))
        expect(box).to_have_attribute("aria-invalid", "true")
        described = page.locator(f"#{box.get_attribute('id')}-error")
        expect(described).to_contain_text(words)
    expect(page.get_by_text("the shares must sum to 1")).to_be_visible()
    page.get_by_role("button", name="Create the job").click()
    expect(page.get_by_role("alert")).to_contain_text("3 things to put right")
    assert jobs(opened) == []


def test_the_code_makes_the_same_job(opened: Stage, visit: Opener, tmp_path: Path) -> None:
    hard = 'it\'s "$HOME" `id` \\ 🙂'
    made = opened.create(
        opened.prompt("support-triage"),
        "JOINT_SEARCH",
        records=40,
        scorers=["exact_match=2", f"contains:{hard}"],
        settings={"trials": 3, "refuse_copied_examples": True},
        split={"train": 0.4, "validation": 0.3, "test": 0.3},
        budget={"max_calls": 200, "max_usd": 0.25},
        reflection_model=None,
        seed=7,
        tags={"team": hard},
    )
    page = visit(f"{opened.url}/burnish/").open(f"new?from={made}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for name in ("curl", "Python", "Command line"):
        page.get_by_role("tab", name=name).click()
        script = tmp_path / "code"
        script.write_text(page.get_by_role("region", name=f"As {name}").inner_text())
        command = [sys.executable if name == "Python" else "bash", str(script)]
        ran = subprocess.run(
            command,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert ran.returncode == 0, f"{name}: {ran.stdout}{ran.stderr}"
    first, *others = (opened.job(job["job_id"]) for job in reversed(jobs(opened)))
    assert first["job_id"] == made
    assert len(others) == 3
    for other in others:
        for field in ("config", "source_prompt_uri", "experiment_id", "tags"):
            assert first[field] == other[field]


def test_a_job_is_made_again_as_it_was(opened: Stage, visit: Opener) -> None:
    made = opened.create(opened.prompt("support-triage"), "JOINT_SEARCH", records=40)
    page = visit(f"{opened.url}/burnish/").open(f"new?from={made}")
    page.get_by_role("button", name="Make it again as it was").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))
    again = opened.job(page.url[-32:])
    assert again["job_id"] != made
    assert again["dataset"] == opened.job(made)["dataset"]


def test_a_file_becomes_a_dataset(opened: Stage, visit: Opener, tmp_path: Path) -> None:
    opened.prompt("support-triage")
    file = tmp_path / "tickets.csv"
    file.write_text("text,team,note\n<b>no sign-in</b>,access,1\nparcel lost,shipping,2\n")
    window = visit(f"{opened.url}/burnish/", viewport={"width": 360, "height": 800})
    page = window.open("new")
    choose(page, "Prompt to improve", "support-triage")
    page.get_by_role("button", name="Upload a file").click()
    page.locator("input[type=file]").set_input_files(file)
    choose(page, "Column for {{ticket}}", "text")
    choose(page, "Column of the expected answer", "team")
    expect(page.get_by_text("ignored 'note'")).to_be_visible()
    expect(page.get_by_role("cell", name="<b>no sign-in</b>")).to_be_visible()
    page.get_by_role("button", name="Make the dataset").click()
    expect(page.get_by_role("combobox", name="Dataset")).to_have_value("tickets (2)")
    expect(page.get_by_role("columnheader", name="expected_response")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_file_of_a_wrong_kind_is_refused_in_words(opened: Stage, visit: Opener, tmp_path: Path) -> None:
    file = tmp_path / "tickets.csv"
    file.write_bytes("text,team\nGröße,defect\n".encode("utf-16"))
    page = visit(f"{opened.url}/burnish/").open("new")
    page.get_by_role("button", name="Upload a file").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_role("alert")).to_contain_text(re.compile("UTF-8|utf-8"))
    expect(page.get_by_role("button", name="Make the dataset")).to_be_disabled()


def test_a_file_of_ten_columns_of_which_none_fits(opened: Stage, visit: Opener, tmp_path: Path) -> None:
    opened.prompt("support-triage")
    file = tmp_path / "sales.csv"
    names = [f"column {number}" for number in range(10)]
    file.write_text(",".join(names) + "\n" + ",".join("x" for _ in names) + "\n")
    page = visit(f"{opened.url}/burnish/").open("new")
    choose(page, "Prompt to improve", "support-triage")
    page.get_by_role("button", name="Upload a file").click()
    page.locator("input[type=file]").set_input_files(file)
    column = page.get_by_role("combobox", name="Column for {{ticket}}")
    expect(column).to_have_value("")
    expect(page.get_by_text("Choose a column for {{ticket}}")).to_be_visible()
    expect(page.get_by_role("button", name="Make the dataset")).to_be_disabled()
    choose(page, "Column for {{ticket}}", "column 3")
    expect(page.get_by_role("button", name="Make the dataset")).to_be_enabled()


def test_a_file_of_fifty_thousand_rows_is_looked_into(opened: Stage, visit: Opener, tmp_path: Path) -> None:
    opened.prompt("support-triage")
    file = tmp_path / "tickets.csv"
    file.write_text("ticket,team\n" + "".join(f"ticket {number},sales\n" for number in range(50_000)))
    page = visit(f"{opened.url}/burnish/").open("new")
    choose(page, "Prompt to improve", "support-triage")
    page.get_by_role("button", name="Upload a file").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("50,000 records")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("region", name="First records").get_by_role("row")).to_have_count(6)


def test_a_dataset_is_made_from_traces_and_a_path_leads_into_them(opened: Stage, visit: Opener) -> None:
    opened.prompt("support-triage")
    for number in range(12):
        messages = [{"role": "user", "content": f"Ticket {number}, write to ada{number}@example.org"}]
        trace = LoggedTrace(trace_id=f"tr-{uuid.uuid4().hex}", feedback={"ok": True})
        log_trace(opened.url, "0", trace, TraceValues({"messages": messages}, "billing"))
    page = visit(f"{opened.url}/burnish/").open("new")
    choose(page, "Prompt to improve", "support-triage")
    page.get_by_role("button", name="From traces").click()
    page.get_by_label("Feedback").fill("ok")
    page.get_by_label("Name of the dataset").fill("approved")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_text("12 records will become the dataset")).to_be_visible()
    expect(page.get_by_text("personal data (e-mail address) in 12 of 12 traces")).to_be_visible()
    make = page.get_by_role("button", name="Make the dataset")
    expect(make).to_be_disabled()
    page.get_by_label("Mask it").check()
    make.click()
    expect(page.get_by_role("combobox", name="Dataset")).to_have_value(re.compile("approved"))
    expect(page.get_by_text("No column for {{ticket}}")).to_be_visible()
    page.get_by_label("Path to {{ticket}}").fill("messages[-1].content")
    expect(page.get_by_text("No column for {{ticket}}")).not_to_be_visible()
    choose(page, "Add a scorer", "exact_match")
    page.get_by_label("URL of an app").fill("https://apps.example/triage")
    expect(page.get_by_role("combobox", name="Model that answers")).to_be_disabled()
    expect(page.get_by_text("is not below a base URL that the operator allows").first).to_be_visible()
    page.get_by_role("tab", name="Command line").click()
    expect(page.get_by_text("--input 'ticket=messages[-1].content'").first).to_be_visible()

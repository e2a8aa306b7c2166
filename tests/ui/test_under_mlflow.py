"""A real ``mlflow server --app-name burnish``, looked at with a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.new_databases import Migrated
from tests.ui.conftest import Opener
from tests.ui.stage import Stage, stage

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def under_mlflow(built_page: None, migrated: Migrated, tmp_path: Path) -> Iterator[Stage]:
    migrated.copy_to(tmp_path)
    with stage(tmp_path, under_mlflow=True) as opened:
        yield opened


def test_the_page_works_beside_mlflows_own(under_mlflow: Stage, visit: Opener) -> None:
    job_id = under_mlflow.create(under_mlflow.prompt("triage"), budget={"max_calls": 200})
    under_mlflow.wait(job_id)
    window = visit(f"{under_mlflow.url}/burnish/")
    page = window.open()
    page.get_by_role("link", name="triage").click()
    expect(page).to_have_url(f"{under_mlflow.url}/burnish/jobs/{job_id}")
    expect(page.get_by_label("Verdict")).to_be_visible()
    page.goto(f"{under_mlflow.url}/burnish/jobs/{job_id}?tab=activity")
    page.reload()
    expect(page.get_by_text("The job is complete.")).to_be_visible()
    assert window.errors == []
    assert window.elsewhere == []
    page.get_by_role("link", name="MLflow").click()
    expect(page.get_by_role("link", name="Prompts", exact=True)).to_have_attribute("href", "#/prompts")

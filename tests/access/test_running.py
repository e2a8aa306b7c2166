"""A permission that is taken away while a job runs and streams are open."""

from __future__ import annotations

from typing import Any

import pytest

from tests.access.conftest import FoundBy

pytestmark = pytest.mark.timeout(600)  # a process that imports MLflow


@pytest.fixture(scope="module")
def found(found_by: FoundBy) -> dict[str, Any]:
    return found_by("tests.access.running")


def test_a_job_goes_on_with_the_servers_rights(found: dict[str, Any]) -> None:
    """One maker may not even see it any more, the other was deleted."""
    assert [job["created_by"] for job in found["jobs"]] == ["ana", "ben"]
    for job in found["jobs"]:
        assert job["state"]["status"] == "JOB_STATUS_COMPLETED", job["state"]


def test_an_open_list_shows_no_more_of_what_may_not_be_read_any_more(found: dict[str, Any]) -> None:
    """The job's own stream has ended by then; the list goes on with what may be read."""
    assert found["canceled"] in found["before"]
    assert found["running"] not in found["after"]
    assert found["canceled"] not in found["after"]

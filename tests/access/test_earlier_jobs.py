"""Who may do what to a job of MLflow's own prompt optimization, over PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from tests.access.conftest import FoundBy
from tests.access.served import ADMIN

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]  # MLflow makes its databases


@pytest.fixture(scope="module")
def found(found_by: FoundBy, postgres_database: Any) -> dict[str, Any]:
    return found_by("tests.access.earlier_jobs", database=postgres_database())


def test_it_is_shown_with_its_scores_to_who_may_read(found: dict[str, Any]) -> None:
    assert found["get"] == {"ana": 200, "ben": 200, "cat": 403, ADMIN: 200}
    assert found["search"] == {"ana": found["made"], "ben": found["made"], "cat": [], ADMIN: found["made"]}
    assert found["job"]["origin"] == "mlflow"
    assert found["job"]["state"] == {"status": "JOB_STATUS_COMPLETED"}
    assert found["job"]["final_eval_scores"] == {"aggregate": 0.75, "correctness": 0.75}


def test_who_may_update_cancels_it_with_its_run(found: dict[str, Any]) -> None:
    assert found["cancel"] == {"cat": 403, "ben": 403, "ana": 200}
    assert found["canceled"] == ["CANCELED", "KILLED"]


def test_who_may_delete_deletes_it_once_it_has_ended(found: dict[str, Any]) -> None:
    assert found["delete running"] == 400
    assert found["delete"] == {"cat": 403, "ben": 403, "ana": 403, ADMIN: 200}
    assert found["deleted"] == [404, found["left"]]

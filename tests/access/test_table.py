"""Who may do what, where MLflow knows users: every method, every user, every level of permission."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.api.access_control import RULES
from burnish.api.routes import SERVICE
from tests.access.conftest import FoundBy
from tests.access.served import ADMIN, LEVELS, USERS
from tests.access.table import MLFLOWS_OWN, MLFLOWS_RULES, REQUESTS

UPDATE = {
    "createPromptOptimizationJob",
    "estimatePromptOptimizationJob",
    "uploadDataset",
    "makeDatasetFromTraces",
    "cancelPromptOptimizationJob",
    "resumePromptOptimizationJob",
    "registerPromptOptimizationCandidate",
    "promoteOptimizedPrompt",
    "rollbackOptimizedPrompt",
}
DELETE = {"deletePromptOptimizationJob"}
ALLOWED = {"none": set[str](), "read": set(REQUESTS) - UPDATE - DELETE, "edit": set(REQUESTS) - DELETE}


pytestmark = pytest.mark.timeout(600)  # a process that imports MLflow


@pytest.fixture(scope="module")
def found(found_by: FoundBy) -> dict[str, Any]:
    return found_by("tests.access.table")


def test_every_method_has_a_rule() -> None:
    assert {method.name for method in SERVICE.methods} == set(RULES)


@pytest.mark.parametrize("user", [*USERS, ADMIN])
@pytest.mark.parametrize("level", LEVELS)
def test_each_may_do_what_their_permission_says(found: dict[str, Any], user: str, level: str) -> None:
    allowed = set(REQUESTS) if user == ADMIN else ALLOWED.get(level, set(REQUESTS))
    answers = {method: found["ours"][f"{user} {level} {method}"] for method in REQUESTS}
    refused = {method for method, status in answers.items() if status == 403}
    if level == "none" and user != ADMIN:  # one among several is as unknown as one that there is not
        assert answers["comparePromptOptimizationJobs"] == 404
        refused.add("comparePromptOptimizationJobs")
    assert set(REQUESTS) - refused == allowed
    assert not {method: status for method, status in answers.items() if status in (401, 500, 503)}


def test_mlflow_says_the_same_of_its_five_verbs(found: dict[str, Any]) -> None:
    if not found["mlflow_has_jobs"]:
        pytest.skip("this MLflow (3.9) has none of the five endpoints")
    assert len(found["mlflow"]) == (len(USERS) + 1) * len(LEVELS) * len({*MLFLOWS_OWN, *MLFLOWS_RULES})
    differ = {
        row: (allowed, found["ours"][row])
        for row, allowed in found["mlflow"].items()
        if allowed != (found["ours"][row] != 403)
    }
    assert not differ


def test_a_search_shows_what_one_may_read(found: dict[str, Any]) -> None:
    everything = list(range(len(LEVELS)))
    for shift, user in enumerate(USERS):
        hidden = (list(LEVELS).index("none") + shift) % len(LEVELS)
        assert found["search"][user] == [number for number in everything if number != hidden]
    assert found["search"][ADMIN] == everything


def test_nobody_is_asked_for_a_name_as_mlflow_asks(found: dict[str, Any]) -> None:
    challenge = [401, 'Basic realm="mlflow"']
    for who in ("nobody", "wrong", "garbage"):
        assert found["unknown"][who] == [challenge, challenge]
    assert found["unknown"]["bearer"][0] == challenge  # MLflow's own answer is 500


def test_what_belongs_to_no_experiment_needs_a_name_only(found: dict[str, Any]) -> None:
    assert set(found["optimizers"].values()) == {200}
    assert found["demo"] == {user: [403, 403] for user in (*USERS, ADMIN)}


@pytest.mark.parametrize("user", [*USERS, ADMIN])
@pytest.mark.parametrize("level", LEVELS)
def test_whole_requests_find_out_the_same(found: dict[str, Any], user: str, level: str) -> None:
    asked = ("read", "update", "delete", "dataset", "create")
    needs = {"read": "read", "dataset": "read", "update": "edit", "create": "edit", "delete": "manage"}
    order = list(LEVELS)
    answers = {name: found["whole"][f"{user} {level} {name}"] for name in asked}
    assert answers == {
        name: user == ADMIN or order.index(level) >= order.index(needs[name]) for name in asked
    }
    assert found["whole"][f"name {user}"] == user


def test_asking_changes_nothing(found: dict[str, Any]) -> None:
    assert found["left"] == {"runs": 0, "versions": 0}


def test_a_permission_is_asked_for_again(found: dict[str, Any]) -> None:
    """Each twice: at once, and when what was answered is not believed any more."""
    withdrawn = found["withdrawn"]
    assert withdrawn["before"] == [403, 403]
    assert withdrawn["granted"] == [200, 200]
    assert withdrawn["revoked"] == [200, 403]
    assert withdrawn["deleted"] == [401, 401]
    assert withdrawn["created_by"] == "cat"  # who is gone has done it all the same

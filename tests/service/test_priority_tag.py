"""A job's priority is a tag, and a wrong one is refused before anything is written."""

from __future__ import annotations

import pytest

from burnish.service.jobs import tag_problems
from burnish.store.testing.samples import a_job


@pytest.mark.parametrize(("tags", "priority"), [({}, 0), ({"burnish.priority": "-7"}, -7)])
def test_the_tag_is_the_priority(tags: dict[str, str], priority: int) -> None:
    assert not tag_problems(tags)
    assert a_job(tags=tags).priority == priority


@pytest.mark.parametrize("value", ["", "high", "1.5", "1001", "-1001", "9" * 400, "٣"])
def test_anything_but_a_whole_number_in_range_is_refused(value: str) -> None:
    (problem,) = tag_problems({"burnish.priority": value})
    assert problem.field == "tags.burnish.priority"

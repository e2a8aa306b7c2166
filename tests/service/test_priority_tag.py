"""A job's priority is a tag, and a wrong one is refused before anything is written."""

from __future__ import annotations

import pytest

from burnish.errors import InvalidInput
from burnish.service.jobs import check_tags
from burnish.store.testing.samples import a_job


@pytest.mark.parametrize(("tags", "priority"), [({}, 0), ({"burnish.priority": "-7"}, -7)])
def test_the_tag_is_the_priority(tags: dict[str, str], priority: int) -> None:
    check_tags(tags)
    assert a_job(tags=tags).priority == priority


@pytest.mark.parametrize("value", ["", "high", "1.5", "1001", "-1001", "9" * 400, "٣"])
def test_anything_but_a_whole_number_in_range_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match=r"burnish\.priority"):
        check_tags({"burnish.priority": value})

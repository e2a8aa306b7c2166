"""``docs/models.md`` names every provider with its variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.llm.providers.catalog import PROVIDERS

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", sorted(PROVIDERS))
def test_a_provider_stands_on_the_page(scheme: str) -> None:
    info = PROVIDERS[scheme]
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{scheme}:/")]
    assert len(rows) == 1, f"docs/models.md needs one row that begins with: | `{scheme}:/"
    row = rows[0]
    keys = info.keys if scheme != "endpoints" else ()  # "the same" as the line above
    for variable in (*keys, info.url_variable if scheme not in ("endpoints", "gateway") else ""):
        assert variable in row

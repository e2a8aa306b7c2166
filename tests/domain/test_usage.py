"""What calls cost, as it is kept."""

from __future__ import annotations

from dataclasses import asdict

from burnish.domain.usage import Usage


def test_every_field_is_kept() -> None:
    usage = Usage(1, 2, 3, 4, 5)
    assert usage.as_json() == asdict(usage)
    assert Usage(**Usage(1, usd_nanos=None, unmetered=1).as_json()).unmetered == 1  # type: ignore[arg-type]

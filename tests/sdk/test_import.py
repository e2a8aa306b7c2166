"""``import burnish`` is quick: nothing heavy is loaded before it is used."""

from __future__ import annotations

import subprocess
import sys

import burnish

HEAVY = ("mlflow", "aiohttp", "sqlalchemy", "starlette", "google.protobuf", "optuna", "numpy", "rich")


def test_nothing_heavy_is_imported() -> None:
    script = f"import burnish, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    for name in burnish.__all__:
        assert getattr(burnish, name) is not None
    assert not hasattr(burnish, "nothing_of_this_name")

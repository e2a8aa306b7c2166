"""Fixtures that every test may use."""

from __future__ import annotations

import os

from hypothesis import settings

# Nothing calls home from a test, and nothing is read from the developer's own environment.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
for name in [name for name in os.environ if name.startswith(("BURNISH_", "OPENAI_", "ANTHROPIC_"))]:
    del os.environ[name]
os.environ.pop("MLFLOW_TRACKING_URI", None)

# Example timings vary with the machine's load: a slow example is no failure.
settings.register_profile("burnish", deadline=None)
settings.load_profile("burnish")

pytest_plugins = ["tests.postgres_server"]

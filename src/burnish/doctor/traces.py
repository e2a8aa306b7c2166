"""Whether traces are wanted, and can be sent."""

from __future__ import annotations

from collections.abc import Mapping

from burnish.doctor import Finding, ok, problem
from burnish.observability import otlp

TRACES = "traces"


def check_traces(environment: Mapping[str, str]) -> Finding:
    """By the environment alone; the collector is not asked."""
    asked = otlp.asked_for_by(environment)
    if asked is None:
        return ok(TRACES, "off (OTEL_EXPORTER_OTLP_ENDPOINT switches them on)")
    missing = otlp.missing_package(environment)
    if missing is None:
        return ok(TRACES, f"on, to the collector of {asked}")
    return problem(
        TRACES, f"{asked} asks for traces, and the exporter is not installed", f"pip install {missing}"
    )

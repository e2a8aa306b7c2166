"""A process whose calls and attempts are reported to telemetry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from burnish.observability.metrics import Metrics
from burnish.observability.telemetry import Telemetry
from burnish.observability.tracing import Traces
from burnish.worker.runner import JobRunner
from tests.worker.workbench import Process, World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.close()


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(spans: InMemorySpanExporter) -> Telemetry:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Telemetry(Metrics(), Traces(provider))


def observed(process: Process, telemetry: Telemetry) -> Process:
    """The process as ``bootstrap`` wires it."""
    process.gateway.report = telemetry.called
    process.runner = JobRunner(replace(process.runner._shop, observer=telemetry))
    return process


def value(telemetry: Telemetry, name: str, **labels: str) -> float:
    """One sample, 0 where nothing was counted yet."""
    return telemetry.metrics.registry.get_sample_value(name, labels) or 0.0

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
from tests.worker.harness import WorkerHarness, WorkerProcess


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    yield harness
    await harness.close()


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(spans: InMemorySpanExporter) -> Telemetry:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Telemetry(Metrics(), Traces(provider))


def observed(process: WorkerProcess, telemetry: Telemetry) -> WorkerProcess:
    """The process as ``bootstrap`` wires it."""
    process.gateway.report = telemetry.called
    process.runner = JobRunner(replace(process.runner._worker, observer=telemetry))
    return process


def value(telemetry: Telemetry, name: str, **labels: str) -> float:
    """One sample, 0 where nothing was counted yet."""
    return telemetry.metrics.registry.get_sample_value(name, labels) or 0.0

"""A job that runs is counted and traced, and nothing it says is in either."""

from __future__ import annotations

import asyncio
import logging

import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from burnish.domain.job import Job, JobConfig, JobStatus, OptimizerType
from burnish.domain.usage import Role, Usage
from burnish.errors import AttemptSuperseded, StoreUnavailable
from burnish.llm.gateway import CallReport
from burnish.observability.telemetry import Telemetry
from tests.observability.conftest import observed, value
from tests.worker.harness import PROMPT, WORDS, WorkerHarness, WorkerProcess

OF_TARGET = {"model": "scripted:/sentiment", "role": "target"}


def a_job(**changes: object) -> Job:
    config = JobConfig(
        source_prompt_uris=("prompts:/p/1",),
        dataset_id=None,
        scorers=(),
        optimizer_type=OptimizerType.GEPA,
    )
    fields = {"job_id": "j", "experiment_id": "0", "config": config, "creation_timestamp_ms": 1_000}
    return Job(**{**fields, **changes})  # type: ignore[arg-type]


async def test_a_job_is_counted(harness: WorkerHarness, telemetry: Telemetry) -> None:
    await harness.submit()
    process = observed(WorkerProcess(harness), telemetry)
    await process.run()
    job = (await harness.result()).job
    assert job.status is JobStatus.COMPLETED, job.error_message
    used = job.usage.roles[Role.TARGET]
    assert value(telemetry, "burnish_attempts_total", outcome="completed") == 1
    assert value(telemetry, "burnish_attempts_running") == 0
    assert value(telemetry, "burnish_queue_delay_seconds_count") == 1
    assert value(telemetry, "burnish_model_calls_total", outcome="answered", **OF_TARGET) == used.calls
    assert value(telemetry, "burnish_model_call_seconds_count", **OF_TARGET) == len(process.asked)
    tokens = {
        way: value(telemetry, "burnish_model_tokens_total", direction=way, **OF_TARGET)
        for way in ("input", "output")
    }
    assert tokens == {"input": used.prompt_tokens, "output": used.completion_tokens}


async def test_attempt_phase_and_call_are_nested(
    harness: WorkerHarness, telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    await harness.submit()
    process = observed(WorkerProcess(harness), telemetry)
    await process.run()
    finished = spans.get_finished_spans()
    (attempt,) = [span for span in finished if span.name == "job attempt"]
    phases = [span for span in finished if span.name.startswith("phase ")]
    calls = [span for span in finished if span.name == "chat scripted:/sentiment"]
    assert attempt.parent is None
    assert attempt.attributes is not None
    assert attempt.attributes["burnish.job_id"] == "job"
    assert attempt.attributes["burnish.outcome"] == "completed"
    assert {"phase source", "phase search", "phase test"} <= {phase.name for phase in phases}
    assert all(phase.parent and phase.parent.span_id == attempt.context.span_id for phase in phases)
    assert len(calls) == len(process.asked)
    ids = {phase.context.span_id for phase in phases}
    assert all(call.parent and call.parent.span_id in ids for call in calls)
    assert {span.context.trace_id for span in finished} == {attempt.context.trace_id}


async def test_no_span_holds_a_text(
    harness: WorkerHarness, telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    await harness.submit()
    await observed(WorkerProcess(harness), telemetry).run()
    written = " ".join(span.to_json() for span in spans.get_finished_spans())
    assert "scripted:/sentiment" in written
    for text in (PROMPT.split("\n")[0], *WORDS.values()):
        assert text not in written


async def test_a_resumed_job_counts_what_it_did_not_pay_again(
    harness: WorkerHarness, telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    await harness.submit()
    first = WorkerProcess(harness, dies_at_call=40)
    await first.run()
    known = sum((await harness.result()).journal.values())
    second = observed(WorkerProcess(harness), telemetry)
    await second.run()
    assert (await harness.result()).job.status is JobStatus.COMPLETED
    assert known > 0
    assert value(telemetry, "burnish_journal_hits_total", **OF_TARGET) >= known
    assert value(telemetry, "burnish_model_calls_total", outcome="answered", **OF_TARGET) == len(second.asked)
    calls = [span for span in spans.get_finished_spans() if span.name.startswith("chat ")]
    assert len(calls) == len(second.asked)
    assert value(telemetry, "burnish_queue_delay_seconds_count") == 0  # it had waited for the first attempt


async def test_an_attempt_that_is_retried(harness: WorkerHarness, telemetry: Telemetry) -> None:
    await harness.submit()
    process = observed(WorkerProcess(harness), telemetry)
    fails = iter([True])

    def away(*_: object) -> None:
        if next(fails, False):
            raise StoreUnavailable("gone for a moment")

    process.before["journal_read"] = away
    await process.run()
    assert value(telemetry, "burnish_attempts_total", outcome="retried") == 1
    assert value(telemetry, "burnish_attempts_total", outcome="completed") == 1


@pytest.mark.parametrize(
    ("error", "outcome", "good"),
    [
        (asyncio.CancelledError(), "interrupted", True),
        (AttemptSuperseded("j", 1), "superseded", False),
        (StoreUnavailable("it sleeps"), "store_away", False),
        (RuntimeError("a bug"), "failed", False),
    ],
)
def test_how_an_attempt_can_end(
    telemetry: Telemetry, spans: InMemorySpanExporter, error: BaseException, outcome: str, good: bool
) -> None:
    with pytest.raises(type(error)), telemetry.attempt(a_job()):
        raise error
    assert value(telemetry, "burnish_attempts_total", outcome=outcome) == 1
    assert value(telemetry, "burnish_attempts_running") == 0
    (span,) = spans.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["burnish.outcome"] == outcome
    assert (span.status.status_code is StatusCode.ERROR) is not good
    assert not span.events  # an exception recorded there would carry its text


def test_a_failed_call_reports_its_kind_only(telemetry: Telemetry, spans: InMemorySpanExporter) -> None:
    report = CallReport(
        model="openai:/m?base_url=http%3A%2F%2Fuser%3Apw@host",
        role=Role.JUDGE,
        seconds=2.5,
        tries=4,
        usage=Usage(1, 10, 5, 2_000_000_000),
        error="ModelTimeout",
    )
    telemetry.called(report)
    labels = {"model": "openai:/m", "role": "judge"}
    assert value(telemetry, "burnish_model_calls_total", outcome="ModelTimeout", **labels) == 1
    assert value(telemetry, "burnish_model_call_retries_total", **labels) == 3
    assert value(telemetry, "burnish_model_usd_total", **labels) == 2.0
    (span,) = spans.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert span.end_time is not None
    assert span.start_time is not None
    assert span.end_time - span.start_time == 2_500_000_000
    assert "pw" not in span.to_json()


def test_log_lines_inside_an_attempt_carry_the_job_in_every_thread(telemetry: Telemetry) -> None:
    def bound() -> dict[str, object]:
        return structlog.contextvars.get_contextvars()

    async def inside() -> dict[str, object]:
        with telemetry.attempt(a_job(attempt=3)):
            return await asyncio.to_thread(bound)

    found = asyncio.run(inside())
    assert (found["job_id"], found["attempt"]) == ("j", 3)
    assert len(str(found["trace_id"])) == 32
    assert bound() == {}
    assert logging.getLogger("burnish").disabled is False

"""Traces of jobs: attempt → phase → model call. Never a prompt, an answer or an error's text.

A call's span is made when the call is over and dated back, so that calls carry nothing while they run.
Calls answered from the journal have none: nothing was asked.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context

from burnish.domain.job import Job
from burnish.llm.gateway import CallReport
from burnish.llm.uri import parse_model_uri
from burnish.observability.metrics import model_label

_LAST_SECONDS = 3.0  # what a collector that does not answer may hold up the end of a process
_GOOD_OUTCOMES = ("completed", "canceled", "interrupted")

_current: ContextVar[AttemptSpan | None] = ContextVar("burnish-attempt-span", default=None)


class Traces:
    """Makes spans.

    Args:
        provider: exports them; closed by :meth:`close`. It is not made the process's global one, which
            belongs to MLflow and others.
        clock_ns: nanoseconds since 1970.
    """

    def __init__(self, provider: TracerProvider, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("burnish")
        self._clock_ns = clock_ns

    @contextmanager
    def attempt(self, job: Job) -> Iterator[AttemptSpan]:
        """The span of one attempt; what is called inside, in any task, becomes part of it."""
        span = AttemptSpan(self._tracer, job)
        token = _current.set(span)
        try:
            yield span
        finally:
            _current.reset(token)
            span.end()

    def called(self, report: CallReport) -> None:
        """A model call is over."""
        if report.replayed:
            return
        model = parse_model_uri(report.model)
        ended_ns = self._clock_ns()
        attempt = _current.get()
        span = self._tracer.start_span(
            f"chat {model_label(model)}",
            context=attempt.inside if attempt else None,
            kind=SpanKind.CLIENT,
            start_time=ended_ns - round(report.seconds * 1e9),
            # https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": model.scheme,
                "gen_ai.request.model": model.name,
                "gen_ai.usage.input_tokens": report.usage.prompt_tokens,
                "gen_ai.usage.output_tokens": report.usage.completion_tokens,
                "burnish.role": report.role.value,
                "burnish.requests": report.tries,
            },
        )
        if report.error is not None:
            span.set_attribute("error.type", report.error)
            span.set_status(StatusCode.ERROR)
        span.end(ended_ns)

    async def close(self) -> None:
        """Send what is left, and wait a little for it."""
        # Not one of the event loop's threads: those are waited for at the end, however long they take.
        sending = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, _LAST_SECONDS)


class AttemptSpan:
    """One attempt and its phases, of which one at a time is open.

    Attributes:
        inside: the context of what happens now.
    """

    def __init__(self, tracer: Tracer, job: Job) -> None:
        self._tracer = tracer
        self._span = tracer.start_span(
            "job attempt",
            context=Context(),  # a trace of its own, whatever else is being traced around it
            attributes={
                "burnish.job_id": job.job_id,
                "burnish.attempt": job.attempt,
                "burnish.experiment_id": job.experiment_id,
                "burnish.optimizer": job.config.optimizer_type.value,
            },
        )
        self._whole = set_span_in_context(self._span)
        self._phase: Span | None = None
        self.inside = self._whole

    @property
    def trace_id(self) -> str:
        """As collectors show it: 32 hexadecimal digits."""
        return f"{self._span.get_span_context().trace_id:032x}"

    def phase(self, name: str) -> None:
        """The phase before is over, this one begins."""
        self._end_phase()
        self._phase = self._tracer.start_span(f"phase {name}", context=self._whole)
        self.inside = set_span_in_context(self._phase)

    def outcome(self, outcome: str) -> None:
        """How the attempt ended."""
        self._span.set_attribute("burnish.outcome", outcome)
        if outcome not in _GOOD_OUTCOMES:
            self._span.set_status(StatusCode.ERROR)

    def end(self) -> None:
        """Nothing more will happen."""
        self._end_phase()
        self._span.end()

    def _end_phase(self) -> None:
        if self._phase is not None:
            self._phase.end()
            self._phase, self.inside = None, self._whole

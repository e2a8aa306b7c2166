"""Traces as an app logs them, through MLflow's own client."""

from __future__ import annotations

import itertools
import json
import time

from burnish.mlflow_import import load_mlflow
from burnish.tracking.protocol import LoggedTrace, TraceValues

_CLOCK = itertools.count(time.time_ns() // 1_000_000)


def log_trace(tracking_uri: str, experiment_id: str, trace: LoggedTrace, values: TraceValues) -> None:
    """One trace with a root span and one below it; each trace is younger than the one before."""
    load_mlflow()
    from mlflow.entities import AssessmentSource, Expectation, Feedback, TraceInfo, TraceLocation
    from mlflow.entities.span import create_mlflow_span
    from mlflow.entities.trace_state import TraceState
    from mlflow.tracing.client import TracingClient
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, TraceFlags

    client = TracingClient(tracking_uri)
    now_ms = next(_CLOCK)
    number = int(trace.trace_id.removeprefix("tr-"), 16)
    root, child = (SpanContext(number, span, False, TraceFlags(1)) for span in (7, 8))
    shown = {"mlflow.spanInputs": values.inputs, "mlflow.spanOutputs": values.output}
    spans = [
        ReadableSpan(
            name=name,
            context=context,
            parent=parent,
            attributes={
                "mlflow.traceRequestId": json.dumps(trace.trace_id),
                "mlflow.experimentId": json.dumps(experiment_id),
                **{key: json.dumps(value) for key, value in attributes.items()},
            },
            start_time=now_ms * 1_000_000,
            end_time=now_ms * 1_000_000 + 1,
            resource=Resource.get_empty(),
        )
        for name, context, parent, attributes in (
            ("app", root, None, shown),
            ("model", child, root, {"mlflow.spanInputs": "inner"}),
        )
    ]
    client.log_spans(experiment_id, [create_mlflow_span(span, trace.trace_id) for span in spans])
    client.start_trace(
        TraceInfo(
            trace_id=trace.trace_id,
            trace_location=TraceLocation.from_experiment_id(experiment_id),
            request_time=now_ms,
            state=TraceState.OK,
            trace_metadata={"burnish.job_id": trace.job_id} if trace.job_id else {},
        )
    )
    person = AssessmentSource(source_type="HUMAN", source_id="ada")
    judge = AssessmentSource(source_type="LLM_JUDGE", source_id="judge")
    for name, value in trace.expectations.items():
        client.log_assessment(trace.trace_id, Expectation(name=name, value=value, source=person))
    for name, value in trace.feedback.items():
        client.log_assessment(trace.trace_id, Feedback(name=name, value="before", source=person))
        client.log_assessment(trace.trace_id, Feedback(name=name, value=value, source=person))
        client.log_assessment(trace.trace_id, Feedback(name=name, value="judge's", source=judge))

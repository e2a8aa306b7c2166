"""Evaluations as MLflow's traces, with their scores as assessments: what its Traces tab and evaluation
tables read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from burnish.domain.records import EvaluationRecord
from burnish.mlflow_import import load_mlflow
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.protocol import EvaluationTrace, TraceBatch

_PAGE = 500  # the most that a search of traces gives at once
_PREVIEW = 1000  # characters; MLflow cuts them there itself
_SOURCE_RUN = "mlflow.sourceRun"
_NAME = "mlflow.traceName"


class Traces:
    """Traces over one connection.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, connection: Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock

    def write(self, run_id: str, batch: TraceBatch) -> None:
        """Write the traces that the run does not have yet, one after the other.

        A trace's id follows from job, candidate, example and split, so one that a crash left half written
        is completed and none is written twice.
        """
        load_mlflow()
        with self._connection.tracking("run", run_id) as store:
            written = set(_written(store, batch.experiment_id, run_id))
            for trace in batch.traces:
                trace_id = trace_id_of(batch.job_id, trace.record)
                if trace_id not in written:
                    self._write_one(store, run_id, batch, trace, trace_id)

    def _write_one(
        self, store: Any, run_id: str, batch: TraceBatch, trace: EvaluationTrace, trace_id: str
    ) -> None:
        from mlflow.entities import TraceInfo, TraceLocation
        from mlflow.entities.trace_state import TraceState

        evaluation = trace.record.evaluation
        now_ns = int(self._clock() * 1e9)
        # The spans come first: a trace that is found is complete.
        store.log_spans(batch.experiment_id, [_span(trace, trace_id, now_ns, batch.experiment_id)])
        store.start_trace(
            TraceInfo(
                trace_id=trace_id,
                trace_location=TraceLocation.from_experiment_id(batch.experiment_id),
                request_time=now_ns // 1_000_000,
                execution_duration=0,
                state=TraceState.ERROR if evaluation.error else TraceState.OK,
                request_preview=_json(trace.example.inputs)[:_PREVIEW],
                response_preview=evaluation.output[:_PREVIEW],
                trace_metadata={
                    _SOURCE_RUN: run_id,
                    "mlflow.trace.tokenUsage": json.dumps(_token_usage(trace.record)),
                    "burnish.job_id": batch.job_id,
                    "burnish.candidate_id": evaluation.candidate_id,
                    "burnish.example_id": evaluation.example_id,
                    "burnish.split": trace.record.split,
                    "burnish.role": trace.role,
                },
                tags={_NAME: f"{trace.role}, {trace.record.split}"},
                assessments=list(_assessments(trace, trace_id, run_id)),
            )
        )


def trace_id_of(job_id: str, record: EvaluationRecord) -> str:
    """The trace's id: the same for the same evaluation, whoever writes it."""
    what = (job_id, record.evaluation.candidate_id, record.evaluation.example_id, record.split)
    return "tr-" + hashlib.sha256("\0".join(what).encode()).hexdigest()[:32]


def _written(store: Any, experiment_id: str, run_id: str) -> Iterator[str]:
    token = None
    while True:
        found, token = store.search_traces(
            experiment_ids=[experiment_id],
            filter_string=f"metadata.`{_SOURCE_RUN}` = '{run_id}'",
            max_results=_PAGE,
            page_token=token,
        )
        yield from (info.trace_id for info in found)
        if not token:
            return


def _span(trace: EvaluationTrace, trace_id: str, now_ns: int, experiment_id: str) -> Any:
    """The only span: what the prompt was given and what came out."""
    from mlflow.entities import SpanType
    from mlflow.entities.span import create_mlflow_span
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

    evaluation, digest = trace.record.evaluation, trace_id.removeprefix("tr-")
    attributes: dict[str, Any] = {
        "mlflow.traceRequestId": trace_id,
        "mlflow.experimentId": experiment_id,
        "mlflow.spanInputs": trace.example.inputs,
        "mlflow.spanOutputs": evaluation.output,
        "mlflow.spanType": SpanType.CHAT_MODEL,
        "mlflow.chat.tokenUsage": _token_usage(trace.record),
        "mlflow.llm.model": trace.model,
    }
    status = Status(StatusCode.ERROR, evaluation.error) if evaluation.error else Status(StatusCode.OK)
    return create_mlflow_span(
        ReadableSpan(
            name=trace.role,
            context=SpanContext(
                int(digest, 16), int(digest[:16], 16) or 1, is_remote=False, trace_flags=TraceFlags(1)
            ),
            attributes={key: _json(value) for key, value in attributes.items()},
            start_time=now_ns,
            end_time=now_ns,
            status=status,
            resource=Resource.get_empty(),
        ),
        trace_id,
    )


def _assessments(trace: EvaluationTrace, trace_id: str, run_id: str) -> Iterable[Any]:
    """Scores as feedback, what was expected as expectations."""
    from mlflow.entities import AssessmentSource, Expectation, Feedback

    scorer = AssessmentSource(source_type="CODE", source_id="burnish")
    for name, score in trace.record.evaluation.scores.items():
        feedback = Feedback(name=name, value=score.value, source=scorer, rationale=score.rationale or None)
        feedback.trace_id, feedback.run_id = trace_id, run_id
        # MLflow's evaluation tables look for the run in the metadata.
        feedback.metadata = {_SOURCE_RUN: run_id}
        yield feedback
    dataset = AssessmentSource(source_type="HUMAN", source_id="dataset")
    for name, value in trace.example.expectations.items():
        if value is not None:
            yield Expectation(name=name, value=value, source=dataset, trace_id=trace_id)


def _token_usage(record: EvaluationRecord) -> Mapping[str, int]:
    usage = record.evaluation.usage
    return {
        "input_tokens": usage.prompt_tokens,
        "output_tokens": usage.completion_tokens,
        "total_tokens": usage.tokens,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)

"""Evaluations as MLflow's traces, with their scores as assessments: what its Traces tab and evaluation
tables read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from burnish.domain.records import EvaluationRecord
from burnish.mlflow_import import load_mlflow
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.mlflow.trace_rows import SPANS_LOCATION, TraceRows, begun_rows
from burnish.tracking.mlflow.transaction import Transaction, write_together
from burnish.tracking.names import trace_id_of
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
        self._rows = TraceRows()

    def write(self, run_id: str, batch: TraceBatch) -> None:
        """Write the traces that the run does not have yet.

        A trace's id follows from job, candidate, example and split, so one that a crash left half written
        is completed and none is written twice.
        """
        load_mlflow()
        by_id = {trace_id_of(batch.job_id, trace.record): trace for trace in batch.traces}
        now_ns = int(self._clock() * 1e9)

        def write(store: Any, transaction: Transaction | None) -> None:
            begun = dict(_begun(store, batch.experiment_id, run_id, list(by_id), transaction))
            missing = {trace_id: trace for trace_id, trace in by_id.items() if not begun.get(trace_id)}
            new: Sequence[tuple[Any, Any]] = [
                (
                    _info(run_id, batch, trace, trace_id, now_ns // 1_000_000),
                    _span(trace, trace_id, now_ns, batch.experiment_id),
                )
                for trace_id, trace in missing.items()
                if trace_id not in begun
            ]
            if transaction is not None and new:
                new = self._rows.write(store, transaction, new)
            # In this order MLflow inserts; the other way round it merges row by row.
            for info, _ in new:
                store.start_trace(info)
            spans = [
                _span(trace, trace_id, now_ns, batch.experiment_id)
                for trace_id, trace in missing.items()
                if trace_id in begun
            ]
            _log_spans(store, batch.experiment_id, [*(span for _, span in new), *spans])

        with self._connection.tracking("run", run_id) as store:
            write_together(store, batch.experiment_id, write)


def _info(run_id: str, batch: TraceBatch, trace: EvaluationTrace, trace_id: str, now_ms: int) -> Any:
    """All but the span. What it cost is read from there: given twice, older versions add it up."""
    from mlflow.entities import TraceInfo, TraceLocation
    from mlflow.entities.trace_state import TraceState

    evaluation = trace.record.evaluation
    return TraceInfo(
        trace_id=trace_id,
        trace_location=TraceLocation.from_experiment_id(batch.experiment_id),
        request_time=now_ms,
        execution_duration=0,
        state=TraceState.ERROR if evaluation.error else TraceState.OK,
        request_preview=_json(trace.example.inputs)[:_PREVIEW],
        response_preview=evaluation.output[:_PREVIEW],
        trace_metadata={
            _SOURCE_RUN: run_id,
            "burnish.job_id": batch.job_id,
            "burnish.candidate_id": evaluation.candidate_id,
            "burnish.example_id": evaluation.example_id,
            "burnish.split": trace.record.split,
            "burnish.role": trace.role,
        },
        tags={_NAME: f"{trace.role}, {trace.record.split}"},
        assessments=list(_assessments(trace, trace_id, run_id)),
    )


def _log_spans(store: Any, experiment_id: str, spans: Sequence[Any]) -> None:
    """At once where MLflow takes spans of several traces; 3.9 does not."""
    if not spans:
        return
    from mlflow.exceptions import MlflowException

    try:
        store.log_spans(experiment_id, list(spans))
    except MlflowException as error:
        if "same trace" not in str(error):
            raise
        for span in spans:
            store.log_spans(experiment_id, [span])


def _begun(
    store: Any, experiment_id: str, run_id: str, trace_ids: Sequence[str], transaction: Transaction | None
) -> Iterator[tuple[str, bool]]:
    """Ids of the traces that are there, and whether they have their span."""
    if transaction is not None:
        yield from begun_rows(transaction.session, trace_ids)
        return
    token = None
    while True:
        found, token = store.search_traces(
            experiment_ids=[experiment_id],
            filter_string=f"metadata.`{_SOURCE_RUN}` = '{run_id}'",
            max_results=_PAGE,
            page_token=token,
        )
        yield from ((info.trace_id, SPANS_LOCATION in info.tags) for info in found)
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

"""Traces as rows of MLflow's own database, the ones that its store would have written.

Its store makes an object of each row and asks for each trace several times: 3.5 ms of CPU for a trace, a
sixth of which is left when rows of all traces are inserted together. Whether this version of MLflow
writes such rows is not believed but seen: see :meth:`TraceRows.write`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.tracking.mlflow.transaction import Transaction

SPANS_LOCATION = "mlflow.trace.spansLocation"  # MLflow sets it with the first span
_NAME = "mlflow.traceName"
_USAGE = "mlflow.trace.tokenUsage"
_MODEL = "mlflow.llm.model"
_SPAN_USAGE = "mlflow.chat.tokenUsage"
_COST = "mlflow.llm.cost"
_OWN = {"assessment_id", "created_timestamp", "last_updated_timestamp"}  # drawn anew for each row

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Name of a table → rows for it, a value for each of its columns."""


class TraceRows:
    """Writes new traces into MLflow's tables."""

    def __init__(self) -> None:
        self._agrees: bool | None = None
        self._unpriced: set[str] = set()

    def write(
        self, store: Any, transaction: Transaction, traces: Sequence[tuple[Any, Any]]
    ) -> Sequence[tuple[Any, Any]]:
        """Insert new traces, pairs of ``TraceInfo`` and the only span.

        The first one of a process is written by MLflow's store, and its rows are compared with ours.

        Returns:
            Those that MLflow's store has to write, since this version has other rows.

        Raises:
            sqlalchemy.exc.IntegrityError: one of them is there already.
        """
        session, experiment = transaction.session, transaction.experiment
        if self._agrees is None and self._may_write(store, experiment):
            (info, span), *traces = traces
            store.start_trace(info)
            store.log_spans(info.experiment_id, [span])
            session.flush()
            expected = _comparable(trace_rows(experiment, [(info, span)], self._unpriced))
            self._agrees = expected == _comparable(_written(session, info.trace_id))
        if not self._agrees or not self._may_write(store, experiment):
            return traces
        rows = trace_rows(experiment, traces, self._unpriced)
        for table in _tables():
            if rows[table.name]:
                session.execute(table.insert(), rows[table.name])
        return ()

    @staticmethod
    def _may_write(store: Any, experiment: Any) -> bool:
        """Whether neither this database nor a setting speaks against it."""
        from mlflow import environment_variables

        rollups = getattr(environment_variables, "MLFLOW_SQL_TRACE_ROLLUPS_ENABLED", None)
        return (
            store.db_type != "mssql"  # MLflow writes other JSON there
            and experiment.lifecycle_stage == "active"
            and not (rollups is not None and rollups.get())
        )


def begun_rows(session: Any, trace_ids: Sequence[str]) -> list[tuple[str, bool]]:
    """Which of the traces are there, and whether each has its span."""
    from mlflow.store.tracking.dbmodels.models import SqlTraceInfo, SqlTraceTag
    from sqlalchemy import and_, select

    info, tag = SqlTraceInfo.__table__, SqlTraceTag.__table__
    spans = and_(tag.c.request_id == info.c.request_id, tag.c.key == SPANS_LOCATION)
    query = select(info.c.request_id, tag.c.value).select_from(info.outerjoin(tag, spans))
    found = session.execute(query.where(info.c.request_id.in_(trace_ids)))
    return [(trace_id, location is not None) for trace_id, location in found]


def trace_rows(experiment: Any, traces: Iterable[tuple[Any, Any]], unpriced: set[str]) -> Rows:
    """Rows of finished traces of one span each, as ``start_trace`` and ``log_spans`` leave them.

    Args:
        unpriced: models of which MLflow knows no price; gets those that are found to be such.
    """
    from mlflow.store.tracking.dbmodels import models
    from mlflow.utils.uri import append_to_uri_path

    columns = {table.name: [c.name for c in table.c if c.computed is None] for table in _tables()}
    place = append_to_uri_path(experiment.artifact_location, "traces", "ID", "artifacts")
    promoted = "input_tokens" in columns["trace_info"]  # what older versions have as metadata and metrics
    rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def add(table: Any, row: Mapping[str, Any]) -> None:
        rows[table.__tablename__].append({name: row.get(name) for name in columns[table.__tablename__]})

    for info, span in traces:
        content = _content_of(span, unpriced)
        attributes = content["attributes"]
        usage = json.loads(attributes[_SPAN_USAGE])
        costs = json.loads(attributes.get(_COST, "{}"))
        trace_id, experiment_id = info.trace_id, int(info.experiment_id)
        tags = {
            "mlflow.artifactLocation": place.replace("ID", trace_id),
            SPANS_LOCATION: "TRACKING_STORE",
        }
        metadata = dict(info.trace_metadata)
        if promoted:
            metadata["mlflow.trace.infoFinalized"] = "true"
        else:
            tags[_NAME] = info.tags[_NAME]
            metadata[_USAGE] = json.dumps(usage)
        add(
            models.SqlTraceInfo,
            {
                "request_id": trace_id,
                "experiment_id": experiment_id,
                "timestamp_ms": info.request_time,
                "execution_time_ms": info.execution_duration,
                "status": info.state.value,
                "request_preview": info.request_preview,
                "response_preview": info.response_preview,
                "db_payload_generation": 1,
                "trace_name": info.tags[_NAME],
                **usage,
                **costs,
            },
        )
        if not promoted:
            for key, value in usage.items():
                add(models.SqlTraceMetrics, {"request_id": trace_id, "key": key, "value": float(value)})
        for key, value in tags.items():
            add(models.SqlTraceTag, {"request_id": trace_id, "key": key, "value": value})
        for key, value in metadata.items():
            add(models.SqlTraceMetadata, {"request_id": trace_id, "key": key, "value": value})
        add(
            models.SqlSpan,
            {
                "trace_id": trace_id,
                "experiment_id": experiment_id,
                "span_id": span.span_id,
                "parent_span_id": span.parent_id,
                "name": span.name,
                "type": span.span_type,
                "status": span.status.status_code.value,
                "start_time_unix_nano": span.start_time_ns,
                "end_time_unix_nano": span.end_time_ns,
                "content": json.dumps(content, ensure_ascii=not promoted),
                "model_name": json.loads(attributes[_MODEL])[:500],
                **costs,
            },
        )
        for assessment in info.assessments:
            add(models.SqlAssessments, _assessment(assessment, info))
    return rows


def _content_of(span: Any, unpriced: set[str]) -> dict[str, Any]:
    """The span as MLflow stores it. For each one whose cost it does not find, MLflow would look for litellm
    and through all its price lists, which is half of what a trace takes."""
    from mlflow.tracing.otel.translation import translate_span_when_storing

    model = span.get_attribute(_MODEL)
    if model in unpriced:
        content: dict[str, Any] = translate_span_when_storing(_Priced(span))
        del content["attributes"][_COST]
        return content
    content = translate_span_when_storing(span)
    if _COST not in content["attributes"] and json.loads(content["attributes"][_SPAN_USAGE])["total_tokens"]:
        unpriced.add(model)
    return content


@dataclass(frozen=True, slots=True)
class _Priced:
    """A span that has a cost, so that none is looked for."""

    span: Any

    def to_dict(self) -> dict[str, Any]:
        content: dict[str, Any] = self.span.to_dict()
        content["attributes"][_COST] = "{}"
        return content


def _assessment(assessment: Any, info: Any) -> Mapping[str, Any]:
    from mlflow.tracing.utils import generate_assessment_id

    is_feedback = assessment.feedback is not None
    value = (assessment.feedback if is_feedback else assessment.expectation).value
    number, is_number = _aggregate(value)
    return {
        "assessment_id": generate_assessment_id(),
        "trace_id": info.trace_id,
        "name": assessment.name,
        "assessment_type": "feedback" if is_feedback else "expectation",
        "value": json.dumps(value),
        "created_timestamp": info.request_time,
        "last_updated_timestamp": info.request_time,
        "experiment_id": int(info.experiment_id),
        "trace_timestamp_ms": info.request_time,
        "aggregate_value": number,
        "is_numeric_value": is_number,
        "source_type": assessment.source.source_type,
        "source_id": assessment.source.source_id,
        "run_id": assessment.run_id,
        "rationale": assessment.rationale,
        "valid": True,
        "assessment_metadata": json.dumps(assessment.metadata) if assessment.metadata else None,
    }


def _aggregate(value: Any) -> tuple[float | None, bool]:
    try:
        from mlflow.store.tracking.utils.trace_analytics import assessment_aggregate
    except ImportError:  # before there were such columns
        return None, False
    number, is_number = assessment_aggregate(value)
    return number, is_number


def _tables() -> list[Any]:
    """Those that a trace has rows in, each after those it refers to."""
    from mlflow.store.tracking.dbmodels import models

    names = ["SqlTraceInfo", "SqlTraceTag", "SqlTraceMetadata", "SqlTraceMetrics"]
    names += ["SqlSpan", "SqlSpanMetrics", "SqlAssessments"]
    return [getattr(models, name).__table__ for name in names if hasattr(models, name)]


def _written(session: Any, trace_id: str) -> Rows:
    found = {}
    for table in _tables():
        key = table.c.trace_id if "trace_id" in table.c else table.c.request_id
        names = [c for c in table.c if c.computed is None]
        found[table.name] = session.execute(table.select().with_only_columns(*names).where(key == trace_id))
    return {name: [dict(row) for row in rows.mappings()] for name, rows in found.items()}


def _comparable(rows: Rows) -> dict[str, list[str]]:
    """Without the order of the rows and what is drawn anew for each."""
    return {
        name: sorted(repr(sorted((k, v) for k, v in row.items() if k not in _OWN)) for row in of_table)
        for name, of_table in rows.items()
        if of_table
    }

"""Traces that apps have logged, read: what went in, what came out, and what people said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from burnish.errors import NotFound
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.protocol import LoggedTrace, TraceValues

_PAGE = 500  # the most that a search of traces gives at once
_BATCH = 10  # traces read at once; a server refuses more
_HUMAN = "HUMAN"
_JOB_ID = "burnish.job_id"
_SPANS_LOCATION, _IN_STORE = "mlflow.trace.spansLocation", "TRACKING_STORE"
_ARTIFACTS = "mlflow.artifactLocation"


class LoggedTraces:
    """Traces over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def search(self, experiment_id: str, filter: str, max_results: int) -> list[LoggedTrace]:
        """
        Raises:
            InvalidInput: the filter cannot be read.
        """
        found: list[LoggedTrace] = []
        token = None
        while len(found) < max_results:
            with self._connection.tracking("filter", filter) as store:
                infos, token = store.search_traces(
                    experiment_ids=[experiment_id],
                    filter_string=filter or None,
                    max_results=min(_PAGE, max_results - len(found)),
                    order_by=["timestamp_ms DESC"],
                    page_token=token,
                )
            found += map(_logged, infos)
            if not token:
                break
        return found

    def values(self, trace_ids: Sequence[str]) -> dict[str, TraceValues]:
        """What the root spans hold, by trace id; without those that are gone."""
        return {
            trace_id: values
            for trace_id, spans in self.spans(trace_ids)
            if (values := _root_values(spans)) is not None
        }

    def spans(self, trace_ids: Sequence[str]) -> Iterator[tuple[str, Sequence[Any]]]:
        """The spans of each trace that has any."""
        for start in range(0, len(trace_ids), _BATCH):
            yield from self._batch(trace_ids[start : start + _BATCH])

    def _batch(self, trace_ids: Sequence[str]) -> Iterator[tuple[str, Sequence[Any]]]:
        with self._connection.tracking("trace", ", ".join(trace_ids)) as store:
            traces = store.batch_get_traces(list(trace_ids), None)
        read = {trace.info.trace_id: trace.data.spans for trace in traces}
        yield from read.items()
        for trace_id in trace_ids:
            if not read.get(trace_id) and (spans := self._spans_among_artifacts(trace_id)):
                yield trace_id, spans

    def _spans_among_artifacts(self, trace_id: str) -> Sequence[Any]:
        """Where older clients and artifact-only servers put them."""
        from mlflow.entities import TraceData

        try:
            with self._connection.tracking("trace", trace_id) as store:
                tags = store.get_trace_info(trace_id).tags
            if tags.get(_SPANS_LOCATION) == _IN_STORE or _ARTIFACTS not in tags:
                return ()
            with self._connection.artifacts(tags[_ARTIFACTS]) as repository:
                spans: Sequence[Any] = TraceData.from_dict(repository.download_trace_data()).spans
                return spans
        except NotFound:
            return ()


def _root_values(spans: Sequence[Any]) -> TraceValues | None:
    root = next((span for span in spans if span.parent_id is None), None)
    return None if root is None else TraceValues(root.inputs, root.outputs)


def _logged(info: Any) -> LoggedTrace:
    said = [entry for entry in info.assessments or () if entry.valid is not False]
    said.sort(key=lambda entry: entry.last_update_time_ms or 0)  # so that the latest of a name stays
    return LoggedTrace(
        trace_id=info.trace_id,
        expectations={entry.name: entry.expectation.value for entry in said if entry.expectation is not None},
        feedback={
            entry.name: entry.feedback.value
            for entry in said
            if entry.feedback is not None and entry.source.source_type == _HUMAN and not entry.feedback.error
        },
        job_id=(info.trace_metadata or {}).get(_JOB_ID),
    )

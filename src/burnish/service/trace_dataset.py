"""The traces that an app has logged, read as a dataset. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.domain.dataset import Dataset
from burnish.domain.hashing import digest
from burnish.domain.personal_data import PersonalDataKind, find_personal_data, mask_personal_data
from burnish.errors import InvalidInput, Problem, Problems
from burnish.service.trace_records import expectations_of, inputs_of
from burnish.tracking.names import check_dataset_name
from burnish.tracking.protocol import LoggedTrace, Tracker

MOST_TRACES = 10_000

Record = tuple[Mapping[str, Any], Mapping[str, Any]]
"""Inputs and expectations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRequest:
    """Which traces become a dataset, and how.

    Attributes:
        experiment_id: of the traces, and of the dataset.
        filter: in MLflow's grammar for traces; empty: all.
        feedback: name of what people said of them; only traces that have it are taken. Empty: none.
        sample: so many of them, drawn by trace id, so that the same traces are drawn again; ``None``: all.
        name: of the dataset; empty: ``traces-EXPERIMENT``.
        mask: personal data is replaced.
        allow_personal_data: it is kept.
    """

    experiment_id: str
    filter: str = ""
    feedback: str = ""
    sample: int | None = None
    name: str = ""
    mask: bool = False
    allow_personal_data: bool = False


@dataclass(frozen=True, slots=True)
class DatasetResult:
    """The dataset (without an id where it was only looked at), and what there is to say of it.

    Attributes:
        notes: what was left out.
        personal_data: what was found in it, before it was masked.
    """

    dataset: Dataset
    notes: Sequence[str]
    personal_data: Sequence[Problem] = ()


def read_traces(tracker: Tracker, request: TraceRequest, found: Sequence[Problem] = ()) -> DatasetResult:
    """Read the traces that are asked for; their personal data is found, and masked where that is asked for.

    Args:
        found: what is wrong with the request already.

    Raises:
        InvalidInput: the request, or there is nothing that it could be.
        TrackingUnavailable
    """
    Problems([*found, *_problems(tracker, request)]).check()
    notes: list[str] = []
    traces = _wanted(tracker, request, notes)
    values = tracker.trace_values([trace.trace_id for trace in traces])
    records: list[Record] = []
    sources: list[str] = []
    for trace in traces:
        known = values.get(trace.trace_id)
        if known is not None and (inputs := inputs_of(known)):
            records.append((inputs, expectations_of(trace, known, request.feedback)))
            sources.append(trace.trace_id)
    if len(records) < len(traces):
        notes.append(f"{len(traces) - len(records)} traces have no inputs and were left out")
    if not records:
        nothing = "no trace of this experiment is left; check filter and feedback"
        raise InvalidInput.of("filter", request.filter, "; ".join([nothing, *notes]))
    personal_data = _personal_data(records, sources)
    if request.mask:
        records = [(mask_personal_data(inputs), mask_personal_data(rest)) for inputs, rest in records]
    places = _newest_of_equal(records)
    if len(places) < len(records):
        notes.append(f"{len(records) - len(places)} traces have the inputs of a newer one and were left out")
    dataset = Dataset.of(
        [records[place] for place in places], _name(request), sources=[sources[place] for place in places]
    )
    return DatasetResult(dataset, notes, personal_data)


def _name(request: TraceRequest) -> str:
    return request.name or f"traces-{request.experiment_id}"


def _problems(tracker: Tracker, request: TraceRequest) -> Iterator[Problem]:
    if not tracker.experiment_exists(request.experiment_id):
        remedy = "there is no such experiment; name the one that has the traces"
        yield Problem("experiment_id", request.experiment_id, remedy)
    if request.sample is not None and request.sample < 1:
        yield Problem("sample", str(request.sample), "must be 1 or more, or left out")
    if request.mask and request.allow_personal_data:
        yield Problem("allow_personal_data", "true", "mask is set, too; say one of them")
    try:
        check_dataset_name(_name(request))
    except InvalidInput as error:
        yield from (Problem("name", problem.value, problem.remedy) for problem in error.problems)


def _wanted(tracker: Tracker, request: TraceRequest, notes: list[str]) -> list[LoggedTrace]:
    """The newest first. What is left out is noted."""
    traces = list(tracker.search_traces(request.experiment_id, request.filter, MOST_TRACES + 1))
    if len(traces) > MOST_TRACES:
        traces.pop()
        notes.append(f"only the newest {MOST_TRACES} traces were looked at; narrow the filter for others")
    kept = [trace for trace in traces if trace.job_id is None]
    if len(kept) < len(traces):
        notes.append(f"{len(traces) - len(kept)} traces are evaluations of jobs and were left out")
    if request.feedback:
        judged = [trace for trace in kept if request.feedback in trace.feedback]
        if len(judged) < len(kept):
            lacking = len(kept) - len(judged)
            notes.append(f"{lacking} traces have no feedback {request.feedback!r} of a person; left out")
        kept = judged
    if request.sample is None:
        return kept
    drawn = {trace.trace_id for trace in sorted(kept, key=_lot)[: request.sample]}
    return [trace for trace in kept if trace.trace_id in drawn]


def _newest_of_equal(records: Sequence[Record]) -> list[int]:
    """Places of the first with each inputs, since MLflow keeps one record of them."""
    places: dict[str, int] = {}
    for place, (inputs, _) in enumerate(records):
        places.setdefault(digest(inputs), place)
    return list(places.values())


def _lot(trace: LoggedTrace) -> str:
    return digest(trace.trace_id)


def _personal_data(records: Sequence[Record], sources: Sequence[str]) -> list[Problem]:
    """One for each kind and place, with the first trace that has it."""
    first: dict[tuple[PersonalDataKind, str], tuple[str, str]] = {}
    traces: dict[tuple[PersonalDataKind, str], set[str]] = {}
    for (inputs, expectations), source in zip(records, sources, strict=True):
        for path, part in (("inputs", inputs), ("expectations", expectations)):
            for find in find_personal_data(part, path):
                key = (find.kind, find.path)
                first.setdefault(key, (source, find.shown))
                traces.setdefault(key, set()).add(source)
    return [
        Problem(
            path,
            shown,
            f"personal data ({kind}) in {len(traces[kind, path])} of {len(records)} traces (the first is "
            f"{source}); mask it (--mask, mask: true), or keep it knowingly (--allow-personal-data, "
            "allow_personal_data: true)",
        )
        for (kind, path), (source, shown) in first.items()
    ]

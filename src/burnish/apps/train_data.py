"""``train_data`` as MLflow takes it, read into records of ours."""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from burnish.domain.dataset import Dataset
from burnish.errors import InvalidInput, Problems

_KINDS = (
    "a list of {'inputs': …, 'expectations': …}, a DataFrame with these columns, an MLflow dataset, or traces"
)


def read_train_data(data: Any, function: Callable[..., Any]) -> Dataset | None:
    """The records, each checked against the function's parameters; ``None`` where there are none.

    As MLflow reads them: where a record has no ``expectations``, its ``outputs`` are its expected response.
    Of a trace what went into its root span are the inputs, and its expectations are those that people or
    programs have put there; what the app answered then is no expectation.

    Raises:
        InvalidInput: with every record that cannot be used.
    """
    if data is None:
        return None
    rows = list(_rows(data))
    problems = Problems()
    pairs = []
    parameters = _parameters_of(function)
    for number, row in enumerate(rows):
        inputs = problems.collect(lambda row=row, number=number: _mapping(row, "inputs", number))  # type: ignore[misc]
        expectations = problems.collect(lambda row=row, number=number: _expectations(row, number))  # type: ignore[misc]
        if inputs is None or expectations is None:
            continue
        if parameters is not None and (reason := _misfit(parameters, inputs)):
            problems.add(f"train_data[{number}].inputs", ", ".join(inputs), f"predict_fn {reason}")
        pairs.append((inputs, expectations))
    problems.check()
    return Dataset.of(pairs, _name_of(data), getattr(data, "dataset_id", None))


def _rows(data: Any) -> Iterable[Mapping[str, Any]]:
    kind = type(data)
    if kind.__module__.partition(".")[0] == "pyspark":
        raise InvalidInput.of("train_data", kind.__name__, "is a Spark DataFrame; give data.toPandas()")
    if hasattr(data, "to_df") and hasattr(data, "dataset_id"):  # MLflow's two kinds of dataset
        data = data.to_df()
    if hasattr(data, "to_dict") and hasattr(data, "columns"):  # pandas
        columns = [str(column) for column in data.columns]
        data = [dict(zip(columns, values, strict=True)) for values in data.itertuples(index=False, name=None)]
    if isinstance(data, list | tuple):
        return [_row(entry, number) for number, entry in enumerate(data)]
    raise InvalidInput.of("train_data", kind.__name__, f"must be {_KINDS}")


def _row(entry: Any, number: int) -> Mapping[str, Any]:
    if isinstance(entry, Mapping):
        trace = entry.get("trace")
        return (
            entry if _is_missing(trace) or not _is_missing(entry.get("inputs")) else _of_trace(trace, number)
        )
    if type(entry).__name__ == "Trace":
        return _of_trace(entry, number)
    raise InvalidInput.of(f"train_data[{number}]", type(entry).__name__, f"must be a dict; data is {_KINDS}")


def _of_trace(trace: Any, number: int) -> Mapping[str, Any]:
    """A record of a trace, which is an object or, from ``mlflow.search_traces``, JSON text."""
    from mlflow.entities import Trace

    field = f"train_data[{number}].trace"
    if isinstance(trace, str):
        try:
            trace = Trace.from_json(trace)
        except Exception as error:  # noqa: BLE001 - whatever MLflow's reader meets in the text
            raise InvalidInput.of(field, type(error).__name__, "is no MLflow trace") from None
    spans = getattr(getattr(trace, "data", None), "spans", None) or ()
    root = next((span for span in spans if span.parent_id is None), None)
    if root is None:
        raise InvalidInput.of(field, type(trace).__name__, "is no MLflow trace that has a root span")
    said = trace.info.assessments or ()
    expectations = {entry.name: entry.expectation.value for entry in said if entry.expectation is not None}
    return {"inputs": root.inputs, "expectations": expectations}


def _mapping(row: Mapping[str, Any], column: str, number: int) -> dict[str, Any]:
    value = row.get(column)
    if isinstance(value, str):  # MLflow's datasets hold JSON text now and then
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if not isinstance(value, Mapping) or (column == "inputs" and not value):
        shown = "" if _is_missing(value) else value
        raise InvalidInput.of(f"train_data[{number}].{column}", shown, "must be a dict that is not empty")
    return {
        str(name): _as_json(entry, f"train_data[{number}].{column}.{name}") for name, entry in value.items()
    }


def _expectations(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    value = row.get("expectations")
    if not _is_missing(value) and value != {}:
        return _mapping(row, "expectations", number)
    output = row.get("outputs")
    if _is_missing(output):
        return {}
    return {"expected_response": _as_json(output, f"train_data[{number}].outputs")}


def _is_missing(value: Any) -> bool:
    """``None``, and what pandas has in an empty cell."""
    return value is None or (isinstance(value, float) and value != value)


def _as_json(value: Any, field: str) -> Any:
    """The value as JSON has it: what is kept with the job, and given to the function."""
    try:
        return json.loads(json.dumps(value, default=_plain, allow_nan=True))
    except (TypeError, ValueError, RecursionError) as error:
        remedy = f"is no JSON value ({error}); a job keeps its records, so give text, numbers, lists or dicts"
        raise InvalidInput.of(field, type(value).__name__, remedy) from None


def _plain(value: Any) -> Any:
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"of type {type(value).__name__}")


def _parameters_of(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _misfit(parameters: inspect.Signature, inputs: Mapping[str, Any]) -> str | None:
    try:
        parameters.bind(**inputs)
    except TypeError as error:
        return f"is given the inputs as keyword arguments, and takes {parameters}: {error}"
    return None


def _name_of(data: Any) -> str:
    name = getattr(data, "name", None)
    return name if isinstance(name, str) and name else "train_data"

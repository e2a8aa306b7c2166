"""Records for a prompt, from rows: MLflow's ``{"inputs": ..., "expectations": ...}``, or flat ones."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.domain.dataset import Dataset
from burnish.domain.prompt import needs_value
from burnish.errors import did_you_mean
from burnish.files.content import UserFile
from burnish.files.problems import FileProblems, listed
from burnish.files.rows import Row, Table, read_table
from burnish.tracking.names import MAX_DATASET_NAME_CHARACTERS

ANSWERS = ("expected_response", "expected", "label", "answer", "output")
"""Names of the column that holds the expected answer, unless one is named."""

_RESPONSE = "expected_response"
_RECORD_KEYS = ("inputs", "expectations", "outputs")
_MLFLOW_KEYS = ("tags", "source", "source_type", "source_id", "created_time", "dataset_record_id")

Record = tuple[Mapping[str, Any], Mapping[str, Any]]


def read_records(
    path: Path,
    variables: Collection[str] | None,
    target: str | None = None,
    note: Callable[[str], None] | None = None,
    *,
    sent: bytes | None = None,
    columns: Mapping[str, str] | None = None,
) -> Dataset:
    """Examples from a ``.jsonl``, ``.csv`` or ``.parquet`` file.

    A row with an ``inputs`` object is a record as MLflow has them; otherwise its columns are the
    prompt's variables and the expected answer.

    Args:
        variables: of the prompt; ``None`` when they are not known yet, then every column that is not
            the answer is an input.
        target: column (in records: expectation) with the expected answer; by default the one of
            ``ANSWERS`` that is there.
        note: called with what is left out, in one sentence each.
        sent: the bytes of a file that was sent; ``path`` is then its name.
        columns: variable → column that holds it, where they are called differently; only these are inputs.

    Returns:
        A dataset without id, in the order of the file. Its expectations have ``expected_response``,
        or are empty where the file has no answers.

    Raises:
        InvalidInput: every problem found; at most five of one kind, with file, line and column.
    """
    problems = FileProblems(path)
    if variables is not None and not variables:
        problems.add(
            "no variables",
            None,
            "",
            "",
            "the prompt has no {{variable}}, so nothing of this file would reach the model; "
            "write {{name of a column}} where the text belongs",
        )
    table = read_table(UserFile(path, sent), problems)
    if not table.rows:
        problems.check()
        raise problems.stop(None, "", "", "has no rows")
    if columns:
        table, variables = _renamed(table, columns, target, problems), tuple(columns)
    reading = _Reading(table, None if variables is None else tuple(sorted(variables)), target, problems)
    nested = "inputs" in table.rows[0].values and "inputs" not in (variables or ())
    records = reading.records() if nested else reading.flat()
    problems.check()
    if note is not None and reading.ignored:
        remedy = "" if reading.has_answers else "; if one is the expected answer, name it as target"
        note(f"{path}: ignored {listed(reading.ignored)}{remedy}")
    sources = (f"{path.name}:{row.line}" for row in table.rows)
    return Dataset.of(records, (path.stem or path.name)[:MAX_DATASET_NAME_CHARACTERS], sources=sources)


def _renamed(table: Table, columns: Mapping[str, str], target: str | None, problems: FileProblems) -> Table:
    """The table with the columns of the mapping under the names of their variables."""
    for variable, column in columns.items():
        field = f"columns.{variable}"
        if column not in table.columns:
            there = f"there is no such column; there is {listed(table.columns)}"
            problems.add_elsewhere(field, column, there + did_you_mean(column, table.columns))
        elif column == target:
            problems.add_elsewhere(field, column, "is the expected answer; the model would see it")
    problems.check()
    taken = {*columns.values()} - {*columns, *filter(None, [target])}
    rows = [
        Row(
            row.line,
            {name: value for name, value in row.values.items() if name not in taken}
            | {variable: row.values[column] for variable, column in columns.items() if column in row.values},
        )
        for row in table.rows
    ]
    names = dict.fromkeys([*columns, *(name for name in table.columns if name not in taken)])
    return Table(tuple(rows), tuple(names))


@dataclass
class _Reading:
    """One table on its way to records.

    Attributes:
        ignored: columns that no record has.
        has_answers: whether a column holds the expected answers.
    """

    table: Table
    variables: tuple[str, ...] | None
    target: str | None
    problems: FileProblems
    ignored: tuple[str, ...] = ()
    has_answers: bool = True

    def flat(self) -> list[Record]:
        """Each row's variables and answer."""
        answer = self._answer_among(self.table.columns)
        self.has_answers = answer is not None
        wanted = self.variables
        if wanted is None:
            wanted = tuple(name for name in self.table.columns if name != answer)
        present = self._present(wanted, self.table.columns, "column")
        self.ignored = tuple(name for name in self.table.columns if name not in (*wanted, answer))
        records: list[Record] = []
        for row in self.table.rows:
            inputs = {name: self._value(row, row.values, name) for name in present}
            expectations = {}
            if answer is not None:
                found = self._value(row, row.values, answer)
                if found == "":
                    self._hole(row, answer, "")
                expectations = {_RESPONSE: found}
            records.append((inputs, expectations))
        return records

    def records(self) -> list[Record]:
        """Each row's ``inputs`` and ``expectations`` (or ``outputs``)."""
        self.ignored = tuple(name for name in self.table.columns if name not in _RECORD_KEYS + _MLFLOW_KEYS)
        parts = [
            (row, self._object(row, "inputs"), self._object(row, "expectations")) for row in self.table.rows
        ]
        keys = dict.fromkeys(name for _, inputs, _ in parts for name in inputs)
        present = self._present(self.variables or (), keys, "key in 'inputs'")
        expected = dict.fromkeys(name for _, _, expectations in parts for name in expectations)
        answer = self._answer_among(expected) if self.target or _RESPONSE not in expected else _RESPONSE
        records: list[Record] = []
        for row, inputs, expectations in parts:
            for name in present:
                self._value(row, inputs, name)
            self._check_numbers(row, inputs)
            self._check_numbers(row, expectations)
            if answer is not None and answer in expectations:
                expectations = {**expectations, _RESPONSE: expectations[answer]}
            elif not expectations and row.values.get("outputs") not in (None, ""):
                expectations = {_RESPONSE: row.values["outputs"]}
            records.append((inputs, expectations))
        return records

    def _present(self, wanted: Iterable[str], there: Collection[str], what: str) -> list[str]:
        """Those of the wanted names that are there at all; the others are reported once for the file."""
        present = []
        for name in wanted:
            if name in there:
                present.append(name)
            elif needs_value(name):
                self.problems.add(
                    f"variable {name}",
                    None,
                    name,
                    "",
                    f"the prompt has this variable, but no {what} is called so; there is {listed(there)}"
                    + did_you_mean(name, there),
                )
        return present

    def _answer_among(self, there: Collection[str]) -> str | None:
        target, variables = self.target, self.variables or ()
        if target is not None:
            if target in variables:
                self.problems.add(
                    "target", None, target, "", "is a variable of the prompt; the model would see the answer"
                )
            elif target not in there:
                self.problems.add(
                    "target",
                    None,
                    target,
                    "",
                    f"named as the expected answer, but there is {listed(there)}"
                    + did_you_mean(target, there),
                )
            else:
                return target
            return None
        found = [name for name in ANSWERS if name in there and name not in variables]
        if len(found) > 1:
            self.problems.add(
                "answers",
                None,
                "",
                listed(found),
                "each could be the expected answer; name the one that is as the target (--target NAME)",
            )
        return found[0] if found else None

    def _object(self, row: Row, name: str) -> dict[str, Any]:
        """The object under this key, also when it is written as JSON text; holes left out."""
        value = row.values.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = row.values.get(name)
        if value is None and name == "expectations":
            return {}
        if not isinstance(value, dict):
            self.problems.add(
                f"object {name}",
                row.line,
                name,
                "" if value is None else value,
                "must be an object {name: value}",
            )
            return {}
        return {key: inner for key, inner in value.items() if inner is not None}

    def _value(self, row: Row, values: Mapping[str, Any], name: str) -> Any:
        if values.get(name) is None:
            self._hole(row, name, "null" if name in values else "")
        elif _has_nan(values[name]):
            self._hole(row, name, "NaN")
        return values.get(name)

    def _hole(self, row: Row, name: str, shown: str) -> None:
        self.problems.add(f"hole {name}", row.line, name, shown, "has no value; fill it in or remove the row")

    def _check_numbers(self, row: Row, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if _has_nan(value) and name not in (self.variables or ()):
                self._hole(row, name, "NaN")


def _has_nan(value: Any) -> bool:
    """Whether there is a number in it that JSON cannot write."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(_has_nan(inner) for inner in value.values())
    return isinstance(value, list) and any(_has_nan(inner) for inner in value)

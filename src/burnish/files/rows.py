"""Rows of a file, whatever its format: JSON Lines, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from burnish.files.content import UserFile, decode, not_utf8, read_bytes
from burnish.files.problems import FileProblems, listed

_NAN_CELLS = ("nan", "NaN")  # as pandas writes a hole when asked to


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        line: where it is in the file, from 1 (in Parquet: which row).
        values: column → value.
    """

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and the names of all their columns, in the order they first appear."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]


def read_table(file: UserFile, problems: FileProblems) -> Table:
    """
    Raises:
        InvalidInput: no such format, or not readable at all. Broken lines are noted in ``problems``
            and left out.
    """
    read = READERS.get(file.path.suffix.lower())
    if read is None:
        read_bytes(file, problems)  # that it is not there at all is the better thing to say
        raise problems.stop(
            None, "", file.path.suffix, f"is not a format read here; use one of {listed(READERS)}"
        )
    return read(read_bytes(file, problems), problems)


def _read_jsonl(data: bytes, problems: FileProblems) -> Table:
    if data.lstrip()[:1] == b"[":
        raise problems.stop(None, "", "[", "is one JSON list; write one JSON object on each line, without it")
    rows = []
    columns: dict[str, None] = {}
    for line, raw in enumerate(data.split(b"\n"), start=1):
        if raw.strip():
            values = _object_of(raw, line, problems)
            if values is not None:
                rows.append(Row(line, values))
                columns |= dict.fromkeys(values)
    return Table(tuple(rows), tuple(columns))


def _object_of(raw: bytes, line: int, problems: FileProblems) -> dict[str, Any] | None:
    repeated: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            repeated.extend(name for name in values if names.count(name) > 1)
        return values

    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=once)
    except UnicodeDecodeError as error:
        problems.add("utf-8", line, "", *not_utf8(error))
        return None
    except json.JSONDecodeError as error:
        problems.add("json", line, f"column {error.colno}", "", f"is not JSON: {error.msg}")
        return None
    except (RecursionError, ValueError) as error:  # nested too deeply; a number of 5000 digits
        problems.add("json", line, "", "", f"cannot be read: {error}")
        return None
    if b"\\u" in raw and _has_half_character(value):
        problems.add("surrogate", line, "", "", "holds half of a character (\\ud800 to \\udfff); remove it")
        return None
    if repeated:
        problems.add("repeated", line, repeated[0], "", "is there twice in one object; keep one")
    if not isinstance(value, dict):
        shown = json.dumps(value, ensure_ascii=False)
        problems.add("object", line, "", shown, "each line must be a JSON object")
        return None
    return value


def _has_half_character(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _read_csv(data: bytes, problems: FileProblems) -> Table:
    text = decode(data, problems)
    csv.field_size_limit(sys.maxsize)  # the default refuses cells above 128 kB
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = tuple(name.strip() for name in next(reader, []))
        _check_header(columns, reader.line_num, problems)
        rows = []
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(columns):
                problems.add(
                    "width",
                    reader.line_num,
                    "",
                    f"{len(cells)} cells",
                    f"the header has {len(columns)} columns; quote cells that hold a comma or a line break",
                )
            else:
                values = [math.nan if cell in _NAN_CELLS else cell for cell in cells]
                rows.append(Row(reader.line_num, dict(zip(columns, values, strict=True))))
    except csv.Error as error:
        raise problems.stop(reader.line_num, "", "", f"is not CSV: {error}") from error
    return Table(tuple(rows), tuple(name for name in columns if name))


def _check_header(columns: tuple[str, ...], line: int, problems: FileProblems) -> None:
    for name in dict.fromkeys(columns):
        if name and columns.count(name) > 1:
            problems.add("header", line, name, "", "heads two columns; rename one of them")
    if len(columns) == 1:
        for separator in (";", "\t", "|"):
            if separator in columns[0]:
                problems.add("separator", line, "", columns[0], "columns are separated by commas here")


def _read_parquet(data: bytes, problems: FileProblems) -> Table:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
        _check_header(tuple(table.column_names), 1, problems)
        problems.check()
        values = table.to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        message = str(error).splitlines()[0]
        raise problems.stop(None, "", "", f"is not a Parquet file that can be read: {message}") from error
    rows = []
    for number, row in enumerate(values, start=1):
        try:
            rows.append(Row(number, {name: _plain(value) for name, value in row.items()}))
        except UnicodeDecodeError as error:
            problems.add("utf-8", number, "", *not_utf8(error))
    return Table(tuple(rows), tuple(table.column_names))


def _plain(value: Any) -> Any:
    """The value as JSON knows it: dates and decimals become text."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


READERS: Mapping[str, Callable[[bytes, FileProblems], Table]] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}

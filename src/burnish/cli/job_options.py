"""The options of a job on the command line, made from the table in ``domain.job.JobConfig``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

import typer

from burnish.domain.job import JobConfig
from burnish.domain.options import OptionRow, grouped
from burnish.errors import InvalidInput, Problem


def with_job_options(
    without: Collection[str] = (), **defaults: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option for each row of the table, in the place of its parameter ``options``.

    The command gets what was typed there as one mapping, which :func:`read_options` reads.

    Args:
        without: rows that the command says in its own way.
        defaults: row → what holds by default, in words, where the command has a default of its own.
    """
    rows = [row for row in JobConfig.options() if row.name not in without]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            if parameter.name == "options":
                parameters += [_parameter(row, defaults.get(row.name)) for row in rows]
            else:
                parameters.append(parameter)

        @functools.wraps(command)
        def run(**given: Any) -> None:
            options = {row.key: given.pop(row.key) for row in rows}
            command(**given, options=options)

        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {entry.name: entry.annotation for entry in parameters} | {"return": None}
        return run

    return decorate


def read_options(typed: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed → fields of a :class:`~burnish.domain.job.JobConfig`.

    Raises:
        InvalidInput: every value that cannot be read, by its flag.
        ValueError: a key is that of no row; what it was meant to say would be lost.
    """
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    rows = JobConfig.options()
    if unknown := typed.keys() - {row.key for row in rows}:
        raise ValueError(f"no option of a job has the key {', '.join(sorted(unknown))}")
    for row in rows:
        if (value := typed.get(row.key)) is None:
            continue
        try:
            values[row.key] = _read(row, value)
        except InvalidInput as error:
            problems += [Problem(row.flag, entry.value, entry.remedy) for entry in error.problems]
    if problems:
        raise InvalidInput(*problems)
    return grouped(JobConfig, values)


def read_pairs(pairs: Sequence[str], flag: str, form: str = "KEY=VALUE") -> dict[str, str]:
    """What was typed as ``KEY=VALUE``, several times.

    Raises:
        InvalidInput: every one without a ``=``, and every key that comes twice.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            problems.append(Problem(flag, pair, f"write {form}"))
        elif key in found:
            problems.append(Problem(flag, pair, f"{key} is there already; leave one out"))
        else:
            found[key] = value
    if problems:
        raise InvalidInput(*problems)
    return found


def _read(row: OptionRow, value: Any) -> Any:
    if row.option.read:
        return row.option.read(value)
    if _is_map(row):
        return read_pairs(value, row.flag, str(row.option.metavar))
    return tuple(value) if isinstance(value, list) else value


def _parameter(row: OptionRow, default: str | None) -> inspect.Parameter:
    option = row.option
    value = row.default or None if _is_list(row) or _is_map(row) else row.default
    if option.read:
        value = option.default_text or None
    words = default or (option.default_text if value is None else None)
    shown = typer.Option(
        row.flag,
        help=f"{option.help}  [default: {words}]" if words else option.help,
        metavar=option.metavar or _metavar(row),
        show_default=value is not None,
    )
    return inspect.Parameter(
        row.key,
        inspect.Parameter.KEYWORD_ONLY,
        default=value,
        annotation=Annotated[_typed(row), shown],
    )


def _typed(row: OptionRow) -> Any:
    """The type as the command line reads it."""
    if row.option.read:
        return str | None
    return list[str] | None if _is_list(row) or _is_map(row) else row.kind


def _metavar(row: OptionRow) -> str | None:
    """``None`` where the type has choices, which help shows as they are."""
    kinds = set(get_args(row.kind)) or {row.kind}
    return next((name for kind, name in ((int, "N"), (float, "X"), (str, "TEXT")) if kind in kinds), None)


def _is_map(row: OptionRow) -> bool:
    return get_origin(row.kind) is Mapping and not row.option.read


def _is_list(row: OptionRow) -> bool:
    return get_origin(row.kind) is tuple

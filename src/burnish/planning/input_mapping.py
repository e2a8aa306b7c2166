"""Where a prompt's variables stand in nested records: JMESPath expressions over a record's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from burnish.domain.dataset import Dataset, Example, record_name
from burnish.domain.jinja import identifiers_in
from burnish.domain.prompt import Prompt, is_jinja
from burnish.errors import InvalidInput, Problems, did_you_mean

_MOST_CHARACTERS = 1000
_NAMED = 3  # records in a message
_HELP = "such as messages[-1].content; a name with blanks or dots stands in double quotes (jmespath.org)"


def map_inputs(dataset: Dataset, mapping: Mapping[str, str], prompts: Sequence[Prompt]) -> Dataset:
    """The records with what the mapping finds as their inputs; an empty mapping leaves them as they are.

    A variable that the mapping does not name keeps the column of its own name; every other column is
    dropped, so that records which differ only there are duplicates.

    Args:
        mapping: variable → JMESPath expression over a record's inputs.
        prompts: whose variables are filled in.

    Raises:
        InvalidInput: every expression that cannot be read or that finds nothing, with the records.
    """
    if not mapping:
        return dataset
    problems = Problems()
    variables = frozenset[str]().union(
        *(identifiers_in(p.template) if is_jinja(p.template) else p.variables for p in prompts)
    )
    paths: dict[str, ParsedResult] = {}
    for variable, expression in mapping.items():
        if prompts and variable not in variables:
            remedy = f"no prompt has {{{{{variable}}}}}{did_you_mean(variable, variables)}"
            problems.add(f"config.inputs.{variable}", expression, remedy)
        elif path := problems.collect(partial(_compile, variable, expression)):
            paths[variable] = path
    found = [_found_in(example, paths) for example in dataset.examples]
    for variable in paths:
        lacking = [
            example
            for example, values in zip(dataset.examples, found, strict=True)
            if values[variable] is None
        ]
        if lacking:
            problems.add(
                f"config.inputs.{variable}", mapping[variable], _nothing_found(dataset, variable, lacking)
            )
    problems.check()
    return Dataset.of(
        (
            (
                {name: value for name, value in example.inputs.items() if name in variables} | values,
                example.expectations,
            )
            for example, values in zip(dataset.examples, found, strict=True)
        ),
        dataset.name,
        dataset.dataset_id,
        sources=(example.source for example in dataset.examples),
    )


def _compile(variable: str, expression: str) -> ParsedResult:
    field = f"config.inputs.{variable}"
    if not expression.strip() or len(expression) > _MOST_CHARACTERS:
        remedy = f"write a JMESPath expression of 1 to {_MOST_CHARACTERS} characters, {_HELP}"
        raise InvalidInput.of(field, expression, remedy)
    try:
        return jmespath.compile(expression)
    except (JMESPathError, RecursionError) as error:
        said = "nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise InvalidInput.of(
            field, expression, f"is no JMESPath expression: {said.rstrip(':')}; write one {_HELP}"
        ) from None


def _found_in(example: Example, paths: Mapping[str, ParsedResult]) -> dict[str, Any]:
    return {variable: _search(path, example.inputs) for variable, path in paths.items()}


def _search(path: ParsedResult, inputs: Mapping[str, Any]) -> Any:
    try:
        return path.search(dict(inputs))
    except (JMESPathError, ArithmeticError, RecursionError):  # a function that does not take this value
        return None


def _nothing_found(dataset: Dataset, variable: str, lacking: list[Example]) -> str:
    columns = sorted({name for example in dataset.examples for name in example.inputs})
    named = "; ".join(record_name(example) for example in lacking[:_NAMED])
    more = f"; and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    return (
        f"finds nothing for {{{{{variable}}}}} in {len(lacking)} of {len(dataset.examples)} records: {named}"
        f"{more}; the inputs have {', '.join(columns)}: mend the path, or leave these records out"
    )

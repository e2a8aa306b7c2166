"""Whether a prompt, its records and the budget fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import Prompt, Template, is_jinja, lookalikes_of, needs_value
from burnish.domain.rendering import JinjaNames
from burnish.errors import InvalidInput, Problem, did_you_mean
from burnish.planning.plan import Plan

_NONE: Mapping[Template, JinjaNames] = {}


def check_records(
    prompts: Sequence[Prompt], dataset: Dataset, names: Mapping[Template, JinjaNames] = _NONE
) -> None:
    """Every ``{{variable}}`` has a value in every record, and there is a variable at all.

    What a Jinja template uses must be a column of some record, unless the template itself looks whether it is
    there; where a record lacks it, it is empty.

    Args:
        names: what the Jinja templates take from a record.

    Raises:
        InvalidInput
    """
    problems = []
    if not dataset.examples:
        raise InvalidInput.of("dataset", dataset.name, "the dataset has no records; add some")
    columns = frozenset[str]().union(*(example.inputs for example in dataset.examples))
    plain = [prompt for prompt in prompts if not is_jinja(prompt.template)]
    named = frozenset[str]().union(*(prompt.variables for prompt in plain))
    variables = {name for name in named if name in columns or needs_value(name)}
    takes = [names[prompt.template] for prompt in prompts if prompt.template in names]
    jinja = frozenset[str]().union(*(entry.used for entry in takes))
    unread = len(plain) + len(takes) < len(prompts)  # a template that is no Jinja is refused elsewhere
    for name in sorted(frozenset[str]().union(*(entry.used - entry.optional for entry in takes)) - columns):
        remedy = (
            f"the Jinja prompt uses it, and no record has it{did_you_mean(name, columns)}; the inputs have "
            f"{', '.join(sorted(columns))} (what may be missing is tested: {{% if {name} %}})"
        )
        problems.append(Problem(f"inputs.{name}", "", remedy))
    if prompts and not problems and not unread and not variables and not jinja & columns:
        listed = ", ".join(f"{{{{{name}}}}}" for name in sorted(columns))
        remedy = f"the prompt has no {{{{variable}}}}, so every record would ask the same; add {listed}"
        problems.append(Problem("prompt", prompts[0].uri or prompts[0].name, remedy))
    for variable in sorted(variables):
        lacking = [example for example in dataset.examples if variable not in example.inputs]
        if lacking:
            remedy = (
                f"the prompt uses {{{{{variable}}}}} but {len(lacking)} of {len(dataset.examples)} records "
                "lack it (the first is named)"
            )
            problems.append(Problem(f"inputs.{variable}", lacking[0].place, remedy))
    if problems:
        raise InvalidInput(*problems)


def unfilled_placeholders(
    prompts: Sequence[Prompt], dataset: Dataset | None, names: Mapping[Template, JinjaNames] = _NONE
) -> list[str]:
    """Warnings about what looks like a variable and is sent as it stands, as MLflow would send it, and about
    what is empty in a Jinja prompt.

    Args:
        names: what the Jinja templates take from a record.
    """
    examples = dataset.examples if dataset else ()
    columns = frozenset[str]().union(*(example.inputs for example in examples))
    found = []
    for prompt in prompts:
        if is_jinja(prompt.template):
            taken = names.get(prompt.template, JinjaNames(frozenset()))
            found += [f"{prompt.name}: {text}" for text in _empty_in(examples, taken)]
            continue
        unfilled = sorted(name for name in prompt.variables if name not in columns and not needs_value(name))
        parts = [*(f"{{{{{name}}}}}" for name in unfilled), *lookalikes_of(prompt.template)]
        if parts:
            found.append(
                f"{prompt.name}: {', '.join(parts)} is sent as it stands, as MLflow would: only a plain name "
                "is filled in, and one that is not made of ASCII letters, digits, underscores and dots only "
                "where the records have a column of that very name"
            )
    return found


def _empty_in(examples: Sequence[Example], names: JinjaNames) -> Iterator[str]:
    for name in sorted(names.used):
        lacking = sum(name not in example.inputs for example in examples)
        if lacking and (name not in names.optional or lacking == len(examples)):
            yield f"{name} is empty in {lacking} of {len(examples)} records, which lack it; so MLflow has it"


def contradictions(dataset: Dataset | None) -> list[str]:
    """A warning where records of the same inputs expect different things."""
    expected: dict[str, Example] = {}
    against: list[Example] = []
    for example in dataset.examples if dataset else ():
        first = expected.setdefault(example.identity, example)
        if dict(first.expectations) != dict(example.expectations):
            against.append(example)
    if not against:
        return []
    return [
        f"{len(against)} records have the inputs of another and expect something else (the first is "
        f"{against[0].place}); no prompt can be right on both: correct the data, or give the right "
        "answers as a list"
    ]


def check_budget(plan: Plan) -> None:
    """The budget must hold one validation pass, the sealed test and the least search that works.

    Raises:
        InvalidInput: says the least that works.
    """
    limit = plan.config.budget.max_calls
    if limit is None:
        return
    search = plan.needed.target_low * plan.calls_per_evaluation + plan.needed.reflection_low
    least = plan.teacher_calls + search + plan.test_calls
    if limit < least:
        runs = f"a run of the app makes {plan.calls_per_run} calls; " if plan.calls_per_run > 1 else ""
        raise InvalidInput.of(
            "budget.max_calls",
            limit,
            f"{runs}one validation pass ({len(plan.splits.validation)}), the least search and the sealed "
            f"test ({plan.test_calls}) need {least} calls; raise it to {least} or more, or use fewer records",
        )

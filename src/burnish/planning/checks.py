"""Whether a prompt, its records and the budget fit together."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.domain.dataset import Dataset
from burnish.domain.prompt import Prompt
from burnish.errors import InvalidInput, Problem
from burnish.planning.plan import Plan


def check_records(prompts: Sequence[Prompt], dataset: Dataset) -> None:
    """Every ``{{variable}}`` has a value in every record, and there is a variable at all.

    Raises:
        InvalidInput
    """
    problems = []
    if not dataset.examples:
        raise InvalidInput.of("dataset", dataset.name, "the dataset has no records; add some")
    variables = frozenset[str]().union(*(prompt.variables for prompt in prompts))
    if prompts and not variables:
        columns = ", ".join(f"{{{{{name}}}}}" for name in sorted(dataset.examples[0].inputs))
        remedy = f"the prompt has no {{{{variable}}}}, so every record would ask the same; add {columns}"
        problems.append(Problem("prompt", prompts[0].uri or prompts[0].name, remedy))
    for variable in sorted(variables):
        lacking = [example for example in dataset.examples if variable not in example.inputs]
        if lacking:
            remedy = (
                f"the prompt uses {{{{{variable}}}}} but {len(lacking)} of {len(dataset.examples)} records "
                "lack it (the first is named)"
            )
            problems.append(Problem(f"inputs.{variable}", lacking[0].example_id, remedy))
    if problems:
        raise InvalidInput(*problems)


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
        raise InvalidInput.of(
            "budget.max_calls",
            limit,
            f"one validation pass ({len(plan.splits.validation)}), the least search and the sealed test "
            f"({plan.test_calls}) need {least} calls; raise it to {least} or more, or use fewer records",
        )

"""Whether the data has what the scorers compare with; checked before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

from burnish.domain.dataset import Dataset, Example
from burnish.errors import InvalidInput, Problem
from burnish.evaluation.protocol import Scorer, WeightedScorer


@runtime_checkable
class Choosy(Protocol):
    """A scorer that cannot use just any expectation of the right name."""

    def refuses(self, example: Example) -> str | None:
        """Why the example cannot be scored, or ``None``."""
        ...


def check_expectations(
    scorers: Sequence[WeightedScorer], dataset: Dataset, given: Collection[str] = ()
) -> None:
    """Refuse data that the scorers cannot work with.

    Args:
        given: expectations that will be there later (a teacher's ``expected_response``).

    Raises:
        InvalidInput: with one problem for each scorer that lacks something; the first record is named.
    """
    problems: list[Problem] = []
    for scorer in (weighted.scorer for weighted in scorers):
        refusals = [(example, _refusal(scorer, example, given)) for example in dataset.examples]
        told = [(example, refusal) for example, refusal in refusals if refusal]
        if told:
            example, refusal = told[0]
            problems.append(
                Problem(
                    "expectations",
                    example.example_id,
                    f"the scorer {scorer.name} cannot use {len(told)} of {len(dataset.examples)} records "
                    f"(the first is named): {refusal}; correct the data or choose another scorer",
                )
            )
    if problems:
        raise InvalidInput(*problems)


def _refusal(scorer: Scorer, example: Example, given: Collection[str]) -> str | None:
    missing = sorted(need for need in scorer.needs if need not in given and _is_absent(example, need))
    if missing:
        return f"there is no {' and no '.join(missing)}"
    if given or not isinstance(scorer, Choosy):
        return None
    return scorer.refuses(example)


def _is_absent(example: Example, expectation: str) -> bool:
    value = example.expectations.get(expectation)
    return value is None or value == ""

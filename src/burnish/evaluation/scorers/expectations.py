"""Whether the data has what the scorers compare with; checked before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from burnish.domain.dataset import Dataset, Example
from burnish.errors import Problems
from burnish.evaluation.scorer import Scorer, WeightedScorer


def check_expectations(
    scorers: Sequence[WeightedScorer], dataset: Dataset, given: Collection[str] = ()
) -> None:
    """Refuse data that the scorers cannot work with.

    Args:
        given: expectations that will be there later (a teacher's ``expected_response``).

    Raises:
        InvalidInput: with one problem for each scorer that lacks something; the first record is named.
    """
    problems = Problems()
    for scorer in (weighted.scorer for weighted in scorers):
        refusals = [(example, _refusal(scorer, example, given)) for example in dataset.examples]
        refused = [(example, reason) for example, reason in refusals if reason]
        if refused:
            example, reason = refused[0]
            problems.add(
                "expectations",
                example.place,
                f"the scorer {scorer.name} cannot use {len(refused)} of {len(dataset.examples)} records "
                f"(the first is named): {reason}; correct the data or choose another scorer",
            )
    problems.check()


def _refusal(scorer: Scorer, example: Example, given: Collection[str]) -> str | None:
    missing = sorted(name for name in scorer.requires - set(given) if _is_absent(example, name))
    if missing:
        return f"there is no {' and no '.join(missing)}"
    return None if given else scorer.refusal(example)


def _is_absent(example: Example, expectation: str) -> bool:
    value = example.expectations.get(expectation)
    return value is None or value == ""

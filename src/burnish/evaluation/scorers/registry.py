"""From what a user wrote (``NAME[:ARGUMENT][=WEIGHT|=must]``) to scorers, with every mistake named.

A name is looked for among the built-in scorers, then among the entry points of the group
``burnish.scorers`` (installed by the operator).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from burnish.domain.dataset import Dataset
from burnish.domain.score import ScorerSpec
from burnish.errors import InvalidInput, Problem
from burnish.evaluation.protocol import Scorer, WeightedScorer
from burnish.evaluation.scorers.contains import Contains
from burnish.evaluation.scorers.exact_match import ExactMatch
from burnish.evaluation.scorers.installed import installed_names, make_installed
from burnish.evaluation.scorers.json_answer import JsonMatch, JsonValid
from burnish.evaluation.scorers.label_match import LabelMatch
from burnish.evaluation.scorers.max_length import MaxLength
from burnish.evaluation.scorers.numeric_match import NumericMatch
from burnish.evaluation.scorers.regex_match import RegexMatch
from burnish.evaluation.scorers.similarity import Similarity
from burnish.evaluation.scorers.text import Takes, TextScorer

BUILT_IN: Mapping[str, type[TextScorer]] = {
    "contains": Contains,
    "exact_match": ExactMatch,
    "json_match": JsonMatch,
    "json_valid": JsonValid,
    "label_match": LabelMatch,
    "max_length": MaxLength,
    "numeric_match": NumericMatch,
    "regex_match": RegexMatch,
    "similarity": Similarity,
}
RESERVED = "aggregate"  # the key of the weighted mean among the scores


def make_scorers(
    specs: Sequence[str], *, experiment_id: str | None = None, judge_model: str | None = None
) -> tuple[WeightedScorer, ...]:
    """The scorers of a job, in the order written.

    A scorer's name in the results is the name written; a second one of the same name with another
    argument is ``NAME_2``, and so on.

    Args:
        experiment_id: where registered judges are looked for.
        judge_model: URI of the model that judges ask when they name none.

    Raises:
        InvalidInput: with every problem of every spec.
    """
    problems: list[Problem] = []
    made: list[WeightedScorer] = []
    seen: dict[str, list[str | None]] = {}
    for text in specs:
        try:
            spec = ScorerSpec.parse(text)
            arguments = seen.setdefault(spec.name, [])
            if spec.argument in arguments:
                raise InvalidInput.of("scorers", text, "is named twice; leave one out")
            arguments.append(spec.argument)
            name = spec.name if len(arguments) == 1 else f"{spec.name}_{len(arguments)}"
            made.append(WeightedScorer(_make(spec, name), spec.weight, spec.must_pass))
        except InvalidInput as error:
            problems.extend(error.problems)
    if problems:
        raise InvalidInput(*problems)
    return tuple(made)


def check_expectations(scorers: Sequence[WeightedScorer], dataset: Dataset) -> None:
    """Refuse data that the scorers cannot work with.

    Raises:
        InvalidInput: with one problem for each expectation that is missing or unusable.
    """
    problems: list[Problem] = []
    for scorer in (weighted.scorer for weighted in scorers):
        lacking = {need: _lacking(dataset, need) for need in sorted(scorer.needs)}
        problems.extend(
            Problem(
                f"expectations.{need}",
                "",
                f"{count} of {len(dataset.examples)} records have none, and the scorer {scorer.name} "
                "needs it; add it to the data, or choose another scorer",
            )
            for need, count in lacking.items()
            if count
        )
        if not any(lacking.values()):
            try:
                scorer.prepare(dataset.examples)
            except InvalidInput as error:
                problems.extend(error.problems)
    if problems:
        raise InvalidInput(*problems)


def _make(spec: ScorerSpec, name: str) -> Scorer:
    if spec.name == RESERVED:
        raise InvalidInput.of("scorers", spec, "is the name of the scorers' mean; it cannot name a scorer")
    if built_in := BUILT_IN.get(spec.name):
        if built_in.takes is Takes.REQUIRED and spec.argument is None:
            raise InvalidInput.of("scorers", spec, f"write {spec.name}:ARGUMENT, {built_in.argument_is}")
        if built_in.takes is Takes.NOTHING and spec.argument is not None:
            raise InvalidInput.of("scorers", spec, f"{spec.name} takes no argument; write {spec.name}")
        return built_in(name, spec.argument)
    if installed := make_installed(spec, name):
        return installed
    close = get_close_matches(spec.name, [*BUILT_IN, *installed_names()], n=1, cutoff=0.6)
    meant = f"did you mean {close[0]}? " if close else ""
    raise InvalidInput.of("scorers", spec.name, f"there is no such scorer; {meant}{_known()}")


def _known() -> str:
    return f"there are {', '.join(sorted({*BUILT_IN, *installed_names()}))}"


def _lacking(dataset: Dataset, need: str) -> int:
    return sum(example.expectations.get(need) is None for example in dataset.examples)

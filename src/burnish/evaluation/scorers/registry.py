"""From what a user wrote (``NAME[:ARGUMENT][=WEIGHT|=must]``) to scorers, with every mistake named.

A name is looked for among the built-in scorers, then among the entry points of the group
``burnish.scorers`` (installed by the operator), then among MLflow's judges, whose names begin with
a capital, then among the judges registered in the experiment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from burnish.domain.score import ScorerSpec
from burnish.errors import InvalidInput, Problem, did_you_mean
from burnish.evaluation.judges.catalog import FindRegistered, JudgeSource, built_in_names, make_judge
from burnish.evaluation.scorer import Scorer, WeightedScorer
from burnish.evaluation.scorers.contains import Contains
from burnish.evaluation.scorers.cost_scorers import LowCost, ShortPrompt
from burnish.evaluation.scorers.exact_match import ExactMatch
from burnish.evaluation.scorers.installed import installed_names, make_installed
from burnish.evaluation.scorers.json_answer import JsonMatch, JsonValid
from burnish.evaluation.scorers.label_match import LabelMatch
from burnish.evaluation.scorers.max_length import MaxLength
from burnish.evaluation.scorers.numeric_match import NumericMatch
from burnish.evaluation.scorers.regex_match import RegexMatch
from burnish.evaluation.scorers.similarity import Similarity
from burnish.evaluation.scorers.text import BuiltInScorer, Takes

BUILT_IN: Mapping[str, type[BuiltInScorer]] = {
    "contains": Contains,
    "exact_match": ExactMatch,
    "json_match": JsonMatch,
    "json_valid": JsonValid,
    "label_match": LabelMatch,
    "low_cost": LowCost,
    "max_length": MaxLength,
    "numeric_match": NumericMatch,
    "regex_match": RegexMatch,
    "short_prompt": ShortPrompt,
    "similarity": Similarity,
}
RESERVED = "aggregate"  # the key of the weighted mean among the scores


def make_scorers(
    specs: Sequence[str],
    *,
    experiment_id: str | None = None,
    judge_model: str | None = None,
    find_registered: FindRegistered | None = None,
) -> tuple[WeightedScorer, ...]:
    """The scorers of a job, in the order written.

    A scorer's name in the results is the name written; a second one of the same name with another
    argument is ``NAME_2``, and so on.

    Args:
        experiment_id: where registered judges are looked for.
        judge_model: URI of the model that judges ask when they name none.
        find_registered: looks a registered judge up; ``None``: only MLflow's built-in ones exist.

    Raises:
        InvalidInput: with every problem of every spec.
    """
    source = JudgeSource(
        default_model=judge_model, experiment_id=experiment_id, find_registered=find_registered
    )
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
            made.append(WeightedScorer(_make(spec, name, source), spec.weight, spec.must_pass))
        except InvalidInput as error:
            problems.extend(error.problems)
    if problems:
        raise InvalidInput(*problems)
    return tuple(made)


def _make(spec: ScorerSpec, name: str, source: JudgeSource) -> Scorer:
    if spec.name == RESERVED:
        raise InvalidInput.of("scorers", spec, "is the name of the scorers' mean; it cannot name a scorer")
    if built_in := BUILT_IN.get(spec.name):
        if built_in.takes is Takes.REQUIRED and spec.argument is None:
            raise InvalidInput.of("scorers", spec, f"write {spec.name}:ARGUMENT, {built_in.argument_is}")
        if built_in.takes is Takes.NOTHING and spec.argument is not None:
            raise InvalidInput.of("scorers", spec, f"{spec.name} takes no argument; write {spec.name}")
        return built_in(name, spec.argument)
    if found := make_installed(spec, name) or make_judge(spec, name, source):
        return found
    names = sorted({*BUILT_IN, *installed_names(), *built_in_names()})
    raise InvalidInput.of(
        "scorers",
        spec.name,
        f"there is no such scorer; there are {', '.join(names)}, and the experiment's judges"
        + did_you_mean(spec.name, names),
    )

"""From what a user wrote (``NAME[:ARGUMENT][=WEIGHT|=must]``) to scorers, with every mistake named.

A name is looked for among the scorers registered in the experiment, then among the built-in ones, then
among the entry points of the group ``burnish.scorers`` (installed by the operator), then among MLflow's
own, whose names begin with a capital. ``builtin:NAME`` skips the registered ones, ``registered:NAME`` the
others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from burnish.domain.score import ScorerSpec, snake_case
from burnish.errors import InvalidInput, Problems, did_you_mean
from burnish.evaluation.judges.catalog import (
    FindRegistered,
    JudgeSource,
    built_in_names,
    make_built_in,
    make_registered,
)
from burnish.evaluation.scorer import Scorer, WeightedScorer
from burnish.evaluation.scorers.contains import Contains
from burnish.evaluation.scorers.cost_scorers import LowCost, ShortPrompt
from burnish.evaluation.scorers.exact_match import exact_match
from burnish.evaluation.scorers.installed import installed_names, make_installed
from burnish.evaluation.scorers.json_answer import JsonMatch, JsonValid
from burnish.evaluation.scorers.label_match import LabelMatch
from burnish.evaluation.scorers.max_length import MaxLength
from burnish.evaluation.scorers.numeric_match import NumericMatch
from burnish.evaluation.scorers.regex_match import RegexMatch
from burnish.evaluation.scorers.similarity import similarity
from burnish.evaluation.scorers.text import BuiltInScorer, Takes

BUILT_IN: Mapping[str, type[BuiltInScorer]] = {
    "contains": Contains,
    "exact_match": exact_match,
    "json_match": JsonMatch,
    "json_valid": JsonValid,
    "label_match": LabelMatch,
    "low_cost": LowCost,
    "max_length": MaxLength,
    "numeric_match": NumericMatch,
    "regex_match": RegexMatch,
    "short_prompt": ShortPrompt,
    "similarity": similarity,
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

    A scorer's name in the results is its own: the name written, and of MLflow's scorers the name MLflow
    gives them (``correctness`` of ``Correctness``). A second one of the same name is ``NAME_2``, and so on.

    Args:
        experiment_id: where registered scorers are looked for.
        judge_model: URI of the model that judges ask when they name none; ``None``: MLflow's default.
        find_registered: looks a registered scorer up; ``None``: there are none.

    Raises:
        InvalidInput: with every problem of every spec.
    """
    source = JudgeSource(
        default_model=judge_model, experiment_id=experiment_id, find_registered=find_registered
    )
    problems = Problems()
    made: list[WeightedScorer] = []
    written: set[tuple[str, str | None]] = set()
    named: Counter[str] = Counter()
    for text in specs:
        entry = problems.collect(partial(_weighted, text, source, written))
        if entry is not None:
            key = snake_case(entry.scorer.name)  # a search takes Correctness and correctness for one name
            named[key] += 1
            if named[key] > 1:
                entry.scorer.name += f"_{named[key]}"
            made.append(entry)
    problems.check()
    return tuple(made)


def _weighted(text: str, source: JudgeSource, written: set[tuple[str, str | None]]) -> WeightedScorer:
    spec = ScorerSpec.parse(text)
    key = (spec.full_name, spec.argument)
    if key in written:
        raise InvalidInput.of("scorers", text, "is named twice; leave one out")
    written.add(key)
    if snake_case(spec.name) == RESERVED:
        raise InvalidInput.of("scorers", spec, "is the name of the scorers' mean; it cannot name a scorer")
    scorer, warning = _find(spec, source)
    return WeightedScorer(scorer, spec.weight, spec.must_pass, warning)


def _find(spec: ScorerSpec, source: JudgeSource) -> tuple[Scorer, str | None]:
    """The scorer of a name, with a warning. A registered one is never replaced by one of ours."""
    serialized = None if spec.source == "builtin" else source.registered(spec.name)
    if serialized is not None:
        of_both = spec.source is None and (spec.name in BUILT_IN or spec.name in installed_names())
        ours = ScorerSpec(spec.name, source="builtin").full_name
        try:
            scorer, warning = make_registered(spec, serialized, source)
        except InvalidInput as error:
            if not of_both:
                raise
            remedy = f"; Burnish's own scorer of this name is {ours}"
            problems = [replace(entry, remedy=entry.remedy + remedy) for entry in error.problems]
            raise InvalidInput(*problems) from None
        if of_both:
            theirs = ScorerSpec(spec.name, source="registered").full_name
            warning = (
                f"{spec.name} is the scorer registered in the experiment, and also one of Burnish's; write "
                f"{theirs} or {ours} to say which"
            )
        return scorer, warning
    if spec.source == "registered":
        raise InvalidInput.of("scorers", spec, "no scorer of this name is registered in the experiment")
    if built_in := BUILT_IN.get(spec.name):
        return _make_built_in(built_in, spec), None
    if installed := make_installed(spec):
        return installed, None
    if found := make_built_in(spec, source):
        return found
    names = sorted({*BUILT_IN, *installed_names(), *built_in_names()})
    raise InvalidInput.of(
        "scorers",
        spec.name,
        f"there is no such scorer; there are {', '.join(names)}, and those registered in the experiment"
        + did_you_mean(spec.name, names),
    )


def _make_built_in(kind: type[BuiltInScorer], spec: ScorerSpec) -> Scorer:
    if kind.takes is Takes.REQUIRED and spec.argument is None:
        raise InvalidInput.of("scorers", spec, f"write {spec.name}:ARGUMENT, {kind.argument_is}")
    if kind.takes is Takes.NOTHING and spec.argument is not None:
        raise InvalidInput.of("scorers", spec, f"{spec.name} takes no argument; write {spec.name}")
    return kind(spec.name, spec.argument)

"""Which scorer a name means: a registered one is never replaced by one of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.errors import InvalidInput
from burnish.evaluation.judges.judge import Judge
from burnish.evaluation.judges.mlflow_adapter import import_mlflow_scorers
from burnish.evaluation.scorer import Sample, WeightedScorer
from burnish.evaluation.scorer_set import ScorerSet
from burnish.evaluation.scorers.registry import make_scorers
from burnish.evaluation.scorers.similarity import similarity

EXAMPLE = Dataset.of([({"q": "?"}, {"expected_response": "x"})]).examples[0]


def judge_named(name: str) -> Any:
    import_mlflow_scorers()
    from mlflow.genai.judges import make_judge

    return make_judge(
        name=name, instructions="Is {{ outputs }} good?", model="openai:/m", feedback_value_type=bool
    )


def registry_of(*judges: Any) -> Callable[[str, str], Mapping[str, Any] | None]:
    kept = {judge.name: json.loads(json.dumps(judge.model_dump())) for judge in judges}
    return lambda experiment_id, name: kept.get(name) if experiment_id == "7" else None


def made(*specs: str, registered: tuple[Any, ...] = ()) -> list[WeightedScorer]:
    return list(make_scorers(specs, experiment_id="7", find_registered=registry_of(*registered)))


@pytest.mark.parametrize("name", ["similarity", "exact_match"])
def test_a_name_that_both_have_is_the_registered_one_with_a_warning(name: str) -> None:
    (entry,) = made(name, registered=(judge_named(name),))
    assert isinstance(entry.scorer, Judge)
    for phrase in (f"registered:{name}", f"builtin:{name}"):
        assert phrase in (entry.warning or "")


def test_the_source_can_be_said() -> None:
    ours, theirs = made(
        "builtin:similarity", "registered:similarity=2", registered=(judge_named("similarity"),)
    )
    assert isinstance(ours.scorer, similarity)
    assert isinstance(theirs.scorer, Judge)
    assert (ours.warning, theirs.warning, theirs.weight) == (None, None, 2.0)
    assert [entry.scorer.name for entry in (ours, theirs)] == ["similarity", "similarity_2"]


def test_a_registered_one_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no scorer of this name is registered"):
        made("registered:similarity")


def test_a_registered_one_that_cannot_be_used_is_not_replaced_either() -> None:
    """Where ours has its name, the message says how ours is written."""
    code = {"name": "similarity", "call_source": "return 1"}
    with pytest.raises(
        InvalidInput, match=r"code is not taken.*own scorer of this name is builtin:similarity"
    ):
        make_scorers(["similarity"], experiment_id="7", find_registered=lambda *_: code)
    for spec in ("registered:similarity", "mine"):
        with pytest.raises(InvalidInput, match="code is not taken") as refused:
            make_scorers([spec], experiment_id="7", find_registered=lambda *_: code)
        assert "builtin:" not in str(refused.value)


@pytest.mark.parametrize("name", ["tone:style", "a=b", "tone of voice", "team/tone", 'say "hi"'])
def test_any_name_can_be_written(name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    (entry,) = made(f"{quoted}:repeats=2=3", registered=(judge_named(name),))
    assert (entry.scorer.name, entry.scorer.calls, entry.weight) == (name, 2, 3.0)


def test_scores_carry_mlflow_s_own_name() -> None:
    entries = make_scorers(
        ["Correctness", "RelevanceToQuery", "Correctness:repeats=2"], judge_model="openai:/m"
    )
    assert [entry.scorer.name for entry in entries] == [
        "correctness",
        "relevance_to_query",
        "correctness_2",
    ]


async def test_scorers_that_work_by_rule_need_no_model() -> None:
    scorers = import_mlflow_scorers()
    if not hasattr(scorers, "RegexMatch"):
        pytest.skip("this MLflow has none")
    entries = made(
        "PIIDetection",
        "answer_form",
        "short",
        registered=(
            scorers.RegexMatch(name="answer_form", pattern="^answer:", case_insensitive=True),
            scorers.ResponseLength(name="short", max_length=12),
        ),
    )
    assert [(entry.scorer.model, entry.scorer.calls) for entry in entries] == [(None, 0)] * 3
    scored = []
    for output in ("Answer: 42", "call me at jane@example.com"):
        scores = (await ScorerSet(entries).score(Sample(example=EXAMPLE, output=output))).scores
        scored.append([scores[name].value for name in ("pii_detection", "answer_form", "short")])
    assert scored[0][1:] == [1.0, 1.0]
    assert scored[1][1:] == [0.0, 0.0]
    assert scored[0][0] != scored[1][0]


async def test_a_registered_pattern_takes_linear_time() -> None:
    scorers = import_mlflow_scorers()
    if not hasattr(scorers, "RegexMatch"):
        pytest.skip("this MLflow has none")
    (entry,) = made(
        "evil", registered=(scorers.RegexMatch(name="evil", pattern="^(a+)+$", match_type="fullmatch"),)
    )
    sample = Sample(example=EXAMPLE, output="a" * 50_000 + "b")
    scores = (await ScorerSet([entry]).score(sample)).scores
    assert scores["evil"].value == 0.0
    with pytest.raises(InvalidInput, match="RE2"):
        made("back", registered=(scorers.RegexMatch(name="back", pattern=r"(a)\1"),))


def test_names_that_a_search_takes_for_one_are_numbered() -> None:
    entries = made("Correctness:model=openai:/m", '"correctness"', registered=(judge_named("correctness"),))
    assert [entry.scorer.name for entry in entries] == ["correctness", "correctness_2"]

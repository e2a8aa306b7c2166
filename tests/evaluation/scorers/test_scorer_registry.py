"""From a user's text to scorers; every mistake is found before anything runs."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from typing import Any, ClassVar

import pytest

from burnish.domain.dataset import Dataset
from burnish.errors import InvalidInput
from burnish.evaluation.scorer import Feedback, Sample, Scorer
from burnish.evaluation.scorers import installed
from burnish.evaluation.scorers.registry import BUILT_IN, make_scorers
from burnish.evaluation.scorers.text import TextScorer
from burnish.evaluation.testing import ScorerContract

EXAMPLE = Dataset.of([({"q": "1+1"}, {"expected_response": "2"})]).examples[0]


def shout(outputs: str) -> bool:
    return outputs.isupper()


async def weigh(inputs: dict[str, Any], outputs: str, expectations: dict[str, Any]) -> Any:
    assert (inputs, expectations) == ({"q": "1+1"}, {"expected_response": "2"})
    return Feedback(0.25, f"weighed {outputs}")


def wants_more(outputs: str, database: str) -> bool:
    return bool(database)


class Custom(TextScorer):
    def __init__(self, name: str, argument: str | None = None) -> None:
        if argument != "good":
            raise InvalidInput.of("scorers", argument, "the argument must be good")
        super().__init__(name, argument)

    def compare(self, output: str, expected: Any) -> Feedback:
        return Feedback(1.0)


NOT_A_SCORER = 7


@pytest.fixture
def entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        EntryPoint(name, f"burnish_test_scorers:{attribute}", installed.GROUP)
        for name, attribute in {
            "shout": "shout",
            "weigh": "weigh",
            "wants_more": "wants_more",
            "custom": "Custom",
            "number": "NOT_A_SCORER",
        }.items()
    )
    broken = EntryPoints([*points, EntryPoint("broken", "no_such_module:x", installed.GROUP)])
    monkeypatch.setattr(installed, "entry_points", lambda group: broken.select(group=group))
    import sys

    monkeypatch.setitem(sys.modules, "burnish_test_scorers", sys.modules[__name__])


def problems(*specs: str) -> list[str]:
    with pytest.raises(InvalidInput) as refusal:
        make_scorers(specs)
    return [str(problem) for problem in refusal.value.problems]


class TestMakeScorers:
    def test_names_weights_and_constraints_are_as_written(self) -> None:
        made = make_scorers(["exact_match=3", "max_length:20=must", "label_match"])
        assert [(m.scorer.name, m.weight, m.must_pass) for m in made] == [
            ("exact_match", 3.0, False),
            ("max_length", 0.0, True),
            ("label_match", 1.0, False),
        ]

    def test_every_built_in_scorer_has_a_name_without_an_import_of_mlflow(self) -> None:
        for name, kind in BUILT_IN.items():
            argument = ":1" if kind.takes.value == "required" else ""
            (made,) = make_scorers([name + argument])
            assert isinstance(made.scorer, kind)

    def test_a_second_one_of_a_name_is_numbered(self) -> None:
        made = make_scorers(["contains:a", "exact_match", "contains:b"])
        assert [m.scorer.name for m in made] == ["contains", "exact_match", "contains_2"]

    def test_all_problems_are_reported_at_once(self) -> None:
        found = problems("regex_match:(", "max_length", "json_valid:x", "a=0", "exact_match", "exact_match=2")
        assert len(found) == 5
        assert "not a pattern" in found[0]
        assert "max_length:ARGUMENT" in found[1]
        assert "takes no argument" in found[2]
        assert "above 0" in found[3]
        assert "twice" in found[4]

    def test_no_scorers_are_none(self) -> None:
        assert make_scorers([]) == ()

    def test_the_mean_s_name_is_taken(self) -> None:
        assert "cannot name a scorer" in problems("aggregate")[0]

    def test_scores_never_collide(self) -> None:
        names = [m.scorer.name for m in make_scorers(["contains:a", "contains:b", "contains:c"])]
        assert len(set(names)) == 3


class TestFunctionScorerKeepsTheContract(ScorerContract):
    cases: ClassVar = [("LOUD", {}, 1.0), ("quiet", {}, 0.0)]

    def make(self) -> Scorer:
        return installed.FunctionScorer("shout", shout)


@pytest.mark.usefixtures("entry_points")
class TestInstalledScorers:
    async def test_a_function_is_given_what_it_asks_for(self) -> None:
        made = make_scorers(["shout", "weigh"])
        sample = Sample(example=EXAMPLE, output="TWO")
        assert [m.scorer.blocking for m in made] == [True, False]
        assert await made[0].scorer.score(sample) == Feedback(True)
        assert await made[1].scorer.score(sample) == Feedback(0.25, "weighed TWO")

    def test_a_class_is_made_with_name_and_argument(self) -> None:
        (made,) = make_scorers(["custom:good=2"])
        assert isinstance(made.scorer, Custom)
        assert (made.scorer.name, made.weight) == ("custom", 2.0)
        assert "must be good" in problems("custom:bad")[0]

    @pytest.mark.parametrize(
        ("spec", "phrase"),
        [
            ("wants_more", "database"),
            ("broken", "no_such_module"),
            ("number", "is no scorer"),
            ("shout:loud", "takes no argument"),
        ],
    )
    def test_what_cannot_work_is_refused(self, spec: str, phrase: str) -> None:
        assert phrase in problems(spec)[0]

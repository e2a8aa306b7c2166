"""Ensembles of registered scorers, serialized as MLflow stores them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.usage import Role, Usage
from burnish.errors import InvalidInput
from burnish.evaluation.judges.mlflow_adapter import import_mlflow_scorers
from burnish.evaluation.scorer import Feedback, Sample, WeightedScorer
from burnish.evaluation.scorers.registry import make_scorers
from burnish.llm.protocol import Completion, Purpose, Request

EXAMPLE = Dataset.of([({"q": "?"}, {"expected_response": "x"})]).examples[0]


class Answers:
    """A judge model whose answer follows from a word of the question."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls = 0

    async def complete(self, request: Request, purpose: Purpose) -> Completion:
        assert purpose.role is Role.JUDGE
        self.calls += 1
        text = " ".join(message.content for message in request.messages)
        answer = next(value for word, value in self.answers.items() if word in text)
        return Completion(text=json.dumps({"result": answer, "rationale": "so"}), usage=Usage(1, 1, 1, 1))


def judge(word: str, declared: Any = bool, model: str = "openai:/m") -> Any:
    import_mlflow_scorers()
    from mlflow.genai.judges import make_judge

    return make_judge(
        name=word, instructions=f"Is {{{{ outputs }}}} {word}?", model=model, feedback_value_type=declared
    )


def ensemble(combination: str, *parts: Any, spec: str = "all_of_it") -> WeightedScorer:
    """Made by MLflow where it can make ensembles, and else in its form."""
    serialized: dict[str, Any] = {
        "name": "all_of_it",
        "ensemble_scorer_data": {
            "ensemble_fn": combination,
            "scorers": [part.model_dump() for part in parts],
        },
    }
    scorers: Any = import_mlflow_scorers()
    base = __import__(scorers.Scorer.__module__, fromlist=["Scorer"])
    if hasattr(base, "make_scorer_ensemble"):
        serialized = base.make_scorer_ensemble(
            name="all_of_it", scorers=list(parts), ensemble_fn=combination
        ).model_dump()
    kept = json.loads(json.dumps(serialized))
    (made,) = make_scorers([spec], experiment_id="7", find_registered=lambda *_: kept)
    return made


async def ask(entry: WeightedScorer, **answers: Any) -> Feedback:
    return await entry.scorer.score(Sample(example=EXAMPLE, output="x", model=Answers(**answers)))


@pytest.mark.parametrize(
    ("combination", "score"),
    [
        ("majority_vote", 1.0),
        ("mean", 2 / 3),
        ("minimum", 0.0),
        ("maximum", 1.0),
        ("agg_all", 0.0),
        ("agg_any", 1.0),
    ],
)
async def test_combines_as_mlflow_does(combination: str, score: float) -> None:
    entry = ensemble(combination, judge("kind"), judge("short"), judge("true"))
    feedback = await ask(entry, kind=True, short=False, true=True)
    assert feedback.value == pytest.approx(score)
    assert feedback.usage == Usage(3, 3, 3, 3)
    assert "short 0: so" in feedback.rationale
    assert (entry.scorer.name, entry.scorer.calls, entry.scorer.model) == ("all_of_it", 3, "openai:/m")


async def test_a_tie_is_no_majority() -> None:
    entry = ensemble("majority_vote", judge("kind"), judge("short"))
    assert (await ask(entry, kind=True, short=False)).value == 0.0


async def test_ratings_are_scaled_before_they_are_combined() -> None:
    entry = ensemble("mean", judge("kind", int), judge("short", int), spec="all_of_it:1-5")
    assert (await ask(entry, kind=5, short=2)).value == 0.625


async def test_no_opinion_of_one_is_none_of_the_whole() -> None:
    entry = ensemble("mean", judge("kind"), judge("short"))
    feedback = await ask(entry, kind=True, short=None)
    assert feedback.value is None
    assert "short has no opinion" in feedback.rationale


def test_different_models_are_refused_unless_one_is_named() -> None:
    parts = judge("kind"), judge("short", model="openai:/other")
    with pytest.raises(InvalidInput, match="all_of_it:model=openai:/m"):
        ensemble("agg_all", *parts)
    assert ensemble("agg_all", *parts, spec="all_of_it:model=openai:/one").scorer.model == "openai:/one"


def test_code_in_an_ensemble_is_refused() -> None:
    data = {"ensemble_fn": "mean", "scorers": [{"name": "evil", "call_source": "return 1"}]}
    with pytest.raises(InvalidInput, match="code is not taken"):
        make_scorers(["e"], experiment_id="7", find_registered=lambda *_: {"ensemble_scorer_data": data})


@pytest.mark.parametrize("data", [{}, {"ensemble_fn": "median", "scorers": [{}]}, {"ensemble_fn": "mean"}])
def test_an_ensemble_of_an_unknown_kind_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="not known"):
        make_scorers(["e"], experiment_id="7", find_registered=lambda *_: {"ensemble_scorer_data": data})

"""Scores are in [0, 1] before anything compares them (F01), and no opinion is not 0 (F21)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import pytest

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset
from burnish.domain.job import Job, JobConfig
from burnish.domain.usage import Usage
from burnish.errors import InvalidInput, ModelUnavailable, ScoreOutOfRange, ScorerFailed
from burnish.evaluation.evaluator import Evaluator
from burnish.evaluation.judges.mlflow_adapter import import_mlflow_scorers
from burnish.evaluation.protocol import Means
from burnish.evaluation.scorer import Feedback, Sample, Scorer, WeightedScorer
from burnish.evaluation.scorer_set import FEWEST_ANSWERS, ScorerSet
from burnish.evaluation.scorers.installed import FunctionScorer
from burnish.evaluation.scorers.registry import make_scorers
from burnish.evaluation.target import ModelTarget
from burnish.llm.protocol import Completion, Purpose, Request

EXAMPLE = Dataset.of([({"q": "?"}, {"expected_response": "x"})]).examples[0]


class Ratings:
    """A judge model that gives these ratings, in order, and the last one from then on."""

    def __init__(self, *ratings: Any) -> None:
        self.ratings = list(ratings)
        self.calls = 0

    async def complete(self, request: Request, purpose: Purpose) -> Completion:
        rating = self.ratings[min(self.calls, len(self.ratings) - 1)]
        self.calls += 1
        return Completion(text=json.dumps({"result": rating, "rationale": "so"}), usage=Usage(1, 1, 1, 1))


def judged(spec: str, declared: Any) -> WeightedScorer:
    """A registered judge ``stars`` with feedback of a type."""
    import_mlflow_scorers()
    from mlflow.genai.judges import make_judge

    judge = make_judge(
        name="stars",
        instructions="Rate {{ outputs }}.",
        model="openai:/m",
        feedback_value_type=declared,
    )
    kept = json.loads(json.dumps(judge.model_dump()))
    (made,) = make_scorers([spec], experiment_id="7", find_registered=lambda *_: kept)
    return made


async def scored(entry: WeightedScorer, *ratings: Any) -> tuple[float, float | None]:
    """Value and raw number of one answer."""
    scores = (
        await ScorerSet([entry]).score(Sample(example=EXAMPLE, output="x", model=Ratings(*ratings)))
    ).scores
    return scores["stars"].value, scores["stars"].raw


class TestRanges:
    @pytest.mark.parametrize("declared", [int, float, str, Literal[1, 2, 3, 4, 5]])
    @pytest.mark.parametrize("answer", [4, "4", 4.0])
    async def test_a_declared_range_is_scaled(self, declared: Any, answer: Any) -> None:
        assert await scored(judged("stars:1-5", declared), answer) == (0.75, 4.0)

    @pytest.mark.parametrize("declared", [Literal[1, 2, 3, 4, 5], Literal["1", "2", "3", "4", "5"]])
    async def test_a_literal_s_numbers_are_a_range(self, declared: Any) -> None:
        assert await scored(judged("stars", declared), 2) == (0.25, 2.0)

    async def test_other_ranges_and_where_1_is_best(self) -> None:
        assert await scored(judged("stars:0-10", int), "10") == (1.0, 10.0)
        assert await scored(judged("stars:6-1", int), 6) == (0.0, 6.0)
        assert await scored(judged("stars:range=0-100,repeats=2", int), 50, 100) == (0.75, 75.0)

    def test_whole_numbers_without_a_range_are_refused_at_submission(self) -> None:
        with pytest.raises(InvalidInput, match="stars:1-5"):
            judged("stars", int)

    @pytest.mark.parametrize(("declared", "answer"), [(float, 4.0), (float, "10"), (str, "3")])
    async def test_numbers_outside_0_to_1_stop_on_the_first_example(self, declared: Any, answer: Any) -> None:
        with pytest.raises(ScoreOutOfRange, match="stars:1-5"):
            await scored(judged("stars", declared), answer)

    async def test_an_answer_outside_the_declared_range_is_asked_again(self) -> None:
        assert await scored(judged("stars:1-5", int), 7, 0, 3) == (0.5, 3.0)
        with pytest.raises(ModelUnavailable, match="declared range is 1-5"):
            await scored(judged("stars:1-5", int), 9)

    @pytest.mark.parametrize(("rating", "aggregate"), [(2, 0.0), (3, 1.0)])
    async def test_a_rating_can_be_a_constraint(self, rating: int, aggregate: float) -> None:
        entry = judged("stars:1-5=must", int)
        scorers = ScorerSet([entry])
        scores = (await scorers.score(Sample(example=EXAMPLE, output="x", model=Ratings(rating)))).scores
        assert scorers.aggregate(scores) == aggregate

    @pytest.mark.parametrize("argument", ["3-3", "stars", "1-5,1-5", "range=a"])
    def test_a_malformed_range_is_refused(self, argument: str) -> None:
        with pytest.raises(InvalidInput, match="range"):
            judged(f"stars:{argument}", int)

    async def test_a_rating_weighs_no_more_than_another_scorer(self) -> None:
        scorers = ScorerSet([judged("stars:1-5", int), *make_scorers(["exact_match"])])
        scores = (await scorers.score(Sample(example=EXAMPLE, output="wrong", model=Ratings(5)))).scores
        assert scorers.aggregate(scores) == 0.5

    def test_raw_means_are_those_of_the_range(self) -> None:
        job = Job(
            job_id="j",
            experiment_id="0",
            config=JobConfig(source_prompt_uris=("prompts:/p/1",)),
            creation_timestamp_ms=0,
            score_ranges={"stars": "1-5", "other": "6-1"},
        )
        assert job.raw_scores({"aggregate": 0.5, "stars": 0.625, "exact": 1.0}) == {"stars": 3.5}


class Opinions(Scorer):
    """Gives the number that the output is, and no opinion on anything else."""

    def __init__(self, name: str = "mine") -> None:
        super().__init__(name)

    async def score(self, sample: Sample) -> Feedback:
        try:
            return Feedback(float(sample.output), "a number")
        except ValueError:
            return Feedback(None, "cannot say")


class Echo:
    async def complete(self, request: Request, purpose: Purpose) -> Completion:
        return Completion(text=request.messages[0].content, usage=Usage(1, 1, 1, 1))


async def evaluated(scorers: ScorerSet, *outputs: str) -> Means:
    examples = Dataset.of([({"q": text}, {"expected_response": "1"}) for text in outputs]).examples
    model = Echo()
    evaluate = Evaluator(target=ModelTarget(model, ["p"], "m:/x"), model=model, scorers=scorers)
    return await evaluate(Candidate({"p": "{{q}}"}), examples)


class TestNoOpinion:
    async def test_is_left_out_of_that_scorer_s_mean_and_of_the_example_s_aggregate(self) -> None:
        scorers = ScorerSet([WeightedScorer(Opinions()), *make_scorers(["exact_match"])])
        means = await evaluated(scorers, "1", "0.5", "?")
        assert means.scores == {"aggregate": (1.0 + 0.25 + 0.0) / 3, "mine": 0.75, "exact_match": 1 / 3}
        assert dict(means.evaluations[2].scores).keys() == {"exact_match"}
        assert scorers.unscored == {"mine": 1}
        assert "mine had no opinion on 1 of 3 answers" in scorers.warnings[0]

    async def test_of_the_only_scorer_leaves_the_example_out_of_every_mean(self) -> None:
        means = await evaluated(ScorerSet([WeightedScorer(Opinions())]), "1", "0.5", "?")
        assert means.scores == {"aggregate": 0.75, "mine": 0.75}
        assert [evaluation.unscored for evaluation in means.evaluations] == [False, False, True]

    async def test_on_a_constraint_is_no_veto(self) -> None:
        scorers = ScorerSet([WeightedScorer(Opinions(), must_pass=True), *make_scorers(["contains:1"])])
        means = await evaluated(scorers, "1?", "1")
        assert means.scores["aggregate"] == 1.0

    async def test_more_often_than_allowed_stops_the_job_with_the_cause(self) -> None:
        scorers = ScorerSet([WeightedScorer(Opinions())], max_unscored_share=0.25)
        with pytest.raises(ScorerFailed, match=r"no opinion on \d of \d+ answers.*cannot say"):
            await evaluated(scorers, *(f"{n}?" if n % 2 else f"0.{n}" for n in range(20)))

    async def test_as_often_as_allowed_does_not(self) -> None:
        scorers = ScorerSet([WeightedScorer(Opinions())], max_unscored_share=1.0)
        means = await evaluated(scorers, *(f"{n}?" for n in range(2 * FEWEST_ANSWERS)))
        assert means.scores == {"aggregate": 0.5}

    @pytest.mark.parametrize("declared", [bool, int, float, str, Literal["yes", "no"], Literal[1, 2, 3]])
    async def test_of_a_judge_is_asked_for_once(self, declared: Any) -> None:
        model = Ratings(None)
        entry = judged("stars:1-3" if declared is int else "stars", declared)
        feedback = await entry.scorer.score(Sample(example=EXAMPLE, output="x", model=model))
        assert (feedback.value, feedback.rationale, model.calls) == (None, "so", 1)

    @pytest.mark.parametrize("name", ["Correctness", "Safety", "Fluency"])
    async def test_of_mlflow_s_own_judges_too(self, name: str) -> None:
        (entry,) = make_scorers([name], judge_model="openai:/m")
        model = Ratings(None)
        feedback = await entry.scorer.score(Sample(example=EXAMPLE, output="y", model=model))
        assert (feedback.value, model.calls) == (None, 1)

    @pytest.mark.parametrize(
        ("declared", "answer", "value"),
        [
            (str, "N/A", None),
            (Literal["yes", "no", "unknown"], "unknown", None),
            (Literal["yes", "no", "unknown"], "no", 0.0),
            (Literal["1", "2", "3", "n/a"], "n/a", None),
            (Literal["1", "2", "3", "n/a"], "2", 2.0),
        ],
    )
    async def test_can_be_said_in_words(self, declared: Any, answer: str, value: float | None) -> None:
        model = Ratings(answer)
        feedback = await judged("stars", declared).scorer.score(
            Sample(example=EXAMPLE, output="x", model=model)
        )
        assert (feedback.value, model.calls) == (value, 1)

    async def test_of_a_function_that_failed_in_mlflow_s_way_keeps_its_cause(self) -> None:
        from mlflow.entities import Feedback as MlflowFeedback

        scorer = FunctionScorer("fails", lambda outputs: MlflowFeedback(name="f", error=ValueError("no key")))
        feedback = await scorer.score(Sample(example=EXAMPLE, output="x"))
        assert (feedback.value, "no key" in feedback.rationale) == (None, True)

    async def test_votes_without_one_are_left_out(self) -> None:
        entry = judged("stars:1-5,repeats=3", int)
        assert await scored(entry, None, 2, 4) == (0.5, 3.0)


class TestInstalledFunctions:
    @pytest.mark.parametrize(
        ("function", "value"),
        [(lambda outputs: None, None), (lambda outputs: 4, 0.75), (lambda outputs: "2", 0.25)],
    )
    async def test_may_have_a_range_and_no_opinion(
        self, function: Callable[..., Any], value: float | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from importlib.metadata import EntryPoint, EntryPoints

        from burnish.evaluation.scorers import installed

        points = EntryPoints([EntryPoint("grade", "x:y", installed.GROUP)])
        monkeypatch.setattr(installed, "entry_points", lambda group: points)
        monkeypatch.setattr(installed, "_load", lambda point: function)
        entries = make_scorers(["grade:1-5"])
        scores = (await ScorerSet(entries).score(Sample(example=EXAMPLE, output="x"))).scores
        assert {name: score.value for name, score in scores.items()} == (
            {} if value is None else {"grade": value}
        )

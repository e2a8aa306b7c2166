"""The evaluator: what is asked of the target, what comes of failures, and that nothing is paid twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import Message
from burnish.domain.score import Evaluation
from burnish.domain.usage import Role, Usage
from burnish.errors import (
    AttemptSuperseded,
    BudgetExhausted,
    InvalidInput,
    ModelRejected,
    ModelTimeout,
    ProviderUnavailable,
    ScorerFailed,
)
from burnish.evaluation.evaluator import Evaluator
from burnish.evaluation.scorer import Feedback, Sample, Scorer, WeightedScorer
from burnish.evaluation.scorer_set import ScorerSet
from burnish.evaluation.scorers.registry import make_scorers
from burnish.evaluation.target import ModelTarget
from burnish.llm.protocol import Completion, Parameters, Purpose, Request

SOURCE = Candidate({"p": "Say {{word}}"})
OTHER = Candidate({"p": "Repeat {{word}}"})


def words(*texts: str) -> tuple[Example, ...]:
    return Dataset.of([({"word": text}, {"expected_response": text}) for text in texts]).examples


class Model:
    """Echoes the last word of the prompt. ``hold`` keeps calls waiting until it is set.

    Attributes:
        failures: word → what its call raises.
        calls: every request with its purpose, in the order they came.
    """

    def __init__(self, **failures: BaseException) -> None:
        self.failures = failures
        self.calls: list[tuple[Request, Purpose]] = []
        self.canceled = 0
        self.in_flight = self.most_in_flight = 0
        self.hold: dict[str, asyncio.Event] = {}

    @property
    def asked(self) -> list[str]:
        return [request.messages[-1].content.split()[-1] for request, _ in self.calls]

    async def complete(self, request: Request, purpose: Purpose) -> Completion:
        self.calls.append((request, purpose))
        word = self.asked[-1]
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if word in self.hold:
                await self.hold[word].wait()
            else:
                await asyncio.sleep(0)
            if word in self.failures:
                raise self.failures[word]
        except asyncio.CancelledError:
            self.canceled += 1
            raise
        finally:
            self.in_flight -= 1
        return Completion(text=word, usage=Usage(1, 10, 1, 100))


def evaluator(
    model: Model,
    scorers: Sequence[str | WeightedScorer] = ("exact_match",),
    *,
    concurrency: int = 4,
    record: Callable[[Evaluation], None] | None = None,
) -> Evaluator:
    made = [s if isinstance(s, WeightedScorer) else make_scorers([s])[0] for s in scorers]
    return Evaluator(
        target=ModelTarget(model, ["p"], "scripted:/echo"),
        model=model,
        scorers=ScorerSet(made),
        concurrency=concurrency,
        record=record,
    )


async def turns(count: int = 50) -> None:
    """Let every task go as far as it can."""
    for _ in range(count):
        await asyncio.sleep(0)


class FunctionOfTheSample(Scorer):
    """A scorer made of a function of the sample."""

    def __init__(self, function: Callable[[Sample], Any], name: str = "mine", blocking: bool = False) -> None:
        super().__init__(name)
        self.function, self.blocking = function, blocking

    async def score(self, sample: Sample) -> Feedback:
        answer = self.function(sample)
        if asyncio.iscoroutine(answer):
            answer = await answer
        return answer if isinstance(answer, Feedback) else Feedback(answer)


def scorer(function: Callable[[Sample], Any], **options: Any) -> WeightedScorer:
    return WeightedScorer(FunctionOfTheSample(function, **options))


class TestWhatIsAsked:
    async def test_the_rendered_prompt_for_each_example_with_its_purpose(self) -> None:
        model = Model()
        examples = words("a", "b")
        parameters = Parameters(temperature=0.0, max_tokens=5)
        evaluate = Evaluator(
            target=ModelTarget(model, ["p"], "scripted:/echo", parameters),
            model=model,
            scorers=ScorerSet([]),
        )
        await evaluate(SOURCE, examples)
        request, purpose = model.calls[1]
        assert request == Request(
            model="scripted:/echo", messages=(Message("user", "Say b"),), parameters=parameters
        )
        assert purpose == Purpose(
            role=Role.TARGET, candidate_id=SOURCE.candidate_id, example_id=examples[1].example_id
        )

    async def test_the_sealed_test_s_calls_say_so(self) -> None:
        model = Model()
        await evaluator(model)(SOURCE, words("a"), phase="test")
        assert [purpose.phase for _, purpose in model.calls] == ["test"]

    async def test_several_prompts_are_one_conversation_in_their_order(self) -> None:
        model = Model()
        both = Candidate({"task": "Say {{word}}", "style": (Message("system", "Be brief about {{word}}"),)})
        evaluate = Evaluator(
            target=ModelTarget(model, ["style", "task"], "m:/x"), model=model, scorers=ScorerSet([])
        )
        await evaluate(both, words("a"))
        assert model.calls[0][0].messages == (
            Message("system", "Be brief about a"),
            Message("user", "Say a"),
        )

    async def test_a_variable_without_a_value_is_an_error_not_a_score(self) -> None:
        with pytest.raises(InvalidInput, match="number"):
            await evaluator(Model())(Candidate({"p": "{{number}}"}), words("a"))


class TestResults:
    async def test_are_in_the_order_of_the_examples_whatever_the_order_of_the_answers(self) -> None:
        model = Model()
        model.hold = {"a": asyncio.Event()}
        running = asyncio.ensure_future(evaluator(model)(SOURCE, words("a", "b", "c")))
        await turns()
        model.hold["a"].set()
        means = await running
        assert [evaluation.output for evaluation in means.evaluations] == ["a", "b", "c"]

    async def test_means_have_the_aggregate_and_each_scorer(self) -> None:
        means = await evaluator(Model(), ["exact_match=3", "contains:a"])(SOURCE, words("a", "b"))
        assert means.scores == {"aggregate": (1.0 + 0.75) / 2, "exact_match": 1.0, "contains": 0.5}
        assert means.aggregate == means.scores["aggregate"]

    @pytest.mark.parametrize(
        ("specs", "aggregate"),
        [
            (["exact_match", "max_length:1=must"], 1.0),
            (["exact_match", "regex_match:z=must"], 0.0),
            (["max_length:1=must"], 1.0),
            (["similarity", "regex_match:z"], 0.5),
        ],
    )
    async def test_a_constraint_has_no_weight_but_a_veto(self, specs: list[str], aggregate: float) -> None:
        assert (await evaluator(Model(), specs)(SOURCE, words("a"))).aggregate == aggregate

    async def test_no_examples_have_no_scores(self) -> None:
        means = await evaluator(Model())(SOURCE, ())
        assert (means.evaluations, dict(means.scores), means.aggregate) == ((), {}, 0.0)

    async def test_usage_is_of_target_and_judges(self) -> None:
        judge = scorer(lambda _: Feedback(1, usage=Usage(2, 5, 5, 50)))
        means = await evaluator(Model(), [judge])(SOURCE, words("a"))
        assert means.evaluations[0].usage == Usage(3, 15, 6, 150)


class TestNothingTwice:
    async def test_a_pair_is_measured_and_recorded_once(self) -> None:
        model, recorded = Model(), list[Evaluation]()
        evaluate = evaluator(model, record=recorded.append)
        first = await evaluate(SOURCE, words("a", "b"))
        a, b, c = words("a", "b", "c")
        second = await evaluate(SOURCE, (b, a, c, c))
        assert model.asked == ["a", "b", "c"]
        assert [e.output for e in second.evaluations] == ["b", "a", "c", "c"]
        assert second.evaluations[1] is first.evaluations[0]
        assert sorted(e.output for e in recorded) == ["a", "b", "c"]

    async def test_callers_at_the_same_time_share_a_call(self) -> None:
        model = Model()
        evaluate = evaluator(model)
        means = await asyncio.gather(*(evaluate(SOURCE, words("a", "b")) for _ in range(5)))
        assert sorted(model.asked) == ["a", "b"]
        assert len({m.aggregate for m in means}) == 1

    async def test_another_candidate_is_another_pair(self) -> None:
        model = Model()
        evaluate = evaluator(model)
        await asyncio.gather(evaluate(SOURCE, words("a")), evaluate(OTHER, words("a")))
        assert model.asked == ["a", "a"]

    async def test_concurrency_is_bounded_over_all_callers(self) -> None:
        model = Model()
        evaluate = evaluator(model, concurrency=3)
        texts = [f"w{i}" for i in range(20)]
        await asyncio.gather(evaluate(SOURCE, words(*texts)), evaluate(OTHER, words(*texts)))
        assert model.most_in_flight == 3
        assert len(model.calls) == 40

    async def test_a_failure_is_not_kept(self) -> None:
        model = Model(a=ModelRejected("m", "wrong key"))
        evaluate = evaluator(model)
        with pytest.raises(ModelRejected):
            await evaluate(SOURCE, words("a"))
        model.failures.clear()
        assert (await evaluate(SOURCE, words("a"))).aggregate == 1.0


class TestFailures:
    async def test_one_example_s_failure_is_a_score_of_0_with_its_error(self) -> None:
        recorded = list[Evaluation]()
        model = Model(b=ModelTimeout("m", "no answer within 60 s"))
        means = await evaluator(model, ["exact_match", "json_valid"], record=recorded.append)(
            SOURCE, words("a", "b")
        )
        failed = means.evaluations[1]
        assert (failed.output, failed.aggregate) == ("", 0.0)
        assert "no answer within 60 s" in (failed.error or "")
        assert {name: score.value for name, score in failed.scores.items()} == {
            "exact_match": 0.0,
            "json_valid": 0.0,
        }
        assert means.scores["exact_match"] == 0.5
        assert len(recorded) == 2

    @pytest.mark.parametrize(
        "failure",
        [
            ModelRejected("m", "401"),
            ProviderUnavailable("too many failures"),
            AttemptSuperseded("job", 1),
            BudgetExhausted("max_calls", 3, 3),
        ],
        ids=lambda failure: type(failure).__name__,
    )
    async def test_what_concerns_the_whole_job_is_raised(self, failure: Exception) -> None:
        with pytest.raises(type(failure)):
            await evaluator(Model(b=failure))(SOURCE, words("a", "b", "c"))

    async def test_a_systemic_failure_cancels_the_rest_at_once_and_keeps_what_is_finished(self) -> None:
        recorded = list[Evaluation]()
        model = Model(b=ModelRejected("m", "401"))
        model.hold = {"b": asyncio.Event(), "c": asyncio.Event()}
        running = asyncio.ensure_future(
            evaluator(model, concurrency=3, record=recorded.append)(SOURCE, words("a", "b", "c", "d", "e"))
        )
        await turns()
        assert sorted(model.asked) == ["a", "b", "c", "d", "e"]
        model.hold["b"].set()
        with pytest.raises(ModelRejected):
            await running
        assert model.canceled == 1
        assert sorted(e.output for e in recorded) == ["a", "d", "e"]

    async def test_an_exhausted_budget_lets_calls_in_flight_finish_and_begins_hardly_another(self) -> None:
        recorded = list[Evaluation]()
        model = Model(b=BudgetExhausted("max_calls", 3, 3))
        model.hold = {word: asyncio.Event() for word in "abc"}
        running = asyncio.ensure_future(
            evaluator(model, concurrency=2, record=recorded.append)(SOURCE, words(*"abcdefgh"))
        )
        await turns()
        model.hold["b"].set()
        await turns()
        assert not running.done()
        assert set(model.asked) <= {"a", "b", "c"}  # c may have taken b's slot before anybody noticed
        model.hold["a"].set()
        model.hold["c"].set()
        with pytest.raises(BudgetExhausted):
            await running
        assert "a" in [e.output for e in recorded]
        assert set(model.asked) <= {"a", "b", "c"}
        assert model.canceled == 0

    async def test_cancelling_a_caller_cancels_only_what_nobody_else_waits_for(self) -> None:
        model = Model()
        model.hold = {word: asyncio.Event() for word in ("a", "b")}
        evaluate = evaluator(model)
        leaver = asyncio.ensure_future(evaluate(SOURCE, words("a", "b")))
        stayer = asyncio.ensure_future(evaluate(SOURCE, words("a")))
        await turns()
        leaver.cancel()
        await asyncio.wait([leaver])
        assert leaver.cancelled()
        assert (model.canceled, model.in_flight) == (1, 1)
        model.hold["a"].set()
        assert (await stayer).aggregate == 1.0

    async def test_what_was_cancelled_can_be_asked_for_again(self) -> None:
        model = Model()
        model.hold = {"a": asyncio.Event()}
        evaluate = evaluator(model)
        leaver = asyncio.ensure_future(evaluate(SOURCE, words("a")))
        await turns()
        leaver.cancel()
        await asyncio.wait([leaver])
        model.hold.clear()
        assert (await evaluate(SOURCE, words("a"))).aggregate == 1.0


class TestScorers:
    async def test_a_scorer_that_raises_stops_the_job_on_the_first_example(self) -> None:
        def broken(sample: Sample) -> float:
            raise ZeroDivisionError("division by zero")

        model = Model()
        examples = words(*(f"w{i}" for i in range(20)))
        with pytest.raises(ScorerFailed) as failure:
            await evaluator(model, [scorer(broken)], concurrency=1)(SOURCE, examples)
        for named in ("mine", examples[0].example_id, "ZeroDivisionError"):
            assert named in str(failure.value)
        assert len(model.calls) <= 2

    async def test_a_scorer_that_returns_no_score_stops_the_job(self) -> None:
        with pytest.raises(ScorerFailed, match="of type list"):
            await evaluator(Model(), [scorer(lambda _: [1])])(SOURCE, words("a"))

    async def test_yes_and_no_are_scores(self) -> None:
        means = await evaluator(Model(), [scorer(lambda s: "yes" if s.output == "a" else "no")])(
            SOURCE, words("a", "b")
        )
        assert [e.aggregate for e in means.evaluations] == [1.0, 0.0]

    @pytest.mark.parametrize(("blocking", "elsewhere"), [(True, True), (False, False)])
    async def test_blocking_scorers_run_in_threads(self, blocking: bool, elsewhere: bool) -> None:
        here, there = threading.get_ident(), set[int]()

        def note(sample: Sample) -> float:
            there.add(threading.get_ident())
            return 1.0

        await evaluator(Model(), [scorer(note, blocking=blocking)])(SOURCE, words("a", "b"))
        assert (here not in there) is elsewhere

    async def test_a_judge_s_failed_call_is_the_example_s_failure(self) -> None:
        async def judge(sample: Sample) -> float:
            raise ModelTimeout("judge", "no answer")

        means = await evaluator(Model(), ["exact_match", scorer(judge)])(SOURCE, words("a"))
        assert means.evaluations[0].output == "a"
        assert means.aggregate == 0.0
        assert "judge" in (means.evaluations[0].error or "")

    async def test_judges_are_asked_at_the_same_time(self) -> None:
        meeting = asyncio.Barrier(2)

        async def judge(sample: Sample) -> float:
            await meeting.wait()
            return 1.0

        judges = [scorer(judge, name="one"), scorer(judge, name="two")]
        async with asyncio.timeout(60):
            assert (await evaluator(Model(), judges)(SOURCE, words("a"))).aggregate == 1.0

    async def test_when_the_budget_ends_the_other_judge_in_flight_finishes(self) -> None:
        finished = list[str]()

        async def poor(sample: Sample) -> float:
            raise BudgetExhausted("max_calls", 1, 1)

        async def paid(sample: Sample) -> float:
            await turns(5)
            finished.append(sample.output)
            return 1.0

        with pytest.raises(BudgetExhausted):
            await evaluator(Model(), [scorer(poor, name="poor"), scorer(paid, name="paid")])(
                SOURCE, words("a")
            )
        assert finished == ["a"]

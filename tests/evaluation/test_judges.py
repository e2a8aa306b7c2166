"""MLflow's real judges, asked through the job's gateway, never behind its back."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, ClassVar, Literal

import pytest

from burnish.domain.dataset import Dataset, Example
from burnish.domain.usage import Role, Usage
from burnish.errors import BudgetExhausted, InvalidInput, ModelUnavailable, ScorerFailed
from burnish.evaluation.judges.catalog import built_in_names
from burnish.evaluation.judges.judge import MOST_UNREADABLE, TRIES, Judge
from burnish.evaluation.judges.judge_session import Question, Unreadable, read_answer
from burnish.evaluation.judges.mlflow_adapter import (
    UNSERVABLE_MODEL,
    import_mlflow_scorers,
    run_to_next_question,
)
from burnish.evaluation.scorer import Feedback, Sample, Scorer
from burnish.evaluation.scorers.expectations import check_expectations
from burnish.evaluation.scorers.registry import make_scorers
from burnish.evaluation.testing import ScorerContract
from burnish.llm.protocol import Completion, LanguageModel, Purpose, Request

MODEL = "scripted:/judge"
DATASET = Dataset.of([({"question": "What is 6 × 7?"}, {"expected_response": "42"})])
EXAMPLE = DATASET.examples[0]
YES = json.dumps({"result": "yes", "rationale": "It says 42."})
NO = json.dumps({"result": "no", "rationale": "It says 41."})


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that found a way around the gateway would have to open a connection."""
    import_mlflow_scorers()

    def refuse(*args: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("OPENAI_API_KEY", "not a key")


class Model:
    """Gives scripted answers by the number of the sample."""

    def __init__(self, *answers: str | Exception, default: str = YES) -> None:
        self.answers = dict(enumerate(answers))
        self.default = default
        self.calls: list[tuple[Request, Purpose]] = []

    async def complete(self, request: Request, purpose: Purpose) -> Completion:
        self.calls.append((request, purpose))
        await asyncio.sleep(0)
        answer = self.answers.get(purpose.sample, self.default)
        if isinstance(answer, Exception):
            raise answer
        return Completion(text=answer, usage=Usage(1, 10, 5, 100))


def judge_of(spec: str = "Correctness", **options: Any) -> Judge:
    (made,) = make_scorers([spec], judge_model=MODEL, **options)
    assert isinstance(made.scorer, Judge)
    return made.scorer


async def ask(judge: Judge, model: Model, output: str = "42", example: Example = EXAMPLE) -> Feedback:
    return await judge.score(Sample(example=example, output=output, candidate_id="c1", model=model))


def registered(judge: Any) -> Callable[[str, str], Any]:
    """A registry that holds one judge, serialized as MLflow stores it, in experiment 7."""
    kept = json.loads(json.dumps(judge.model_dump()))
    return lambda experiment_id, name: kept if (experiment_id, name) == ("7", judge.name) else None


def made_judge(**options: Any) -> Any:
    from mlflow.genai.judges import make_judge

    settings: dict[str, Any] = {
        "name": "polite",
        "instructions": "Is {{ outputs }} a polite answer to {{ inputs }}?",
        "model": "openai:/registered-model",
        "feedback_value_type": bool,
    }
    return make_judge(**(settings | options))


class TestJudgeKeepsTheContract(ScorerContract):
    cases: ClassVar = [
        ("42", {"expected_response": "42"}, 1.0),
        ("41", {"expected_response": "41 or 43"}, 0.0),
    ]

    @property
    def model(self) -> LanguageModel:
        class SaysYesTo42(Model):
            async def complete(self, request: Request, purpose: Purpose) -> Completion:
                answer = YES if "42" in request.messages[-1].content else NO
                return Completion(text=answer, usage=Usage(1, 10, 5, 100))

        return SaysYesTo42()

    def make(self) -> Scorer:
        return judge_of("Correctness:repeats=2")


class TestBuiltInJudges:
    async def test_asks_the_model_through_the_gateway_for_this_candidate_and_example(self) -> None:
        model = Model()
        feedback = await ask(judge_of(), model)
        assert feedback == Feedback(1.0, "It says 42.", Usage(1, 10, 5, 100))
        ((request, purpose),) = model.calls
        assert request.model == MODEL
        text = "\n".join(message.content for message in request.messages)
        for phrase in ("What is 6 × 7?", "42", "rationale"):
            assert phrase in text
        assert purpose == Purpose(
            role=Role.JUDGE, candidate_id="c1", example_id=EXAMPLE.example_id, phase="judge", sample=0
        )

    async def test_no_is_0(self) -> None:
        assert (await ask(judge_of(), Model(NO), "41")).value == 0.0

    def test_every_single_turn_judge_of_mlflow_is_known_and_no_other(self) -> None:
        known = set(built_in_names())
        assert {
            "Completeness",
            "Correctness",
            "Equivalence",
            "ExpectationsGuidelines",
            "Fluency",
            "Guidelines",
            "RelevanceToQuery",
            "Safety",
            "Summarization",
        } <= known
        assert not known & {"RetrievalGroundedness", "UserFrustration", "ToolCallEfficiency", "BuiltInScorer"}

    @pytest.mark.parametrize(
        "name",
        [
            "Completeness",
            "Correctness",
            "Equivalence",
            "Fluency",
            "RelevanceToQuery",
            "Safety",
            "Summarization",
        ],
    )
    @pytest.mark.parametrize(("answer", "value"), [(YES, 1.0), (NO, 0.0)])
    async def test_each_of_them_can_be_asked(self, name: str, answer: str, value: float) -> None:
        model = Model(default=answer)
        assert (await ask(judge_of(name), model, "forty-two")).value == value
        assert len(model.calls) == 1

    async def test_guidelines_are_given_as_an_option(self) -> None:
        model = Model()
        await ask(judge_of("Guidelines:guidelines=Be brief, and be kind"), model)
        assert "Be brief, and be kind" in model.calls[0][0].messages[0].content

    async def test_a_judge_that_needs_no_model_to_decide_asks_none(self) -> None:
        model = Model()
        assert (await ask(judge_of("Equivalence"), model, "42")).value == 1.0
        assert model.calls == []

    async def test_another_model_can_be_named(self) -> None:
        model = Model()
        judge = judge_of("Safety:model=openai:/gpt-4o-mini")
        await ask(judge, model)
        assert model.calls[0][0].model == judge.model == "openai:/gpt-4o-mini"


class TestRegisteredJudges:
    async def test_is_found_by_name_in_its_experiment_and_keeps_its_model(self) -> None:
        judge = judge_of("polite", experiment_id="7", find_registered=registered(made_judge()))
        model = Model(json.dumps({"result": True, "rationale": "kind"}))
        assert (await ask(judge, model)).value == 1.0
        assert model.calls[0][0].model == "openai:/registered-model"
        assert "polite answer" in model.calls[0][0].messages[0].content

    async def test_inference_parameters_are_kept(self) -> None:
        kept = made_judge(inference_params={"temperature": 0.25, "max_tokens": 99, "reasoning_effort": "low"})
        if version("mlflow").startswith("3.9."):
            pytest.skip("MLflow 3.9 does not register them")
        judge = judge_of("polite", experiment_id="7", find_registered=registered(kept))
        model = Model(json.dumps({"result": False}))
        assert (await ask(judge, model)).value == 0.0
        parameters = model.calls[0][0].parameters
        assert (parameters.temperature, parameters.max_tokens) == (0.25, 99)
        assert parameters.extra == {"reasoning_effort": "low"}

    async def test_registered_built_in_judges_are_found_too(self) -> None:
        kept = import_mlflow_scorers().Guidelines(
            name="brief", guidelines=["Be brief"], model="openai:/registered-model"
        )
        judge = judge_of("brief:repeats=2", experiment_id="7", find_registered=registered(kept))
        model = Model()
        assert (await ask(judge, model)).value == 1.0
        assert [request.model for request, _ in model.calls] == ["openai:/registered-model"] * 2

    @pytest.mark.parametrize(
        ("declared", "answer", "value"),
        [
            (bool, "true", 1.0),
            (float, 0.25, 0.25),
            (Literal["yes", "no"], "no", 0.0),
            (Literal[0, 1], 1, 1.0),
            (str, "yes", 1.0),
        ],
    )
    async def test_feedback_of_every_type_that_is_a_score(
        self, declared: Any, answer: Any, value: float
    ) -> None:
        kept = made_judge(feedback_value_type=declared)
        judge = judge_of("polite", experiment_id="7", find_registered=registered(kept))
        assert (await ask(judge, Model(json.dumps({"result": answer})))).value == value

    @pytest.mark.parametrize("declared", [list[str], dict[str, float], Literal["good", "bad"]])
    def test_a_judge_of_another_feedback_type_is_refused(self, declared: Any) -> None:
        kept = made_judge(feedback_value_type=declared)
        with pytest.raises(InvalidInput, match="feedback of type"):
            judge_of("polite", experiment_id="7", find_registered=registered(kept))

    async def test_plain_text_that_is_no_score_stops_the_job_at_once(self) -> None:
        kept = made_judge(feedback_value_type=str)
        judge = judge_of("polite", experiment_id="7", find_registered=registered(kept))
        model = Model(default=json.dumps({"result": "quite polite"}))
        with pytest.raises(ScorerFailed, match="quite polite"):
            await ask(judge, model)
        assert len(model.calls) == 1

    def test_a_judge_of_conversations_is_refused(self) -> None:
        kept = made_judge(instructions="Was {{ conversation }} polite?")
        with pytest.raises(InvalidInput, match="conversations"):
            judge_of("polite", experiment_id="7", find_registered=registered(kept))

    def test_code_in_the_registry_is_refused_and_not_run(self, tmp_path: Any) -> None:
        trace = tmp_path / "it ran"
        serialized = {
            "name": "evil",
            "call_source": f"open({str(trace)!r}, 'w').close()\nreturn True",
            "call_signature": "(outputs)",
            "original_func_name": "evil",
        }
        with pytest.raises(InvalidInput, match="code is not taken from the registry"):
            judge_of("evil", experiment_id="7", find_registered=lambda *_: serialized)
        assert not trace.exists()

    def test_only_built_in_scorer_classes_can_be_named_in_the_registry(self) -> None:
        serialized = {
            "name": "evil",
            "builtin_scorer_class": "format_docstring",
            "builtin_scorer_pydantic_data": {},
        }
        with pytest.raises(InvalidInput, match="neither a built-in judge"):
            judge_of("evil", experiment_id="7", find_registered=lambda *_: serialized)


class TestOptions:
    @pytest.mark.parametrize(
        ("spec", "phrase"),
        [
            ("Correctness:repeats=0", "1 to 20"),
            ("Correctness:repeats=many", "1 to 20"),
            ("Correctness:repeats=21", "1 to 20"),
            ("Correctness:often", "a judge's options"),
            ("Correctness:model=a:/b,model=c:/d", "once each"),
            ("Correctness:model=gpt", "not PROVIDER:/NAME"),
            ("Correctness:guidelines=Be kind", "takes no guidelines"),
            ("Guidelines", "guidelines=TEXT"),
            ("RetrievalGroundedness", "retrieved"),
            ("UserFrustration", "judges conversations"),
            ("Corectness", "did you mean 'Correctness'"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, spec: str, phrase: str) -> None:
        with pytest.raises(InvalidInput, match=phrase):
            judge_of(spec)

    def test_a_judge_without_a_model_asks_mlflow_s_default_and_says_so(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mlflow.genai.judges.utils import get_default_model

        monkeypatch.delenv("MLFLOW_GENAI_JUDGE_DEFAULT_MODEL", raising=False)
        for made in make_scorers(["Correctness", "Safety"]):
            assert made.scorer.model == get_default_model() == "openai:/gpt-4.1-mini"
            assert "openai:/gpt-4.1-mini" in (made.warning or "")
            assert ":model=PROVIDER:/NAME" in (made.warning or "")

    def test_a_default_model_that_was_chosen_is_asked_without_a_warning(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (ours,) = make_scorers(["Safety"], judge_model="openai:/ours")
        assert (ours.scorer.model, ours.warning) == ("openai:/ours", None)
        monkeypatch.setenv("MLFLOW_GENAI_JUDGE_DEFAULT_MODEL", "openai:/theirs")
        (theirs,) = make_scorers(["Safety"])
        assert theirs.scorer.model == "openai:/theirs"
        (named,) = make_scorers(["Safety:model=openai:/named"], judge_model="openai:/ours")
        assert named.scorer.model == "openai:/named"

    def test_weights_stand_behind_options(self) -> None:
        (made,) = make_scorers(["Correctness:repeats=3,model=a:/b=2"])
        assert isinstance(made.scorer, Judge)
        assert (made.weight, made.scorer.calls, made.scorer.model) == (2.0, 3, "a:/b")


class TestRepeats:
    async def test_votes_are_different_samples_and_their_mean_counts(self) -> None:
        model = Model(YES, NO, YES)
        feedback = await ask(judge_of("Correctness:repeats=3"), model)
        assert feedback.value == pytest.approx(2 / 3)
        assert "It says 41." in feedback.rationale
        assert feedback.usage == Usage(3, 30, 15, 300)
        assert sorted(purpose.sample for _, purpose in model.calls) == [0, 1, 2]

    async def test_an_exhausted_budget_is_raised(self) -> None:
        model = Model(YES, BudgetExhausted("max_calls", 1, 1))
        with pytest.raises(BudgetExhausted):
            await ask(judge_of("Correctness:repeats=2"), model)


class TestUnreadableAnswers:
    async def test_the_question_is_asked_again_as_another_sample_and_every_call_counts(self) -> None:
        model = Model("I think so", '{"result": "perhaps"}', YES)
        feedback = await ask(judge_of(), model)
        assert feedback.value == 1.0
        assert feedback.usage == Usage(3, 30, 15, 300)
        assert [purpose.sample for _, purpose in model.calls] == [0, 1, 2]

    async def test_what_stays_unreadable_is_that_example_s_failure(self) -> None:
        judge = judge_of()
        await ask(judge, Model())
        for _ in range(MOST_UNREADABLE + 1):
            with pytest.raises(ModelUnavailable, match="cannot read"):
                await ask(judge, Model(default="I think so"))

    async def test_a_model_that_never_gives_a_readable_answer_stops_the_job(self) -> None:
        judge, model = judge_of(), Model(default="I think so")
        for _ in range(MOST_UNREADABLE - 1):
            with pytest.raises(ModelUnavailable):
                await ask(judge, model)
        with pytest.raises(ScorerFailed, match="I think so"):
            await ask(judge, model)
        assert len(model.calls) == MOST_UNREADABLE * TRIES

    @pytest.mark.parametrize(
        ("text", "read"),
        [
            ('{"result": "yes", "rationale": "so"}', ("yes", "so")),
            ('```json\n{"result": true}\n```', (True, "")),
            ('Well: {"rationale": "a\nb", "result": 0.5} I hope', (0.5, "a\nb")),
        ],
    )
    def test_answers_are_read_generously(self, text: str, read: tuple[Any, str]) -> None:
        assert read_answer(text) == read

    @pytest.mark.parametrize("text", ["", "yes", "{}", "[1]", '{"result": ', "{" * 10_000])
    def test_other_answers_are_unreadable(self, text: str) -> None:
        with pytest.raises(Unreadable):
            read_answer(text)


class TestExpectations:
    def test_mlflow_s_own_checks_are_made_before_anything_is_paid(self) -> None:
        lacking = Dataset.of([({"q": 1}, {"expected_response": "x"}), ({"q": 2}, {"other": "y"})])
        scorers = make_scorers(["Correctness", "Safety"], judge_model=MODEL)
        with pytest.raises(InvalidInput) as refusal:
            check_expectations(scorers, lacking)
        (problem,) = refusal.value.problems
        assert problem.value == lacking.examples[1].example_id
        assert "expected_facts" in problem.remedy
        check_expectations(scorers, DATASET)

    def test_either_of_two_expectations_will_do(self) -> None:
        facts = Dataset.of([({"q": 1}, {"expected_facts": ["x"]})])
        check_expectations(make_scorers(["Correctness"], judge_model=MODEL), facts)


class TestTheAdapter:
    def test_outside_a_session_mlflow_is_as_it_was_and_cannot_serve_the_judge(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MLFLOW_DEPLOYMENTS_TARGET", raising=False)
        run_to_next_question(lambda: None, [])
        judge = import_mlflow_scorers().Safety(model=UNSERVABLE_MODEL)
        with pytest.raises(Exception, match=r"get_endpoint|deployment"):
            judge(outputs="x")

    def test_sessions_do_not_meet(self) -> None:
        first, second = (import_mlflow_scorers().Safety(model=UNSERVABLE_MODEL) for _ in range(2))

        def both() -> Any:
            inner = run_to_next_question(lambda: second(outputs="inner"), [NO])
            return inner.value, first(outputs="outer").value

        assert run_to_next_question(both, [YES]) == ("no", "yes")

    def test_it_stops_at_the_question(self) -> None:
        question = run_to_next_question(
            lambda: import_mlflow_scorers().Safety(model=UNSERVABLE_MODEL)(outputs="hm"), []
        )
        assert isinstance(question, Question)
        assert "hm" in question.messages[0].content

    async def test_judging_does_not_block_the_loop_while_the_model_thinks(self) -> None:
        model, judge = Model(), judge_of()
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(ask(judge, model) for _ in range(50)))
        assert {answer.value for answer in answers} == {1.0}

    async def test_a_cancelled_question_is_not_continued(self) -> None:
        class Slow(Model):
            async def complete(self, request: Request, purpose: Purpose) -> Completion:
                self.calls.append((request, purpose))
                await asyncio.Event().wait()
                raise AssertionError

        model = Slow()
        running = asyncio.ensure_future(ask(judge_of("Correctness:repeats=2"), model))
        for _ in range(10):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
        assert len(model.calls) == 2

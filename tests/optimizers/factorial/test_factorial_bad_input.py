"""What reflection models, data and scorers do wrong, and what the search makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example
from burnish.domain.edit import EditStatus
from burnish.domain.hashing import uniform_draw
from burnish.domain.job import StopReason
from burnish.domain.prompt import Message, variables_of
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Usage
from burnish.errors import BudgetExhausted, ModelUnavailable, OptimizerFailed
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion, Parameters
from burnish.optimizers.factorial.edits import same_idea
from burnish.optimizers.factorial.optimizer import Factorial
from burnish.optimizers.protocol import Outcome, Task
from burnish.optimizers.testing.contract import RecordingObserver
from burnish.optimizers.testing.reflection_scripts import completion

SOURCE = "What is the sentiment?\n\n{{review}}"
GOOD = "mind the irony"

Write = Callable[[str, int], str]
ScoreOf = Callable[[str, Example], float]


def answered_by(phrase: str, gain: float = 0.5, base: float = 0.3) -> ScoreOf:
    """A share of examples is right, a larger one with the phrase in the prompt."""

    def score(text: str, example: Example) -> float:
        share = base + (gain if phrase in text.lower() else 0.0)
        return float(uniform_draw(example.example_id) < share)

    return score


@dataclass(slots=True)
class World:
    """Scores come from a function of prompt and example; the reflection model from one of the question."""

    score: ScoreOf
    write: Write = lambda request, sample: ""
    calls: int = 0
    questions: list[str] = field(default_factory=list)
    limit: int | None = None

    async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        evaluations = []
        for example in examples:
            self.calls += 1
            if self.limit is not None and self.calls > self.limit:
                raise BudgetExhausted("max_tokens", self.limit, self.calls)
            value = self.score(str(candidate.texts["p"]), example)
            scores = {"right": Score(value, "")}
            evaluations.append(
                Evaluation(
                    candidate.candidate_id, example.example_id, "yes", scores, value, usage=Usage(calls=1)
                )
            )
        mean = sum(e.aggregate for e in evaluations) / len(evaluations) if evaluations else 0.0
        return Means(evaluations=tuple(evaluations), scores={"right": mean, "aggregate": mean})

    async def reflect(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        request = "\n".join(message.content for message in messages)
        self.questions.append(request)
        return completion(self.write(request, sample))


def examples(count: int, first: int = 0) -> tuple[Example, ...]:
    records = [
        (
            {"review": f"This is the long story of how I saw film number {number}."},
            {"expected_response": "yes" if number % 2 else "no"},
        )
        for number in range(first, first + count)
    ]
    return Dataset.of(records).examples


async def search(
    world: World, train: int = 60, validation: int = 40, calls: int | None = 400, **settings: Any
) -> tuple[Outcome, RecordingObserver]:
    task = Task(
        source=Candidate({"p": SOURCE}, origin="source"),
        train=examples(train),
        validation=examples(validation, 10_000),
        max_calls=calls,
    )
    notebook = RecordingObserver()
    defaults = {"max_demonstrations": 0, "templates": False, "rewordings": 0, "rewrite": False}
    optimizer = Factorial.from_settings({**defaults, **settings})
    return await optimizer.optimize(task, world.evaluate, world.reflect, notebook), notebook


def edit(text: str, attributes: str = 'kind="rule"') -> str:
    return f"<edit {attributes}>{text}</edit>"


# --- the reflection model


async def test_a_model_that_writes_wholes_has_them_tried_as_rewordings() -> None:
    world = World(
        answered_by(GOOD), lambda request, sample: f"<prompt>\nMind the irony!\n\n{SOURCE}\n</prompt>"
    )
    outcome, notebook = await search(world)
    assert GOOD in str(outcome.best.texts["p"]).lower()
    assert {entry.kind.value for entry in notebook.edits} == {"REWORDING"}


async def test_a_model_that_writes_the_same_is_asked_a_handful_of_times() -> None:
    world = World(answered_by("nothing"), lambda request, sample: edit("Think twice."))
    outcome, notebook = await search(world, calls=None, search_calls=600)
    assert len(world.questions) <= 12
    assert len({report.number for report in notebook.edits}) == 1
    assert outcome.stop_reason in (StopReason.NO_NEW_IDEAS, StopReason.LITTLE_TO_GAIN)
    assert any("no new edit" in warning for warning in notebook.warnings)


@pytest.mark.parametrize("said", ["", "I do not know.", "<edit></edit>", "<edit kind='rule'>"])
async def test_a_model_that_writes_nothing_ends_the_search(said: str) -> None:
    world = World(answered_by(GOOD), lambda request, sample: said)
    outcome, notebook = await search(world, calls=None)
    assert outcome.best.texts == {"p": SOURCE}
    assert outcome.stop_reason is StopReason.NO_NEW_IDEAS
    assert len(world.questions) <= 12
    assert not notebook.edits


async def test_a_model_that_is_away_does_not_end_the_job() -> None:
    def away(request: str, sample: int) -> str:
        raise ModelUnavailable("m:/x", "503")

    outcome, notebook = await search(World(answered_by(GOOD), away), calls=None)
    assert outcome.best.texts == {"p": SOURCE}
    assert any("did not answer" in warning for warning in notebook.warnings)


async def test_edits_that_contradict_each_other_are_told_apart() -> None:
    ideas = ["Mind the irony.", "Do not mind the irony.", "Answer in one word.", "Explain your answer."]

    def score(text: str, example: Example) -> float:
        share = 0.3 + 0.4 * ("answer in one word" in text.lower()) - 0.4 * ("explain your" in text.lower())
        return float(uniform_draw(example.example_id) < share)

    world = World(score, lambda request, sample: edit(ideas[sample % 1000 + 2 * (sample // 1000 % 2)]))
    outcome, notebook = await search(world)
    best = str(outcome.best.texts["p"])
    assert "one word" in best
    assert "Explain" not in best
    last = {report.text: report for report in notebook.edits}
    assert last["Explain your answer."].status in (EditStatus.GIVEN_UP, EditStatus.LEFT_OUT)


def test_two_rules_of_one_form_are_no_wordings_of_each_other() -> None:
    assert same_idea("Answer with one word.", "Answer only with one word.")
    assert same_idea("Mind the irony.", "Mind the irony and sarcasm.")
    assert not same_idea("Mind the irony.", "Do not mind the irony.")
    assert not same_idea("Round to 2 digits.", "Round to 3 digits.")
    assert not same_idea("For refunds answer with the code.", "For returns answer with the code.")


async def test_what_must_not_stand_in_a_prompt_is_refused_with_the_reason() -> None:
    bad = [
        edit("Use {{secret}} well."),
        edit("{% for x in y %}"),
        edit("x" * 2000),
        edit("other words", 'kind="rewording" part="words that are not there"'),
        edit("{{review}}", 'kind="rewording" part="sentiment"'),
    ]
    world = World(answered_by(GOOD), lambda request, sample: bad[len(request) % 5] + bad[sample % 5])
    outcome, notebook = await search(world)
    assert outcome.best.texts == {"p": SOURCE}
    assert not notebook.edits
    said = " ".join(notebook.warnings)
    assert "variables" in said or "longer than" in said or "does not stand" in said


async def test_copied_examples_are_refused_where_the_settings_say_so() -> None:
    copied = "If the review is 'This is the long story of how I saw film number 3.', say yes."
    world = World(answered_by(GOOD), lambda request, sample: edit(copied))
    _, notebook = await search(world, refuse_copied_examples=True)
    assert not notebook.edits
    assert any("word for word" in warning for warning in notebook.warnings)


async def test_a_model_that_drops_the_variables_of_a_whole_loses_nothing() -> None:
    world = World(answered_by(GOOD), lambda request, sample: "<prompt>\nMind the irony!\n</prompt>")
    outcome, _ = await search(world)
    assert variables_of(outcome.best.texts["p"]) == {"review"}


async def test_an_edit_that_was_given_up_can_come_back_with_new_evidence() -> None:
    """The first time none of its failures is repaired, later ones are."""
    world = World(answered_by(GOOD, gain=0.35, base=0.3), lambda request, sample: edit("Mind the irony."))
    _, notebook = await search(world, failures_shown=1)
    statuses = [report.status for report in notebook.edits if report.text == "Mind the irony."]
    assert statuses[-1] is EditStatus.KEPT
    assert len({report.number for report in notebook.edits}) == 1


async def test_the_reflection_model_hears_of_no_edit_that_only_failed_the_screen() -> None:
    """One failure that was not repaired says little: what fails the screen alone may be said again."""

    def score(text: str, example: Example) -> float:
        share = 0.4 if "explain your" in text.lower() else 0.6
        flips = uniform_draw(text, example.example_id) if "explain your" in text.lower() else 0.0
        return float((flips or uniform_draw(example.example_id)) < share)

    def write(request: str, sample: int) -> str:
        asked = len(world.questions)
        return edit("Explain your answer." if asked <= 4 else f"Think of point {asked}.")

    world = World(score, write)
    _, notebook = await search(world)
    given_up = {report.text: report for report in notebook.edits if report.status is EditStatus.GIVEN_UP}
    assert any("repaired none" in report.reason for text, report in given_up.items() if "point" in text)
    assert "chance" in given_up["Explain your answer."].reason
    told = [said for question in world.questions for said in question.split("did no good;")[1:]]
    assert any("Explain your answer." in said for said in told)
    assert not any("Think of point" in said for said in told)


# --- data and scores


async def test_three_training_examples() -> None:
    world = World(answered_by(GOOD), lambda request, sample: edit("Mind the irony."))
    outcome, _ = await search(world, train=3, validation=6, calls=None)
    assert outcome.stop_reason is not StopReason.ERROR


async def test_no_training_examples_say_what_to_do() -> None:
    with pytest.raises(OptimizerFailed, match="share of the data"):
        await search(World(answered_by(GOOD)), train=0)


@pytest.mark.parametrize("value", [0.0, 0.5])
async def test_scores_that_are_all_equal_keep_the_source_and_end(value: float) -> None:
    world = World(lambda text, example: value, lambda request, sample: edit(f"Think of point {sample}."))
    outcome, _ = await search(world, calls=None)
    assert outcome.best.texts == {"p": SOURCE}
    assert outcome.stop_reason in (StopReason.LITTLE_TO_GAIN, StopReason.FINISHED, StopReason.NO_NEW_IDEAS)
    assert world.calls < 600


async def test_a_judge_that_is_one_off_either_way_hides_nothing_large() -> None:
    def score(text: str, example: Example) -> float:
        noise = (uniform_draw(text, example.example_id) - 0.5) / 2  # one step of a five-step scale
        return min(1.0, max(0.0, 0.4 + 0.3 * ("mind the irony" in text.lower()) + noise))

    ideas = ["Mind the irony.", "Think twice.", "Be kind.", "Read it all."]
    world = World(score, lambda request, sample: edit(ideas[len(world.questions) % 4]))
    outcome, notebook = await search(world)
    assert "Mind the irony." in str(outcome.best.texts["p"])
    kept = next(report for report in reversed(notebook.edits) if report.text == "Mind the irony.")
    assert kept.low is not None
    assert kept.low > 0


async def test_five_thousand_examples() -> None:
    world = World(answered_by(GOOD), lambda request, sample: edit("Mind the irony."))
    outcome, _ = await search(world, train=5000, validation=40)
    assert GOOD in str(outcome.best.texts["p"]).lower()


# --- budgets that are not counted in calls


async def test_tokens_that_run_out_leave_what_is_likely_to_do_good_to_the_sealed_test() -> None:
    def write(request: str, sample: int) -> str:
        return edit("Mind the irony." if sample % 2 else f"Think of point {sample}.")

    world = World(answered_by(GOOD, gain=0.6), write, limit=250)
    outcome, notebook = await search(world, calls=None, minimum_gain=0.0)
    assert outcome.stop_reason is StopReason.BUDGET
    assert GOOD in str(outcome.best.texts["p"]).lower()
    assert not outcome.means.evaluations
    assert any("not checked" in reason for *_, reason in notebook.candidates)


async def test_tokens_that_run_out_before_anything_is_known_are_let_through() -> None:
    world = World(answered_by(GOOD), lambda request, sample: "", limit=45)
    with pytest.raises(BudgetExhausted):
        await search(world, calls=None)


async def test_an_answer_that_holds_nothing_usable_is_asked_for_once_more_with_the_reason() -> None:
    def write(request: str, sample: int) -> str:
        return edit("Mind the irony.") if "cannot be used" in request else "I would rather not say."

    world = World(answered_by(GOOD), write)
    outcome, _ = await search(world)
    assert GOOD in str(outcome.best.texts["p"]).lower()
    assert any("holds no <edit>" in question for question in world.questions)


async def test_an_answer_that_stays_unusable_is_asked_for_twice_and_no_more() -> None:
    world = World(answered_by(GOOD), lambda request, sample: "I would rather not say.")
    await search(world)
    again = [question for question in world.questions if "cannot be used" in question]
    assert 0 < len(again) <= len(world.questions) / 2
    assert not any(question.count("cannot be used") > 1 for question in again)

"""FEW_SHOT keeps the contract; it shows passing traces, expected responses, or a teacher's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from burnish.domain.candidate import CandidateStatus
from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import Message
from burnish.domain.score import Evaluation, Score
from burnish.errors import InvalidInput
from burnish.evaluation.protocol import Means
from burnish.optimizers.few_shot.optimizer import FewShot
from burnish.optimizers.protocol import Optimizer
from burnish.optimizers.testing.contract import OptimizerContract, RecordingObserver
from burnish.optimizers.testing.synthetic_task import SyntheticTask, means_of

PHRASES: Mapping[str, float] = {"positive": 0.3, "negative": 0.3, "number 1": 0.1, "number 7": 0.1}


class TestFewShot(OptimizerContract):
    phrases = PHRASES

    def make(self, **settings: Any) -> Optimizer:
        return FewShot.from_settings({"trials": 12, "width": 4, **settings})

    async def test_shows_examples_of_the_training_split_only(self) -> None:
        task = self.task()
        run = await self.run(task, self.synthetic())
        text = str(run.outcome.best.texts["reviews"])
        assert any(str(example.inputs["review"]) in text for example in task.train)
        assert not any(str(example.inputs["review"]) in text for example in task.validation)

    async def test_says_nothing_of_copied_examples(self) -> None:
        run = await self.run(self.task(), self.synthetic())
        assert run.observer.warnings == []

    async def test_chat_demonstrations_can_be_turns(self) -> None:
        run = await self.run(self.task(source=self.chat()), self.synthetic())
        proposed = [c.texts["reviews"] for c in run.observer.with_status(CandidateStatus.PROPOSED)]
        turns = [template for template in proposed if len(template) > 2]
        assert turns
        for template in turns:
            assert isinstance(template, tuple)
            assert template[2].role == "assistant"
            assert template[2].content in ("positive", "negative")


class TestFewShotFromTraces(OptimizerContract):
    """The source passes sometimes, so its own answers are there to be shown."""

    source = "Say whether this is positive.\n\n{{review}}"
    phrases: Mapping[str, float] = {"positive": 0.3, "negative": 0.3, "number 3": 0.2}

    def make(self, **settings: Any) -> Optimizer:
        return FewShot.from_settings({"trials": 12, "width": 4, "bootstrap_examples": 12, **settings})


async def test_shows_what_the_prompt_itself_answered_when_that_passed() -> None:
    class Verbose(SyntheticTask):
        async def evaluate(self, candidate: Any, examples: Sequence[Example]) -> Means:
            means = await SyntheticTask.evaluate(self, candidate, examples)
            return means_of(
                [
                    replace(e, output=f"Clearly {e.output}." if e.aggregate else e.output)
                    for e in means.evaluations
                ]
            )

    contract = TestFewShotFromTraces()
    observer = RecordingObserver()
    synthetic = Verbose(phrases={"positive": 0.5})
    await contract.make().optimize(contract.task(), synthetic.evaluate, None, observer)
    texts = [str(c.texts["reviews"]) for c in observer.with_status(CandidateStatus.PROPOSED)]
    assert any("Clearly positive." in text or "Clearly negative." in text for text in texts)
    assert not any("I would rather" in text for text in texts)


class TestFewShotWithATeacher(OptimizerContract):
    """The source never passes; a teacher does, now and then."""

    phrases = PHRASES

    def synthetic(self, **changes: Any) -> SyntheticTask:
        return super().synthetic(**{"teacher_share": 0.7, **changes})

    def make(self, **settings: Any) -> Optimizer:
        return FewShot.from_settings({"trials": 12, "width": 4, "bootstrap_examples": 12, **settings})


async def test_a_teacher_s_answers_are_shown_where_they_pass() -> None:
    class Wordy(SyntheticTask):
        async def teacher(self, candidate: Any, examples: Sequence[Example]) -> Means:
            means = await SyntheticTask.teacher(self, candidate, examples)
            return means_of([replace(e, output=f"Surely {e.output}") for e in means.evaluations])

    contract = TestFewShotWithATeacher()
    synthetic = Wordy(phrases=PHRASES, teacher_share=0.5)
    run = await contract.run(contract.task(), synthetic)
    assert 0 < synthetic.reflection_calls <= 12
    texts = [str(c.texts["reviews"]) for c in run.observer.with_status(CandidateStatus.PROPOSED)]
    assert any("Surely" in text for text in texts)
    assert not any("I do not know" in text for text in texts)


async def test_the_teacher_is_not_asked_where_the_prompt_itself_passes_often_enough() -> None:
    contract = TestFewShotFromTraces()
    synthetic = contract.synthetic(phrases={"positive": 0.9}, teacher_share=1.0)
    await contract.run(contract.task(), synthetic, max_demonstrations=2)
    assert synthetic.reflection_calls == 0


async def test_after_every_format_had_its_turn_the_good_ones_come_more_often() -> None:
    contract = TestFewShotFromTraces()
    chat = (Message("user", contract.source),)

    class LikesTurns(SyntheticTask):
        async def evaluate(self, candidate: Any, examples: Sequence[Example]) -> Means:
            if len(candidate.texts["reviews"]) > 1 or candidate.origin == "source":
                return await SyntheticTask.evaluate(self, candidate, examples)
            nothing = [
                Evaluation(
                    candidate.candidate_id, example.example_id, "Hm.", {"exact_match": Score(0.0)}, 0.0
                )
                for example in examples
            ]
            return means_of(nothing)

    synthetic = LikesTurns(phrases={"number 3": 0.3, "positive": 0.2})
    settings: dict[str, Any] = {"target_score": 1.0, "trials": 40, "bootstrap_examples": 12}
    run = await contract.run(contract.task(source=chat), synthetic, **settings)
    origins = [c.origin for c in run.observer.with_status(CandidateStatus.PROPOSED)]
    styles = [origin.split("(")[1].split(")")[0] for origin in origins]
    assert set(styles[:8]) == {"turns", "block", "titled"}
    later = styles[12:]
    assert later.count("turns") > 2 * (len(later) - later.count("turns"))


async def test_a_teacher_answers_where_nothing_is_expected() -> None:
    records: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"question": f"What is the meaning of word {n}?"}, {}) for n in range(16)
    ]
    examples = Dataset.of(records).examples

    async def teacher(candidate: Any, asked: Sequence[Example]) -> Means:
        return means_of(
            [
                Evaluation(candidate.candidate_id, example.example_id, "It means a lot.", {}, 1.0)
                for example in asked
            ]
        )

    observer = RecordingObserver()
    task = TestFewShot().task(source="{{question}}", teacher=teacher)
    task = replace(task, train=examples[:8], validation=examples[8:])
    await FewShot.from_settings({"trials": 2}).optimize(
        task, SyntheticTask(phrases={}).evaluate, None, observer
    )
    proposed = observer.with_status(CandidateStatus.PROPOSED)
    assert proposed
    assert all("It means a lot." in str(candidate.texts["reviews"]) for candidate in proposed)


async def test_without_anything_to_show_the_source_stays() -> None:
    records = [({"question": f"Question {n}?"}, {"expected_response": "{{ x }}"}) for n in range(8)]
    examples = Dataset.of(records).examples
    task = replace(TestFewShot().task(source="{{question}}"), train=examples[:4], validation=examples[4:])
    synthetic, observer = SyntheticTask(phrases={}), RecordingObserver()
    outcome = await TestFewShot().make().optimize(task, synthetic.evaluate, None, observer)
    assert outcome.best == task.source
    [reason] = [warning for warning in observer.warnings if "no training example" in warning]
    assert "of 4 there are 4 with an answer that would be read as a variable" in reason


async def test_data_with_braces_in_its_values_is_shown() -> None:
    records = [
        ({"question": f'Fill in {{{{name}}}} of {{"number": {n}}}'}, {"expected_response": f"name {n}"})
        for n in range(8)
    ]
    examples = Dataset.of(records).examples
    task = replace(TestFewShot().task(source="{{question}}"), train=examples[:4], validation=examples[4:])
    synthetic, observer = SyntheticTask(phrases={"{ {name}}": 0.5}), RecordingObserver()
    await TestFewShot().make().optimize(task, synthetic.evaluate, None, observer)
    assert observer.with_status(CandidateStatus.PROPOSED)
    assert not any("no training example" in warning for warning in observer.warnings)


def test_a_ban_on_copied_examples_contradicts_it() -> None:
    with pytest.raises(InvalidInput) as caught:
        FewShot.from_settings({"refuse_copied_examples": True})
    assert caught.value.problems[0].field == "optimizer_config.refuse_copied_examples"

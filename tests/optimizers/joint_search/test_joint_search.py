"""JOINT_SEARCH keeps the contract, with and without a reflection model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example
from burnish.domain.prompt import Message
from burnish.domain.usage import Usage
from burnish.errors import ModelRejected, ModelUnavailable, OptimizerFailed
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion, Parameters
from burnish.optimizers.joint_search.optimizer import JointSearch
from burnish.optimizers.protocol import Optimizer
from burnish.optimizers.testing.contract import OptimizerContract, RecordingObserver
from burnish.optimizers.testing.reflection_scripts import completion
from burnish.optimizers.testing.synthetic_task import SyntheticTask, means_of, reviews

SMALL: Mapping[str, Any] = {"trials": 16, "width": 4}


class TestJointSearch(OptimizerContract):
    def make(self, **settings: Any) -> Optimizer:
        return JointSearch.from_settings({**SMALL, **settings})


def test_says_when_the_budget_is_small() -> None:
    search = JointSearch.from_settings({})
    generous = search.estimate(150, 75, None)
    assert search.estimate(150, 75, 750).warnings == generous.warnings == ()
    (warning,) = search.estimate(150, 75, generous.target_low).warnings
    assert str(generous.target_low) in warning
    assert search.estimate(150, 75, 500).target_high == 500


@pytest.mark.parametrize(("train", "validation"), [(0, 1), (1, 1), (2, 3), (5, 7)])
async def test_works_with_very_few_examples(train: int, validation: int) -> None:
    examples = reviews(train + validation)
    contract = TestJointSearch()
    task = replace(contract.task(), train=examples[:train], validation=examples[train:])
    run = await contract.run(
        task, contract.synthetic(phrases=dict.fromkeys(("brief", "one word", "few words"), 1.0))
    )
    assert run.outcome.means.aggregate == 1.0


async def test_an_empty_validation_split_is_an_error() -> None:
    contract = TestJointSearch()
    with pytest.raises(OptimizerFailed, match="validation"):
        await contract.run(replace(contract.task(), validation=()), contract.synthetic())


async def test_searches_several_prompts_at_once() -> None:
    contract = TestJointSearch()
    source = Candidate({"answer": contract.source, "style": "Write well."}, origin="source")
    synthetic = contract.synthetic(phrases={"be brief": 0.5, "one word": 0.4})
    run = await contract.run(replace(contract.task(), source=source), synthetic, trials=30)
    assert "Be brief" in str(run.outcome.best.texts["style"])
    assert "one word" in str(run.outcome.best.texts["answer"])


async def test_judged_evaluations_count_for_all_their_calls() -> None:
    class Judged(SyntheticTask):
        async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
            means = await SyntheticTask.evaluate(self, candidate, examples)
            return means_of([replace(e, usage=Usage(calls=3)) for e in means.evaluations])

    contract = TestJointSearch()
    synthetic = Judged(phrases=contract.phrases)
    await contract.run(replace(contract.task(), max_calls=240), synthetic)
    assert 20 < synthetic.target_calls <= 80


async def test_refusing_copies_means_no_demonstrations() -> None:
    contract = TestJointSearch()
    run = await contract.run(contract.task(), contract.synthetic(), refuse_copied_examples=True)
    proposed = run.observer.with_status(CandidateStatus.PROPOSED)
    assert not any("film number" in str(candidate.texts["reviews"]) for candidate in proposed)
    assert not run.observer.with_status(CandidateStatus.REFUSED)


@pytest.mark.parametrize("answer", ["I cannot do that.", "<instruction>Use {{x}}.</instruction>"])
async def test_a_reflection_model_without_an_idea_leaves_the_templates(answer: str) -> None:
    contract = TestJointSearch()
    run = await contract.run(contract.task(), contract.synthetic(write=lambda messages, sample: answer))
    assert run.outcome.means.aggregate > 0
    assert any("templates" in warning for warning in run.observer.warnings)


@pytest.mark.parametrize(
    ("error", "ends"), [(ModelUnavailable("m", "503"), False), (ModelRejected("m", "401"), True)]
)
async def test_a_reflection_model_that_is_away(error: Exception, ends: bool) -> None:
    async def reflect(
        messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        raise error

    contract, observer = TestJointSearch(), RecordingObserver()
    search = contract.make().optimize(contract.task(), contract.synthetic().evaluate, reflect, observer)
    if ends:
        with pytest.raises(ModelRejected):
            await search
    else:
        assert (await search).means.aggregate > 0
        assert any("503" in warning for warning in observer.warnings)


@pytest.mark.parametrize("finish_reason", ["length", "stop"])
async def test_instructions_that_were_cut_off_are_asked_for_again(finish_reason: str) -> None:
    asked: list[Sequence[Message]] = []

    async def reflect(
        messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        asked.append(messages)
        if len(messages) == 1:
            cut = "<instruction>With great care.</instruction><instruction>Or with"
            return completion(cut if finish_reason == "length" else "\n<instruction>\nOr with", finish_reason)
        return completion("<instruction>Answer like a film critic.</instruction>")

    contract, observer = TestJointSearch(), RecordingObserver()
    await contract.make().optimize(contract.task(), contract.synthetic().evaluate, reflect, observer)
    assert [len(messages) for messages in asked] == [1, 3]
    assert "cut off" in asked[1][2].content or "not closed" in asked[1][2].content
    texts = [str(c.texts["reviews"]) for c in observer.with_status(CandidateStatus.PROPOSED)]
    assert any("film critic" in text for text in texts)
    assert not any("great care" in text or "Or with" in text for text in texts)


async def test_a_prompt_that_speaks_of_instructions_is_asked_about_in_other_tags() -> None:
    asked: list[str] = []

    def write(messages: Sequence[Message], sample: int) -> str:
        asked.append(messages[0].content)
        return "<instruction-2>Answer like a critic, in <instruction> tags.</instruction-2>"

    contract = TestJointSearch()
    source = "Follow the <instruction> tags of the review.\n\n{{review}}"
    run = await contract.run(contract.task(source=source), contract.synthetic(write=write))
    assert "between <instruction-2> and </instruction-2>" in asked[0]
    texts = [str(c.texts["reviews"]) for c in run.observer.with_status(CandidateStatus.PROPOSED)]
    assert any("critic, in <instruction> tags." in text for text in texts)


class TestJointSearchWithReflection(OptimizerContract):
    phrases: Mapping[str, float] = {"with great care": 0.5, "one word": 0.3}
    reflects = True

    def make(self, **settings: Any) -> Optimizer:
        return JointSearch.from_settings({**SMALL, **settings})

    def write(self, messages: Sequence[Message], sample: int) -> str:
        assert "What is the sentiment" in messages[-1].content
        return (
            "Here you are.\n<instruction>Judge with great care.</instruction>\n"
            "<instruction>Judge the {{review}}.</instruction><instruction></instruction>"
        )

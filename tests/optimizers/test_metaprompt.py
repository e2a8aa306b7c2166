"""METAPROMPT keeps the contract; rewrites that cannot be used are asked for again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.job import StopReason
from burnish.domain.prompt import Message, text_of, variables_of
from burnish.errors import InvalidInput, ModelRejected, ModelUnavailable, OptimizerFailed
from burnish.llm.protocol import Completion, Parameters
from burnish.optimizers.metaprompt import Metaprompt
from burnish.optimizers.protocol import Optimizer, Task
from burnish.optimizers.testing.contract import OptimizerContract, RecordingObserver
from burnish.optimizers.testing.reflection_scripts import answer_with, completion
from burnish.optimizers.testing.synthetic_task import SyntheticTask

PHRASES: Mapping[str, float] = {"one word": 0.3, "be exact": 0.3, "sentiment means": 0.2}
INSTRUCTION = "What is the sentiment of this review?"


def rewritten(messages: Sequence[Message], sample: int) -> str:
    """A reflection model with one idea for each sample; some of its answers need repair or a second try."""
    prompts = re.search(r"<prompt.*</prompt>", messages[0].content, re.DOTALL)
    assert prompts is not None
    idea = (*PHRASES, "shout")[sample % 4]
    text = prompts.group(0).replace(INSTRUCTION, f"{INSTRUCTION} {idea.capitalize()}.")
    if sample % 5 == 1:
        text = text.replace("{{review}}", "")
    if sample % 5 == 2 and len(messages) == 1:
        return "I think the prompt is fine as it is."
    if sample % 5 == 3 and len(messages) == 1:
        return text.replace("{{review}}", "{{review}} {{film}}")
    return f"Here it is:\n\n{text}\n\nGood luck!"


class TestMetaprompt(OptimizerContract):
    phrases = PHRASES
    reflects = True

    def make(self, **settings: Any) -> Optimizer:
        return Metaprompt.from_settings({"rounds": 3, "width": 4, **settings})

    def write(self, messages: Sequence[Message], sample: int) -> str:
        return rewritten(messages, sample)

    async def test_later_rounds_build_on_the_best_so_far(self) -> None:
        run = await self.run(self.task(), self.synthetic())
        text = run.outcome.best.texts["reviews"]
        assert sum(phrase in str(text).lower() for phrase in PHRASES) >= 2
        assert run.outcome.best.parents != (self.task().source.candidate_id,)

    async def test_a_lost_variable_is_put_back(self) -> None:
        run = await self.run(self.task(), self.synthetic())
        repaired = [entry for entry in run.observer.candidates if "repaired" in entry[3]]
        assert repaired
        for candidate_id, _, _, reason in repaired:
            assert "{{review}}" in reason
            assert variables_of(run.observer.texts[candidate_id].texts["reviews"]) == {"review"}

    async def test_a_refused_rewrite_is_asked_for_again_with_the_reason(self) -> None:
        asked: list[Sequence[Message]] = []

        def write(messages: Sequence[Message], sample: int) -> str:
            asked.append(messages)
            return rewritten(messages, sample)

        run = await self.run(self.task(), self.synthetic(write=write))
        complaints = [messages[-1].content for messages in asked if len(messages) == 3]
        assert any("{{film}}" in complaint for complaint in complaints)
        assert any("<prompt>" in complaint for complaint in complaints)
        refused = run.observer.with_status(CandidateStatus.REFUSED)
        assert any("{{film}}" in str(candidate.texts["reviews"]) for candidate in refused)


async def test_shows_the_failures_and_the_users_guidelines() -> None:
    asked: list[str] = []

    def write(messages: Sequence[Message], sample: int) -> str:
        asked.append(messages[0].content)
        return rewritten(messages, sample)

    task = TestMetaprompt().task()
    synthetic = SyntheticTask(phrases=PHRASES, write=write)
    optimizer = Metaprompt.from_settings({"rounds": 1, "guidelines": "It is for a film festival."})
    await optimizer.optimize(task, synthetic.evaluate, synthetic.reflect, RecordingObserver())
    assert "I would rather talk about" in asked[0]
    assert "expected 'positive'" in asked[0]
    assert "film festival" in asked[0]
    assert "{{review}}" in asked[0]


async def test_passes_the_options_of_the_call_on() -> None:
    seen: list[Parameters | None] = []
    synthetic = SyntheticTask(phrases={}, write=rewritten)

    async def reflect(
        messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        seen.append(parameters)
        return await synthetic.reflect(messages, sample=sample)

    options = {"temperature": 1, "max_tokens": 300, "reasoning_effort": "low"}
    optimizer = Metaprompt.from_settings({"rounds": 1, "lm_kwargs": options})
    await optimizer.optimize(TestMetaprompt().task(), synthetic.evaluate, reflect, RecordingObserver())
    expected = Parameters(temperature=1.0, max_tokens=300, extra={"reasoning_effort": "low"})
    assert set(map(repr, seen)) == {repr(expected)}


async def test_without_data_it_rewrites_once_unmeasured() -> None:
    synthetic = SyntheticTask(phrases={}, write=rewritten)
    observer = RecordingObserver()
    task = Task(source=Candidate({"p": f"{INSTRUCTION}\n\n{{{{review}}}}"}), train=(), validation=())
    outcome = await Metaprompt.from_settings({}).optimize(
        task, synthetic.evaluate, synthetic.reflect, observer
    )
    assert outcome.best != task.source
    assert "One word" in str(outcome.best.texts["p"])
    assert outcome.means.evaluations == ()
    assert (synthetic.target_calls, synthetic.reflection_calls) == (0, 1)
    assert [entry[1] for entry in observer.candidates] == [CandidateStatus.PROPOSED, CandidateStatus.ACCEPTED]


async def test_without_data_an_unusable_rewrite_leaves_the_source() -> None:
    synthetic = SyntheticTask(phrases={}, write=lambda messages, sample: "No.")
    observer = RecordingObserver()
    task = Task(source=Candidate({"p": "Say {{x}}."}), train=(), validation=())
    outcome = await Metaprompt.from_settings({}).optimize(
        task, synthetic.evaluate, synthetic.reflect, observer
    )
    assert outcome.best == task.source
    assert synthetic.reflection_calls == 2
    assert any("nothing that can be used" in warning for warning in observer.warnings)


@pytest.mark.parametrize("error", [ModelRejected("m", "401: wrong key"), ModelUnavailable("m", "503")])
async def test_a_reflection_model_that_is_away_is_no_result(error: Exception) -> None:
    synthetic = SyntheticTask(phrases=PHRASES)

    async def reflect(
        messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        raise error

    with pytest.raises(type(error)):
        await (
            TestMetaprompt()
            .make()
            .optimize(TestMetaprompt().task(), synthetic.evaluate, reflect, RecordingObserver())
        )


async def test_one_unanswered_rewrite_does_not_end_the_search() -> None:
    synthetic = SyntheticTask(phrases=PHRASES, write=rewritten)

    async def reflect(
        messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        if sample == 3:
            raise ModelUnavailable("m", "503 after every retry")
        return await synthetic.reflect(messages, sample=sample)

    observer = RecordingObserver()
    outcome = (
        await TestMetaprompt().make().optimize(TestMetaprompt().task(), synthetic.evaluate, reflect, observer)
    )
    assert outcome.stop_reason is StopReason.FINISHED
    assert outcome.means.aggregate > 0
    assert any("503" in warning for warning in observer.warnings)


async def test_needs_a_reflection_model() -> None:
    optimizer = TestMetaprompt().make()
    assert optimizer.needs_reflection
    with pytest.raises(OptimizerFailed, match="reflection_model"):
        synthetic = SyntheticTask(phrases={})
        await optimizer.optimize(TestMetaprompt().task(), synthetic.evaluate, None, RecordingObserver())


@pytest.mark.parametrize(
    ("settings", "field", "remedy"),
    [
        ({"lm_kwargs": {"temperature": "hot"}}, "optimizer_config.lm_kwargs.temperature", "number"),
        ({"lm_kwargs": "hot"}, "optimizer_config.lm_kwargs", "object"),
        ({"lm_kwargs": {"n": 5}}, "optimizer_config.lm_kwargs", "one answer"),
        ({"guideline": "x"}, "optimizer_config.guideline", "did you mean 'guidelines'"),
        ({"rounds": 0}, "optimizer_config.rounds", "greater than or equal to 1"),
        ({"rounds": 2.5}, "optimizer_config.rounds", "whole number"),
        ({"width": True}, "optimizer_config.width", "whole number"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], field: str, remedy: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Metaprompt.from_settings(settings)
    (problem,) = caught.value.problems
    assert problem.field == field
    assert remedy in problem.remedy


async def test_rewrites_a_whole_set_of_prompts() -> None:
    def write(messages: Sequence[Message], sample: int) -> str:
        text = messages[0].content
        assert '<prompt name="answer">' in text
        assert '<prompt name="style">' in text
        return f'<prompt name="style">\nBe exact. One word. {sample}\n</prompt>'

    source = Candidate({"answer": f"{INSTRUCTION}\n\n{{{{review}}}}", "style": "Be kind."})
    task = replace(TestMetaprompt().task(), source=source)
    synthetic = SyntheticTask(phrases=PHRASES, write=write)
    optimizer = Metaprompt.from_settings({"rounds": 1})
    outcome = await optimizer.optimize(task, synthetic.evaluate, synthetic.reflect, RecordingObserver())
    assert outcome.best.texts["answer"] == source.texts["answer"]
    assert "Be exact" in str(outcome.best.texts["style"])


@pytest.mark.parametrize(
    "text",
    [
        "Reply inside `<message>...</message>` tags. Never mention prices.",
        "Write <prompt>...</prompt> around the answer, and </prompt> at its end.",
        "Write a block:\n```json\n{}\n```",
    ],
)
@pytest.mark.parametrize("is_chat", [True, False])
async def test_what_a_prompt_says_of_tags_stays(text: str, is_chat: bool) -> None:
    """The reflection model changes one word and repeats the rest, which must come back whole."""

    def write(messages: Sequence[Message], sample: int) -> str:
        shown = messages[0].content
        begin = shown.index("current version:") + len("current version:")
        return shown[begin : shown.index("This is what")].replace("Judge", "One word. Judge")

    judge = "Judge the review.\n\n{{review}}"
    template = (Message("system", text), Message("user", judge)) if is_chat else f"{text}\n\n{judge}"
    source = Candidate({"reviews": template})
    synthetic, observer = SyntheticTask(phrases=PHRASES, write=write), RecordingObserver()
    task = replace(TestMetaprompt().task(), source=source)
    outcome = await Metaprompt.from_settings({"rounds": 1, "width": 1}).optimize(
        task, synthetic.evaluate, synthetic.reflect, observer
    )
    assert text_of(outcome.best.texts["reviews"]) == text_of(template).replace("Judge", "One word. Judge")
    assert not observer.with_status(CandidateStatus.REFUSED)


@pytest.mark.parametrize(
    ("answer", "finish_reason", "reason"),
    [
        ("<prompt>\nBe exact. {{review}}\n</prompt>", "length", "cut off"),
        ("<prompt>\nBe exact.", "stop", "not closed"),
        ("Let me see. The prompt could be exact.", "stop", "holds no <prompt>"),
        ("<think>Hm. <prompt>\nBe exact. {{review}}\n</prompt>", "stop", "nothing but thinking"),
        ("", "stop", "is empty"),
        ("I cannot.", "content_filter", "refused"),
    ],
)
async def test_no_answer_becomes_a_prompt_that_is_none(answer: str, finish_reason: str, reason: str) -> None:
    asked: list[Sequence[Message]] = []

    async def reflect(
        messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        asked.append(messages)
        return completion(answer, finish_reason)

    synthetic, observer = SyntheticTask(phrases=PHRASES), RecordingObserver()
    task = TestMetaprompt().task()
    outcome = await TestMetaprompt().make().optimize(task, synthetic.evaluate, reflect, observer)
    assert outcome.best == task.source
    assert outcome.stop_reason is StopReason.NO_NEW_IDEAS
    assert len(asked) == 8, "each of four once more, with the reason, and no further round"
    assert all(reason in messages[2].content for messages in asked if len(messages) == 3)
    assert not observer.candidates
    assert len([warning for warning in observer.warnings if reason in warning]) == 8


async def test_roles_say_what_is_rewritten() -> None:
    turns = (
        Message("system", "You judge."),
        Message("user", "Was it good?"),
        Message("assistant", "Yes."),
        Message("user", "Judge it.\n\n{{review}}"),
    )
    shown: list[str] = []

    def write(messages: Sequence[Message], sample: int) -> str:
        shown.append(messages[0].content)
        return answer_with(f"You judge. One word. {sample}")

    synthetic, observer = SyntheticTask(phrases=PHRASES, write=write), RecordingObserver()
    task = replace(TestMetaprompt().task(), source=Candidate({"reviews": turns}))
    optimizer = Metaprompt.from_settings({"rounds": 1, "roles": ["system"]})
    outcome = await optimizer.optimize(task, synthetic.evaluate, synthetic.reflect, observer)
    best = outcome.best.texts["reviews"]
    assert isinstance(best, tuple)
    assert best[1:] == turns[1:]
    assert "One word" in best[0].content
    assert "stays as it is" in shown[0]
    assert "Was it good?" in shown[0]


@pytest.mark.parametrize("roles", [["tool"], ["systm"], []])
def test_roles_are_checked(roles: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Metaprompt.from_settings({"roles": roles})
    assert caught.value.problems[0].field.startswith("optimizer_config.roles")

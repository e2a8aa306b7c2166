"""What the models of a job answer is counted, warned of, and ends what cannot succeed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from burnish.domain.answer import AnswerOutcome
from burnish.domain.usage import Role
from burnish.errors import ModelRejected, ModelRequestInvalid
from burnish.llm.protocol import Completion, Purpose, Request, Response
from burnish.llm.testing.memory_journal import MemoryJournal

MakeRig = Callable[..., Any]


def answer(text: str, finish_reason: str) -> Callable[[Request], Response]:
    return lambda request: Response(
        text=text, prompt_tokens=3, completion_tokens=1, finish_reason=finish_reason
    )


def by_text(**answers: Response | Exception) -> Callable[[Request], Any]:
    """Answers by the first word of the question."""
    return lambda request: answers[request.messages[-1].content.split()[0]]


RESPONSES: dict[str, Any] = {
    "ok": Response(text="4", prompt_tokens=3, completion_tokens=1),
    "cut": Response(text="4 and", prompt_tokens=3, completion_tokens=1, finish_reason="length"),
    "empty": Response(text="", prompt_tokens=3, completion_tokens=1, finish_reason="tool_calls"),
    "refused": Response(text="", prompt_tokens=3, completion_tokens=0, finish_reason="content_filter"),
    "error": ModelRequestInvalid("m", "400"),
}


async def test_every_call_is_counted_once_by_what_became_of_it(rig: MakeRig) -> None:
    questions = ["ok 1", "ok 2", "ok 3", "cut 1", "empty 1", "refused 1", "error 1"]
    journal = MemoryJournal()
    for _ in range(2):  # an attempt, and another that replays it
        bench = rig(by_text(**RESPONSES), journal=journal)
        for _ in range(2):
            await bench.ask_all(*questions[:-1], max_tokens=9)
        await bench.ask_all("error 1", max_tokens=9)
        assert bench.model.answers.counts == {
            AnswerOutcome.OK: 3,
            AnswerOutcome.CUT: 1,
            AnswerOutcome.EMPTY: 1,
            AnswerOutcome.REFUSED: 1,
            AnswerOutcome.ERROR: 1,
        }


@pytest.mark.parametrize(
    ("text", "finish_reason"),
    [
        ("", "tool_calls"),
        ("", "content_filter"),
        ("", "length"),
        (" \n", "stop"),
        ("<think>on and on", "length"),
    ],
)
async def test_a_model_that_never_says_anything_ends_the_job(
    rig: MakeRig, text: str, finish_reason: str
) -> None:
    bench = rig(answer(text, finish_reason))
    results = [await bench.ask_all(f"question {number}", max_tokens=9) for number in range(10)]
    failures = [result for (result,) in results if isinstance(result, BaseException)]
    assert len(failures) == 6, "the first four are not enough to tell"
    assert all(isinstance(failure, ModelRejected) and failure.systemic for failure in failures)
    assert f"finish_reason: {finish_reason}" in str(failures[0])
    assert "as target" in str(failures[0])


async def test_one_that_falls_silent_ends_the_job_when_nearly_all_are_empty(rig: MakeRig) -> None:
    bench = rig(by_text(**RESPONSES))
    await bench.ask_all(*(f"ok {number}" for number in range(5)))
    asked = 0
    with pytest.raises(ModelRejected, match=r"19 of its last 20 answers .* empty"):
        for asked in range(40):
            await bench.ask(f"empty {asked}")
    assert asked == 18


async def test_the_models_of_a_job_are_judged_each_in_its_role(rig: MakeRig) -> None:
    bench = rig(by_text(**RESPONSES))
    for number in range(4):
        await bench.ask(f"ok {number}")
        await bench.model.complete(bench.request(f"empty {number}"), Purpose(role=Role.REFLECTION))
    with pytest.raises(ModelRejected, match="as reflection"):
        await bench.model.complete(bench.request("empty 5"), Purpose(role=Role.REFLECTION))


async def test_answers_cut_at_our_own_cap_are_no_answers_and_at_the_users_they_are(rig: MakeRig) -> None:
    bench = rig(answer("and so on", "length"))
    for number in range(30):
        assert (await bench.ask(f"question {number}", max_tokens=3)).outcome is AnswerOutcome.CUT
    bench = rig(answer("and so on", "length"))
    with pytest.raises(ModelRejected, match="raise max_tokens"):
        for number in range(30):
            await bench.ask(f"question {number}")


async def test_refusals_in_words_are_answers(rig: MakeRig) -> None:
    bench = rig(answer("I cannot help with that.", "refusal"))
    for number in range(30):
        await bench.ask(f"question {number}")
    assert bench.model.answers.counts == {AnswerOutcome.REFUSED: 30}


async def test_a_share_that_is_cut_or_empty_is_warned_of_once(rig: MakeRig) -> None:
    warnings: list[str] = []
    bench = rig(by_text(**RESPONSES))
    for number in range(10):
        await bench.ask_all(f"ok {number}", f"cut {number}", f"empty {number}", max_tokens=9)
        if number == 5:  # as a job does, which has its recorder a little later
            bench.model.answers.report_to(warnings.append)
    assert sorted(warnings) == [
        "many answers of scripted:/m as target are cut (finish_reason: length); raise max_tokens "
        "(of the target: max_output_tokens of the job), or ask for less",
        "many answers of scripted:/m as target are empty (finish_reason: tool_calls); look at the model, its "
        "chat template, its tools and max_tokens",
    ]


async def test_a_few_are_no_reason_to_warn(rig: MakeRig) -> None:
    warnings: list[str] = []
    bench = rig(by_text(**RESPONSES))
    bench.model.answers.report_to(warnings.append)
    await bench.ask_all(*(f"ok {number}" for number in range(9)), "cut 1", "empty 1", max_tokens=9)
    assert warnings == []


def test_a_completion_knows_its_outcome() -> None:
    assert Completion(text="", usage=None, finish_reason="stop").outcome is AnswerOutcome.EMPTY  # type: ignore[arg-type]

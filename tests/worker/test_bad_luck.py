"""Ordinary bad luck with models: the job's end, its reason and its cost are the true ones."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from burnish.domain.answer import AnswerOutcome, Thinking
from burnish.domain.dataset import Dataset
from burnish.domain.job import JobStatus, OptimizerType
from burnish.domain.usage import Role
from burnish.errors import ModelRejected, ModelRequestInvalid, ModelUnavailable, ModelUnreadable
from burnish.llm.protocol import Request, Response
from burnish.llm.testing.scripted import response_to, sentiment
from tests.worker.harness import EXPERIMENT, Result, WorkerHarness, WorkerProcess

URL = "http://models.invalid/v1/chat/completions"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    yield harness
    await harness.close()


class Model:
    """The scripted model with something that happens in the place of some of its answers."""

    def __init__(self, mishap: Any) -> None:
        self.mishap = mishap
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        answer = response_to(request, sentiment(request))
        happened = self.mishap(request, answer)
        if isinstance(happened, Exception):
            raise happened
        return happened or answer


async def run(harness: WorkerHarness, mishap: Any, **changes: Any) -> tuple[Result, Model]:
    model = Model(mishap)
    await harness.submit(**changes)
    process = WorkerProcess(harness, answer=model)
    await process.run()
    assert process.slept == [], "nobody waits for what will not change"
    return (await harness.result()).check(), model


def says(text: str, finish_reason: str) -> Any:
    return lambda request, answer: replace(answer, text=text, finish_reason=finish_reason)


def review_of(request: Request) -> str:
    found = re.search(r"Film \d+: [^.]*", request.messages[-1].content)
    assert found is not None
    return found.group()


@pytest.mark.parametrize("optimizer", [OptimizerType.JOINT_SEARCH, OptimizerType.FEW_SHOT])
async def test_what_can_never_be_read_fails_after_a_handful(
    harness: WorkerHarness, optimizer: OptimizerType
) -> None:
    """F05."""
    result, model = await run(
        harness,
        lambda request, answer: ModelUnreadable(request.model, URL, "200 with text/html: '<html>'"),
        optimizer_type=optimizer,
    )
    assert result.job.status is JobStatus.FAILED
    assert URL in (result.job.error_message or "")
    assert len(model.requests) <= 5
    assert result.job.usage.total.calls == 0


@pytest.mark.parametrize(
    ("text", "finish_reason"),
    [
        ("", "tool_calls"),
        ("", "content_filter"),
        ("", "stop"),
        ("", "length"),
        ("<think>and", "length"),
        ("I cannot help with that.", "refusal"),
    ],
)
async def test_a_model_that_says_nothing_fails_after_three_answers(
    harness: WorkerHarness, text: str, finish_reason: str
) -> None:
    """F06."""
    result, model = await run(harness, says(text, finish_reason))
    assert result.job.status is JobStatus.FAILED
    assert f"finish_reason: {finish_reason}" in (result.job.error_message or "")
    assert len(model.requests) == 3
    assert result.job.usage.total.calls == 3, "they were answered, so they are paid"
    assert result.versions == []


async def test_a_silent_model_that_is_mended_takes_its_job_up_again(harness: WorkerHarness) -> None:
    """F06: what it did not say stays in the journal, and does not end the job a second time."""
    failed, _ = await run(harness, says("", "stop"))
    assert failed.job.status is JobStatus.FAILED
    await harness.store.reopen("job")
    await WorkerProcess(harness).run(reason="resumed")
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED
    assert result.job.answers["empty"] == 3


@pytest.mark.parametrize("optimizer", [OptimizerType.METAPROMPT, OptimizerType.GEPA])
async def test_reflections_that_are_empty_end_the_search_with_their_reason(
    harness: WorkerHarness, optimizer: OptimizerType
) -> None:
    """F06: 24 of them were paid without a word."""

    def silent_reflection(request: Request, answer: Response) -> Response | None:
        return replace(answer, text="", finish_reason="length") if request.model.endswith("echo") else None

    result, model = await run(
        harness, silent_reflection, optimizer_type=optimizer, reflection_model="scripted:/echo"
    )
    asked = [request for request in model.requests if request.model.endswith("echo")]
    assert len(asked) <= 12
    told = [result.job.error_message or "", *result.job.warnings]
    assert any("finish_reason: length" in text for text in told), told
    assert result.versions == []
    assert result.job.answers["empty"] == len(asked)


async def test_cut_answers_are_in_the_job_and_warned_of(harness: WorkerHarness) -> None:
    """F06, the kind: they are scored, since the user has set the cap."""
    result, _ = await run(
        harness,
        lambda request, answer: (
            replace(answer, finish_reason="length") if "great" in review_of(request) else None
        ),
    )
    assert result.job.status is JobStatus.COMPLETED
    assert result.job.answers["cut"] > 0
    assert sum(result.job.answers.values()) == result.job.usage.total.calls
    assert any("are cut (finish_reason: length)" in warning for warning in result.job.warnings)
    best = str(result.job.best_candidate_id)
    kept = [record.evaluation for record in await harness.store.evaluations("job", best)]
    assert {evaluation.outcome for evaluation in kept} == {AnswerOutcome.OK, AnswerOutcome.CUT}


@pytest.mark.parametrize(
    "said", ["content management policy", "maximum context length is 8192 tokens", "403 not for this text"]
)
async def test_one_refused_record_scores_0_and_is_named(harness: WorkerHarness, said: str) -> None:
    """F07, F08: the first record, which the preflight asks about."""
    refused: list[str] = []

    def refuse_the_first(request: Request, answer: Response) -> Exception | None:
        refused[:] = refused or [review_of(request)]
        return ModelRequestInvalid(request.model, said) if review_of(request) == refused[0] else None

    result, _ = await run(harness, refuse_the_first)
    assert result.job.status is JobStatus.COMPLETED
    assert result.job.answers["error"] > 0
    (warning,) = (text for text in result.job.warnings if "no answer" in text)
    assert said in warning
    assert refused[0] in warning
    assert re.search(r"1 of \d+ validation records .* record [0-9a-f]{16} \(review: Film", warning)


async def test_every_record_refused_fails_after_five(harness: WorkerHarness) -> None:
    result, model = await run(harness, lambda request, answer: ModelRequestInvalid(request.model, "filtered"))
    assert result.job.status is JobStatus.FAILED
    assert "filtered" in (result.job.error_message or "")
    assert len(model.requests) == 5


async def test_a_wrong_key_fails_after_one_request(harness: WorkerHarness) -> None:
    result, model = await run(harness, lambda request, answer: ModelRejected(request.model, "401 wrong key"))
    assert result.job.status is JobStatus.FAILED
    assert "401 wrong key" in (result.job.error_message or "")
    assert len(model.requests) == 1


async def test_a_known_cause_is_one_line_in_the_log(harness: WorkerHarness) -> None:
    with structlog.testing.capture_logs() as lines:
        await run(harness, lambda request, answer: ModelRejected(request.model, "401 wrong key"))
    [line] = [line for line in lines if line["event"] == "job failed"]
    assert (line["log_level"], line["error"]) == ("warning", "scripted:/sentiment: 401 wrong key")
    assert "traceback" not in line


async def test_what_nobody_expected_has_its_traceback_in_the_log(harness: WorkerHarness) -> None:
    def broken(request: Request, answer: str) -> Exception:
        raise ZeroDivisionError("a bug")

    with structlog.testing.capture_logs() as lines:
        await run(harness, broken)
    [line] = [line for line in lines if line["event"] == "job failed"]
    assert line["log_level"] == "error"
    assert "ZeroDivisionError: a bug" in line["traceback"]


async def test_a_provider_that_is_away_is_waited_for(harness: WorkerHarness) -> None:
    model: Model = Model(
        lambda request, answer: ModelUnavailable(request.model, "503") if len(model.requests) < 15 else None
    )
    await harness.submit()
    process = WorkerProcess(harness, answer=model)
    await process.run()
    assert (await harness.result()).job.status is JobStatus.COMPLETED
    assert process.slept, "it has been tried again later"


async def test_thinking_in_front_of_answers_changes_nothing(harness: WorkerHarness) -> None:
    """F15: the same scores as without it, whatever it says."""
    plain, _ = await run(harness, lambda request, answer: None)

    def think(request: Request, answer: Response) -> Response:
        return replace(answer, text=f"<think>positive or negative?</think>\n{answer.text}")

    await harness.submit("thinking")
    await WorkerProcess(harness, answer=Model(think)).run("thinking")
    thinking = await harness.result("thinking")
    assert thinking.job.final_eval_scores == plain.job.final_eval_scores
    assert thinking.job.verdict == plain.job.verdict

    await harness.submit("kept", thinking=Thinking.KEEP)
    await WorkerProcess(harness, answer=Model(think)).run("kept")
    assert (await harness.result("kept")).job.final_eval_scores["aggregate"] == 0.0


async def test_the_preflight_is_paid_once_and_replayed(harness: WorkerHarness) -> None:
    await harness.submit()
    first = WorkerProcess(harness, dies_at_call=2)
    await first.run()
    second = WorkerProcess(harness)
    await second.run(reason="lost", over=1)
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED
    assert first.asked[0] not in second.asked
    lost = len(set(first.asked) - set(result.journal)) + len(set(first.asked[1:]) & set(second.asked))
    assert result.job.usage.roles[Role.TARGET].calls == sum(result.journal.values()) + lost


@pytest.mark.parametrize("records", [1, 2])
@pytest.mark.parametrize("kind", [OptimizerType.JOINT_SEARCH, OptimizerType.METAPROMPT, OptimizerType.GEPA])
async def test_one_or_two_records_are_searched_without_a_test(
    harness: WorkerHarness, records: int, kind: OptimizerType
) -> None:
    pairs = [({"review": f"Film {n}: great fun."}, {"expected_response": "positive"}) for n in range(records)]
    dataset = harness.tracker.ensure_dataset(Dataset.of(pairs, f"tiny {records}"), EXPERIMENT)
    await harness.submit(
        dataset_id=dataset.dataset_id, optimizer_type=kind, reflection_model="scripted:/hidden-rules-reflect"
    )
    await WorkerProcess(harness).run()
    job = (await harness.result()).check().job
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert (job.verdict, job.test_scores) == (None, None)
    assert job.inputs is not None
    assert job.inputs.dataset is not None
    assert job.inputs.dataset.test == 0
    assert any(f"has {records} different record" in warning for warning in job.warnings)


async def test_metaprompt_with_records_and_no_scorers_rewrites_from_them_unmeasured(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "burnish.planning.resolver.default_judge_model", lambda: "scripted:/hidden-rules-reflect"
    )
    await harness.submit(optimizer_type=OptimizerType.METAPROMPT, scorers=())
    worker = WorkerProcess(harness)
    await worker.run()
    job = (await harness.result()).check().job
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert Role.TARGET not in job.usage.roles
    assert job.usage.roles[Role.REFLECTION].calls >= 1
    assert any("nothing is measured" in warning for warning in job.warnings)
    assert any("MLflow's default, scripted:/hidden-rules-reflect" in warning for warning in job.warnings)

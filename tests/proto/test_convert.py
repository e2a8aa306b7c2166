"""Domain → message → domain changes nothing."""

from __future__ import annotations

import json
import string
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.answer import Thinking
from burnish.domain.app import App
from burnish.domain.budget import Budget
from burnish.domain.events import Event, EventKind
from burnish.domain.job import (
    Job,
    JobConfig,
    JobStatus,
    OptimizerType,
    Progress,
    RegisterPolicy,
    SplitFractions,
    StopReason,
    TestScores,
    TracePolicy,
    Verdict,
)
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.errors import InvalidInput
from burnish.proto import jobs_pb2 as jobs
from burnish.proto import prompt_optimization_pb2 as wire
from burnish.proto.convert import (
    config_from_proto,
    event_from_proto,
    event_to_proto,
    job_from_proto,
    job_to_json,
    job_to_proto,
)
from burnish.proto.message import message_from_json, message_to_json
from tests.proto.jobs import FULL_JOB, SMALL_JOB

texts = st.text(string.printable + "äß→", min_size=1, max_size=12)
counts = st.integers(0, 2**53)
numbers = st.floats(allow_nan=False, allow_infinity=False)
scores = st.dictionaries(texts, st.floats(-1e300, 1e300), max_size=3)  # in a range they grow
usages = st.builds(Usage, counts, counts, counts, st.none() | st.integers(0, 10**15))
configs = st.builds(
    JobConfig,
    source_prompt_uris=st.lists(texts, min_size=1, max_size=3).map(tuple),
    dataset_id=st.none() | texts,
    inputs=st.dictionaries(texts, texts, max_size=2),
    scorers=st.lists(texts, max_size=3).map(tuple),
    optimizer_type=st.sampled_from(OptimizerType),
    optimizer_config=st.dictionaries(texts.filter(lambda key: key != "reflection_model"), counts, max_size=3),
    model=st.none() | texts,
    reflection_model=st.none() | texts,
    teacher_prompt_uri=st.none() | texts,
    budget=st.builds(
        Budget,
        max_calls=st.none() | counts,
        max_tokens=st.none() | counts,
        max_usd=st.none() | numbers,
        max_seconds=st.none() | numbers,
    ),
    split=st.builds(SplitFractions, numbers, numbers, numbers),
    seed=counts,
    concurrency=counts,
    max_output_tokens=st.none() | counts,
    call_timeout_seconds=numbers,
    failure_share=numbers,
    max_unscored_share=numbers,
    thinking=st.sampled_from(Thinking),
    register=st.sampled_from(RegisterPolicy),
    traces=st.sampled_from(TracePolicy),
    app=st.none()
    | st.builds(App, function=texts)
    | st.builds(
        App,
        url=texts,
        timeout_seconds=st.none() | numbers,
        headers_from_env=st.dictionaries(texts, texts, max_size=2),
    ),
)
all_jobs = st.builds(
    Job,
    job_id=texts,
    experiment_id=texts,
    config=configs,
    creation_timestamp_ms=counts,
    tags=st.dictionaries(texts, texts, max_size=3),
    status=st.sampled_from(JobStatus),
    attempt=counts,
    worker_id=st.none() | texts,
    heartbeat_timestamp_ms=st.none() | counts,
    cancel_requested=st.booleans(),
    status_message=st.none() | texts,
    error_message=st.none() | texts,
    progress=st.none() | st.builds(Progress, texts, counts, counts, texts),
    progress_updated_at_ms=st.none() | counts,
    start_timestamp_ms=st.none() | counts,
    completion_timestamp_ms=st.none() | counts,
    seconds_spent=numbers,
    run_id=st.none() | texts,
    optimized_prompt_uris=st.lists(texts, max_size=3).map(tuple),
    best_candidate_id=st.none() | texts,
    best_score=st.none() | numbers,
    initial_eval_scores=scores,
    final_eval_scores=scores,
    test_scores=st.none() | st.builds(TestScores, numbers, numbers, numbers, numbers, numbers, counts),
    verdict=st.none() | st.sampled_from(Verdict),
    stop_reason=st.none() | st.sampled_from(StopReason),
    usage=st.dictionaries(st.sampled_from(Role), usages).map(UsageByRole),
    warnings=st.lists(texts, max_size=3).map(tuple),
    score_ranges=st.dictionaries(texts, st.sampled_from(["1-5", "5-1", "-1-1"]), max_size=3),
    unscored_answers=st.dictionaries(texts, counts, max_size=3),
)


@given(all_jobs)
def test_a_job_comes_back_through_message_and_json(job: Job) -> None:
    shown = message_to_json(job_to_proto(job))
    assert job_from_proto(message_from_json(shown, wire.PromptOptimizationJob())) == job


@given(all_jobs)
def test_the_json_of_a_job_is_that_of_its_message(job: Job) -> None:
    """Names, order and types: to the letter what protobuf's fields would be written as."""
    assert json.dumps(job_to_json(job)) == json.dumps(message_to_json(job_to_proto(job)))


def test_a_job_of_mlflow_s_comes_back_without_what_mlflow_does_not_keep() -> None:
    kept = ("experiment_id", "status", "run_id", "initial_eval_scores", "final_eval_scores", "created_by")
    job = replace(SMALL_JOB, job_id="00000000-0000-0000-0000-000000000001")
    job = replace(job, **{name: getattr(FULL_JOB, name) for name in kept})
    shown = job_to_json(replace(job, attempt=3, seconds_spent=2.0, verdict=Verdict.IMPROVED))
    assert shown["origin"] == "mlflow"
    assert shown["config"] == {"optimizer_type": "OPTIMIZER_TYPE_METAPROMPT"}
    assert json.dumps(shown) == json.dumps(message_to_json(wire.PromptOptimizationJob(**shown)))
    assert job_from_proto(wire.PromptOptimizationJob(**shown)) == job


@pytest.mark.parametrize(
    ("domain", "message", "prefix"),
    [
        (JobStatus, jobs.JobStatus, "JOB_STATUS_"),
        (OptimizerType, wire.OptimizerType, "OPTIMIZER_TYPE_"),
        (Verdict, wire.PromptOptimizationJob.Verdict, ""),
        (StopReason, wire.PromptOptimizationJob.StopReason, ""),
        (EventKind, wire.JobEvent.Kind, ""),
    ],
)
def test_enums_of_domain_and_message_name_the_same(domain: Any, message: Any, prefix: str) -> None:
    own = {prefix + entry.value for entry in domain}
    assert own == {name for name, number in message.items() if number != 0} - EARLIER_NUMBERS


EARLIER_NUMBERS = {"OPTIMIZER_TYPE_DISTILLATION_100"}  # only read
OF_WORKERS = ("deaths", "retries", "calls_when_taken")  # their own notes, not on the wire


def test_every_field_of_a_job_and_its_config_is_on_the_wire() -> None:
    """Each field set to something else than its default changes the message (so none is forgotten)."""
    for entry in fields(Job):
        if entry.name not in ("config", *OF_WORKERS):
            assert job_to_proto(_with(SMALL_JOB, FULL_JOB, entry.name)) != job_to_proto(SMALL_JOB), entry.name
    for entry in fields(JobConfig):
        config = _with(SMALL_JOB.config, FULL_JOB.config, entry.name)
        assert job_to_proto(replace(SMALL_JOB, config=config)) != job_to_proto(SMALL_JOB), entry.name


def _with(target: Any, source: Any, name: str) -> Any:
    return replace(target, **{name: getattr(source, name)})


def test_an_event_comes_back() -> None:
    data = {"score": 0.5, "parents": ["a", "b"], "usage": {"calls": 3}, "reason": None, "done": True}
    event = Event("j", 7, 2, 1_700_000_000_000, EventKind.CANDIDATE, data)
    again = event_from_proto(event_to_proto(event), "j")
    assert again == event
    assert repr(again.data["usage"]) == "{'calls': 3}"  # whole numbers stay whole


def test_usd_is_left_out_while_a_price_is_unknown() -> None:
    usage = message_to_json(job_to_proto(FULL_JOB))["usage"]
    assert "usd" not in usage
    assert usage["roles"]["target"]["usd"] == 0.123456789
    assert "usd" not in usage["roles"]["reflection"]


def test_the_reflection_model_may_stand_in_the_settings_as_mlflow_has_it() -> None:
    message = wire.PromptOptimizationJobConfig(
        optimizer_type="OPTIMIZER_TYPE_GEPA",
        optimizer_config_json='{"reflection_model": "openai:/a", "max_metric_calls": 5}',
    )
    config = config_from_proto(message, "prompts:/p/1")
    assert (config.reflection_model, config.optimizer_config) == ("openai:/a", {"max_metric_calls": 5})
    message.reflection_model = "openai:/b"
    with pytest.raises(InvalidInput, match="the same as"):
        config_from_proto(message, "prompts:/p/1")


@pytest.mark.parametrize("asked", [3, 100, "OPTIMIZER_TYPE_DISTILLATION", "OPTIMIZER_TYPE_DISTILLATION_100"])
def test_distillation_is_asked_for_by_mlflow_s_number_or_by_our_earlier_one(asked: Any) -> None:
    sent = {"optimizer_type": asked, "teacher_prompt_uri": "prompts:/teacher/1"}
    message = message_from_json(sent, wire.PromptOptimizationJobConfig())
    config = config_from_proto(message, "prompts:/p/1")
    assert config.optimizer_type is OptimizerType.DISTILLATION
    shown = job_to_json(replace(SMALL_JOB, config=config))["config"]
    assert shown["optimizer_type"] == "OPTIMIZER_TYPE_DISTILLATION"
    assert shown["teacher_prompt_uri"] == "prompts:/teacher/1"
    assert "optimizer_config_json" not in shown  # answered as it was asked

"""Messages as JSON: what is written can be read again, what does not fit is named with its path."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import InvalidInput
from burnish.proto.convert import job_to_proto
from burnish.proto.message import message_from_json, message_to_json, read_message
from burnish.proto.prompt_optimization_pb2 import (
    ChatMessage,
    JobEvent,
    PromptCandidate,
    PromptOptimizationJob,
    PromptTemplate,
)
from burnish.proto.service_pb2 import CreatePromptOptimizationJob, SearchPromptOptimizationJobs
from tests.proto.jobs import FULL_JOB, SMALL_JOB


@pytest.mark.parametrize("job", [SMALL_JOB, FULL_JOB])
def test_the_same_as_protobufs_own_mapping_but_for_int64(job: Any) -> None:
    message = job_to_proto(job)
    ours = message_to_json(message)
    assert ours == unquoted(MessageToDict(message, preserving_proto_field_name=True), ours)


def unquoted(theirs: Any, ours: Any) -> Any:
    """What protobuf quotes, as a number where ours is one."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return {name: unquoted(value, ours.get(name)) for name, value in theirs.items()}
    if isinstance(theirs, list) and isinstance(ours, list):
        return [unquoted(*pair) for pair in zip(theirs, ours, strict=True)]
    return int(theirs) if isinstance(theirs, str) and type(ours) is int else theirs


def test_int64_values_are_numbers_of_any_size() -> None:
    message = SearchPromptOptimizationJobs(max_results=2**63 - 1)
    assert message_to_json(message) == {"max_results": 2**63 - 1}


@pytest.mark.parametrize(
    ("value", "field", "remedy"),
    [
        ({"experiment": "0"}, "experiment", "did you mean 'experiment_id'?"),
        ({"zzz": 1}, "zzz", "the fields are experiment_id, "),
        ({"config": {"scorer": []}}, "config.scorer", "did you mean 'scorers'?"),
        ({"config": {"optimizer_type": "metaprompt"}}, "config.optimizer_type", "OPTIMIZER_TYPE_METAPROMPT"),
        ({"config": {"optimizer_type": True}}, "config.optimizer_type", "must be one of"),
        ({"config": {"scorers": "exact_match"}}, "config.scorers", "must be a list"),
        ({"config": {"scorers": ["a", 1]}}, "config.scorers[1]", "must be a text"),
        ({"config": {"seed": 1.5}}, "config.seed", "must be a whole number"),
        ({"config": {"seed": True}}, "config.seed", "must be a whole number"),
        ({"config": {"seed": 2**63}}, "config.seed", "must be a whole number"),
        ({"config": {"budget": {"max_usd": "NaN"}}}, "config.budget.max_usd", "must be a finite number"),
        ({"config": {"budget": {"max_usd": 10**400}}}, "config.budget.max_usd", "must be a finite number"),
        ({"tags": [{"key": "k\0"}]}, "tags[0].key", "NUL"),
        ({"tags": [[]]}, "tags[0]", "must be a JSON object"),
        ({"experiment_id": "\ud800"}, "experiment_id", "surrogate"),
        ({"experiment_id": "1", "experimentId": "2"}, "experimentId", "was given twice"),
        (7, "body", "must be a JSON object"),
    ],
)
def test_what_does_not_fit_is_named_with_its_path(value: Any, field: str, remedy: str) -> None:
    (problem,) = read_message(value, CreatePromptOptimizationJob())
    assert problem.field == field
    assert remedy in problem.remedy


def test_every_problem_is_named_at_once_and_the_rest_is_read() -> None:
    message = CreatePromptOptimizationJob()
    problems = read_message({"experiment_id": 5, "x": 1, "source_prompt_uri": "prompts:/a/1"}, message)
    assert [problem.field for problem in problems] == ["experiment_id", "x"]
    assert message.source_prompt_uri == "prompts:/a/1"
    with pytest.raises(InvalidInput):
        message_from_json({"x": 1}, CreatePromptOptimizationJob())


def test_null_leaves_a_field_unset() -> None:
    message = message_from_json({"experiment_id": None, "config": None}, CreatePromptOptimizationJob())
    assert message == CreatePromptOptimizationJob()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(102, 102), ("OPTIMIZER_TYPE_JOINT_SEARCH", 102), ("OPTIMIZER_TYPE_GEPA", 1), ("3", 3)],
)
def test_an_enum_is_its_name_or_its_number(value: Any, expected: int) -> None:
    message = message_from_json({"config": {"optimizer_type": value}}, CreatePromptOptimizationJob())
    assert message.config.optimizer_type == expected


def test_maps_of_messages_and_free_objects_come_back() -> None:
    for message in (
        PromptCandidate(texts={"p": PromptTemplate(messages=[ChatMessage(role="user", content="{{x}}")])}),
        JobEvent(sequence=1, data={"score": 0.5, "parents": ["a"], "reason": None}),
    ):
        again = message_from_json(json.loads(json.dumps(message_to_json(message))), type(message)())
        assert again == message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["config", "tags", "scorers", "seed", "budget", "job_id", "state", "usage", "roles", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_value_is_read_without_either_a_message_or_problems(value: Any) -> None:
    message = PromptOptimizationJob()
    if not read_message(value, message):
        assert message_from_json(message_to_json(message), PromptOptimizationJob()) == message

"""What a job runs on goes over the wire and comes back."""

from __future__ import annotations

import pytest

from burnish.domain.inputs import JobInputs, ResolvedModel
from burnish.domain.prompt import Message, Prompt
from burnish.domain.records import ExampleRecord
from burnish.proto.inputs import example_from_proto, example_to_proto, inputs_from_proto, inputs_to_proto
from burnish.store.testing.inputs import some_data, some_inputs

SMALL = JobInputs(prompts=(Prompt(name="p", template="{{x}}"),), target=ResolvedModel("openai:/small"))
FULL = some_inputs(
    prompts=(
        Prompt(name="p", template="ä {{x}}", uri="prompts:/p/1", model_config={"a": {"b": [1, 2.5, None]}}),
        Prompt(
            name="q", template=(Message("user", "{{x}}"),), uri="prompts:/q/2", response_format={"type": "x"}
        ),
    ),
    target=ResolvedModel("openai:/small", {"temperature": 0.5}),
    scorers=(),
)


@pytest.mark.parametrize("inputs", [SMALL, FULL])
def test_inputs_come_back(inputs: JobInputs) -> None:
    assert inputs_from_proto(inputs_to_proto(inputs)) == inputs


def test_registered_scorers_come_back_as_data() -> None:
    (plain, judge) = inputs_from_proto(inputs_to_proto(some_inputs())).scorers
    assert (plain.registered, plain.model) == (None, None)
    assert judge.model == "openai:/judge"
    assert judge.registered is not None
    assert "漢字" in judge.registered["data"]["text"]


def test_examples_come_back() -> None:
    for position, example in enumerate(some_data().examples):
        record = ExampleRecord(example, position, "train")
        back = example_from_proto(example_to_proto(record))
        assert (back.position, back.split, back.example.example_id) == (position, "train", example.example_id)
        assert (back.example.inputs, back.example.expectations) == (example.inputs, example.expectations)

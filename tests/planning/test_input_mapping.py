"""Variables that stand somewhere inside nested records, as MLflow makes them of traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.job import JobStatus
from burnish.domain.prompt import Prompt
from burnish.errors import InvalidInput
from burnish.planning.input_mapping import map_inputs
from tests.worker.harness import EXPERIMENT, WORDS, WorkerHarness, WorkerProcess

QUESTION = Prompt(name="p", template="Answer: {{question}}")


def turns(*texts: str, **more: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]
    return {"messages": messages, **more}


def dataset(*inputs: dict[str, Any]) -> Dataset:
    records = [(values, {"expected_response": str(n)}) for n, values in enumerate(inputs)]
    return Dataset.of(records, "d", "d-1", sources=[f"t.jsonl:{n + 1}" for n in range(len(inputs))])


def problems_of(*arguments: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        map_inputs(*arguments)
    return {problem.field: str(problem) for problem in refused.value.problems}


def test_a_path_leads_to_the_last_of_several_turns() -> None:
    records = dataset(turns("hello", "yes?", "how late is it?"), turns("why?"))
    mapped = map_inputs(records, {"question": "messages[-1].content"}, [QUESTION])
    assert [example.inputs for example in mapped.examples] == [
        {"question": "how late is it?"},
        {"question": "why?"},
    ]
    assert [example.expected for example in mapped.examples] == ["0", "1"]
    assert [example.place for example in mapped.examples] == ["t.jsonl:1", "t.jsonl:2"]
    assert (mapped.name, mapped.dataset_id) == ("d", "d-1")


def test_a_variable_without_a_path_is_its_column_and_the_rest_is_dropped() -> None:
    prompts = [Prompt(name="p", template="{{question}} {{context}}")]
    records = dataset(turns("a", context="x", trace=1), turns("a", context="x", trace=2))
    mapped = map_inputs(records, {"question": "messages[0].content"}, prompts)
    assert [example.inputs for example in mapped.examples] == [{"question": "a", "context": "x"}] * 2
    first, second = mapped.examples
    assert first.identity == second.identity, "what differs elsewhere only is a duplicate, kept in one split"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("request.user", {"id": 7}),
        ("join(' ', messages[?role=='user'].content)", "a c"),
        ("length(messages)", 3),
        ('"last name"', "Ada"),
        ("messages[0].flag", False),
    ],
)
def test_whatever_json_the_path_finds_is_the_value(path: str, found: Any) -> None:
    record = turns("a", "b", "c", request={"user": {"id": 7}}) | {"last name": "Ada"}
    record["messages"][0]["flag"] = False
    (example,) = map_inputs(dataset(record), {"question": path}, [QUESTION]).examples
    assert example.inputs == {"question": found}


def test_records_in_which_it_finds_nothing_are_named() -> None:
    records = dataset(
        turns("a"), {"request": "b"}, {"messages": []}, {"messages": "text"}, {"messages": None}
    )
    said = problems_of(records, {"question": "messages[-1].content"}, [QUESTION])["config.inputs.question"]
    assert "in 4 of 5 records: record t.jsonl:2 (request: b)" in said
    assert "and 1 more" in said
    assert "the inputs have messages, request" in said


def test_a_function_that_does_not_take_the_value_finds_nothing() -> None:
    said = problems_of(dataset({"messages": 3}), {"question": "length(messages)"}, [QUESTION])
    assert "1 of 1 records" in said["config.inputs.question"]


@pytest.mark.parametrize(
    "expression", ["messages[", "messages.0.content", "", "first name", "nothing(x)[", "(" * 900, "a" * 1001]
)
def test_an_expression_that_cannot_be_read_is_refused(expression: str) -> None:
    said = problems_of(dataset(turns("a")), {"question": expression}, [QUESTION])
    assert "jmespath.org" in said["config.inputs.question"]


def test_every_problem_is_named_at_once_with_the_nearest_variable() -> None:
    mapping = {"questoin": "messages[0].content", "question": "request"}
    said = problems_of(dataset(turns("a")), mapping, [QUESTION])
    assert "did you mean 'question'?" in said["config.inputs.questoin"]
    assert "finds nothing" in said["config.inputs.question"]


async def test_a_job_runs_on_records_made_from_traces_as_they_are(tmp_path: Path) -> None:
    harness = WorkerHarness(tmp_path)
    pairs = [
        (turns("hello", "what is it?", f"Film {n}: {words}."), {"expected_response": label})
        for n in range(12)
        for label, words in WORDS.items()
    ]
    nested = harness.tracker.ensure_dataset(Dataset.of(pairs, "nested"), EXPERIMENT)
    mapping = {"review": "messages[-1].content"}
    await harness.submit(dataset_id=nested.dataset_id, inputs=mapping)
    await WorkerProcess(harness).run()
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED
    assert result.job.config.inputs == mapping
    assert result.job.final_eval_scores["aggregate"] > 0.9
    await harness.close()

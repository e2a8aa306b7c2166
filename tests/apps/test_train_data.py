"""Everything that ``train_data`` may be, through both of our calls; and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import burnish
from burnish.apps.train_data import read_train_data
from burnish.domain.dataset import Dataset
from burnish.errors import InvalidInput

QUESTIONS = [f"Question {number}?" for number in range(16)]
RECORDS = [
    {"inputs": {"question": text}, "expectations": {"expected_response": text.upper()}} for text in QUESTIONS
]


def answer(question: str) -> str:
    return question


def as_list(mlflow: Any) -> Any:
    return RECORDS


def as_data_frame(mlflow: Any) -> Any:
    import pandas

    return pandas.DataFrame(RECORDS)


def as_dataset(mlflow: Any) -> Any:
    dataset = mlflow.genai.datasets.create_dataset(name="questions", experiment_id="0")
    return dataset.merge_records(RECORDS)


def logged(mlflow: Any) -> list[str]:
    """Ids of traces of the app, with what people say should have come out."""
    found = []
    for record in RECORDS:
        with mlflow.start_span("app") as span:
            span.set_inputs(record["inputs"])
            span.set_outputs("as it answered then")
        found.append(span.trace_id)
    mlflow.flush_trace_async_logging()
    for trace_id, record in zip(found, RECORDS, strict=True):
        expected = record["expectations"]["expected_response"]
        mlflow.log_expectation(trace_id=trace_id, name="expected_response", value=expected)
    return found


def as_traces(mlflow: Any) -> Any:
    return [mlflow.get_trace(trace_id) for trace_id in logged(mlflow)]


def as_found_traces(mlflow: Any) -> Any:
    logged(mlflow)
    return mlflow.search_traces(locations=["0"])  # a DataFrame without the column `inputs`


KINDS: Sequence[Callable[[Any], Any]] = (as_list, as_data_frame, as_dataset, as_traces, as_found_traces)


def pairs_of(dataset: Dataset | None) -> set[tuple[str, str]]:
    assert dataset is not None
    return {(str(e.inputs["question"]), str(e.expectations["expected_response"])) for e in dataset.examples}


@pytest.mark.parametrize("kind", KINDS)
def test_optimize_prompts_takes_it(kind: Callable[[Any], Any], mlflow: Any) -> None:
    dataset = read_train_data(kind(mlflow), answer)
    assert pairs_of(dataset) == {(text, text.upper()) for text in QUESTIONS}


@pytest.mark.filterwarnings("ignore")  # MLflow has several of its own
@pytest.mark.parametrize("kind", [as_list, as_data_frame, as_dataset])
def test_a_job_runs_on_it_by_either_call(kind: Callable[[Any], Any], mlflow: Any) -> None:
    uri = mlflow.genai.register_prompt("shout", "Shout: {{question}}").uri

    def shout(question: str) -> str:
        return str(mlflow.genai.load_prompt(uri).format(question=question)).removeprefix("Shout: ").upper()

    @mlflow.genai.scorers.scorer  # type: ignore[untyped-decorator]
    def right(outputs: Any, expectations: Any) -> bool:
        return bool(outputs == expectations["expected_response"])

    data = kind(mlflow)
    ours = burnish.optimize_prompts(
        predict_fn=shout,
        train_data=data,
        prompt_uris=[uri],
        scorers=["exact_match"],
        optimizer="joint-search",
        budget={"max_calls": 100},
        enable_tracking=False,
    )
    behind = burnish.MlflowOptimizer("joint-search", budget={"max_calls": 100})
    mlflow.genai.optimize_prompts(
        predict_fn=shout,
        train_data=data,
        prompt_uris=[uri],
        scorers=[right],
        optimizer=behind,
        enable_tracking=False,
    )
    assert behind.job is not None

    async def records(job_id: str) -> set[tuple[str, str]]:
        from burnish.store.sql import SqlJobStore

        store = SqlJobStore("sqlite:///burnish.db")
        found = await store.find_data(job_id)
        await store.close()
        assert found is not None
        return pairs_of(Dataset("d", found.examples))

    for job_id in (ours.job_id, behind.job.job_id):
        assert asyncio.run(records(job_id)) == {(text, text.upper()) for text in QUESTIONS}
    assert ours.initial_eval_score == 1.0


def test_spark_is_refused_by_name() -> None:
    spark = type("DataFrame", (), {"__module__": "pyspark.sql.dataframe", "columns": [], "to_dict": None})
    with pytest.raises(InvalidInput, match="train_data") as refused:
        read_train_data(spark(), answer)
    assert "give data.toPandas()" in str(refused.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([{"trace": "no JSON"}], "is no MLflow trace"),
        ([{"trace": 7}], "is no MLflow trace"),
        ([{"request": "Q"}], "must be a dict that is not empty"),
        ("questions.csv", "must be a list"),
        ([answer], "must be a dict; data is a list"),
    ],
)
def test_other_data_is_refused_by_name(data: Any, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_train_data(data, answer)
    assert said in str(refused.value)


def test_a_trace_s_own_answer_is_no_expectation(mlflow: Any) -> None:
    with mlflow.start_span("app") as span:
        span.set_inputs({"question": "Q"})
        span.set_outputs("as it answered then")
    mlflow.flush_trace_async_logging()
    dataset = read_train_data([mlflow.get_trace(span.trace_id)], answer)
    assert dataset is not None
    assert dataset.examples[0].expectations == {}


def test_records_without_expectations_serve_scorers_that_need_none(mlflow: Any) -> None:
    uri = mlflow.genai.register_prompt("echo", "Say: {{question}}").uri

    @mlflow.genai.scorers.scorer  # type: ignore[untyped-decorator]
    def is_short(outputs: Any) -> bool:
        return len(outputs) < 12

    def echo(question: str) -> str:
        return str(mlflow.genai.load_prompt(uri).format(question=question))

    result = burnish.optimize_prompts(
        predict_fn=echo,
        train_data=[{"inputs": {"question": text}} for text in QUESTIONS],
        prompt_uris=[uri],
        scorers=[is_short],
        optimizer="joint-search",
        budget={"max_calls": 100},
        enable_tracking=False,
    )
    assert result.initial_eval_score == 0.0
    assert result.job_id

"""``burnish.MlflowOptimizer`` behind MLflow's ``optimize_prompts``, held to what MLflow asks of these."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.genai.optimize.optimizers import BasePromptOptimizer
from mlflow.genai.optimize.types import EvaluationResultRecord, PromptOptimizerOutput

import burnish
from burnish.errors import InvalidInput
from burnish.store.sql import SqlJobStore

PER_SCORER = "individual_scores" in EvaluationResultRecord.__dataclass_fields__
"""MLflow 3.9 hands only the mean of all scorers on."""
RECORDS = [
    {"inputs": {"question": f"Q{number}"}, "expectations": {"expected_response": f"A{number}"}}
    for number in range(40)
]
TEXT = "Answer {{question}}"
RULE = "Say the answer."


class EvalFn:
    """MLflow's evaluation as optimizers see it: right where the prompt has the rule, else each third time."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], int]] = []
        self.running = 0

    def __call__(
        self, candidate: dict[str, str], records: list[dict[str, Any]]
    ) -> list[EvaluationResultRecord]:
        self.running += 1
        assert self.running == 1, "it patches prompts for the whole process: one candidate at a time"
        self.calls.append((candidate, len(records)))
        results = []
        for record in records:
            number = int(record["inputs"]["question"][1:])
            right = RULE in json.dumps(candidate) or number % 3 == 0
            results.append(
                EvaluationResultRecord(
                    inputs=record["inputs"],
                    outputs=f"A{number}" if right else "no idea",
                    expectations=record["expectations"],
                    score=float(right),
                    trace=None,
                    rationales={"match": "as expected" if right else "should say the answer"},
                    **({"individual_scores": {"match": float(right)}} if PER_SCORER else {}),
                )
            )
        self.running -= 1
        return results


@pytest.fixture(autouse=True)
def _script(mlflow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reflection model that finds the rule."""
    from burnish.llm.protocol import Request
    from burnish.llm.testing.scripted import SCRIPTS

    def reflect(request: Request) -> str:
        text = request.messages[-1].content
        assert "should say the answer" in text
        tag = text.rpartition("between <")[2].partition(">")[0]
        current = text.partition(f"<{tag}")[2].partition(">")[2].partition(f"</{tag}>")[0].strip()
        return f"<{tag}>\n{current} {RULE}\n</{tag}>"

    monkeypatch.setitem(SCRIPTS, "rule", reflect)


def optimizer(**options: Any) -> burnish.MlflowOptimizer:
    return burnish.MlflowOptimizer(
        "gepa", reflection_model="scripted:/rule", budget={"max_calls": 300}, **options
    )


def test_is_one_of_mlflow_s_optimizers_and_returns_their_output() -> None:
    ours, evaluate = optimizer(), EvalFn()
    assert isinstance(ours, BasePromptOptimizer)
    output = ours.optimize(evaluate, RECORDS, {"qa": TEXT}, enable_tracking=False)
    assert isinstance(output, PromptOptimizerOutput)
    assert output.optimized_prompts == {"qa": f"{TEXT} {RULE}"}
    assert output.initial_eval_score < 0.7
    assert output.final_eval_score == 1.0
    if PER_SCORER:
        assert output.initial_eval_score_per_scorer == {"match": output.initial_eval_score}
        assert output.final_eval_score_per_scorer == {"match": 1.0}
    assert ours.job is not None
    assert ours.job.verdict is burnish.Verdict.IMPROVED
    assert max(count for _, count in evaluate.calls) > 1  # examples go together
    assert all(set(candidate) == {"qa"} for candidate, _ in evaluate.calls)


def test_every_pair_is_evaluated_once_and_not_again_when_it_goes_on() -> None:
    evaluate, again = EvalFn(), EvalFn()
    first = optimizer()
    first.optimize(evaluate, RECORDS, {"qa": TEXT}, enable_tracking=False)
    second = optimizer(resume=True)
    second.optimize(again, RECORDS, {"qa": TEXT}, enable_tracking=False)
    assert second.job == first.job
    assert again.calls == []


def test_a_chat_prompt_comes_back_as_mlflow_gave_it() -> None:
    chat = json.dumps([{"role": "system", "content": "Be kind."}, {"role": "user", "content": TEXT}])
    output = optimizer().optimize(EvalFn(), RECORDS, {"chat": chat}, enable_tracking=False)
    messages = json.loads(output.optimized_prompts["chat"])
    assert [message["role"] for message in messages] == ["system", "user"]
    assert RULE in output.optimized_prompts["chat"]


def test_where_nothing_is_better_the_source_comes_back() -> None:
    class Constant(EvalFn):
        def __call__(self, candidate: dict[str, str], records: list[dict[str, Any]]) -> Any:
            plain = {name: text.replace(RULE, "") for name, text in candidate.items()}
            return super().__call__(plain, records)

    output = optimizer().optimize(Constant(), RECORDS, {"qa": TEXT}, enable_tracking=False)
    assert output.optimized_prompts == {"qa": TEXT}


def test_without_data_only_metaprompt_works() -> None:
    with pytest.raises(InvalidInput, match="only metaprompt can do without"):
        optimizer().optimize(None, [], {"qa": TEXT})


def test_a_mistake_is_reported_where_it_is_made() -> None:
    with pytest.raises(InvalidInput, match="no such optimizer"):
        burnish.MlflowOptimizer("geppa")


def test_what_a_scorer_raises_stops_the_job_with_its_words() -> None:
    def broken(candidate: dict[str, str], records: list[dict[str, Any]]) -> Any:
        raise MlflowException("Scorers [length (type: str)] return non-numerical values")

    with pytest.raises(InvalidInput, match="return non-numerical values"):
        optimizer().optimize(broken, RECORDS, {"qa": TEXT}, enable_tracking=False)


@pytest.mark.filterwarnings("ignore")  # MLflow has several of its own
def test_one_line_of_an_existing_script_changes(mlflow: Any, model: Any, example: Any) -> None:
    uris = example("desk").register_prompts()
    desk = example("desk").Desk(*uris)

    @mlflow.genai.scorers.scorer  # type: ignore[untyped-decorator]
    def right(outputs: Any, expectations: Any) -> bool:
        return bool(outputs == expectations["expected_response"])

    ours = burnish.MlflowOptimizer(
        "gepa", reflection_model="openai:/gpt-4o", budget={"max_calls": 300}, seed=1, concurrency=16
    )
    with mlflow.start_run() as run:
        result = mlflow.genai.optimize_prompts(
            predict_fn=desk.answer,
            train_data=example("questions").RECORDS,
            prompt_uris=uris,
            optimizer=ours,
            scorers=[right],
        )
    assert result.optimizer_name == "MlflowOptimizer"
    assert [prompt.uri for prompt in result.optimized_prompts] == [
        "prompts:/desk_topic/2",
        "prompts:/desk_answer/2",
    ]
    assert ours.job is not None
    assert mlflow.get_run(run.info.run_id).data.tags["burnish.job_id"] == ours.job.job_id
    assert ours.job.usage.total.tokens > 0
    asked = [body["messages"][0]["content"] for _, _, body in model.bodies if body["model"] == "gpt-4o"]
    assert any("What came of desk_" in text for text in asked)  # the server keeps the last hundred requests

    async def uses() -> Any:
        store = SqlJobStore("sqlite:///burnish.db")
        try:
            return await store.journal_read(ours.job.job_id if ours.job else "")
        finally:
            await store.close()

    runs = [entry.run for entry in asyncio.run(uses()) if entry.run is not None]
    assert {use.prompt for run in runs for use in run.uses} == {"desk_topic", "desk_answer"}

"""What the tracker leaves in MLflow, as MLflow's own client sees it; crashes, lost answers, others' data."""

from __future__ import annotations

import itertools
import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.inputs import DatasetSummary, InputSummary, JobInputs, ResolvedModel
from burnish.domain.job import Job, JobConfig, OptimizerType
from burnish.domain.prompt import Message, Prompt
from burnish.domain.records import EvaluationRecord
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Usage
from burnish.errors import InvalidInput, NotFound, TrackingUnavailable
from burnish.tracking.mlflow import MlflowTracker, trace_rows, traces
from burnish.tracking.names import trace_id_of
from burnish.tracking.protocol import (
    EvaluationTrace,
    MeasuredCandidate,
    RunEntries,
    RunStatus,
    TraceBatch,
)
from burnish.tracking.testing import fresh, measured, small_dataset


@pytest.fixture
def client(shared: MlflowTracker) -> Any:
    """MLflow's own client, the witness."""
    from mlflow import MlflowClient

    return MlflowClient(shared.address.tracking_uri, shared.address.registry_uri)


def make_job(tracker: MlflowTracker, dataset: Dataset | None = None) -> Job:
    experiment_id = tracker.ensure_experiment(fresh("experiment"))
    prompt = tracker.ensure_prompt(Prompt(name=fresh("prompt"), template="Hi {{review}}"))
    stored = tracker.ensure_dataset(dataset or small_dataset(fresh("data")), experiment_id)
    config = JobConfig(
        source_prompt_uris=(str(prompt.uri),),
        dataset_id=stored.dataset_id,
        scorers=("exact_match",),
        optimizer_type=OptimizerType.METAPROMPT,
    )
    return Job(job_id=fresh("job"), experiment_id=experiment_id, config=config, creation_timestamp_ms=1)


def store_of(tracker: MlflowTracker) -> Any:
    with tracker._connection.tracking() as store:
        return store


def registry_of(tracker: MlflowTracker) -> Any:
    with tracker._connection.registry() as registry:
        return registry


def losing_the_answer(call: Callable[..., Any]) -> Callable[..., Any]:
    """Carries the first call out, and then fails as a broken connection does."""
    calls = 0

    def lost(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        result = call(*args, **kwargs)
        if calls == 1:
            raise ConnectionResetError("connection reset by peer")
        return result

    return lost


# --- seen by MLflow


@pytest.mark.filterwarnings("ignore")  # MLflow's log_table uses what pandas deprecates
def test_the_evaluations_are_the_table_that_mlflow_would_have_logged(
    shared: MlflowTracker, client: Any
) -> None:
    job = make_job(shared)
    dataset = shared.dataset(str(job.config.dataset_id))
    ours, theirs = shared.ensure_run(job), client.create_run(job.experiment_id).info.run_id
    record, evaluations = measured(0, "Better {{review}}", "p", dataset)
    examples = {example.example_id: example for example in dataset.examples}
    shared.log(ours, RunEntries(candidates=[MeasuredCandidate(record, evaluations)], examples=examples))
    file = "prompt_candidates/iteration_0/eval_results.json"
    columns = {
        "inputs": [dict(example.inputs) for example in dataset.examples],
        "output": ["positive"] * 6,
        "expectation": [dict(example.expectations) for example in dataset.examples],
        "aggregate_score": [1.0] * 6,
        "exact_match": [1.0] * 6,
    }
    client.log_table(theirs, data=columns, artifact_file=file)

    runs = [client.get_run(run_id) for run_id in (ours, theirs)]
    tables = [json.loads((Path(run.info.artifact_uri) / file).read_text()) for run in runs]
    assert tables[0] == tables[1]
    tags = [json.loads(run.data.tags["mlflow.loggedArtifacts"]) for run in runs]
    assert tags[0] == tags[1]


def test_mlflow_loads_the_winner_with_its_model_config(shared: MlflowTracker, client: Any) -> None:
    source = shared.ensure_prompt(
        Prompt(
            name=fresh("mlflow"),
            template=(Message("user", "{{x}}"),),
            model_config={"provider": "openai", "model_name": "gpt", "extra_params": {"seed": 1}},
            response_format={"type": "object"},
        )
    )
    job = make_job(shared)
    uri = shared.register_winner(job, source, (Message("user", "Better {{x}}"),))
    loaded = client.get_prompt_version(source.name, "2")
    assert loaded.uri == uri
    assert loaded.template == [{"role": "user", "content": "Better {{x}}"}]
    assert loaded.model_config == {"provider": "openai", "model_name": "gpt", "seed": 1}
    assert loaded.response_format == {"type": "object"}
    assert loaded.tags["burnish.job_id"] == job.job_id
    assert loaded.tags["burnish.source_prompt_uri"] == source.uri
    assert job.job_id in loaded.commit_message


def test_the_jobs_tags_stay_on_the_version(shared: MlflowTracker, client: Any) -> None:
    """MLflow's own ``register_prompt`` writes them on the prompt as well, where the last one wins."""
    job = make_job(shared)
    source = shared.prompt(job.source_prompt_uri)
    shared.register_winner(job, source, "Better {{review}}")
    assert "burnish.job_id" not in client.get_prompt(source.name).tags


def test_the_prompt_is_listed_in_each_experiment_that_optimized_it(
    shared: MlflowTracker, client: Any
) -> None:
    job = make_job(shared)
    elsewhere = replace(job, job_id=fresh("job"), experiment_id=shared.ensure_experiment(fresh("other")))
    shared.ensure_run(job)
    shared.ensure_run(elsewhere)
    name = shared.prompt(job.source_prompt_uri).name
    for experiment_id in (job.experiment_id, elsewhere.experiment_id):
        listed = client.search_prompts(filter_string=f"experiment_id = '{experiment_id}'")
        assert [prompt.name for prompt in listed] == [name]


@pytest.mark.parametrize("whole", [False, True])
def test_a_job_whose_prompt_was_deleted_still_registers_its_winner(
    whole: bool, shared: MlflowTracker, client: Any
) -> None:
    job = make_job(shared)
    source = shared.prompt(job.source_prompt_uri)
    client.delete_prompt_version(source.name, "1")
    if whole:
        client.delete_prompt(source.name)
    uri = shared.register_winner(job, source, "Better {{review}}")
    assert shared.prompt(uri).template == "Better {{review}}"
    assert shared.register_winner(job, source, "Better {{review}}") == uri


def test_a_run_is_made_for_a_job_that_owns_what_is_gone(shared: MlflowTracker, client: Any) -> None:
    job = make_job(shared)
    source = shared.prompt(job.source_prompt_uri)
    inputs = JobInputs(prompts=(source,), target=ResolvedModel("scripted:/x")).summary
    client.delete_prompt_version(source.name, "1")
    store_of(shared).delete_dataset(job.config.dataset_id)
    run = client.get_run(shared.ensure_run(replace(job, inputs=inputs)))
    assert run.info.status == "RUNNING"
    assert run.data.params["source_prompt_uri"] == source.uri
    assert run.data.params["model"] == "scripted:/x"


def test_the_run_is_named_as_mlflows_jobs_are(shared: MlflowTracker, client: Any) -> None:
    job = make_job(shared)
    run = client.get_run(shared.ensure_run(job))
    name = shared.prompt(job.source_prompt_uri).name
    assert run.info.run_name == f"optimize_prompt_metaprompt_{name}_1"
    (dataset_input,) = run.inputs.dataset_inputs
    assert {tag.key: tag.value for tag in dataset_input.tags} == {"mlflow.data.context": "optimization"}
    assert json.loads(dataset_input.dataset.source)["dataset_id"] == job.config.dataset_id


def test_an_ended_run_has_an_end_time(shared: MlflowTracker, client: Any) -> None:
    run_id = shared.ensure_run(make_job(shared))
    shared.end_run(run_id, RunStatus.KILLED)
    info = client.get_run(run_id).info
    assert (info.status, info.end_time >= info.start_time) == ("KILLED", True)


def test_the_list_of_tables_never_becomes_broken_json(shared: MlflowTracker, client: Any) -> None:
    run_id = shared.ensure_run(make_job(shared))
    full = json.dumps([{"path": "x" * 4_900, "type": "table"}])
    client.set_tag(run_id, "mlflow.loggedArtifacts", full)
    record, evaluations = measured(7, "Better {{review}}", "p", small_dataset("d"))
    shared.log(run_id, RunEntries(candidates=[MeasuredCandidate(record, evaluations)]))
    assert client.get_run(run_id).data.tags["mlflow.loggedArtifacts"] == full


# --- others' data


def test_a_dataset_of_somebody_else_is_read_in_mlflows_order(shared: MlflowTracker) -> None:
    store = store_of(shared)
    made = store.create_dataset(fresh("theirs"))
    for number in range(3):
        store.upsert_dataset_records(
            made.dataset_id,
            [{"inputs": {"q": number}, "expectations": {"expected_response": str(number)}}],
        )
    read = shared.dataset(made.dataset_id)
    assert shared.dataset(made.dataset_id) == read
    assert {(example.inputs["q"], example.expected) for example in read.examples} == {
        (0, "0"),
        (1, "1"),
        (2, "2"),
    }


def test_outputs_stand_in_for_missing_expectations(shared: MlflowTracker) -> None:
    store = store_of(shared)
    made = store.create_dataset(fresh("outputs"))
    store.upsert_dataset_records(
        made.dataset_id,
        [
            {"inputs": {"q": "a"}, "outputs": "A"},
            {"inputs": {"q": "b"}, "outputs": "B", "expectations": {"expected_response": "better B"}},
            {"inputs": {"q": "c"}},
        ],
    )
    answers = {example.inputs["q"]: example.expected for example in shared.dataset(made.dataset_id).examples}
    assert answers == {"a": "A", "b": "better B", "c": None}


def test_a_large_dataset_is_read_piece_by_piece_and_others_get_their_turn(
    shared: MlflowTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("burnish.tracking.mlflow.datasets._PIECE", 3)
    experiment = shared.ensure_experiment(fresh("experiment"))
    pairs = [({"q": number}, {"expected_response": [number, None]}) for number in range(20)]
    made = shared.ensure_dataset(Dataset.of([*pairs, ({"q": 4}, {})], fresh("large")), experiment)
    read, between = shared._datasets._piece, []

    def piece(dataset_id: str, record_ids: Any) -> Any:
        between.append(shared.experiment_exists(experiment))  # takes a turn of its own
        return read(dataset_id, record_ids)

    monkeypatch.setattr(shared._datasets, "_piece", piece)
    assert shared.dataset(str(made.dataset_id)) == made
    assert between == [True] * 7


def test_a_dataset_that_was_edited_is_left_alone(shared: MlflowTracker) -> None:
    experiment_id = shared.ensure_experiment(fresh("experiment"))
    dataset = small_dataset(fresh("data"))
    first = shared.ensure_dataset(dataset, experiment_id)
    store_of(shared).upsert_dataset_records(first.dataset_id, [{"inputs": {"review": "added by hand"}}])
    again = shared.ensure_dataset(dataset, experiment_id)
    assert again.dataset_id != first.dataset_id
    assert again.examples == dataset.examples
    assert len(shared.dataset(str(first.dataset_id)).examples) == 7


def test_inputs_that_mlflow_takes_for_a_simulated_session_are_plain_inputs_here(
    shared: MlflowTracker,
) -> None:
    dataset = Dataset.of([({"goal": "win", "text": "x"}, {"expected_response": "y"})], fresh("session"))
    stored = shared.ensure_dataset(dataset, shared.ensure_experiment(fresh("experiment")))
    assert stored.examples == dataset.examples


def test_a_deleted_experiment_is_not_there(shared: MlflowTracker, client: Any) -> None:
    name = fresh("experiment")
    experiment_id = shared.ensure_experiment(name)
    client.delete_experiment(experiment_id)
    assert not shared.experiment_exists(experiment_id)
    with pytest.raises(InvalidInput, match="restore it"):
        shared.ensure_experiment(name)


def test_a_registered_model_is_no_prompt(shared: MlflowTracker, client: Any) -> None:
    name = fresh("model")
    client.create_registered_model(name)
    with pytest.raises(InvalidInput, match="registered as a model"):
        shared.prompt(f"prompts:/{name}/1")
    with pytest.raises(InvalidInput, match="registered as a model"):
        shared.ensure_prompt(Prompt(name=name, template="A"))


def test_a_model_config_mlflow_does_not_take_is_refused_by_field(shared: MlflowTracker) -> None:
    with pytest.raises(InvalidInput) as caught:
        shared.ensure_prompt(Prompt(name=fresh("hot"), template="A", model_config={"temperature": -1}))
    assert caught.value.problems[0].field == "prompt.model_config.temperature"


# --- crashes and lost answers


def test_a_run_that_was_only_begun_is_completed(shared: MlflowTracker, client: Any) -> None:
    job = make_job(shared)
    begun = client.create_run(job.experiment_id, tags={"burnish.job_id": job.job_id})
    assert shared.ensure_run(job) == begun.info.run_id
    run = client.get_run(begun.info.run_id)
    assert run.data.params["source_prompt_uri"] == job.source_prompt_uri
    assert len(run.inputs.dataset_inputs) == 1
    assert "mlflow.linkedPrompts" in run.data.tags


def test_a_dataset_that_was_only_begun_is_completed(shared: MlflowTracker) -> None:
    dataset = small_dataset(fresh("data"))
    experiment_id = shared.ensure_experiment(fresh("experiment"))
    begun = store_of(shared).create_dataset(dataset.name, tags={"burnish.digest": dataset.digest})
    stored = shared.ensure_dataset(dataset, experiment_id)
    assert stored.dataset_id == begun.dataset_id
    assert stored.examples == dataset.examples
    assert store_of(shared).get_dataset_experiment_ids(begun.dataset_id) == [experiment_id]


def test_a_candidate_that_was_only_begun_is_completed(shared: MlflowTracker, client: Any) -> None:
    run_id = shared.ensure_run(make_job(shared))
    client.log_text(run_id, "cut in the mid", "prompt_candidates/iteration_0/p.txt")
    record, evaluations = measured(0, "whole {{review}}", "p", small_dataset("d"))
    shared.log(run_id, RunEntries(candidates=[MeasuredCandidate(record, evaluations)]))
    folder = Path(client.get_run(run_id).info.artifact_uri) / "prompt_candidates/iteration_0"
    assert (folder / "p.txt").read_text() == "whole {{review}}"
    assert (folder / "scores.json").exists()


def test_a_run_whose_answer_was_lost_is_not_made_twice(
    own: MlflowTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(own)
    store = store_of(own)
    monkeypatch.setattr(store, "create_run", losing_the_answer(store.create_run))
    run_id = own.ensure_run(job)
    assert [run.info.run_id for run in own._runs._of_job(job)] == [run_id]


def test_a_winner_whose_answer_was_lost_is_not_registered_twice(
    own: MlflowTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(own)
    source = own.prompt(job.source_prompt_uri)
    registry = registry_of(own)
    monkeypatch.setattr(registry, "create_prompt_version", losing_the_answer(registry.create_prompt_version))
    assert own.register_winner(job, source, "Better {{review}}") == f"prompts:/{source.name}/2"
    with pytest.raises(NotFound):
        own.prompt(f"prompts:/{source.name}/3")


def test_an_outage_that_lasts_is_reported_after_a_few_tries(
    own: MlflowTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def away(run_id: str) -> None:
        tries.append(run_id)
        raise ConnectionRefusedError("connection refused")

    monkeypatch.setattr(store_of(own), "get_run", away)
    with pytest.raises(TrackingUnavailable, match="connection refused"):
        own.end_run("abc", RunStatus.KILLED)
    assert len(tries) == 3
    with pytest.raises(TrackingUnavailable, match="connection refused"):
        own.delete_run("abc")
    assert len(tries) == 4  # who asks for a delete waits, and can ask again


def test_a_run_that_exists_and_cannot_be_deleted_is_an_error(
    own: MlflowTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = own.ensure_run(make_job(own))

    def fails(run_id: str) -> None:
        raise ConnectionResetError("half-way")

    monkeypatch.setattr(store_of(own), "delete_run", fails)
    with pytest.raises(TrackingUnavailable, match="half-way"):
        own.delete_run(run_id)


def test_many_jobs_at_once_over_one_sqlite_file(own: MlflowTracker) -> None:
    neighbour = MlflowTracker(own.address.tracking_uri)
    jobs = [make_job(own) for _ in range(8)]

    def whole_life(numbered: tuple[int, Job]) -> tuple[str, str]:
        number, job = numbered
        tracker = (own, neighbour)[number % 2]
        run_id = tracker.ensure_run(job)
        record, evaluations = measured(0, "Better {{review}}", "p", small_dataset("d"))
        tracker.log(run_id, RunEntries(candidates=[MeasuredCandidate(record, evaluations)]))
        uri = tracker.register_winner(job, tracker.prompt(job.source_prompt_uri), "Better {{review}}")
        tracker.end_run(run_id, RunStatus.FINISHED)
        return run_id, uri

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(whole_life, enumerate(jobs)))
    assert len({run_id for run_id, _ in results}) == 8
    assert len({uri for _, uri in results}) == 8


def test_two_workers_that_register_the_winner_at_the_same_moment_leave_one_version(
    shared: MlflowTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was superseded without knowing it may be between the look and the write."""
    job = make_job(shared)
    source = shared.prompt(job.source_prompt_uri)
    winner = "Hi, {{review}}!"
    rival = MlflowTracker(shared.address.tracking_uri, shared.address.registry_uri)
    register = rival._prompts.register

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.undo()
        shared.register_winner(job, source, winner)
        return register(*args, **kwargs)

    monkeypatch.setattr(rival._prompts, "register", overtaken)
    uri = rival.register_winner(job, source, winner)
    assert uri == shared.register_winner(job, source, winner) == f"prompts:/{source.name}/2"
    with pytest.raises(NotFound):
        shared.prompt(f"prompts:/{source.name}/3")


def test_a_run_that_its_worker_could_not_report_is_found(shared: MlflowTracker) -> None:
    job = make_job(shared)
    assert shared.find_run(job) is None
    run_id = shared.ensure_run(job)
    assert shared.find_run(job) == shared.find_run(replace(job, run_id=run_id)) == run_id
    shared.delete_run(run_id)
    assert shared.find_run(replace(job, run_id=run_id)) is None


def span_of(trace_id: str, number: int, parent: int | None, inputs: Any, outputs: Any) -> Any:
    """A span as MLflow keeps it."""
    from mlflow.entities.span import create_mlflow_span
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

    def context(span: int) -> SpanContext:
        return SpanContext(int(trace_id[3:], 16), span, is_remote=False, trace_flags=TraceFlags(1))

    values = {"traceRequestId": trace_id, "spanInputs": inputs, "spanOutputs": outputs, "spanType": "CHAIN"}
    otel = ReadableSpan(
        name="span",
        context=context(number),
        parent=context(parent) if parent else None,
        attributes={f"mlflow.{name}": json.dumps(value) for name, value in values.items()},
        start_time=number,
        end_time=number + 1,
        status=Status(StatusCode.OK),
        resource=Resource.get_empty(),
    )
    return create_mlflow_span(otel, trace_id)


def test_traces_linked_to_a_prompt_version_say_what_it_has_answered(shared: MlflowTracker) -> None:
    from mlflow.entities.model_registry import PromptVersion

    prompt = shared.ensure_prompt(Prompt(name=fresh("teacher"), template="Sum {{a}} and {{b}}"))
    experiment_id = shared.ensure_experiment(fresh("production"))
    completion = {"choices": [{"message": {"role": "assistant", "content": "3"}}]}
    asked = [
        ({"a": 1, "b": 2}, completion),
        ({"a": 2, "b": 2}, "4"),
        ({"a": 2, "b": 2}, ""),  # no answer
        ({"question": "?"}, "5"),  # nothing for the variables
    ]
    version = PromptVersion(prompt.name, int(str(prompt.uri).rpartition("/")[2]), "any")
    for inputs, outputs in asked:
        trace_id = f"tr-{uuid.uuid4().hex}"
        store_of(shared).log_spans(
            experiment_id,
            [
                span_of(trace_id, 1, None, {"request": inputs}, outputs),
                span_of(trace_id, 2, 1, inputs, outputs),
            ],
        )
        store_of(shared).link_prompts_to_trace(trace_id, [version])
    found = shared.linked_traces(prompt)
    answers = {str(example.inputs): example.expected for example in found.dataset.examples}
    assert answers == {str({"a": 1, "b": 2}): "3", str({"a": 2, "b": 2}): "4"}
    assert found.left_out == 2
    assert all(example.place.startswith("tr-") for example in found.dataset.examples)
    other = shared.ensure_prompt(Prompt(name=fresh("other"), template="Sum {{a}} and {{b}}"))
    assert not shared.linked_traces(other).dataset.examples


def test_a_run_is_made_begun_and_ended_with_a_commit_each(own: MlflowTracker) -> None:
    from sqlalchemy import event

    written: list[str] = []
    job = make_job(own)
    engine = store_of(own).engine

    def note(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            written.append("write")

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", lambda connection: written.append("commit"))

    def commits() -> int:
        """Of transactions in which something was written; then begins to count anew."""
        found = sum(pair == ("write", "commit") for pair in itertools.pairwise(written))
        written.clear()
        return found

    run_id = own.schedule_run(job, "store")
    assert commits() == 1
    started = replace(job, run_id=run_id, attempt=1)
    assert own.ensure_run(started) == run_id
    assert commits() <= 2  # the prompt is shown in the experiment, which is the registry's
    entries = RunEntries(metrics=[({"score": 0.5}, 0)], note="a note")
    assert own.end_run(run_id, RunStatus.FINISHED, entries)
    assert commits() == 1


def trace_batch(tracker: MlflowTracker) -> tuple[str, TraceBatch]:
    """A run, and 30 traces for it."""
    job = make_job(tracker, Dataset.of([({"review": f"r{n}"}, {}) for n in range(30)], fresh("data")))
    dataset = tracker.dataset(str(job.config.dataset_id))
    _, records = measured(0, "first {{review}}", "p", dataset)
    written = [
        EvaluationTrace(record=record, example=example, role="best", model="scripted:/x")
        for record, example in zip(records, dataset.examples, strict=True)
    ]
    return tracker.ensure_run(job), TraceBatch(
        job_id=job.job_id, experiment_id=job.experiment_id, traces=written
    )


@pytest.mark.parametrize("agreed", [None, True, False], ids=["first batch", "by rows", "by MLflow"])
def test_a_batch_of_traces_is_written_whole_or_not_at_all(
    shared: MlflowTracker, client: Any, agreed: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import event

    run_id, batch = trace_batch(shared)
    monkeypatch.setattr(shared._traces._rows, "_agrees", agreed)

    def broken(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        if statement.startswith("INSERT INTO assessments"):  # where the traces are already
            raise OSError("the disk is full")

    engine = store_of(shared).engine
    event.listen(engine, "before_cursor_execute", broken)
    try:
        with pytest.raises(TrackingUnavailable):
            shared.log_traces(run_id, batch)
    finally:
        event.remove(engine, "before_cursor_execute", broken)
    assert client.search_traces(locations=[batch.experiment_id]) == []
    shared.log_traces(run_id, batch)
    found = client.search_traces(locations=[batch.experiment_id])
    assert len(found) == 30
    assert all(trace.data.spans for trace in found)


def odd_traces(tracker: MlflowTracker) -> tuple[str, TraceBatch]:
    """A run and traces with everything that has a column of its own."""
    records: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"review": "fine"}, {"expected_response": "yes"}),
        (
            {"review": "naïve — 映画", "nested": {"a": [1, None]}},
            {"expected_response": None, "other": {"a": 1}},
        ),
        ({"review": "long"}, {"count": 3, "is": True}),
        ({"messages": [{"role": "user", "content": "hi"}], "model": "m"}, {}),
    ]
    job = make_job(tracker, Dataset.of(records, fresh("data")))
    outputs = ["yes", "ja — 映", "x" * 3000, ""]
    found = []
    for number, example in enumerate(tracker.dataset(str(job.config.dataset_id)).examples):
        scores = {"exact": Score(number / 3, "why — 映画" * (number % 2)), "fluent": Score(1.0)}
        evaluation = Evaluation(
            candidate_id="c",
            example_id=example.example_id,
            output=outputs[number],
            scores=scores if number < 3 else {},
            aggregate=0.5,
            error="refused" if number == 3 else None,
            usage=Usage(calls=1, prompt_tokens=30 * number, completion_tokens=2 * number),
        )
        record = EvaluationRecord(evaluation=evaluation, split="test")
        model = "gpt-4o-mini" if number == 2 else "openai:/gpt-4o-mini"  # MLflow knows a price
        found.append(EvaluationTrace(record=record, example=example, role="best", model=model))
    return tracker.ensure_run(job), TraceBatch(
        job_id=job.job_id, experiment_id=job.experiment_id, traces=found
    )


def test_rows_of_traces_are_those_that_mlflow_would_have_written(own: MlflowTracker, tmp_path: Path) -> None:
    run_id, batch = odd_traces(own)
    written = []
    for agreed in (True, False):  # by rows, by MLflow
        path = tmp_path / f"{agreed}.db"
        shutil.copy(str(own.address.sqlite_path), path)
        tracker = MlflowTracker(f"sqlite:///{path}", clock=lambda: 1_700_000_000.5)
        tracker._traces._rows._agrees = agreed
        tracker.log_traces(run_id, batch)
        with store_of(tracker).ManagedSessionMaker() as session:
            ids = [trace_id_of(batch.job_id, trace.record) for trace in batch.traces]
            rows = {
                trace_id: trace_rows._comparable(trace_rows._written(session, trace_id)) for trace_id in ids
            }
        written.append(rows)
    assert all(set(rows) >= {"trace_info", "spans"} for rows in written[0].values())
    assert written[0] == written[1]


@pytest.mark.parametrize("agrees", [True, False])
def test_rows_are_written_only_where_mlflow_has_written_the_same(
    own: MlflowTracker, agrees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from sqlalchemy import event

    if not agrees:  # a version that writes something else
        monkeypatch.setattr(trace_rows, "SPANS_LOCATION", "mlflow.spans")
    statements: list[str] = []
    event.listen(
        store_of(own).engine, "before_cursor_execute", lambda *at: statements.append(at[2].split(" (")[0])
    )
    run_id, batch = trace_batch(own)
    own.log_traces(run_id, replace(batch, traces=batch.traces[:1]))
    statements.clear()
    own.log_traces(run_id, replace(batch, traces=batch.traces[1:]))
    assert own._traces._rows._agrees is agrees
    inserts = [statement for statement in statements if statement.startswith("INSERT")]
    assert len(inserts) <= 6 if agrees else len(inserts) > 29  # one a table, however many traces
    found = MlflowClient(own.address.tracking_uri).search_traces(locations=[batch.experiment_id])
    assert len(found) == 30
    assert all(len(trace.data.spans) == 1 for trace in found)


def test_a_price_that_mlflow_does_not_know_is_looked_for_once(
    own: MlflowTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracing.otel import translation

    run_id, batch = trace_batch(own)
    used = Usage(calls=1, prompt_tokens=30, completion_tokens=2)
    paid = [
        replace(
            trace,
            model="unheard-of",
            record=replace(trace.record, evaluation=replace(trace.record.evaluation, usage=used)),
        )
        for trace in batch.traces
    ]
    asked: list[Any] = []
    # Not there in the oldest versions, which know no prices.
    monkeypatch.setattr(
        translation,
        "calculate_cost_by_model_and_token_usage",
        lambda *about: asked.append(about),
        raising=False,
    )
    own._traces._rows._agrees = True
    own.log_traces(run_id, replace(batch, traces=paid))
    assert len(asked) <= 1


def test_traces_that_another_worker_writes_at_this_moment_are_there_once(
    shared: MlflowTracker, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, batch = trace_batch(shared)
    other = MlflowTracker(shared.address.tracking_uri, artifact_root=shared.address.artifact_root)
    other.log_traces(run_id, replace(batch, traces=batch.traces[:3]))
    looks: Iterator[list[Any]] = iter([[]])  # the first look was before
    begun = traces._begun
    monkeypatch.setattr(traces, "_begun", lambda *where: next(looks, None) or begun(*where))
    shared.log_traces(run_id, batch)
    found = client.search_traces(locations=[batch.experiment_id])
    assert len(found) == 30
    assert all(len(trace.data.spans) == 1 for trace in found)
    assert all(trace.info.token_usage["total_tokens"] == 0 for trace in found)


def test_the_run_has_the_params_and_dataset_inputs_of_mlflow_s_own_jobs(
    shared: MlflowTracker, client: Any
) -> None:
    job = make_job(shared)
    config = replace(job.config, optimizer_config={"rounds": 2}, reflection_model="openai:/large")
    summary = DatasetSummary(
        dataset_id=config.dataset_id, name="d", digest="abc", train=3, validation=2, test=1
    )
    inputs = InputSummary(
        source_prompt_uris=config.source_prompt_uris,
        model="openai:/x",
        reflection_model="openai:/large",
        dataset=summary,
    )
    run = client.get_run(shared.ensure_run(replace(job, config=config, inputs=inputs)))
    assert json.loads(run.data.params["optimizer_config_json"]) == {
        "rounds": 2,
        "reflection_model": "openai:/large",
    }
    assert run.data.params["num_training_samples"] == "3"
    contexts = {entry.tags[0].value: entry.dataset.profile for entry in run.inputs.dataset_inputs}
    assert set(contexts) == {"optimization", "training"}
    assert json.loads(contexts["training"]) == {"num_records": 3}

"""Our messages against those of the installed MLflow: the same names, numbers, types and enum values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from burnish.proto import jobs_pb2, prompt_optimization_pb2, service_pb2
from burnish.proto.convert import job_to_proto
from burnish.proto.message import is_repeated, message_from_json, message_to_json
from tests.proto.jobs import FULL_JOB, SMALL_JOB

mlflow_prompt_optimization = pytest.importorskip(
    "mlflow.protos.prompt_optimization_pb2", reason="MLflow 3.9 has no such endpoints"
)
from mlflow.protos import jobs_pb2 as mlflow_jobs  # noqa: E402
from mlflow.protos import service_pb2 as mlflow_service  # noqa: E402
from mlflow.utils.proto_json_utils import message_to_json as mlflow_to_json  # noqa: E402

FIRST_OWN_NUMBER = 100
COMING = {"teacher_prompt_uri": 5, "OPTIMIZER_TYPE_DISTILLATION": 3}  # in MLflow's branch, in no release yet
VERBS = ("Create", "Get", "Search", "Cancel", "Delete")


def _messages(module: ModuleType, wanted: str = "") -> Iterator[tuple[str, Any]]:
    for name, descriptor in module.DESCRIPTOR.message_types_by_name.items():
        if wanted in name:
            yield from _with_nested(name, descriptor)


def _with_nested(path: str, descriptor: Any) -> Iterator[tuple[str, Any]]:
    yield path, descriptor
    for nested in descriptor.nested_types:
        yield from _with_nested(f"{path}.{nested.name}", nested)


def is_ours_or_coming(name: str, number: int) -> bool:
    return number >= FIRST_OWN_NUMBER or COMING.get(name) == number


PAIRS = [
    (mlflow_jobs, jobs_pb2, ""),
    (mlflow_prompt_optimization, prompt_optimization_pb2, ""),
    (mlflow_service, service_pb2, "PromptOptimizationJob"),
]
THEIRS = [
    (path, theirs, dict(_messages(ours)).get(path))
    for module, ours, wanted in PAIRS
    for path, theirs in _messages(module, wanted)
]
ENUMS = [
    (name, theirs, ours.DESCRIPTOR.enum_types_by_name.get(name))
    for module, ours, _ in PAIRS[:2]
    for name, theirs in module.DESCRIPTOR.enum_types_by_name.items()
]


def test_the_walk_has_seen_what_it_must() -> None:
    seen = {path for path, _, _ in THEIRS}
    for verb in VERBS:
        noun = "PromptOptimizationJobs" if verb == "Search" else "PromptOptimizationJob"
        assert {f"{verb}{noun}", f"{verb}{noun}.Response"} <= seen
    assert {"JobState", "JobProgress", "PromptOptimizationJob", "PromptOptimizationJobConfig"} <= seen
    assert {name for name, _, _ in ENUMS} == {"JobStatus", "OptimizerType"}


@pytest.mark.parametrize(("path", "theirs", "ours"), THEIRS, ids=[path for path, _, _ in THEIRS])
def test_every_field_of_mlflow_is_ours_under_its_number(path: str, theirs: Any, ours: Any) -> None:
    assert ours is not None, f"{path} is missing"
    for field in theirs.fields:
        same = ours.fields_by_number.get(field.number)
        assert same is not None, f"{path}.{field.name}"
        assert (same.name, same.type, is_repeated(same)) == (field.name, field.type, is_repeated(field))
        for part in ("message_type", "enum_type"):
            kind, own = getattr(field, part), getattr(same, part)
            assert (kind and kind.name) == (own and own.name)


@pytest.mark.parametrize(("path", "theirs", "ours"), THEIRS, ids=[path for path, _, _ in THEIRS])
def test_what_we_add_is_numbered_from_100(path: str, theirs: Any, ours: Any) -> None:
    added = {
        field for number, field in ours.fields_by_number.items() if number not in theirs.fields_by_number
    }
    assert all(is_ours_or_coming(field.name, field.number) for field in added)


@pytest.mark.parametrize(("name", "theirs", "ours"), ENUMS, ids=[name for name, _, _ in ENUMS])
def test_enum_values_are_the_same_and_ours_begin_at_100(name: str, theirs: Any, ours: Any) -> None:
    known = {value.name: value.number for value in theirs.values}
    own = {value.name: value.number for value in ours.values}
    assert known.items() <= own.items()
    assert all(is_ours_or_coming(name, number) for name, number in own.items() if name not in known)


def test_both_load_in_one_process_under_different_names() -> None:
    ours = prompt_optimization_pb2.PromptOptimizationJob.DESCRIPTOR
    theirs = mlflow_prompt_optimization.PromptOptimizationJob.DESCRIPTOR
    assert (ours.full_name, theirs.full_name) == (
        "burnish.v1.PromptOptimizationJob",
        "mlflow.PromptOptimizationJob",
    )


def _known_to_mlflow(value: Any, descriptor: Any) -> Any:
    """A JSON object of ours without the fields that MLflow's message does not have."""
    kept = {}
    for name, entry in value.items():
        field = descriptor.fields_by_name.get(name)
        if field is None:
            continue
        inner = field.message_type
        if inner is not None and not inner.GetOptions().map_entry:
            entry = (
                [_known_to_mlflow(part, inner) for part in entry]
                if isinstance(entry, list)
                else _known_to_mlflow(entry, inner)
            )
        kept[name] = entry
    return kept


@pytest.mark.parametrize("job", [SMALL_JOB, FULL_JOB], ids=["new", "finished"])
def test_mlflow_parses_our_answers_and_writes_them_again_as_we_do(job: Any) -> None:
    ours = {"job": message_to_json(job_to_proto(job))}
    lenient = mlflow_service.GetPromptOptimizationJob.Response()
    ParseDict(ours, lenient, ignore_unknown_fields=True)
    known = _known_to_mlflow(ours, lenient.DESCRIPTOR)
    strict = ParseDict(known, mlflow_service.GetPromptOptimizationJob.Response())
    assert lenient == strict
    assert lenient.job.job_id == job.job_id
    assert json.loads(mlflow_to_json(strict)) == known


def test_mlflow_reads_our_bytes_too() -> None:
    theirs = mlflow_prompt_optimization.PromptOptimizationJob.FromString(
        job_to_proto(FULL_JOB).SerializeToString()
    )
    assert theirs.final_eval_scores["aggregate"] == FULL_JOB.final_eval_scores["aggregate"]
    assert theirs.state.progress.completed == 3


def test_we_read_what_mlflow_clients_send() -> None:
    request = mlflow_service.CreatePromptOptimizationJob(
        experiment_id="1",
        source_prompt_uri="prompts:/p/1",
        config=mlflow_prompt_optimization.PromptOptimizationJobConfig(
            optimizer_type=mlflow_prompt_optimization.OPTIMIZER_TYPE_METAPROMPT,
            dataset_id="d-1",
            scorers=["Correctness", "Safety"],
            optimizer_config_json='{"reflection_model": "openai:/gpt-4o"}',
        ),
    )
    sent = json.loads(mlflow_to_json(request))
    ours = message_from_json(sent, service_pb2.CreatePromptOptimizationJob())
    assert message_to_json(ours) == sent

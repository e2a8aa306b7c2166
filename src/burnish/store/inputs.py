"""A job's inputs as JSON and as contents, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from burnish.domain.dataset import SPLITS, Example
from burnish.domain.inputs import (
    DatasetSummary,
    InputSummary,
    JobData,
    JobInputs,
    ResolvedModel,
    ScorerDefinition,
)
from burnish.domain.prompt import Prompt, template_from_json, template_to_json
from burnish.store.contents import Content


def inputs_to_json(inputs: JobInputs) -> dict[str, Any]:
    """JSON form of a job's inputs."""
    return {
        "prompts": [_prompt_to_json(prompt) for prompt in inputs.prompts],
        "target": asdict(inputs.target),
        "reflection": asdict(inputs.reflection) if inputs.reflection else None,
        "teacher_prompt": _prompt_to_json(inputs.teacher_prompt) if inputs.teacher_prompt else None,
        "teacher": asdict(inputs.teacher) if inputs.teacher else None,
        "scorers": [asdict(scorer) for scorer in inputs.scorers],
        "judge_model": inputs.judge_model,
        "optimizer_settings": dict(inputs.optimizer_settings),
        "dataset": asdict(inputs.dataset) if inputs.dataset else None,
        "versions": dict(inputs.versions),
        "warnings": list(inputs.warnings),
    }


def inputs_from_json(value: Mapping[str, Any]) -> JobInputs:
    """Inverse of :func:`inputs_to_json`."""
    return JobInputs(
        prompts=tuple(map(_prompt_from_json, value["prompts"])),
        target=ResolvedModel(**value["target"]),
        reflection=_model_from_json(value["reflection"]),
        teacher_prompt=_prompt_from_json(value["teacher_prompt"]) if value["teacher_prompt"] else None,
        teacher=_model_from_json(value["teacher"]),
        scorers=tuple(ScorerDefinition(**scorer) for scorer in value["scorers"]),
        judge_model=value["judge_model"],
        optimizer_settings=value["optimizer_settings"],
        dataset=DatasetSummary(**value["dataset"]) if value["dataset"] else None,
        versions=value["versions"],
        warnings=tuple(value["warnings"]),
    )


def summary_to_json(summary: InputSummary) -> dict[str, Any]:
    """JSON form of what a job runs on."""
    return asdict(summary)


def summary_from_json(value: Mapping[str, Any]) -> InputSummary:
    """Inverse of :func:`summary_to_json`."""
    return InputSummary(
        **{
            **value,
            "source_prompt_uris": tuple(value["source_prompt_uris"]),
            "judge_models": tuple(value["judge_models"]),
            "dataset": DatasetSummary(**value["dataset"]) if value["dataset"] else None,
        }
    )


def data_to_contents(data: JobData) -> tuple[Content, Content]:
    """The records, and the positions of each split: two contents, because many jobs have the records in
    common and fewer the splits."""
    splits = [list(getattr(data, name)) for name in SPLITS]
    return Content.of(lambda: map(_example_to_json, data.examples)), Content.of(lambda: splits)


def data_from_contents(records: Iterable[Sequence[Any]], splits: Sequence[Sequence[int]]) -> JobData:
    """Inverse of :func:`data_to_contents`."""
    train, validation, test = map(tuple, splits)
    return JobData(
        examples=tuple(map(example_from_json, records)), train=train, validation=validation, test=test
    )


def _example_to_json(example: Example) -> list[Any]:
    source = [example.source] if example.source else []
    return [example.example_id, dict(example.inputs), dict(example.expectations), example.identity, *source]


def example_from_json(value: Sequence[Any]) -> Example:
    """One of the records of :func:`data_to_contents`."""
    example_id, inputs, expectations, identity, *source = value
    return Example(example_id, inputs, expectations, identity, source="".join(source))


def _prompt_to_json(prompt: Prompt) -> dict[str, Any]:
    return {
        "name": prompt.name,
        "template": template_to_json(prompt.template),
        "uri": prompt.uri,
        "model_config": dict(prompt.model_config),
        "response_format": dict(prompt.response_format) if prompt.response_format else None,
    }


def _prompt_from_json(value: Mapping[str, Any]) -> Prompt:
    return Prompt(**{**value, "template": template_from_json(value["template"])})


def _model_from_json(value: Mapping[str, Any] | None) -> ResolvedModel | None:
    return ResolvedModel(**value) if value else None

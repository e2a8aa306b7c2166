"""What a job runs on ⇄ protobuf messages; the mapping that server and SDK share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message as AnyMessage

from burnish.domain.dataset import Example
from burnish.domain.inputs import DatasetSummary, JobInputs, ResolvedModel, ScorerDefinition
from burnish.domain.prompt import Message, Prompt, Template
from burnish.domain.records import ExampleRecord
from burnish.domain.text import well_formed, well_formed_values
from burnish.proto import prompt_optimization_pb2 as wire
from burnish.proto.message import message_to_json


def inputs_to_proto(inputs: JobInputs) -> wire.JobInputs:
    """What is no Unicode text is shown as replacement characters."""
    message = wire.JobInputs(
        prompts=[_prompt_to_proto(prompt) for prompt in inputs.prompts],
        target=_model_to_proto(inputs.target),
        reflection=_model_to_proto(inputs.reflection) if inputs.reflection else None,
        teacher_prompt=_prompt_to_proto(inputs.teacher_prompt) if inputs.teacher_prompt else None,
        teacher=_model_to_proto(inputs.teacher) if inputs.teacher else None,
        scorers=[_scorer_to_proto(scorer) for scorer in inputs.scorers],
        judge_model=inputs.judge_model,
        versions=inputs.versions,
        warnings=[well_formed(warning) for warning in inputs.warnings],
    )
    _fill(message.optimizer_settings, inputs.optimizer_settings)
    if inputs.dataset is not None:
        _dataset_to_proto(inputs.dataset, message.dataset)
    return message


def inputs_from_proto(message: wire.JobInputs) -> JobInputs:
    """Inverse of :func:`inputs_to_proto`."""
    return JobInputs(
        prompts=tuple(map(_prompt_from_proto, message.prompts)),
        target=_model_from_proto(message.target),
        reflection=_model_from_proto(message.reflection) if message.HasField("reflection") else None,
        teacher_prompt=(
            _prompt_from_proto(message.teacher_prompt) if message.HasField("teacher_prompt") else None
        ),
        teacher=_model_from_proto(message.teacher) if message.HasField("teacher") else None,
        scorers=tuple(map(_scorer_from_proto, message.scorers)),
        judge_model=message.judge_model or None,
        optimizer_settings=message_to_json(message.optimizer_settings),
        dataset=_dataset_from_proto(message.dataset) if message.HasField("dataset") else None,
        versions=dict(message.versions),
        warnings=tuple(message.warnings),
    )


def example_to_proto(record: ExampleRecord) -> wire.JobExample:
    example = record.example
    message = wire.JobExample(
        example_id=well_formed(example.example_id),
        position=record.position,
        split=record.split,
        source=well_formed(example.source) or None,
    )
    _fill(message.inputs, example.inputs)
    _fill(message.expectations, example.expectations)
    return message


def example_from_proto(message: wire.JobExample) -> ExampleRecord:
    """Inverse of :func:`example_to_proto`; the example's ``identity`` is not on the wire."""
    example = Example(
        message.example_id,
        message_to_json(message.inputs),
        message_to_json(message.expectations),
        "",
        source=message.source,
    )
    return ExampleRecord(example, message.position, message.split)


def template_to_proto(template: Template) -> wire.PromptTemplate:
    if isinstance(template, str):
        return wire.PromptTemplate(text=well_formed(template))
    messages = [wire.ChatMessage(role=entry.role, content=well_formed(entry.content)) for entry in template]
    return wire.PromptTemplate(messages=messages)


def template_from_proto(message: wire.PromptTemplate) -> Template:
    """Inverse of :func:`template_to_proto`."""
    if message.HasField("text"):
        return message.text
    return tuple(Message(entry.role, entry.content) for entry in message.messages)


def _prompt_to_proto(prompt: Prompt) -> wire.PromptVersion:
    message = wire.PromptVersion(
        name=prompt.name, uri=prompt.uri, template=template_to_proto(prompt.template)
    )
    if prompt.model_config:
        _fill(message.model_config, prompt.model_config)
    if prompt.response_format is not None:
        _fill(message.response_format, prompt.response_format)
    return message


def _prompt_from_proto(message: wire.PromptVersion) -> Prompt:
    return Prompt(
        name=message.name,
        template=template_from_proto(message.template),
        uri=message.uri or None,
        model_config=message_to_json(message.model_config),
        response_format=(
            message_to_json(message.response_format) if message.HasField("response_format") else None
        ),
    )


def _model_to_proto(model: ResolvedModel) -> wire.ResolvedModel:
    message = wire.ResolvedModel(uri=model.uri)
    said = {name: value for name, value in model.parameters.items() if value not in (None, (), [], {})}
    if said:
        _fill(message.parameters, said)
    return message


def _model_from_proto(message: wire.ResolvedModel) -> ResolvedModel:
    return ResolvedModel(message.uri, message_to_json(message.parameters))


def _scorer_to_proto(scorer: ScorerDefinition) -> wire.ScorerDefinition:
    message = wire.ScorerDefinition(name=scorer.name, spec=scorer.spec, model=scorer.model)
    if scorer.registered is not None:
        _fill(message.registered, scorer.registered)
    return message


def _scorer_from_proto(message: wire.ScorerDefinition) -> ScorerDefinition:
    return ScorerDefinition(
        name=message.name,
        spec=message.spec,
        model=message.model or None,
        registered=message_to_json(message.registered) if message.HasField("registered") else None,
    )


def _dataset_to_proto(dataset: DatasetSummary, message: wire.DatasetSummary) -> None:
    for field in message.DESCRIPTOR.fields:
        if (value := getattr(dataset, field.name)) is not None:
            setattr(message, field.name, value)


def _dataset_from_proto(message: wire.DatasetSummary) -> DatasetSummary:
    return DatasetSummary(
        dataset_id=message.dataset_id or None,
        name=message.name,
        digest=message.digest,
        train=message.train,
        validation=message.validation,
        test=message.test,
    )


def _fill(struct: AnyMessage, values: Mapping[str, Any]) -> None:
    """Write an object into a ``google.protobuf.Struct``."""
    struct.SetInParent()
    target: Any = struct
    try:
        target.update(_plain(values))
    except UnicodeEncodeError:
        target.Clear()
        target.update(well_formed_values(_plain(values)))


def _plain(value: Any) -> Any:
    """A Struct takes no tuples."""
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value

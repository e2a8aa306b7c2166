"""What a job can be made of, as the server lists it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from burnish.domain.prompt import Template
from burnish.proto import catalog_pb2 as wire
from burnish.proto.inputs import template_from_proto
from burnish.proto.message import is_repeated, message_to_json

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment of the tracking server."""

    experiment_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptName:
    """A prompt of the registry."""

    name: str
    description: str
    latest_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptVersion:
    """One version of it. ``model`` is the URI of the model that its own model config names, or ``None``."""

    uri: str
    version: int
    template: Template
    variables: tuple[str, ...]
    aliases: tuple[str, ...]
    model: str | None
    commit_message: str
    creation_timestamp_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetName:
    """A dataset in MLflow. ``records`` is ``None`` where MLflow has not counted them."""

    dataset_id: str
    name: str
    records: int | None
    last_update_timestamp_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetColumn:
    """A column: ``kind`` is ``input`` or ``expectation``; ``filled`` is how many of the records have it."""

    name: str
    kind: str
    type: str
    filled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDataFind:
    """Personal data of one kind in one place; ``value`` is enough of the first one to recognize it by."""

    field: str
    value: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPreview:
    """A dataset with its columns and some of its records, as (inputs, expectations).

    Attributes:
        notes: of one that was made: what was left out.
        personal_data: of one made from traces: what was found, before it was masked.
    """

    dataset: DatasetName
    columns: tuple[DatasetColumn, ...]
    records: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...]
    notes: tuple[str, ...] = ()
    personal_data: tuple[PersonalDataFind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerListing:
    """A scorer that a job can name. ``kind`` and ``argument`` are the names of the wire."""

    name: str
    kind: str
    description: str
    argument: str
    argument_description: str
    requires: tuple[str, ...]
    asks_model: bool
    model: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerListing:
    """An optimizer; ``settings_schema`` is the JSON schema of ``optimizer_config``."""

    name: str
    changes: str
    second_model: str
    choose_when: str
    needs_data: bool
    settings_schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderListing:
    """A kind of model server, as it can be asked from the server's process."""

    scheme: str
    usable: bool
    remedy: str
    key_variables: tuple[str, ...]
    has_key: bool
    models: tuple[str, ...]


def listing_from_proto(message: Any, kind: type[T]) -> T:
    """The dataclass of a message whose fields it has. What is unset is ``None`` where that may be."""
    values: dict[str, Any] = {}
    for entry in fields(kind):  # type: ignore[arg-type]  # every kind is a dataclass
        field = message.DESCRIPTOR.fields_by_name[entry.name]
        if is_repeated(field):
            values[entry.name] = tuple(getattr(message, entry.name))
        elif field.enum_type is not None:
            values[entry.name] = field.enum_type.values_by_number[getattr(message, entry.name)].name
        elif field.message_type is not None:
            part = getattr(message, entry.name)
            is_template = field.message_type.name == "PromptTemplate"
            values[entry.name] = template_from_proto(part) if is_template else message_to_json(part)
        elif message.HasField(entry.name) or "None" not in str(entry.type):
            values[entry.name] = getattr(message, entry.name)
        else:
            values[entry.name] = None
    return kind(**values)


def preview_from_proto(
    message: wire.GetCatalogDataset.Response
    | wire.UploadDataset.Response
    | wire.MakeDatasetFromTraces.Response,
) -> DatasetPreview:
    finds = message.personal_data if isinstance(message, wire.MakeDatasetFromTraces.Response) else ()
    return DatasetPreview(
        dataset=listing_from_proto(message.dataset, DatasetName),
        columns=tuple(listing_from_proto(column, DatasetColumn) for column in message.columns),
        records=tuple(
            (message_to_json(record.inputs), message_to_json(record.expectations))
            for record in message.records
        ),
        notes=() if isinstance(message, wire.GetCatalogDataset.Response) else tuple(message.notes),
        personal_data=tuple(listing_from_proto(find, PersonalDataFind) for find in finds),
    )

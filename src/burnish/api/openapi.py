"""The OpenAPI document, made from the protos: their messages, their options, their comments.

``python -m burnish.api.openapi`` prints it; the page's types are made from that.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from burnish import __version__
from burnish.api.routes import BASE_PATHS, SERVICE, rule_of
from burnish.proto import service_pb2
from burnish.proto.http_pb2 import Http
from burnish.proto.message import is_map, is_repeated

_SCALARS: Mapping[int, dict[str, Any]] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_INT64: {"type": "integer", "format": "int64"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
}
_STATUSES = {
    "400": "INVALID_PARAMETER_VALUE or INVALID_STATE",
    "401": "UNAUTHENTICATED: the server asks who it is, for a token or for MLflow's user and password",
    "403": "PERMISSION_DENIED: not permitted to who asks; or the Host or Origin is not one of the server's",
    "404": "RESOURCE_DOES_NOT_EXIST",
    "409": "RESOURCE_CONFLICT",
    "413": "The body is too large",
    "503": "TEMPORARILY_UNAVAILABLE: the store or MLflow does not answer; try again",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request gives the same job.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "Go on behind this event; wins over `after`.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}
_LAST_LIST_EVENT_ID = {
    **_LAST_EVENT_ID,
    "description": "Go on behind this event.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{12}-[0-9]{1,18}$"},
}


@cache
def document(with_tokens: bool = False) -> dict[str, Any]:
    """OpenAPI 3.1.

    Args:
        with_tokens: the server asks for bearer tokens.
    """
    comments = _comments()
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for method in SERVICE.methods:
        rule = rule_of(method)
        for verb in rule.methods:
            operation = _operation(method, verb, comments, schemas)
            paths.setdefault(BASE_PATHS[0] + rule.path, {})[verb.lower()] = operation
    _schema_of(service_pb2.Error.DESCRIPTOR, comments, schemas)
    shown: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Burnish",
            "version": __version__,
            "description": "Durable prompt-optimization jobs, on the wire format of MLflow's.",
        },
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }
    if with_tokens:
        shown["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        shown["security"] = [{"token": []}]
    return shown


def _operation(
    method: Any, verb: str, comments: Mapping[str, str], schemas: dict[str, Any]
) -> dict[str, Any]:
    rule = rule_of(method)
    in_path = set(re.findall(r"\{(\w+)\}", rule.path))
    fields = [field for field in method.input_type.fields if field.name not in in_path]
    parameters = [
        _parameter(field, "path", comments, schemas)
        for field in method.input_type.fields
        if field.name in in_path
    ]
    operation: dict[str, Any] = {
        "operationId": method.name if len(rule.methods) == 1 else f"{method.name}With{verb.title()}",
        "summary": rule.summary,
        "description": comments.get(method.full_name, ""),
        "tags": ["prompt-optimization"],
    }
    if verb == "GET" or rule.takes_file:
        parameters += [_parameter(field, "query", comments, schemas) for field in fields]
    elif fields:
        body = _object(fields, comments, schemas)
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if rule.takes_file:
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": {}}}}
    if method.input_type is service_pb2.CreatePromptOptimizationJob.DESCRIPTOR:
        parameters.append(_IDEMPOTENCY_KEY)
    if rule.streams or rule.only_streams:
        parameters.append(_LAST_EVENT_ID if rule.streams else _LAST_LIST_EVENT_ID)
    if parameters:
        operation["parameters"] = parameters
    operation["responses"] = _responses(method, rule, comments, schemas)
    return operation


def _responses(
    method: Any, rule: Http, comments: Mapping[str, str], schemas: dict[str, Any]
) -> dict[str, Any]:
    answer = _schema_of(method.output_type, comments, schemas)
    stream = {"type": "string", "contentMediaType": "application/json", "contentSchema": answer}
    if rule.only_streams:
        content: dict[str, Any] = {"text/event-stream": {"schema": stream}}
    else:
        content = {"application/json": {"schema": answer}}
    if rule.streams:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    found: dict[str, Any] = {"200": {"description": "OK", "content": content}}
    if rule.streams:
        found["204"] = {"description": "For a stream: the job has ended and there is nothing more."}
    error = {"application/json": {"schema": {"$ref": _reference(service_pb2.Error.DESCRIPTOR)}}}
    for status, description in _STATUSES.items():
        found[status] = {"description": description, "content": error}
    return found


def _parameter(
    field: Any, place: str, comments: Mapping[str, str], schemas: dict[str, Any]
) -> dict[str, Any]:
    schema = dict(_schema_of_field(field, comments, schemas))
    description = schema.pop("description", "")
    if place == "path":
        schema["minLength"] = 1
    shown = {"name": field.name, "in": place, "required": place == "path", "schema": schema}
    return {**shown, "description": description} if description else shown


def _schema_of(message: Any, comments: Mapping[str, str], schemas: dict[str, Any]) -> dict[str, Any]:
    """A reference to the message's schema, which is made the first time it is asked for."""
    if message.full_name == "google.protobuf.Struct":
        return {"type": "object", "additionalProperties": True}
    name = _name(message)
    if name not in schemas:
        schemas[name] = {}  # a message may hold itself
        schemas[name] = _object(message.fields, comments, schemas)
        if text := comments.get(message.full_name):
            schemas[name]["description"] = text
    return {"$ref": _reference(message)}


def _object(fields: Any, comments: Mapping[str, str], schemas: dict[str, Any]) -> dict[str, Any]:
    properties = {field.name: _schema_of_field(field, comments, schemas) for field in fields}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _schema_of_field(field: Any, comments: Mapping[str, str], schemas: dict[str, Any]) -> dict[str, Any]:
    if is_map(field):
        values = _schema_of_field(field.message_type.fields_by_name["value"], comments, schemas)
        schema: dict[str, Any] = {"type": "object", "additionalProperties": values}
    else:
        schema = _schema_of_element(field, comments, schemas)
        if is_repeated(field):
            schema = {"type": "array", "items": schema}
    if text := comments.get(field.full_name):
        schema = {**schema, "description": text}
    return schema


def _schema_of_element(field: Any, comments: Mapping[str, str], schemas: dict[str, Any]) -> dict[str, Any]:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _schema_of(field.message_type, comments, schemas)
    if field.type != FieldDescriptor.TYPE_ENUM:
        return dict(_SCALARS[field.type])
    name = _name(field.enum_type)
    if name not in schemas:
        values = [entry for entry in field.enum_type.values if entry.number != 0]
        lines = [comments.get(field.enum_type.full_name, "")]
        lines += [
            f"- `{v.name}`: {text}"
            for v in values
            if (text := comments.get(f"{field.enum_type.full_name}.{v.name}"))
        ]
        schemas[name] = {
            "type": "string",
            "enum": [entry.name for entry in values],
            "description": "\n".join(line for line in lines if line),
        }
    return {"$ref": _reference(field.enum_type)}


def _name(descriptor: Any) -> str:
    return str(descriptor.full_name.removeprefix(f"{descriptor.file.package}."))


def _reference(descriptor: Any) -> str:
    return f"#/components/schemas/{_name(descriptor)}"


# --- the comments of the protos


@cache
def _comments() -> Mapping[str, str]:
    """Full name of a message, field, enum, value or method → its comment."""
    raw = files("burnish.proto").joinpath("descriptors.binpb").read_bytes()
    found: dict[str, str] = {}
    for file in FileDescriptorSet.FromString(raw).file:
        for location in file.source_code_info.location:
            if location.leading_comments:
                found[_name_at(file, location.path)] = inspect.cleandoc(location.leading_comments)
    return found


def _name_at(file: FileDescriptorProto, path: Sequence[int]) -> str:
    """Full name of what stands at a place in a file: alternately a field's number and a position."""
    part: Any = file
    names = [file.package]
    for number, position in zip(path[::2], path[1::2], strict=False):
        part = getattr(part, part.DESCRIPTOR.fields_by_number[number].name)[position]
        names.append(part.name)
    return ".".join(names)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document()))

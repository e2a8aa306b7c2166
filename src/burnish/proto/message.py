"""Protobuf message ⇄ JSON value, the way MLflow's server writes it and reads it.

Field names keep their underscores, enums are names, int64 values are JSON numbers. Reading is strict:
every field that does not exist or does not fit is reported, all of them at once, by its path.
Written here because ``google.protobuf.json_format`` stops at the first problem, quotes int64, and
spends more on one job than the store does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from math import isfinite
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from burnish.errors import InvalidInput, Problem, did_you_mean

Built = TypeVar("Built", bound=Message)

Field = Any
"""A ``FieldDescriptor``; its type stubs say of everything that it may be ``None``."""

_STRUCT = "google.protobuf.Struct"
_EXACT = 2**53
_MISSING = object()


def message_to_json(message: Message) -> dict[str, Any]:
    """The JSON object of a message: the fields that are set, in the order of their numbers."""
    if message.DESCRIPTOR.full_name == _STRUCT:
        return {key: _value_to_json(value) for key, value in sorted(message.fields.items())}  # type: ignore[attr-defined]
    shown = {}
    for field, value in message.ListFields():
        name, write = _named_writer(field)
        shown[name] = value if write is None else write(value)
    return shown


_Write = Callable[[Any], Any]


@cache
def _named_writer(field: Field) -> tuple[str, _Write | None]:
    """A field's name and how its value is written, ``None`` for as it is. Made once: finding out takes
    longer than writing."""
    if is_map(field):
        return field.name, _map_writer(_element_writer(field.message_type.fields_by_name["value"]))
    write = _element_writer(field)
    return field.name, _list_writer(write) if is_repeated(field) else write


def _element_writer(field: Field) -> _Write | None:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return message_to_json
    if field.type == FieldDescriptor.TYPE_ENUM:
        return {entry.number: entry.name for entry in field.enum_type.values}.__getitem__
    return None


def _list_writer(write: _Write | None) -> _Write:
    return list if write is None else lambda value: [write(entry) for entry in value]


def _map_writer(write: _Write | None) -> _Write:
    if write is None:
        return lambda value: dict(sorted(value.items()))
    return lambda value: {key: write(value[key]) for key in sorted(value)}


def _value_to_json(value: Any) -> Any:
    """A ``google.protobuf.Value``. It knows only doubles: whole ones are written as whole numbers, as far
    as a double holds every whole number."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return message_to_json(value.struct_value)
    if kind == "list_value":
        return [_value_to_json(entry) for entry in value.list_value.values]
    if kind in (None, "null_value"):
        return None
    found = getattr(value, kind)
    if kind == "number_value" and found.is_integer() and abs(found) <= _EXACT:
        return int(found)
    return found


@cache
def is_map(field: Field) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


@cache
def is_repeated(field: Field) -> bool:
    """Also true of a map. (``FieldDescriptor.is_repeated`` is younger than the protobuf we allow.)"""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED)


def message_from_json(value: Any, message: Built, path: str = "") -> Built:
    """Fill a message in from a JSON value, and return it. ``null`` leaves a field unset.

    int64 may be a number or its digits, an enum its name, its number or its digits, a field's name may be in
    camelCase: what protobuf's own mapping takes.

    Raises:
        InvalidInput: with one problem for each field that is unknown or does not fit.
    """
    if problems := read_message(value, message, path):
        raise InvalidInput(*problems)
    return message


def read_message(value: Any, message: Message, path: str = "") -> list[Problem]:
    """As :func:`message_from_json`, but what does not fit is left out and its problems are given back."""
    problems: list[Problem] = []
    _fill(message, value, path, problems)
    return problems


def _fill(message: Message, value: Any, path: str, problems: list[Problem]) -> None:
    if not isinstance(value, Mapping):
        problems.append(Problem(path or "body", _shown(value), "must be a JSON object"))
        return
    if message.DESCRIPTOR.full_name == _STRUCT:
        message.update(value)  # type: ignore[attr-defined]
        return
    seen: dict[str, str] = {}
    for key, entry in value.items():
        field = _find_field(message.DESCRIPTOR, key)
        where = f"{path}.{key}" if path else str(key)
        if field is None:
            problems.append(Problem(where, "", _unknown(key, message.DESCRIPTOR)))
        elif field.name in seen:
            problems.append(Problem(where, "", f"was given twice, also as {seen[field.name]!r}"))
        else:
            seen[field.name] = key
            if entry is not None:
                _set(message, field, entry, where, problems)


def _set(message: Message, field: Field, value: Any, path: str, problems: list[Problem]) -> None:
    if is_repeated(field):
        if is_map(field):
            _fill_map(message, field, value, path, problems)
            return
        if not isinstance(value, list):
            problems.append(Problem(path, _shown(value), "must be a list"))
            return
        target = getattr(message, field.name)
        for position, entry in enumerate(value):
            where = f"{path}[{position}]"
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                _fill(target.add(), entry, where, problems)
            elif (scalar := _scalar(field, entry, where, problems)) is not _MISSING:
                target.append(scalar)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        part = getattr(message, field.name)
        part.SetInParent()
        _fill(part, value, path, problems)
    elif (scalar := _scalar(field, value, path, problems)) is not _MISSING:
        setattr(message, field.name, scalar)


def _fill_map(message: Message, field: Field, value: Any, path: str, problems: list[Problem]) -> None:
    if not isinstance(value, Mapping):
        problems.append(Problem(path, _shown(value), "must be a JSON object"))
        return
    value_field = field.message_type.fields_by_name["value"]
    target = getattr(message, field.name)
    for key, entry in value.items():
        where = f"{path}.{key}"
        if value_field.type == FieldDescriptor.TYPE_MESSAGE:
            _fill(target[key], entry, where, problems)
        elif (scalar := _scalar(value_field, entry, where, problems)) is not _MISSING:
            target[key] = scalar


def _scalar(field: Field, value: Any, path: str, problems: list[Problem]) -> Any:
    """The value as the field's type holds it, or ``_MISSING`` with a problem noted."""
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            found, remedy = _text(value)
        case FieldDescriptor.TYPE_INT64:
            found, remedy = _whole_number(value), "must be a whole number"
        case FieldDescriptor.TYPE_DOUBLE:
            found, remedy = _number(value), "must be a finite number"
        case FieldDescriptor.TYPE_BOOL:
            found, remedy = _flag(value), "must be true or false"
        case FieldDescriptor.TYPE_ENUM:
            found, remedy = _enum_number(field.enum_type, value), _enum_remedy(field.enum_type, value)
        case other:
            raise NotImplementedError(f"{field.full_name} has type {other}, which the wire does not use")
    if found is _MISSING:
        problems.append(Problem(path, _shown(value), remedy))
    return found


def _text(value: Any) -> tuple[Any, str]:
    if not isinstance(value, str):
        return _MISSING, "must be a text"
    if "\0" in value:
        return _MISSING, "must not hold the NUL character"
    try:
        value.encode()
    except UnicodeEncodeError:
        return _MISSING, "holds half of a surrogate pair, which is not Unicode text"
    return value, ""


def _whole_number(value: Any) -> Any:
    number: Any = value
    if isinstance(value, str):
        try:
            number = int(value)
        except ValueError:
            return _MISSING
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return _MISSING
    if isinstance(number, float) and not number.is_integer():
        return _MISSING
    return int(number) if -(2**63) <= number < 2**63 else _MISSING


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return _MISSING
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return _MISSING
    return number if isfinite(number) else _MISSING


def _flag(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value, _MISSING) if isinstance(value, str) else _MISSING


def _enum_number(enum: Any, value: Any) -> Any:
    if isinstance(value, str):
        digits = value.isascii() and value.isdigit() and len(value) < 10
        entry = enum.values_by_number.get(int(value)) if digits else enum.values_by_name.get(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        entry = enum.values_by_number.get(value)
    else:
        entry = None
    return _MISSING if entry is None else entry.number


def _enum_remedy(enum: Any, value: Any) -> str:
    names = [entry.name for entry in enum.values if entry.number != 0]
    suggestion = did_you_mean(str(value).upper(), names)
    return f"must be one of {', '.join(names)}{suggestion}"


def _find_field(descriptor: Any, key: str) -> Field | None:
    return descriptor.fields_by_name.get(key) or descriptor.fields_by_camelcase_name.get(key)


def _unknown(key: str, descriptor: Any) -> str:
    names = [field.name for field in descriptor.fields]
    if not names:
        return "there is no such field; none is expected here"
    suggestion = did_you_mean(key, names)
    return f"there is no such field{suggestion or '; the fields are ' + ', '.join(names)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)

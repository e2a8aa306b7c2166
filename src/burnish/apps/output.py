"""What an app returns, as text that the journal keeps."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from typing import Any


class Unserializable(TypeError):
    """The output is no JSON value; the message says what it is and what to do."""


def output_to_text(output: Any) -> tuple[str, bool]:
    """A text as it is; any other JSON value as JSON text.

    Pydantic models and dataclasses become objects.

    Returns:
        The text, and whether it is JSON.

    Raises:
        Unserializable
    """
    if isinstance(output, str):
        return str(output), False
    try:
        return json.dumps(output, ensure_ascii=False, default=_as_json), True
    except (TypeError, ValueError, RecursionError) as error:
        raise Unserializable(
            f"the function returned {_describe(output)}, which cannot be kept as JSON ({error}); return a "
            "text, a number, a list or a dict of these, a dataclass or a pydantic model"
        ) from None


def _as_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if dump := getattr(value, "model_dump", None):
        return dump(mode="json")
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _describe(output: Any) -> str:
    kind = type(output)
    return f"a value of type {kind.__module__}.{kind.__qualname__}".replace("builtins.", "")

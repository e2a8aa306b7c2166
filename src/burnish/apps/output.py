"""What an app returns, as text that the journal keeps."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict, is_dataclass
from typing import Any

from burnish.domain.app import LARGEST_OUTPUT_BYTES


class Unserializable(TypeError):
    """The output is no JSON value, or too long; the message says what it is and what to do."""


def output_to_text(output: Any) -> tuple[str, bool]:
    """A text as it is; any other JSON value as JSON text.

    Pydantic models and dataclasses become objects.

    Returns:
        The text, and whether it is JSON.

    Raises:
        Unserializable
    """
    text, is_json = (str(output), False) if isinstance(output, str) else (_json_of(output), True)
    if (size := len(text.encode("utf-8", "replace"))) > LARGEST_OUTPUT_BYTES:
        raise Unserializable(
            f"the function returned {size} bytes; at most {LARGEST_OUTPUT_BYTES} are kept of an output"
        )
    return text, is_json


def _json_of(output: Any) -> str:
    try:
        return json.dumps(output, ensure_ascii=False, allow_nan=False, default=_as_json)
    except RecursionError:
        reason = "it is nested too deeply"
    except (TypeError, ValueError) as error:
        reason = str(error)
    raise Unserializable(
        f"the function returned {_describe(output)}, which cannot be kept as JSON ({reason}); "
        f"{_remedy(output)}"
    )


def _as_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if dump := getattr(value, "model_dump", None):
        return dump(mode="json")
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _remedy(output: Any) -> str:
    if inspect.isgenerator(output) or inspect.isasyncgen(output):
        return "return what it yields as a whole, joined to one text or in a list"
    if inspect.isawaitable(output):
        return "await it in the function, which is then an async def"
    return "return a text, a number, a list or a dict of these, a dataclass or a pydantic model"


def _describe(output: Any) -> str:
    kind = type(output)
    return f"a value of type {kind.__module__}.{kind.__qualname__}".replace("builtins.", "")

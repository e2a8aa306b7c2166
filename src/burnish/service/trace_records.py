"""From logged traces to a dataset's records: what is an input, and what people's words make expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burnish.domain.text import value_as_text
from burnish.tracking.protocol import LoggedTrace, TraceValues

EXPECTED = "expected_response"
_YES = frozenset({"yes", "true", "pass", "good", "correct"})
_NO = frozenset({"no", "false", "fail", "bad", "incorrect", "wrong"})


def inputs_of(values: TraceValues) -> Mapping[str, Any]:
    """What went into the root span; empty where there is nothing. What is no object is called ``request``."""
    if isinstance(values.inputs, Mapping):
        return dict(values.inputs)
    return {} if values.inputs in (None, "", []) else {"request": values.inputs}


def expectations_of(trace: LoggedTrace, values: TraceValues, feedback: str) -> dict[str, Any]:
    """The expectations of the trace, and what a person's feedback adds to them.

    A yes (or a thumb up) makes the app's own output the expected response, a text is a better answer and
    becomes it, a no and a number say nothing of what is right. All but the text stay under the name of the
    feedback too, as the record's label. An ``expected_response`` that is there already wins.

    Args:
        feedback: its name; empty: no feedback is looked at.
    """
    expectations = dict(trace.expectations)
    if feedback not in trace.feedback:
        return expectations
    value = trace.feedback[feedback]
    approved = _approval(value)
    if approved is None and isinstance(value, str):
        expectations.setdefault(EXPECTED, value)
        return expectations
    expectations.setdefault(feedback, value)
    if approved and values.output is not None:
        expectations.setdefault(EXPECTED, output_text(values.output))
    return expectations


def output_text(output: Any) -> Any:
    """The answer in an app's output: the text of a chat completion or of an object's only field, else all."""
    if isinstance(output, Mapping):
        choices = output.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
            output = (choices[0].get("message") or {}).get("content", output)
        elif len(output) == 1 and isinstance(only := next(iter(output.values())), str):
            return only
    return output if isinstance(output, (str, Mapping, int, float)) else value_as_text(output)


def _approval(value: Any) -> bool | None:
    """Yes or no; ``None``: neither."""
    if isinstance(value, bool):
        return value
    word = value.strip().casefold() if isinstance(value, str) else ""
    return True if word in _YES else False if word in _NO else None

"""The trace of an evaluation, for judges that read ``{{ trace }}``.

MLflow's own give their model tools with which it looks around in a trace. Here the model gets the whole trace
in its question, as JSON: one call for each vote, with any model, and the same question whenever it is asked,
since there are no times and no random ids in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from burnish.domain.prompt import template_to_json
from burnish.domain.text import value_as_text
from burnish.evaluation.scorer import Sample

MOST_CHARACTERS = 40_000
"""Of all inputs and outputs together; long ones are cut where they are more."""

_SHORTEST_CUT = 500


def trace_as_text(sample: Sample) -> str:
    """Every span of the evaluation, in order: the whole of it, and the model's call, or the places where an
    app used its prompts."""
    spans = list(_spans(sample))
    longest = max(_SHORTEST_CUT, MOST_CHARACTERS // (2 * len(spans)))
    if sum(len(json.dumps(span, ensure_ascii=False, default=str)) for span in spans) > MOST_CHARACTERS:
        spans = [_cut(span, longest) for span in spans]
    text = json.dumps({"spans": spans}, ensure_ascii=False, indent=1, default=str)
    return text.replace("</", "<\\/")  # the same JSON; what is judged cannot end the trace


@cache
def stand_in() -> Any:
    """What MLflow's judge is given as its trace; it only looks whether there is one."""
    from mlflow.entities import Trace, TraceData, TraceInfo, TraceLocation
    from mlflow.entities.trace_state import TraceState

    info = TraceInfo(
        trace_id="tr-evaluation",
        trace_location=TraceLocation.from_experiment_id("0"),
        request_time=0,
        state=TraceState.OK,
    )
    return Trace(info, TraceData(spans=[]))


def _spans(sample: Sample) -> Iterator[dict[str, Any]]:
    yield {
        "span_id": "1",
        "parent_id": None,
        "name": "evaluation",
        "inputs": dict(sample.inputs),
        "outputs": sample.output,
        "outcome": str(sample.outcome),
    }
    if sample.asked is not None:
        yield {
            "span_id": "2",
            "parent_id": "1",
            "name": sample.asked.model,
            "type": "CHAT_MODEL",
            "inputs": {"messages": template_to_json(sample.asked.messages)},
            "outputs": sample.output,
            "usage": {
                "input_tokens": sample.usage.prompt_tokens,
                "output_tokens": sample.usage.completion_tokens,
            },
        }
    for number, use in enumerate(sample.run.uses if sample.run else (), start=2):
        yield {
            "span_id": str(number),
            "parent_id": "1",
            "name": use.span,
            "prompt": use.prompt,
            "inputs": use.given,
            "outputs": use.output,
        }


def _cut(span: Mapping[str, Any], longest: int) -> dict[str, Any]:
    return {**span, **{key: _cut_text(value_as_text(span[key]), longest) for key in ("inputs", "outputs")}}


def _cut_text(text: str, longest: int) -> str:
    left_out = len(text) - longest
    return text if left_out <= 0 else f"{text[:longest]}… ({left_out} characters left out)"

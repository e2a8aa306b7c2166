"""What a prompt version has answered in production, read from the traces that are linked to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from burnish.domain.dataset import Dataset
from burnish.domain.prompt import Prompt, needs_value
from burnish.domain.text import value_as_text
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.names import split_prompt_uri
from burnish.tracking.protocol import LinkedTraces

_MOST = 1000
_PAGE = 100  # traces whose spans are read at once


def read_linked_traces(connection: Connection, prompt: Prompt, experiment_ids: Sequence[str]) -> LinkedTraces:
    """The newest traces of these experiments that are linked to a version (at most 1,000).

    Args:
        prompt: as the registry has it, with its URI.
    """
    name, version = split_prompt_uri(prompt.uri or "")
    variables = frozenset(filter(needs_value, prompt.variables))
    found: list[tuple[Mapping[str, Any], str, str]] = []
    seen, token = 0, None
    while seen < _MOST:
        with connection.tracking("prompt", prompt.uri or "") as store:
            infos, token = store.search_traces(
                experiment_ids=list(experiment_ids),
                filter_string=f"prompt = '{name}/{version}'",
                max_results=_PAGE,
                page_token=token,
            )
            traces = store.batch_get_traces([info.trace_id for info in infos]) if infos else []
        seen += len(infos)
        for trace in traces:
            if answered := _answered(trace, variables):
                found.append((*answered, trace.info.trace_id))
        if not token:
            break
    records = [(inputs, {"expected_response": answer}) for inputs, answer, _ in found]
    dataset = Dataset.of(records, f"traces of {name}/{version}", sources=[place for _, _, place in found])
    return LinkedTraces(dataset, seen - len(found))


def _answered(trace: Any, variables: frozenset[str]) -> tuple[Mapping[str, Any], str] | None:
    """Inputs and answer of the first span that was given every variable, the root first."""
    spans = sorted(trace.data.spans, key=lambda span: (span.parent_id is not None, span.start_time_ns))
    for span in spans:
        if isinstance(span.inputs, Mapping) and variables <= span.inputs.keys():
            answer = _text_of(span.outputs)
            return (dict(span.inputs), answer) if answer.strip() else None
    return None


def _text_of(outputs: Any) -> str:
    """The answer in a span's outputs: a text, or the message of a chat completion."""
    match outputs:
        case None:
            return ""
        case {"choices": [{"message": {"content": str(content)}}, *_]}:
            return content
    return value_as_text(outputs)

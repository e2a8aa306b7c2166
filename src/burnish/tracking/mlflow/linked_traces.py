"""What a prompt version has answered in production, read from the traces that are linked to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from burnish.domain.dataset import Dataset
from burnish.domain.prompt import Prompt, is_jinja, needs_value
from burnish.domain.text import value_as_text
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.mlflow.logged_traces import LoggedTraces
from burnish.tracking.names import split_prompt_uri
from burnish.tracking.protocol import LinkedTraces

_MOST = 1000
_PAGE = 500  # the most that a search of traces gives at once


class LinkedPromptTraces:
    """The traces of prompt versions over one connection."""

    def __init__(self, connection: Connection, traces: LoggedTraces) -> None:
        self._connection = connection
        self._traces = traces

    def of(self, prompt: Prompt, experiment_ids: Sequence[str]) -> LinkedTraces:
        """The newest traces of these experiments that are linked to a version (at most 1,000).

        Args:
            prompt: as the registry has it, with its URI.
        """
        name, version = split_prompt_uri(prompt.uri or "")
        variables = frozenset(filter(needs_value, prompt.variables))
        if is_jinja(prompt.template):  # its names may be those of loops, or optional
            variables = frozenset()
        trace_ids = self._linked(f"{name}/{version}", experiment_ids)
        answers = [
            (answered, trace_id)
            for trace_id, spans in self._traces.spans(trace_ids)
            if (answered := _answered(spans, variables))
        ]
        records = [(inputs, {"expected_response": answer}) for (inputs, answer), _ in answers]
        dataset = Dataset.of(records, f"traces of {name}/{version}", sources=[place for _, place in answers])
        return LinkedTraces(dataset, len(trace_ids) - len(answers))

    def _linked(self, version: str, experiment_ids: Sequence[str]) -> list[str]:
        found: list[str] = []
        token = None
        while len(found) < _MOST:
            with self._connection.tracking("prompt", version) as store:
                infos, token = store.search_traces(
                    experiment_ids=list(experiment_ids),
                    filter_string=f"prompt = '{version}'",
                    max_results=_PAGE,
                    order_by=["timestamp_ms DESC"],
                    page_token=token,
                )
            found += [info.trace_id for info in infos]
            if not token:
                break
        return found[:_MOST]


def _answered(spans: Sequence[Any], variables: frozenset[str]) -> tuple[Mapping[str, Any], str] | None:
    """Inputs and answer of the first span that was given every variable, the root first."""
    for span in sorted(spans, key=lambda span: (span.parent_id is not None, span.start_time_ns)):
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

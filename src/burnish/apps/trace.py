"""What an evaluation's MLflow trace says: what its model calls cost, and what became of each prompt.

The spans are read from memory, before the trace is exported: no tracking server is asked, and one that is
away changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from burnish.apps.prompt_override import FilledIn, Override
from burnish.domain.app import PromptUse
from burnish.domain.prompt import Template
from burnish.domain.text import value_as_text
from burnish.domain.usage import NANOS_PER_USD, Usage
from burnish.errors import InvalidInput
from burnish.llm.pricing import price
from burnish.llm.uri import parse_model_uri

_MODEL_TYPES = ("CHAT_MODEL", "LLM")
_TOKENS = "mlflow.chat.tokenUsage"
_COST = "mlflow.llm.cost"
_MODEL = "mlflow.llm.model"
_PROVIDER = "mlflow.llm.provider"
_LONGEST_CHARACTERS = 20_000  # kept of what a prompt was given, and of what came of it
_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")


@dataclass(frozen=True, slots=True)
class AppTrace:
    """The spans of one evaluation.

    Attributes:
        trace_id: in MLflow.
        spans: immutable, the root first.
        trace: the whole of it, for scorers that look at traces.
    """

    trace_id: str
    spans: tuple[Any, ...]
    trace: Any


def read_trace(root: Any) -> AppTrace | None:
    """The trace of a root span that is still open; ``None`` where MLflow does not trace."""
    from mlflow.tracing.trace_manager import InMemoryTraceManager

    with InMemoryTraceManager.get_instance().get_trace(root.trace_id) as found:
        if found is None:
            return None
        trace = found.to_mlflow_trace()
    return AppTrace(root.trace_id, tuple(trace.data.spans), trace)


def usage_of(spans: Sequence[Any]) -> Usage | None:
    """What the model calls among the spans cost; ``None`` where there are none, so that nothing is known.

    Tokens that no span names and prices that nobody knows are unknown, never 0.
    """
    calls = [span for span in spans if _is_call(span, spans)]
    if not calls:
        return None
    tokens = _outermost(spans, _TOKENS)
    usage = Usage(
        len(calls),
        sum(int(used.get("input_tokens", 0)) for used in tokens),
        sum(int(used.get("output_tokens", 0)) for used in tokens),
        _dollars(spans, calls),
    )
    return usage if tokens else Usage(len(calls), usd_nanos=None, unmetered=len(calls))


def uses_of(override: Override, spans: Sequence[Any]) -> tuple[PromptUse, ...]:
    """Where each prompt was used: in the model call whose messages hold its text, else in the span in which
    it was filled in."""
    calls = [(span, _texts_in(span.inputs)) for span in spans if _is_call(span, spans)]
    found: list[tuple[int, PromptUse]] = []
    taken: set[tuple[str, str]] = set()
    for entry in override.filled_in:
        if (entry.prompt, value_as_text(dict(entry.values))) in taken:
            continue
        taken.add((entry.prompt, value_as_text(dict(entry.values))))
        given = "\n".join(f"{name}: {value_as_text(value)}" for name, value in entry.values.items())
        matching = [span for span, texts in calls if all(text in texts for text in entry.texts)]
        where = matching[0] if matching else _find_inner(spans, entry)
        found.append((where.start_time_ns if where else 0, _use(entry.prompt, where, given)))
    for name in override.used - {entry.prompt for entry in override.filled_in}:
        holds = partial(_holds, override.templates[name])
        for span, texts in calls:
            if holds(texts):
                found.append((span.start_time_ns, _use(name, span, texts)))
    return tuple(use for _, use in sorted(found, key=lambda pair: pair[0]))


def _use(prompt: str, span: Any, given: str) -> PromptUse:
    name = span.name if span else ""
    output = "\n".join(_strings(_answer_in(span.outputs))) if span else ""
    return PromptUse(prompt, name, given[:_LONGEST_CHARACTERS], output[:_LONGEST_CHARACTERS])


def _find_inner(spans: Sequence[Any], entry: FilledIn) -> Any:
    """The span in which a prompt was filled in, unless that is the whole app."""
    return next((span for span in spans if span.span_id == entry.span_id and span.parent_id), None)


def _is_call(span: Any, spans: Sequence[Any]) -> bool:
    """Whether it is a call to a model, and not a wrapper around one (LangChain's around OpenAI's)."""
    if span.span_type not in _MODEL_TYPES:
        return False
    return not any(inner.parent_id == span.span_id and inner.span_type in _MODEL_TYPES for inner in spans)


def _outermost(spans: Sequence[Any], attribute: str) -> list[Any]:
    """Values of an attribute, without those of spans below one that has it: frameworks sum up."""
    parents = {span.span_id: span.parent_id for span in spans}
    values = {span.span_id: value for span in spans if (value := span.get_attribute(attribute))}

    def is_below(span_id: str) -> bool:
        above = parents.get(span_id)
        while above:
            if above in values:
                return True
            above = parents.get(above)
        return False

    return [value for span_id, value in values.items() if not is_below(span_id)]


def _dollars(spans: Sequence[Any], calls: Sequence[Any]) -> int | None:
    total = 0
    for span in calls:
        if cost := span.get_attribute(_COST):
            total += round(float(cost["total_cost"]) * NANOS_PER_USD)
            continue
        nanos = _price_of(span)
        if nanos is None:
            return None
        total += nanos
    return total


def _price_of(span: Any) -> int | None:
    tokens, model = span.get_attribute(_TOKENS), span.get_attribute(_MODEL)
    provider = span.get_attribute(_PROVIDER) or "openai"
    if not tokens or not model:
        return None
    try:
        uri = parse_model_uri(f"{provider}:/{model}")
    except InvalidInput:
        return None
    return price(uri, int(tokens.get("input_tokens", 0)), int(tokens.get("output_tokens", 0)))


def _answer_in(outputs: Any) -> Any:
    """Of an answer in OpenAI's or Anthropic's form the message alone."""
    if isinstance(outputs, dict):
        if isinstance(choices := outputs.get("choices"), list):
            return [_content_of(choice.get("message", choice)) for choice in choices]
        if "content" in outputs:
            return _content_of(outputs)
        if isinstance(generations := outputs.get("generations"), list):  # LangChain's
            return [part.get("text", "") for group in generations for part in group if isinstance(part, dict)]
    return outputs


def _content_of(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    parts = [message.get("content"), message.get("tool_calls")]
    return [part for part in parts if part]


def _texts_in(value: Any) -> str:
    return "\n".join(_strings(value))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _strings(entry)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from _strings(entry)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)


def _holds(template: Template, texts: str) -> bool:
    """Whether a text holds what stands between a template's placeholders, in its order."""
    messages = [template] if isinstance(template, str) else [message.content for message in template]
    for message in messages:
        place = 0
        for part in _PLACEHOLDER.split(message):
            place = texts.find(part.strip(), place)
            if place < 0:
                return False
    return True

"""One conversation of an MLflow judge with its model, held in steps.

It stands where MLflow expects an adapter for a provider: it gives the judge the answers that are known,
in order, and suspends the judge at the first question that has none yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from burnish.domain.prompt import Message


@dataclass(frozen=True, slots=True)
class Question:
    """What a judge wants to ask a model.

    Attributes:
        parameters: as MLflow's ``inference_params``.
    """

    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Unreadable(Exception):
    """The model's answer is not the JSON object with ``result`` that the judge had asked for."""


@dataclass(frozen=True, slots=True)
class NoOpinion:
    """The model's answer has ``null`` for a result. MLflow 3.9 makes no feedback of that, newer ones do."""

    rationale: str
    value: None = None


class Suspended(BaseException):
    """Ends a run of a judge; no ``except Exception`` on the way may catch it."""

    def __init__(self, outcome: Question | Unreadable | NoOpinion) -> None:
        self.outcome = outcome


class JudgeSession:
    """MLflow's ``BaseJudgeAdapter`` as far as judges use it.

    Args:
        answers: texts of the model's answers so far.
        trace: of what is judged, for judges that read it.
    """

    def __init__(self, answers: Sequence[str], trace: str | None = None) -> None:
        self._answers = iter(answers)
        self._trace = trace

    def invoke(self, wanted: Any) -> Any:
        """The feedback that the next known answer contains.

        Raises:
            Suspended: there is no further answer, it cannot be read, or it holds no opinion.
        """
        answer = next(self._answers, None)
        if answer is None:
            messages = _messages(wanted.prompt)
            if self._trace is not None:
                messages = (*messages[:-1], _with_trace(messages[-1], self._trace))
            raise Suspended(Question(messages, dict(wanted.inference_params or {})))
        from mlflow.entities import Feedback

        try:
            result, rationale = read_answer(answer)
        except Unreadable as unreadable:
            raise Suspended(unreadable) from None
        if result is None:
            raise Suspended(NoOpinion(rationale))
        return SimpleNamespace(
            feedback=Feedback(name=wanted.assessment_name, value=result, rationale=rationale)
        )


def read_answer(text: str) -> tuple[Any, str]:
    """``result`` and ``rationale`` of a judge's answer, also out of a code fence or amid other words.

    Raises:
        Unreadable
    """
    for part in (text, text[text.find("{") : text.rfind("}") + 1]):
        try:
            value = json.loads(part, strict=False)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and "result" in value:
            return value["result"], str(value.get("rationale") or "")
    raise Unreadable(f"not a JSON object with 'result': {text[:200]!r}")


_TRACE = """\
{said}

There are no tools in this conversation. This is the whole trace, every span of it, as JSON:

<trace>
{trace}
</trace>

Answer at once with the JSON object of the evaluation rating."""


def _with_trace(message: Message, trace: str) -> Message:
    said = "" if message.content.startswith("Use the tools") else message.content
    return Message(message.role, _TRACE.format(said=said, trace=trace).strip())


def _messages(prompt: Any) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (Message("user", prompt),)
    return tuple(Message(message.role, message.content or "") for message in prompt)

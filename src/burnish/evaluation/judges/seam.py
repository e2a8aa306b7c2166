"""The seam between MLflow's judges and our gateway.

A judge of MLflow's builds its prompt, asks a model, and reads the answer, in one blocking call. Here
it is run to the point where it asks, and stopped there; once the gateway has the answer, it is run
again from the start and given it. No thread waits, and a cancelled call is simply not continued.

All judges ask through one function, ``get_adapter`` in ``mlflow.genai.judges.utils.invocation_utils``
(the same from MLflow 3.9 to 3.17). It is replaced, once, by one that looks whether a consultation is
going on. Judges that are made here have a model URI that MLflow cannot serve: if the seam ever
leaked, a call would fail and not be made behind the gateway's back.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from burnish.domain.prompt import Message
from burnish.mlflow_import import importing

UNSERVABLE_MODEL = "endpoints:/asked-through-burnish"
"""The model URI that every judge made here has. MLflow 3.9 takes no provider it does not know; this
one needs a deployment target, which is not set."""


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


class _Stop(BaseException):
    """Ends a run of a judge; no ``except Exception`` on the way may catch it."""

    def __init__(self, outcome: Question | Unreadable) -> None:
        self.outcome = outcome


class _Consultation:
    """Stands in for MLflow's adapters: gives the known answers in order, then stops with the question."""

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers = iter(answers)

    def invoke(self, wanted: Any) -> Any:
        answer = next(self._answers, None)
        if answer is None:
            raise _Stop(Question(_messages(wanted.prompt), dict(wanted.inference_params or {})))
        from mlflow.entities import Feedback

        try:
            result, rationale = read_answer(answer)
        except Unreadable as unreadable:
            raise _Stop(unreadable) from None
        return SimpleNamespace(
            feedback=Feedback(name=wanted.assessment_name, value=result, rationale=rationale)
        )


_current: ContextVar[_Consultation | None] = ContextVar("burnish_consultation", default=None)
_installing = threading.Lock()


def consult(ask: Callable[[], Any], answers: Sequence[str]) -> Any:
    """Run a judge as far as the answers go.

    Args:
        ask: calls a scorer of MLflow's.
        answers: texts of the model's answers to its questions so far.

    Returns:
        The judge's feedback, or its next :class:`Question`.

    Raises:
        Unreadable: the last answer cannot be read.
        Exception: whatever the judge raises.
    """
    _install()
    token = _current.set(_Consultation(answers))
    try:
        return ask()
    except _Stop as stop:
        if isinstance(stop.outcome, Unreadable):
            raise stop.outcome from None
        return stop.outcome
    finally:
        _current.reset(token)


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


def import_mlflow_scorers() -> Any:
    """The module ``mlflow.genai.scorers.builtin_scorers``; the first import takes some seconds."""
    with importing():
        from mlflow.genai.scorers import builtin_scorers
    return builtin_scorers


def _install() -> None:
    from mlflow.genai.judges.utils import invocation_utils

    with _installing:
        original = invocation_utils.get_adapter
        if getattr(original, "leads_to_burnish", False):
            return

        def get_adapter(*args: Any, **kwargs: Any) -> Any:
            return _current.get() or original(*args, **kwargs)

        get_adapter.leads_to_burnish = True  # type: ignore[attr-defined]
        invocation_utils.get_adapter = get_adapter


def _messages(prompt: Any) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (Message("user", prompt),)
    return tuple(Message(message.role, message.content or "") for message in prompt)

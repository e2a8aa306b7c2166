"""How MLflow's judges are made to ask through our gateway.

A judge of MLflow's builds its prompt, asks a model, and reads the answer, in one blocking call. Here
it is run to the point where it asks, and suspended there; once the gateway has the answer, it is run
again from the start and given it. No thread waits, and a cancelled call is simply not continued.

All judges ask through one function, ``get_adapter`` in ``mlflow.genai.judges.utils.invocation_utils``
(the same from MLflow 3.9 to 3.18). It is replaced, once, by one that looks whether a session is going
on. Judges that are made here have a model URI that MLflow cannot serve: if the adapter were ever passed
by, a call would fail and not be made behind the gateway's back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from burnish.evaluation.judges.judge_session import JudgeSession, Suspended, Unreadable
from burnish.mlflow_import import importing

UNSERVABLE_MODEL = "endpoints:/asked-through-burnish"
"""The model URI that every judge made here has. MLflow 3.9 takes no provider it does not know; this
one needs a deployment target, which is not set."""

_session: ContextVar[JudgeSession | None] = ContextVar("burnish_judge_session", default=None)
_installing = threading.Lock()


def run_to_next_question(judge: Callable[[], Any], answers: Sequence[str], trace: str | None = None) -> Any:
    """Run a judge as far as the answers go.

    Args:
        judge: calls a scorer of MLflow's.
        answers: texts of the model's answers to its questions so far.
        trace: in the place of the tools with which MLflow's model would read one.

    Returns:
        The judge's feedback, or its next :class:`~judge_session.Question`.

    Raises:
        Unreadable: the last answer cannot be read.
        Exception: whatever the judge raises.
    """
    _install()
    token = _session.set(JudgeSession(answers, trace))
    try:
        return judge()
    except Suspended as suspended:
        if isinstance(suspended.outcome, Unreadable):
            raise suspended.outcome from None
        return suspended.outcome
    finally:
        _session.reset(token)


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
            return _session.get() or original(*args, **kwargs)

        get_adapter.leads_to_burnish = True  # type: ignore[attr-defined]
        invocation_utils.get_adapter = get_adapter

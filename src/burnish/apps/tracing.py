"""MLflow's tracing while a job runs: autologging on, as in MLflow's own optimization and evaluation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from burnish.apps.prompt_override import is_evaluating
from burnish.mlflow_import import importing, load_mlflow


@contextmanager
def tracing(exported: bool) -> Iterator[None]:
    """Spans of all libraries that MLflow knows are recorded.

    Args:
        exported: whether the traces of evaluations are written to MLflow; else they are only read.
    """
    load_mlflow()
    with importing():  # the first span imports half of MLflow, with warnings that may be errors
        import_module("mlflow.pyfunc.context")
        from mlflow.models.evaluation.utils.trace import configure_autologging_for_evaluation
        from mlflow.tracing.display import IPythonTraceDisplayHandler
    shown_before = not IPythonTraceDisplayHandler.disabled
    IPythonTraceDisplayHandler.disable()  # a notebook would show each trace of thousands
    try:
        with (
            configure_autologging_for_evaluation(enable_tracing=True),
            contextlib.nullcontext() if exported else _not_exported(),
        ):
            yield
    finally:
        if shown_before:
            IPythonTraceDisplayHandler.enable()


@contextmanager
def _not_exported() -> Iterator[None]:
    """Spans are held back where they end, in the evaluation's own context: MLflow may export in another."""
    from mlflow.tracing.processor.base_mlflow import BaseMlflowSpanProcessor
    from mlflow.tracing.trace_manager import InMemoryTraceManager

    on_end = BaseMlflowSpanProcessor.on_end

    def end_others(self: Any, span: Any) -> None:
        if not is_evaluating():
            on_end(self, span)
        elif span._parent is None:
            InMemoryTraceManager.get_instance().pop_trace(span.context.trace_id)

    BaseMlflowSpanProcessor.on_end = end_others
    try:
        yield
    finally:
        BaseMlflowSpanProcessor.on_end = on_end

"""How MLflow is imported: without lines of its own on standard error, and without calling home.

Every import of MLflow comes after :func:`load_mlflow`, or stands inside :func:`importing`.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_FORCED = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
_DEFAULTS = {
    "MLFLOW_CONFIGURE_LOGGING": "false",  # no handlers of MLflow's own on standard error
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    # MLflow would repeat any request for four minutes, those too that are not safe to repeat. The
    # tracker repeats whole methods, which look before they do something again.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
_LOG_LEVELS = {
    "alembic": logging.WARNING,  # one line for each of sixty migrations
    "mlflow.store.model_registry.abstract_store": logging.WARNING,
    "mlflow.store.db.utils": logging.CRITICAL,  # prints a traceback for what it raises as well
}
_lock = threading.Lock()
_loaded = False


def silence() -> None:
    """Set the environment and the log levels; costs nothing and imports nothing.

    What the user has set stays, except for telemetry: nothing calls home.
    """
    os.environ.update(_FORCED)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    for name, level in _LOG_LEVELS.items():
        logging.getLogger(name).setLevel(level)


def load_mlflow() -> None:
    """Import MLflow's client side (about three seconds), once, silently."""
    global _loaded
    if _loaded:
        return
    with importing():
        for module in (
            "mlflow",
            "mlflow.tracking._model_registry.utils",
            "mlflow.tracking._tracking_service.utils",
            "mlflow.store.artifact.artifact_repository_registry",
            "mlflow.store.tracking.sqlalchemy_store",
            "mlflow.store.model_registry.sqlalchemy_store",
        ):
            importlib.import_module(module)
        _loaded = True


@contextmanager
def importing() -> Iterator[None]:
    """Import parts of MLflow, silently, and not while another thread does: two that import modules which
    import each other can find one of them half done."""
    with _lock, warnings.catch_warnings():
        silence()
        warnings.simplefilter("ignore")  # of its own and its dependencies' deprecations
        yield

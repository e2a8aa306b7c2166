"""MLflow in a folder of the test's own, and the example's help desk on a scripted model."""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from burnish.mlflow_import import importing, load_mlflow
from tests.new_databases import Migrated

load_mlflow()
with importing():
    import_module("mlflow.pyfunc.context")
EXAMPLE = Path(__file__).parents[2] / "examples" / "app"


@pytest.fixture
def mlflow(tmp_path: Path, migrated: Migrated, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module, with an empty MLflow behind it; the store is in the folder, too."""
    import mlflow

    shutil.copyfile(migrated.mlflow, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.tracing.reset()  # it keeps the address of whoever traced before
    yield mlflow
    mlflow.flush_trace_async_logging()
    mlflow.tracing.reset()


@contextmanager
def loop_in_thread() -> Iterator[Callable[[Any], Any]]:
    """An event loop that runs beside the test; a coroutine is awaited there by calling."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def example() -> Iterator[Any]:
    """The modules of ``examples/app``: ``example("desk")``."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        yield import_module
    finally:
        sys.path.remove(str(EXAMPLE))


@pytest.fixture
def model(example: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The example's model on loopback, a ``ScriptedServer``."""
    from burnish.llm.testing.scripted_server import ScriptedServer

    server = ScriptedServer(example("model").desk_model)
    with loop_in_thread() as run:
        run(server.start())
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield server
        run(server.stop())


@pytest.fixture
def traced() -> Iterator[None]:
    """Spans are recorded, traces are not written; prompts follow."""
    from burnish.apps.prompt_override import patched
    from burnish.apps.tracing import tracing

    with patched(), tracing(exported=False):
        yield

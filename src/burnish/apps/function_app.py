"""A Python function as a job's app."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from burnish.apps.output import Unserializable, output_to_text
from burnish.apps.prompt_override import Override, showing
from burnish.apps.trace import AppTrace, read_trace, usage_of, uses_of
from burnish.domain.app import App, AppRun
from burnish.domain.usage import Usage
from burnish.errors import InvalidInput
from burnish.evaluation.threads import in_thread
from burnish.llm.protocol import AppFailed, AppRequest, Response

RUNS_WITHOUT_PROMPTS = 5
"""So many runs that look at none of the prompts, and the function does not use them."""

_KEPT_TRACES = 256  # those of evaluations that are being scored


class FunctionApp:
    """Implements ``llm.protocol.AppProvider``.

    A plain function runs in a thread of its own for each evaluation. Coroutine functions all run on one event
    loop in a thread, so that clients which they share between calls keep working.

    Args:
        function: is given an example's inputs as keyword arguments.

    Attributes:
        function: itself.
        unused: prompts that no run has looked at, among those of the candidates.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._is_async = inspect.iscoroutinefunction(inspect.unwrap(function)) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
        )
        self._loop = _LoopThread() if self._is_async else None
        self._runs = 0
        self._known: set[str] = set()
        self._used: set[str] = set()
        self._metered = False
        self._traces: OrderedDict[str, Any] = OrderedDict()
        self.app = App(function=name_of(function))

    @property
    def unused(self) -> frozenset[str]:
        return frozenset(self._known - self._used)

    def find_trace(self, trace_id: str | None) -> Any:
        """The trace of a run that has just ended."""
        return self._traces.get(trace_id or "")

    def close(self) -> None:
        """End the loop's thread; runs that hang are left."""
        if self._loop is not None:
            self._loop.close()

    async def run(self, request: AppRequest, timeout_seconds: float) -> Response:
        """See ``AppProvider``.

        Raises:
            AppFailed: the function raised, hangs, or returned what is no JSON value.
            InvalidInput: it has not looked at any of the prompts yet.
        """
        run = _Run(self.function, Override(request.prompts), copy.deepcopy(dict(request.inputs)))
        try:
            async with asyncio.timeout(timeout_seconds):
                if self._loop is not None:
                    await self._loop.run(run.call_async)
                else:
                    await in_thread(run.call)
        except TimeoutError:
            failure = AppFailed(self.app.uri, f"has not returned within {timeout_seconds:g} s, and was left")
            failure.maybe_paid = True
            raise failure from None
        self._note(run)
        usage = self._usage(run.trace)
        known = AppRun(
            trace_id=run.trace.trace_id if run.trace else None,
            uses=uses_of(run.override, run.trace.spans) if run.trace else (),
        )
        if run.error is not None:
            raise AppFailed(self.app.uri, _describe(run.error), usage, known) from run.error
        self._check_prompts()
        try:
            text, is_json = output_to_text(run.output)
        except Unserializable as error:
            raise AppFailed(self.app.uri, str(error), usage, known) from None
        return Response(
            text=text, usage=usage, run=AppRun(is_json=is_json, trace_id=known.trace_id, uses=known.uses)
        )

    def _note(self, run: _Run) -> None:
        self._runs += 1
        self._known |= run.override.templates.keys()
        self._used |= run.override.used
        if run.trace is not None:
            self._traces[run.trace.trace_id] = run.trace.trace
            if len(self._traces) > _KEPT_TRACES:
                self._traces.popitem(last=False)

    def _usage(self, trace: AppTrace | None) -> Usage | None:
        usage = usage_of(trace.spans) if trace else None
        self._metered = self._metered or usage is not None
        if usage is None and trace is not None and self._metered:
            return Usage()  # its model calls are traced, and this time it made none
        return usage

    def _check_prompts(self) -> None:
        if self._runs >= RUNS_WITHOUT_PROMPTS and not self._used:
            names = ", ".join(sorted(self._known))
            raise InvalidInput.of(
                "predict_fn",
                self.app.function,
                f"in {self._runs} runs it has looked at none of its prompts ({names}), so no candidate can "
                "change what it returns: call mlflow.genai.load_prompt(...).format(...) inside it, and keep "
                "no text that was taken out of the prompt before",
            )


class _Run:
    """One call of the function, and what is left of it."""

    def __init__(self, function: Callable[..., Any], override: Override, inputs: Mapping[str, Any]) -> None:
        self._function = function
        self._inputs = inputs
        self.override = override
        self.output: Any = None
        self.error: BaseException | None = None
        self.trace: AppTrace | None = None

    def call(self) -> None:
        import mlflow

        with showing(self.override):
            try:
                with mlflow.start_span(name_of(self._function).rpartition(".")[2]) as root:
                    root.set_inputs(dict(self._inputs))
                    try:
                        self.output = self._function(**self._inputs)
                    finally:
                        self._end(root)
            except BaseException as error:  # noqa: BLE001 - also sys.exit is this example's failure alone
                self.error = error

    async def call_async(self) -> None:
        import mlflow

        with showing(self.override):
            try:
                with mlflow.start_span(name_of(self._function).rpartition(".")[2]) as root:
                    root.set_inputs(dict(self._inputs))
                    try:
                        self.output = await self._function(**self._inputs)
                    finally:
                        self._end(root)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - also sys.exit is this example's failure alone
                self.error = error

    def _end(self, root: Any) -> None:
        with suppress(Exception):  # what no trace can hold is named where the output is read
            root.set_outputs(self.output)
        self.trace = read_trace(root)


class _LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="burnish-app", daemon=True)
        self._thread.start()

    async def run(self, call: Callable[[], Any]) -> None:
        """Await it there, in the context of here."""
        context = contextvars.copy_context()
        done = asyncio.get_running_loop().create_future()
        here = asyncio.get_running_loop()
        tasks: list[asyncio.Task[None]] = []

        def settle(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()

            def pass_on() -> None:
                if not done.done():
                    done.set_exception(error) if error else done.set_result(None)

            here.call_soon_threadsafe(pass_on)

        def start() -> None:
            task = self._loop.create_task(call(), context=context)
            tasks.append(task)
            task.add_done_callback(settle)

        self._loop.call_soon_threadsafe(start)
        try:
            await done
        except asyncio.CancelledError:
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
            raise

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=1.0)
        if not self._thread.is_alive():
            self._loop.close()


def name_of(function: Callable[..., Any]) -> str:
    """``module.name``, for people; a call that is the same has the same."""
    named = inspect.unwrap(function)
    module = getattr(named, "__module__", None) or "__main__"
    return f"{module}.{getattr(named, '__qualname__', type(named).__qualname__)}"


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"

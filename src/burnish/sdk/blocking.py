"""``Client`` and ``Job``: the same verbs without await.

There is one core, the asynchronous one. Each verb here is one line that names it; a private event loop
in a thread of its own runs it.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from burnish.domain.job import Job as JobData
from burnish.sdk.client import AsyncClient
from burnish.sdk.job import AsyncJob
from burnish.sdk.loop import Loop

P = ParamSpec("P")
T = TypeVar("T")
Core = TypeVar("Core")

_END: Any = object()


class _Blocking(Generic[Core]):
    """Something asynchronous, and the loop it lives on."""

    def __init__(self, core: Core, loop: Loop) -> None:
        self._core = core
        self._loop = loop

    def _wrap(self, value: Any) -> Any:
        """A handle becomes a blocking handle; anything else stays as it is."""
        return Job(value, self._loop) if isinstance(value, AsyncJob) else value


class _Verb(Generic[P, T]):
    """A method that runs a coroutine function of the core to its end."""

    def __init__(self, function: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, target: _Blocking[Any], owner: type) -> Callable[P, T]:
        @functools.wraps(self._function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            result: T = target._wrap(target._loop.run(self._function(target._core, *args, **kwargs)))
            return result

        return call


class _Iterator(Generic[P, T]):
    """A method that gives what an asynchronous generator of the core gives, one at a time."""

    def __init__(self, function: Callable[..., AsyncIterator[Any]]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, target: _Blocking[Any], owner: type) -> Callable[P, Iterator[T]]:
        @functools.wraps(self._function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            source: Any = self._function(target._core, *args, **kwargs)
            try:
                while (value := target._loop.run(_next(source))) is not _END:
                    yield target._wrap(value)
            finally:
                target._loop.run(source.aclose())

        return call


async def _next(source: AsyncIterator[T]) -> T:
    return await anext(source, _END)


@overload
def _verb(function: Callable[Concatenate[Core, P], Coroutine[Any, Any, AsyncJob]]) -> _Verb[P, Job]: ...
@overload
def _verb(function: Callable[Concatenate[Core, P], Coroutine[Any, Any, T]]) -> _Verb[P, T]: ...
def _verb(function: Any) -> Any:
    return _Verb(function)


@overload
def _iterator(function: Callable[Concatenate[Core, P], AsyncIterator[AsyncJob]]) -> _Iterator[P, Job]: ...
@overload
def _iterator(function: Callable[Concatenate[Core, P], AsyncIterator[T]]) -> _Iterator[P, T]: ...
def _iterator(function: Any) -> Any:
    return _Iterator(function)


class Job(_Blocking[AsyncJob]):
    """A job on the server, and what can be done with it; see :class:`~burnish.sdk.job.AsyncJob`."""

    def __repr__(self) -> str:
        return f"<Job {self.job_id} {self.data.status}>"

    @property
    def job_id(self) -> str:
        return self._core.job_id

    @property
    def data(self) -> JobData:
        """The job as it was when it was last asked for."""
        return self._core.data

    refresh = _verb(AsyncJob.refresh)
    wait = _verb(AsyncJob.wait)
    result = _verb(AsyncJob.result)
    events = _iterator(AsyncJob.events)
    candidates = _iterator(AsyncJob.candidates)
    candidate = _verb(AsyncJob.candidate)
    edits = _verb(AsyncJob.edits)
    example_results = _iterator(AsyncJob.example_results)
    scores = _verb(AsyncJob.scores)
    inputs = _verb(AsyncJob.inputs)
    examples = _iterator(AsyncJob.examples)
    cancel = _verb(AsyncJob.cancel)
    resume = _verb(AsyncJob.resume)
    delete = _verb(AsyncJob.delete)
    register = _verb(AsyncJob.register)
    promote = _verb(AsyncJob.promote)
    roll_back = _verb(AsyncJob.roll_back)


class Client(_Blocking[AsyncClient]):
    """Talks to one Burnish server; see :class:`~burnish.sdk.client.AsyncClient`.

    Args:
        url: such as ``http://127.0.0.1:5000``.
        token: bearer token, where the server asks for one; default: ``BURNISH_TOKEN``.
        timeout_seconds: for one request.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout_seconds: float = 60.0) -> None:
        core = AsyncClient(url, token=token, timeout_seconds=timeout_seconds)
        super().__init__(core, Loop(core.close))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give connections and thread back. May be called twice."""
        self._loop.close()

    create_job = _verb(AsyncClient.create_job)
    repeat_job = _verb(AsyncClient.repeat_job)
    estimate_job = _verb(AsyncClient.estimate_job)
    start_demo = _verb(AsyncClient.start_demo)
    get_job = _verb(AsyncClient.get_job)
    search_jobs = _iterator(AsyncClient.search_jobs)
    compare_jobs = _verb(AsyncClient.compare_jobs)
    watch_jobs = _iterator(AsyncClient.watch_jobs)
    list_experiments = _iterator(AsyncClient.list_experiments)
    list_prompts = _iterator(AsyncClient.list_prompts)
    prompt_versions = _verb(AsyncClient.prompt_versions)
    list_datasets = _iterator(AsyncClient.list_datasets)
    preview_dataset = _verb(AsyncClient.preview_dataset)
    upload_dataset = _verb(AsyncClient.upload_dataset)
    make_dataset_from_traces = _verb(AsyncClient.make_dataset_from_traces)
    list_scorers = _verb(AsyncClient.list_scorers)
    list_optimizers = _verb(AsyncClient.list_optimizers)
    list_providers = _verb(AsyncClient.list_providers)

"""Inside an evaluation, MLflow's prompts show the candidate's texts.

``PromptVersion`` is patched once while any job runs; what a prompt shows depends on a context variable, so
evaluations of different candidates beside one another never see each other's texts. Whatever the evaluated
code has loaded, now or long ago, is a ``PromptVersion`` and follows.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from burnish.domain.prompt import Template, needs_value, template_to_json, text_of, variables_in_order
from burnish.mlflow_import import load_mlflow


@dataclass(frozen=True, slots=True)
class FilledIn:
    """A prompt as it was filled in during an evaluation.

    Attributes:
        values: variable → value, as far as they were given.
        texts: what came of it: one text, or one for each message.
        span_id: of the span that was open; ``None``: none was.
    """

    prompt: str
    values: Mapping[str, Any]
    texts: tuple[str, ...]
    span_id: str | None


@dataclass(slots=True)
class Override:
    """What the prompts show in one evaluation, and which of them were looked at.

    Args:
        templates: prompt name → the candidate's template.
    """

    templates: Mapping[str, Template]
    used: set[str] = field(default_factory=set)
    filled_in: list[FilledIn] = field(default_factory=list)


_override: contextvars.ContextVar[Override | None] = contextvars.ContextVar("burnish_override", default=None)
_patching = threading.Lock()
_patched_by = 0
_undo: list[Callable[[], None]] = []


@contextmanager
def showing(override: Override) -> Iterator[None]:
    """In this context, and in threads and tasks that begin in it, the prompts show these templates."""
    token = _override.set(override)
    try:
        yield
    finally:
        _override.reset(token)


def is_evaluating() -> bool:
    """Whether this context is inside :func:`showing`."""
    return _override.get() is not None


@contextmanager
def patched() -> Iterator[None]:
    """While this is open, :func:`showing` has an effect. May be open several times at once."""
    global _patched_by
    load_mlflow()
    with _patching:
        _patched_by += 1
        if _patched_by == 1:
            _patch_prompts()
            _patch_threads()
    try:
        yield
    finally:
        with _patching:
            _patched_by -= 1
            if not _patched_by:
                while _undo:
                    _undo.pop()()


def _replace(owner: type, name: str, value: Any) -> None:
    original = owner.__dict__[name]
    setattr(owner, name, value)
    _undo.append(lambda: setattr(owner, name, original))


def _patch_prompts() -> None:
    from mlflow.entities.model_registry import PromptVersion

    template_of = PromptVersion.template.fget
    variables_of_prompt = PromptVersion.variables.fget
    format_of = PromptVersion.format
    is_text_of = PromptVersion.is_text_prompt.fget

    def find(prompt: Any) -> Template | None:
        override = _override.get()
        if override is None or getattr(prompt, "_filled_in_by_half", False):
            return None
        found = override.templates.get(prompt.name)
        if found is not None:
            override.used.add(prompt.name)
        return found

    def template(self: Any) -> Any:
        found = find(self)
        return template_of(self) if found is None else template_to_json(found)

    def is_text_prompt(self: Any) -> bool:
        found = find(self)
        return bool(is_text_of(self)) if found is None else isinstance(found, str)

    def variables(self: Any) -> set[str]:
        found = find(self)
        if found is None:
            return set(variables_of_prompt(self))
        return {name for name in variables_in_order(text_of(found)) if needs_value(name)}

    @wraps(format_of)
    def format(self: Any, *args: Any, **values: Any) -> Any:
        made = format_of(self, *args, **values)
        override = _override.get()
        if isinstance(made, PromptVersion):
            made._filled_in_by_half = True
        elif override is not None and self.name in override.templates:
            override.used.add(self.name)
            override.filled_in.append(_filled_in(self.name, values, made))
        return made

    _replace(PromptVersion, "template", property(template))
    _replace(PromptVersion, "is_text_prompt", property(is_text_prompt))
    _replace(PromptVersion, "variables", property(variables))
    _replace(PromptVersion, "format", format)


def _filled_in(name: str, values: dict[str, Any], made: Any) -> FilledIn:
    import mlflow

    given = {key: value for key, value in values.items() if key not in ("allow_partial", "use_jinja_sandbox")}
    texts = (made,) if isinstance(made, str) else tuple(str(message.get("content", "")) for message in made)
    span = mlflow.get_current_active_span()
    return FilledIn(name, given, texts, span.span_id if span else None)


def _patch_threads() -> None:
    """Threads and pools that the evaluated code starts go on in its context, which Python leaves to whoever
    starts them: a prompt would show the registered text there, and a span would belong to no trace."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    @wraps(start)
    def start_in_context(self: threading.Thread) -> None:
        if _override.get() is not None:
            run, context = self.run, contextvars.copy_context()
            self.run = lambda: context.run(run)  # type: ignore[method-assign]
        start(self)

    def submit_in_context(
        self: ThreadPoolExecutor, call: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        # Always, since the pool's thread may have begun in another evaluation.
        return submit(self, contextvars.copy_context().run, call, *args, **kwargs)

    _replace(threading.Thread, "start", start_in_context)
    _replace(ThreadPoolExecutor, "submit", submit_in_context)

"""Python scorers that the operator installed, found by the entry point group ``burnish.scorers``.

An entry point names one of:

* a function of any of the parameters ``inputs``, ``outputs``, ``expectations``, sync or async,
  which returns a number, a bool, yes/no, ``None`` where it has no opinion, or an object with ``value``
  and ``rationale``; ``NAME:1-5`` declares the range of its numbers, by default [0, 1];
* a subclass of :class:`~burnish.evaluation.scorer.Scorer`, made as
  ``Class(name, argument)``, which raises ``InvalidInput`` for an argument it cannot use.

Code is never taken from a request: what is not installed does not exist.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from burnish.domain.score import ScoreRange, ScorerSpec
from burnish.errors import InvalidInput
from burnish.evaluation.scorer import Feedback, Sample, Scorer

GROUP = "burnish.scorers"
_PARAMETERS = ("inputs", "outputs", "expectations")


class FunctionScorer(Scorer):
    """A function as a scorer. A plain function runs in a thread, a coroutine function on the loop.

    Raises:
        InvalidInput: the function needs a parameter other than inputs, outputs and expectations.
    """

    def __init__(self, name: str, function: Callable[..., Any], range: ScoreRange | None = None) -> None:
        super().__init__(name)
        self.range = range
        self._function = function
        self.blocking = not inspect.iscoroutinefunction(function)
        self._parameters = _parameters_of(name, function)

    async def score(self, sample: Sample) -> Feedback:
        values = {
            "inputs": dict(sample.inputs),
            "outputs": sample.output,
            "expectations": dict(sample.example.expectations),
        }
        answer = self._function(**{name: values[name] for name in self._parameters})
        if inspect.isawaitable(answer):
            answer = await answer
        failure = getattr(getattr(answer, "error", None), "error_message", None)  # of a Feedback of MLflow's
        rationale = getattr(answer, "rationale", None) or failure or ""
        return Feedback(getattr(answer, "value", answer), rationale)


def installed_names() -> tuple[str, ...]:
    """Names of the installed scorers."""
    return tuple(sorted(point.name for point in entry_points(group=GROUP)))


def make_installed(spec: ScorerSpec) -> Scorer | None:
    """The installed scorer of that name, or ``None``.

    Raises:
        InvalidInput: it cannot be imported, is no scorer, or does not accept the argument.
    """
    point = next((point for point in entry_points(group=GROUP) if point.name == spec.name), None)
    if point is None:
        return None
    loaded = _load(point)
    if inspect.isclass(loaded):
        return cast(Callable[[str, str | None], Scorer], loaded)(spec.name, spec.argument)
    if not callable(loaded):
        raise InvalidInput.of("scorers", spec.name, f"the entry point {point.value} is no scorer")
    span = ScoreRange.find(spec.argument or "")
    if spec.argument is not None and span is None:
        raise InvalidInput.of(
            "scorers",
            spec,
            f"{spec.name} takes no argument but the range of its numbers; write {spec.name} or "
            f"{spec.name}:1-5",
        )
    return FunctionScorer(spec.name, loaded, span)


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:  # importing foreign code can raise anything
        raise InvalidInput.of(
            "scorers",
            point.name,
            f"the installed scorer {point.value} cannot be imported ({type(error).__name__}: {error}); "
            "the operator has to repair it",
        ) from error


def _parameters_of(name: str, function: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return _PARAMETERS
    wanted = tuple(parameter.name for parameter in parameters if parameter.name in _PARAMETERS)
    foreign = [
        parameter.name
        for parameter in parameters
        if parameter.name not in _PARAMETERS
        and parameter.default is parameter.empty
        and parameter.kind is not parameter.VAR_POSITIONAL
    ]
    if foreign or not wanted:
        raise InvalidInput.of(
            "scorers",
            name,
            f"an installed scorer is a function of {', '.join(_PARAMETERS)}; "
            f"this one wants {', '.join(foreign) or 'none of them'}",
        )
    return wanted

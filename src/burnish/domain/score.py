"""Scores: what a scorer says of one output, and what that means as a number."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from burnish.domain.usage import Usage
from burnish.errors import InvalidInput, ScorerFailed

_YES_NO = {"yes": 1.0, "no": 0.0}
_WEIGHT_REMEDY = "the weight after '=' must be a number above 0, or 'must'"
_ENDS_IN_OPTION = re.compile(r":(.*,)?\s*(repeats|model|guidelines)\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Score:
    """One scorer's word on one output. ``value`` is a finite number, 1 is best."""

    value: float
    rationale: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One candidate on one example.

    Attributes:
        output: the model's answer; empty when the call failed.
        scores: scorer name → score.
        aggregate: weighted mean of the scores; 0 when the call failed or a must-pass scorer failed.
        error: why there is no output, else ``None``.
        usage: of the target and judge calls behind this evaluation.
    """

    candidate_id: str
    example_id: str
    output: str
    scores: Mapping[str, Score]
    aggregate: float
    error: str | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    """A scorer as a user names it: ``NAME[:ARGUMENT][=WEIGHT|=must]``.

    ``must`` makes it a constraint: an output that fails it has aggregate 0, and it has no weight.
    What stands behind the last ``=`` is the weight when it is a number, except behind a judge's
    option: ``Correctness:repeats=3`` asks three times, ``Correctness:repeats=3=2`` also has weight 2.
    """

    name: str
    argument: str | None = None
    weight: float = 1.0
    must_pass: bool = False

    @classmethod
    def parse(cls, text: str) -> ScorerSpec:
        """
        Raises:
            InvalidInput: empty name, or a weight that is not a positive number.
        """
        head, separator, tail = text.rpartition("=")
        weight, must_pass = 1.0, False
        if not separator or (_ENDS_IN_OPTION.search(head) and tail.strip().lower() != "must"):
            head = text
        elif tail.strip().lower() == "must":
            must_pass, weight = True, 0.0
        else:
            try:
                weight = float(tail)
            except ValueError:
                if ":" not in head:
                    raise InvalidInput.of("scorers", text, _WEIGHT_REMEDY) from None
                head = text  # the '=' belongs to the argument
            if not (math.isfinite(weight) and weight > 0):
                raise InvalidInput.of("scorers", text, _WEIGHT_REMEDY)
        name, _, argument = head.partition(":")
        if not name.strip():
            raise InvalidInput.of(
                "scorers", text, "a scorer is NAME, NAME:ARGUMENT, NAME=WEIGHT or NAME=must"
            )
        return cls(name.strip(), argument or None, weight, must_pass)

    def __str__(self) -> str:
        """The shortest text that :meth:`parse` reads as this spec."""
        plain = f"{self.name}:{self.argument}" if self.argument else self.name
        if self.must_pass:
            return f"{plain}=must"
        if self.weight == 1.0 and ("=" not in plain or _ENDS_IN_OPTION.search(plain.rpartition("=")[0])):
            return plain
        return f"{plain}={str(self.weight).removesuffix('.0')}"


def to_number(value: Any, scorer: str, example_id: str) -> float:
    """A scorer's raw answer as a number: numbers as they are, bools and yes/no as 1 and 0.

    Raises:
        ScorerFailed: NaN, infinite, or any other type; names the scorer, the type and the example.
    """
    raw = getattr(value, "value", value)  # MLflow's CategoricalRating is a str enum with .value
    if type(raw).__module__ == "numpy" and getattr(raw, "ndim", None) == 0:
        raw = raw.item()  # numpy's bool is no bool
    if isinstance(raw, Real):
        number = _to_float(raw)
        if not math.isfinite(number):
            raise ScorerFailed(scorer, example_id, f"returned {number}; a score must be a finite number")
        return number
    if isinstance(raw, str) and raw.strip().lower() in _YES_NO:
        return _YES_NO[raw.strip().lower()]
    shown = repr(raw)
    raise ScorerFailed(
        scorer,
        example_id,
        f"returned {shown if len(shown) < 80 else shown[:77] + '...'} of type {type(raw).__name__}; "
        "a scorer returns a number, a bool, or 'yes'/'no'",
    )


def _to_float(number: Real) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number beyond every float
        return math.inf

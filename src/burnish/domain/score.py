"""Scores: what a scorer says of one output, and what that means as a number in [0, 1].

This is the one place where a scorer's word becomes a number: scales, yes and no, numbers as text, and no
opinion at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from burnish.domain.answer import AnswerOutcome
from burnish.domain.app import AppRun
from burnish.domain.dataset import Example, record_name
from burnish.domain.usage import Usage
from burnish.errors import InvalidInput, ScoreOutOfRange, ScorerFailed

_WORDS = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0}
_NO_OPINION = frozenset({"n/a", "not applicable", "unknown", "none", "null"})
_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)\s*")
_WEIGHT_REMEDY = (
    "the weight after '=' must be a number above 0, or 'must'; a name that holds '=' or ':' stands in quotes"
)
_ENDS_IN_OPTION = re.compile(r":(.*,)?\s*(repeats|model|range|guidelines)\s*$", re.DOTALL)
_CLASSES_IN_EARLY_RESULTS = frozenset(
    {
        "Completeness",
        "Correctness",
        "Equivalence",
        "ExpectationsGuidelines",
        "Fluency",
        "Guidelines",
        "RelevanceToQuery",
        "Safety",
        "Summarization",
    }
)
_ROUNDING = 1e-6  # so far beyond its range a score is taken for the end of it


@dataclass(frozen=True, slots=True)
class Score:
    """One scorer's word on one output.

    Attributes:
        value: in [0, 1], 1 is best.
        raw: the number as the scorer gave it, where its range is another than [0, 1]; else ``None``.
    """

    value: float
    rationale: str = ""
    raw: float | None = None


@dataclass(frozen=True, slots=True)
class ScoreRange:
    """The range of a scorer's numbers: ``1-5``, or ``5-1`` where 1 is best."""

    worst: float
    best: float

    @classmethod
    def find(cls, text: str) -> ScoreRange | None:
        """The range that a text is, or ``None`` when it is none (also ``3-3``)."""
        found = _RANGE.fullmatch(text)
        if found is None or float(found[1]) == float(found[2]):
            return None
        return cls(float(found[1]), float(found[2]))

    def __str__(self) -> str:
        return f"{self.worst:g}-{self.best:g}"

    def raw(self, value: float) -> float:
        """The number that stands at a place in the range; also the raw mean of a mean."""
        return self.worst + value * (self.best - self.worst)

    def scaled(self, number: float) -> float | None:
        """The number's place in the range, 0 for worst and 1 for best; ``None`` outside."""
        place = (number - self.worst) / (self.best - self.worst)
        if not -_ROUNDING <= place <= 1 + _ROUNDING:
            return None
        return min(1.0, max(0.0, place))


UNIT = ScoreRange(0.0, 1.0)

NEUTRAL = 0.5
"""What stands for a score where there is no opinion and a number is needed; it speaks for nothing."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One candidate on one example.

    Attributes:
        output: the model's answer; empty when the call failed.
        scores: scorer name → score; a scorer without an opinion is not there.
        aggregate: weighted mean of the scores; 0 when the call failed or a must-pass scorer failed.
        error: why there is no output, else ``None``.
        usage: of the target and judge calls behind this evaluation.
        unscored: no scorer that has a weight had an opinion; the evaluation counts in no mean, and its
            aggregate is ``NEUTRAL``.
        outcome: whether the output is an answer, is cut, empty or refused, or whether none came.
        run: of an app; ``None`` where a model was asked.
    """

    candidate_id: str
    example_id: str
    output: str
    scores: Mapping[str, Score]
    aggregate: float
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    unscored: bool = False
    outcome: AnswerOutcome = AnswerOutcome.OK
    run: AppRun | None = None


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    """A scorer as a user names it: ``[builtin:|registered:]NAME[:ARGUMENT][=WEIGHT|=must]``.

    A name with ``:``, ``=`` or blanks at its ends stands in double quotes: ``"tone:style"=2``.
    ``must`` makes it a constraint: an output that fails it has aggregate 0, and it has no weight.
    What stands behind the last ``=`` is the weight when it is a number, except behind a judge's
    option: ``Correctness:repeats=3`` asks three times, ``Correctness:repeats=3=2`` also has weight 2.

    Attributes:
        source: ``builtin`` (of Burnish, installed, or MLflow's) or ``registered`` (in the experiment);
            ``None``: where it is found, registered ones first.
    """

    name: str
    argument: str | None = None
    weight: float = 1.0
    must_pass: bool = False
    source: str | None = None

    @classmethod
    def parse(cls, text: str) -> ScorerSpec:
        """
        Raises:
            InvalidInput: empty name, or a weight that is not a positive number.
        """
        source, name, tail = _split_name(text)
        if not name:
            raise InvalidInput.of(
                "scorers", text, "a scorer is NAME, NAME:ARGUMENT, NAME=WEIGHT or NAME=must"
            )
        head, separator, wanted = tail.rpartition("=")
        weight, must_pass = 1.0, False
        if not separator or (_ENDS_IN_OPTION.search(head) and wanted.strip().lower() != "must"):
            head = tail
        elif wanted.strip().lower() == "must":
            must_pass, weight = True, 0.0
        else:
            try:
                weight = float(wanted)
            except ValueError:
                if not head.startswith(":"):
                    raise InvalidInput.of("scorers", text, _WEIGHT_REMEDY) from None
                head = tail  # the '=' belongs to the argument
            if not (math.isfinite(weight) and weight > 0):
                raise InvalidInput.of("scorers", text, _WEIGHT_REMEDY)
        if head and not head.startswith(":"):
            raise InvalidInput.of("scorers", text, _WEIGHT_REMEDY)
        return cls(name, head[1:] or None, weight, must_pass, source)

    def __str__(self) -> str:
        """The shortest text that :meth:`parse` reads as this spec."""
        tail = f":{self.argument}" if self.argument else ""
        shown = self.full_name + tail
        if self.must_pass:
            return f"{shown}=must"
        if self.weight == 1.0 and ("=" not in tail or _ENDS_IN_OPTION.search(tail.rpartition("=")[0])):
            return shown
        return f"{shown}={str(self.weight).removesuffix('.0')}"

    @property
    def full_name(self) -> str:
        """Source and name as they are written, quoted where they must be."""
        plain = self.name == self.name.strip() and not re.search('[:="]', self.name)
        name = self.name if plain else '"' + self.name.replace('"', '""') + '"'
        return f"{self.source}:{name}" if self.source else name


def _split_name(text: str) -> tuple[str | None, str, str]:
    """Source, name, and what stands behind the name."""
    source, rest = None, text.lstrip()
    if found := re.match(r"(builtin|registered):(?=.)", rest, re.DOTALL):
        source, rest = found[1], rest[found.end() :].lstrip()
    if quoted := re.match(r'"((?:[^"]|"")*)"\s*(?=[:=]|$)', rest):
        return source, quoted[1].replace('""', '"'), rest[quoted.end() :]
    name = re.split("[:=]", rest, maxsplit=1)[0]
    return source, name.strip(), rest[len(name) :]


def snake_case(name: str) -> str:
    """``relevance_to_query`` for ``RelevanceToQuery``: MLflow's classes name themselves so."""
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        return name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def spellings_of(name: str) -> tuple[str, ...]:
    """The names in results that a name in a search means.

    MLflow's scorers may be named by their class. And early results of Burnish have the class's name, for
    those that there were then.
    """
    own = snake_case(name)
    before = "".join(part.capitalize() for part in own.split("_"))
    return tuple(dict.fromkeys((name, own, *([before] if before in _CLASSES_IN_EARLY_RESULTS else []))))


def read_score(
    value: Any, rationale: str, *, scorer: str, example: Example, range: ScoreRange | None = None
) -> Score | None:
    """A scorer's raw answer as a score, or ``None`` where it has no opinion.

    Numbers (also as text) are placed in the range; bools, yes and no are its ends; nothing, "n/a" and
    "unknown" are no opinion.

    Args:
        value: what the scorer gave, or an object with it as ``value``.
        range: declared for the scorer; ``None``: [0, 1].

    Raises:
        ScoreOutOfRange: a number outside the range.
        ScorerFailed: NaN, infinite, or any other type; names the scorer, the type and the example.
    """
    raw = _unwrapped(value)
    if raw is None or is_no_opinion(raw):
        return None
    span = range or UNIT
    number = _number_of(raw, span)
    if number is None:
        shown = repr(raw)
        raise ScorerFailed(
            scorer,
            record_name(example),
            f"returned {shown if len(shown) < 80 else shown[:77] + '...'} of type {type(raw).__name__}; "
            "a scorer returns a number, a bool, 'yes'/'no', or nothing where it has no opinion",
        )
    if not math.isfinite(number):
        raise ScorerFailed(
            scorer, record_name(example), f"returned {number}; a score must be a finite number"
        )
    place = span.scaled(number)
    if place is None:
        remedy = (
            f"its declared range is {range}"
            if range
            else f"a score is in [0, 1] unless its range is declared, worst first: {scorer}:1-5"
        )
        raise ScoreOutOfRange(scorer, record_name(example), f"returned {number:g}; {remedy}")
    return Score(place, rationale, None if range is None else number)


def is_no_opinion(value: Any) -> bool:
    """Whether a text says that there is nothing to say: ``N/A``, ``unknown``."""
    return isinstance(value, str) and value.strip().lower() in _NO_OPINION


def _unwrapped(value: Any) -> Any:
    raw = getattr(value, "value", value)  # MLflow's CategoricalRating is a str enum with .value
    if type(raw).__module__ == "numpy" and getattr(raw, "ndim", None) == 0:
        raw = raw.item()  # numpy's bool is no bool
    return raw


def _number_of(raw: Any, span: ScoreRange) -> float | None:
    """The number that an answer is, or ``None``."""
    if isinstance(raw, str):
        word = raw.strip().lower()
        if word in _WORDS:
            return span.best if _WORDS[word] else span.worst
        try:
            return float(word)
        except ValueError:
            return None
    if isinstance(raw, bool):
        return span.best if raw else span.worst
    if isinstance(raw, Real):
        try:
            return float(raw)
        except OverflowError:  # a whole number beyond every float
            return math.inf
    return None

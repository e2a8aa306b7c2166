"""Simulated tasks: prompts of real words, a model that heeds them, and the true score of every prompt.

Each example lacks some of a few points (useful rules) that a prompt can state. An answer is right when

    margin of the prompt on the example + ability of the example + luck > 0

where the margin is high if the prompt states every point the example needs and low if not, and moves with
decoys (rules that sound useful and are not), with the wording of the whole, and with the number of points
beyond a few. The reflection model reads the feedback on failures, which hints at missing points and at decoys
alike. Asked for a whole prompt it may lose a point and gets another wording; asked for edits it writes one or
two sentences. Every answer is a function of (seed, text), so a search gets the same whatever its timing.

Parameters are set so that a model's luck, not its knowledge, is what a search has to see through. They were
not fitted to any optimizer's results.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example

from .world import World, text_in

POPULATION = 1500
FIRST_DECOY = 100

_POINT = re.compile(r"[Pp]oint (\d+)")
_CASE = re.compile(r"case (\d+)\b")
_WORDING = re.compile(r"wording (\d+)")
_HINT = re.compile(r"hint (\d+)")
_EXAMPLE = re.compile(r"question (\d+)\b")
_CURRENT = re.compile(r"<prompt[^>]*>(.*?)</prompt>|```\n(.*?)\n```", re.DOTALL)
_SENTENCES = ("Point {} decides here.", "Mind point {} in the answer.", "Do as point {} says.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of task.

    Attributes:
        needs: shares of examples that need 0, 1, 2 points.
        for_all: whether every example needs point 0 (a format).
        stated, missing: margins with every needed point stated, and with one missing.
        spread: share of the variance that is the example's own.
        steady: share of the luck that is common to all prompts.
        salience: how easily a point is seen from a failure, from and to.
        decoys, harm, reach: how many, their mean effect on the margin, the share of examples they touch.
        blank: weight of having no idea.
        lost: chance that a rewriting of the whole loses a point.
        wording_sd: of the luck of a wording.
        crowding: cost of each point beyond four.
        clashes: share of pairs of points of which the later is not heeded.
    """

    train: int = 100
    validation: int = 100
    points: int = 8
    needs: tuple[float, float, float] = (0.45, 0.40, 0.15)
    for_all: bool = False
    stated: float = 1.1
    missing: float = -0.9
    spread: float = 0.6
    steady: float = 0.5
    salience: tuple[float, float] = (0.3, 1.0)
    decoys: int = 12
    harm: float = -0.25
    harm_sd: float = 0.25
    reach: float = 0.25
    blank: float = 0.6
    lost: float = 0.08
    wording_sd: float = 0.1
    crowding: float = 0.04
    clashes: float = 0.0


KINDS: Mapping[str, Kind] = {
    "additive": Kind(),
    "non-additive": Kind(clashes=0.2, crowding=0.12, lost=0.25, wording_sd=0.2),
    "format": Kind(points=5, needs=(0.7, 0.25, 0.05), for_all=True, missing=-1.3),
    "noisy": Kind(stated=0.7, missing=-0.4, spread=0.15, steady=0.0),
    "subtle": Kind(points=6, needs=(0.8, 0.2, 0.0), missing=-0.5),
    "small": Kind(train=40, validation=20),
    "large validation": Kind(train=150, validation=300),
    "harmful": Kind(decoys=20, harm=-0.6),
    "dull": Kind(salience=(0.05, 0.3)),
    "null": Kind(points=0, needs=(1.0, 0.0, 0.0), stated=0.4, wording_sd=0.0, harm=-0.25),
    "null, no effects": Kind(
        points=0, needs=(1.0, 0.0, 0.0), stated=0.4, wording_sd=0.0, harm=0.0, harm_sd=0.0, crowding=0.0,
        spread=0.3, steady=0.0,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the model takes from a prompt."""

    points: tuple[int, ...]
    decoys: frozenset[int]
    cases: frozenset[int]
    wording: float
    stated: int


class SimulatedTask(World):
    """One task of a kind."""

    def __init__(self, kind: Kind, seed: int) -> None:
        super().__init__(seed)
        self.kind = kind
        draw = np.random.default_rng([seed, 5])
        self._seen = kind.train + kind.validation
        count = self._seen + POPULATION
        self._needs = np.zeros((count, kind.points), bool)
        if kind.points:
            weights = 1 / np.arange(3, 3 + kind.points)
            how_many = draw.choice(3, count, p=kind.needs)
            for column in range(2):
                chosen = draw.choice(kind.points, count, p=weights / weights.sum())
                self._needs[np.arange(count)[how_many > column], chosen[how_many > column]] = True
            self._needs[:, 0] |= kind.for_all
        self._ability = draw.normal(0, math.sqrt(kind.spread), count)
        self._luck_sd = math.sqrt(1 - kind.spread)
        self._salience = draw.uniform(*kind.salience, kind.points)
        harm = draw.normal(kind.harm, kind.harm_sd, kind.decoys)
        self._harm = np.minimum(harm, 0.0) if not kind.points else harm
        self._touched = draw.random((count, kind.decoys)) < kind.reach
        self._decoys_seen = [draw.choice(kind.decoys, 2, replace=False) for _ in range(self._seen)]
        self._common_luck = draw.standard_normal(self._seen)
        self._readings: dict[str, _Reading] = {}
        self._answers: dict[str, np.ndarray] = {}
        records = [
            ({"question": f"question {n}"}, {"expected_response": "yes" if n % 2 else "no"})
            for n in range(self._seen)
        ]
        examples = Dataset.of(records).examples
        self.train, self.validation = examples[: kind.train], examples[kind.train :]
        self._number = {example.example_id: n for n, example in enumerate(examples)}

    def truth(self, candidate: Candidate) -> float:
        """Expected score on the population, without the luck of the draw."""
        margin = self._margin(self._read(text_in(candidate)), slice(self._seen, None))
        return float(np.mean(_normal_cdf(margin / self._luck_sd)))

    def answers(self, candidate: Candidate, count: int, draw: np.random.Generator) -> np.ndarray:
        """Scores on ``count`` new examples, for a sealed test; two calls with equal draws are paired."""
        at = self._seen + draw.choice(POPULATION, count, replace=False)
        common, own = draw.standard_normal(count), self._own_luck(text_in(candidate) + " sealed", count)
        luck = math.sqrt(self.kind.steady) * common + math.sqrt(1 - self.kind.steady) * own
        margin = self._margin(self._read(text_in(candidate)), slice(None))[at]
        return (margin + self._luck_sd * luck > 0).astype(float)

    def score(self, candidate_text: str, example: Example) -> tuple[float, str]:
        number = self._number[example.example_id]
        right = bool(self._answered(candidate_text)[number])
        return float(right), "right" if right else self._hints(number)

    def answer_to(self, request: str, sample: int) -> str:
        """The form follows from what it is asked for."""
        draw = random.Random(f"{self.seed} {sample} {request}")
        found = _CURRENT.search(request)
        current = (found[1] or found[2] or "") if found else request
        if "<edit" in request:
            return "\n".join(
                f'<edit kind="rule">{text}</edit>' for text in self._ideas(request, current, draw)
            )
        if "<instruction>" in request:
            return "\n".join(
                f"<instruction>{_base(draw)} {' '.join(self._ideas(request, current, draw))}</instruction>"
                for _ in range(6)
            )
        text = self._rewritten(request, current, draw)
        fenced = "```" in request and "<prompt" not in request
        return f"```\n{text}\n```" if fenced else f"<prompt>\n{text}\n</prompt>"

    # --- inside

    def _answered(self, text: str) -> np.ndarray:
        if text not in self._answers:
            reading = self._read(text)
            steady, own = self.kind.steady, self._own_luck(text, self._seen)
            luck = math.sqrt(steady) * self._common_luck + math.sqrt(1 - steady) * own
            right = self._margin(reading, slice(0, self._seen)) + self._luck_sd * luck > 0
            right[[case for case in reading.cases if case < self._seen]] = True
            self._answers[text] = right
        return self._answers[text]

    def _own_luck(self, text: str, count: int) -> np.ndarray:
        seed = int(hashlib.sha256(f"{self.seed} {text}".encode()).hexdigest()[:16], 16)
        return np.random.default_rng(seed).standard_normal(count)

    def _read(self, text: str) -> _Reading:
        if text not in self._readings:
            numbers = list(dict.fromkeys(int(n) for n in _POINT.findall(text)))
            heeded: list[int] = []
            for number in numbers:
                if number < self.kind.points and not any(self._clash(number, other) for other in heeded):
                    heeded.append(number)
            wording = _WORDING.search(text)
            luck = random.Random(f"{self.seed} wording {wording[1]}").gauss(0, 1) if wording else 0.0
            self._readings[text] = _Reading(
                points=tuple(heeded),
                decoys=frozenset(n - FIRST_DECOY for n in numbers if n >= FIRST_DECOY),
                cases=frozenset(int(n) for n in _CASE.findall(text)),
                wording=luck * self.kind.wording_sd,
                stated=len(numbers),
            )
        return self._readings[text]

    def _clash(self, one: int, other: int) -> bool:
        if not self.kind.clashes:
            return False
        pair = sorted((one, other))
        return random.Random(f"{self.seed} clash {pair}").random() < self.kind.clashes

    def _margin(self, reading: _Reading, rows: slice) -> np.ndarray:
        kind = self.kind
        missing = np.zeros(len(self._ability[rows]))
        if kind.points:
            stated = np.zeros(kind.points, bool)
            stated[list(reading.points)] = True
            missing = self._needs[rows][:, ~stated].sum(1)
        margin = np.where(missing == 0, kind.stated, kind.missing - 0.3 * np.maximum(0, missing - 1))
        for decoy in sorted(reading.decoys):
            margin = margin + self._harm[decoy] * self._touched[rows, decoy]
        crowd = kind.crowding * max(0, reading.stated - 4)
        return margin + reading.wording - crowd + self._ability[rows]

    def _hints(self, number: int) -> str:
        points = [int(n) for n in np.flatnonzero(self._needs[number])]
        decoys = [FIRST_DECOY + int(n) for n in self._decoys_seen[number]]
        return "wrong: " + ", ".join(f"hint {n}" for n in (*points, *decoys))

    def _ideas(self, request: str, current: str, draw: random.Random) -> list[str]:
        """Sentences for one idea, sometimes two or none, from what the feedback hints at."""
        stated = {int(n) for n in _POINT.findall(current)}
        mentioned = {int(n) for n in _POINT.findall(request)} - stated  # said to be under test, or no good
        weights: dict[int, float] = {}
        for hint in map(int, _HINT.findall(request)):
            if hint not in stated:
                salience = self._salience[hint] if hint < FIRST_DECOY else 0.35
                weights[hint] = weights.get(hint, 0.0) + float(salience)
        for number in sorted(mentioned & weights.keys()):
            if draw.random() < 0.7:
                del weights[number]
        names: list[int | None] = [*weights, None]
        chances = [*weights.values(), self.kind.blank]
        drawn = [draw.choices(names, chances)[0] for _ in range(1 + (draw.random() < 0.3))]
        cases = [int(n) for n in _EXAMPLE.findall(request)]
        return [self._sentence(n, cases, draw) for n in dict.fromkeys(drawn) if n is not None]

    def _sentence(self, number: int, cases: Sequence[int], draw: random.Random) -> str:
        sentence = draw.choice(_SENTENCES).format(number)
        if number >= FIRST_DECOY and cases and draw.random() < 0.3:
            sentence = f"{sentence[:-1]}, as in case {draw.choice(cases)}."  # repairs that case alone
        return sentence

    def _rewritten(self, request: str, current: str, draw: random.Random) -> str:
        kept = [line for line in _sentences_of(current) if draw.random() >= self.kind.lost]
        if "version" in request and len(_CURRENT.findall(request)) > 1:  # two versions to combine
            others = [
                sentence for match in _CURRENT.findall(request) for sentence in _sentences_of("".join(match))
            ]
            kept = list(dict.fromkeys([*kept, *others]))
        new = self._ideas(request, current, draw) if _HINT.search(request) else []
        return "\n".join([_base(draw), *kept, *new, "", "{{question}}"])


def _base(draw: random.Random) -> str:
    return f"Answer the question (wording {draw.randrange(10**9)})."


def _sentences_of(text: str) -> list[str]:
    return [line.strip().lstrip("- ") for line in text.splitlines() if _POINT.search(line)]


def _normal_cdf(z: np.ndarray) -> list[float]:
    return [0.5 * math.erfc(-value / math.sqrt(2)) for value in z.tolist()]

"""Asks optuna's TPE for the next choices, and tells it how they did."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.domain.candidate import Candidate
from burnish.optimizers.joint_search.space import Choices, Space
from burnish.optimizers.search.racing import Standing
from burnish.optimizers.search.validator import Gate

REDRAWS_BY_MODEL = 3
REDRAWS_AT_RANDOM = 60


@dataclass(frozen=True, slots=True)
class Entrant:
    """A candidate with the trial it came from."""

    trial: Any  # optuna.Trial
    candidate: Candidate


class Sampler:
    """Draws new candidates; equal ones are drawn again, refused ones teach the sampler.

    From the second draw on, half of them differ from the best so far in one choice only: in a space
    this small, with so few trials, the neighbours of a good candidate are the best bet.

    Args:
        first: choices to try before the model has seen anything, best guess first.
    """

    def __init__(self, space: Space, gate: Gate, first: Sequence[Choices], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._gate = gate
        self._choices: dict[str, Choices] = {}
        self._racing: list[Entrant] = []
        self._random = random.Random(f"{seed}/redraw")
        self._states = optuna.trial.TrialState
        self._distributions: Mapping[str, Any] = {
            name: optuna.distributions.CategoricalDistribution(range(size))
            for name, size in space.dimensions.items()
        }
        sampler = optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=len(first),
            multivariate=True,
            constant_liar=True,
        )
        self._study = optuna.create_study(sampler=sampler, direction="maximize")
        # Not optuna's own skip_if_exists: it compares all trials number by number, with numpy.
        for choices in {tuple(sorted(choices.items())): dict(choices) for choices in first}.values():
            self._study.enqueue_trial(choices)

    def draw(self, wanted: int, best: Candidate) -> list[Candidate]:
        """Up to ``wanted`` new candidates; fewer when the space holds no more."""
        entrants: list[Entrant] = []
        if self._choices:
            for choices in self._neighbours(best):
                if len(entrants) == wanted // 2:
                    break
                self._study.enqueue_trial(choices)
                entrants += self._asked()
        redraws = 0
        while len(entrants) < wanted and redraws < REDRAWS_AT_RANDOM:
            if redraws >= REDRAWS_BY_MODEL:
                self._study.enqueue_trial(
                    {name: self._random.randrange(size) for name, size in self._space.dimensions.items()}
                )
            drawn = self._asked()
            entrants += drawn
            redraws = 0 if drawn else redraws + 1
        self._racing = entrants
        return [entrant.candidate for entrant in entrants]

    def _asked(self) -> list[Entrant]:
        """The next trial's candidate, or nothing when it is known already or refused."""
        trial = self._study.ask(dict(self._distributions))
        candidate = self._space.candidate(trial.params)
        if self._gate.seen(candidate):
            self._study.tell(trial, state=self._states.FAIL)  # says nothing new
            return []
        ruling = self._gate.admit(candidate, self._space.demonstrated(trial.params))
        if ruling.candidate is None:
            self._study.tell(trial, state=self._states.PRUNED)
            return []
        self._choices[ruling.candidate.candidate_id] = dict(trial.params)
        return [Entrant(trial, ruling.candidate)]

    def _neighbours(self, best: Candidate) -> list[dict[str, int]]:
        """All that differ from the best in one choice and are new, in a seeded order."""
        dimensions = self._space.dimensions
        at = {**dict.fromkeys(dimensions, 0), **self._choices.get(best.candidate_id, {})}
        found = [
            {**at, name: value}
            for name, size in dimensions.items()
            for value in range(size)
            if value != at[name]
        ]
        found = [choices for choices in found if not self._gate.seen(self._space.candidate(choices))]
        self._random.shuffle(found)
        return found

    def tell(self, standings: Sequence[Standing]) -> None:
        """How those drawn last did: a value when measured in full, else how far they came."""
        for entrant, standing in zip(self._racing, standings, strict=True):
            entrant.trial.report(standing.means.aggregate, standing.examples)
            if standing.examples == len(standing.order):
                self._study.tell(entrant.trial, standing.means.aggregate)
            else:
                self._study.tell(entrant.trial, state=self._states.PRUNED)

"""Asks optuna's TPE for the next choices, and tells it how they did."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.domain.candidate import Candidate
from burnish.optimizers.joint_search.space import Choices, Space
from burnish.optimizers.proposals import Gate
from burnish.optimizers.race import Standing

REDRAWS_BY_MODEL = 3
REDRAWS_AT_RANDOM = 60


@dataclass(frozen=True, slots=True)
class Entrant:
    """A candidate with the trial it came from."""

    trial: Any  # optuna.Trial
    candidate: Candidate


class Sampler:
    """Draws new candidates; equal ones are drawn again, refused ones teach the sampler.

    Args:
        first: choices to try before the model has seen anything, best guess first.
    """

    def __init__(self, space: Space, gate: Gate, first: Sequence[Choices], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._gate = gate
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
        for choices in first:
            self._study.enqueue_trial(dict(choices), skip_if_exists=True)

    def draw(self, wanted: int) -> list[Entrant]:
        """Up to ``wanted`` new candidates; fewer when the space holds no more."""
        entrants: list[Entrant] = []
        redraws = 0
        while len(entrants) < wanted and redraws < REDRAWS_AT_RANDOM:
            if redraws >= REDRAWS_BY_MODEL:
                self._study.enqueue_trial(
                    {name: self._random.randrange(size) for name, size in self._space.dimensions.items()}
                )
            trial = self._study.ask(dict(self._distributions))
            candidate = self._space.candidate(trial.params)
            if self._gate.seen(candidate):
                self._study.tell(trial, state=self._states.FAIL)  # known already: says nothing new
                redraws += 1
                continue
            ruling = self._gate.admit(candidate, self._space.demonstrated(trial.params))
            if ruling.candidate is None:
                self._study.tell(trial, state=self._states.PRUNED)
                redraws += 1
                continue
            redraws = 0
            entrants.append(Entrant(trial, ruling.candidate))
        return entrants

    def tell(self, entrants: Sequence[Entrant], standings: Sequence[Standing], all_examples: int) -> None:
        """How the candidates did, in launch order: a value when measured in full, else how far they came."""
        for entrant, standing in zip(entrants, standings, strict=True):
            entrant.trial.report(standing.means.aggregate, standing.examples)
            if standing.examples == all_examples:
                self._study.tell(entrant.trial, standing.means.aggregate)
            else:
                self._study.tell(entrant.trial, state=self._states.PRUNED)

"""Asks optuna's TPE for the next points, and reports their scores to it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.domain.candidate import Candidate
from burnish.optimizers.joint_search.space import Point, Space
from burnish.optimizers.search.racing import RaceEntry
from burnish.optimizers.search.validator import ProposalValidator

REDRAWS_BY_MODEL = 3
REDRAWS_AT_RANDOM = 60


@dataclass(frozen=True, slots=True)
class _OpenTrial:
    """A candidate with the trial it came from."""

    trial: Any  # optuna.Trial
    candidate: Candidate


class Sampler:
    """Draws new candidates; equal ones are drawn again, refused ones are reported as pruned.

    From the second draw on, half of them differ from the best so far in one dimension only: in a space
    this small, with so few trials, the neighbours of a good candidate are the best bet.

    Args:
        first: points to try before the model has seen anything, best guess first.
    """

    def __init__(self, space: Space, validator: ProposalValidator, first: Sequence[Point], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._validator = validator
        self._points: dict[str, Point] = {}
        self._racing: list[_OpenTrial] = []
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
        for point in {tuple(sorted(entry.items())): dict(entry) for entry in first}.values():
            self._study.enqueue_trial(point)

    def ask(self, wanted: int, best: Candidate) -> list[Candidate]:
        """Up to ``wanted`` new candidates; fewer when the space holds no more."""
        open_trials: list[_OpenTrial] = []
        if self._points:
            for point in self._neighbours(best):
                if len(open_trials) == wanted // 2:
                    break
                self._study.enqueue_trial(point)
                open_trials += self._asked()
        redraws = 0
        while len(open_trials) < wanted and redraws < REDRAWS_AT_RANDOM:
            if redraws >= REDRAWS_BY_MODEL:
                self._study.enqueue_trial(
                    {name: self._random.randrange(size) for name, size in self._space.dimensions.items()}
                )
            drawn = self._asked()
            open_trials += drawn
            redraws = 0 if drawn else redraws + 1
        self._racing = open_trials
        return [open_trial.candidate for open_trial in open_trials]

    def _asked(self) -> list[_OpenTrial]:
        """The next trial's candidate, or nothing when it is known already or refused."""
        trial = self._study.ask(dict(self._distributions))
        candidate = self._space.candidate(trial.params)
        if self._validator.seen(candidate):
            self._study.tell(trial, state=self._states.FAIL)  # says nothing new
            return []
        result = self._validator.validate(candidate, self._space.demonstrated(trial.params))
        if result.candidate is None:
            self._study.tell(trial, state=self._states.PRUNED)
            return []
        self._points[result.candidate.candidate_id] = dict(trial.params)
        return [_OpenTrial(trial, result.candidate)]

    def _neighbours(self, best: Candidate) -> list[dict[str, int]]:
        """All that differ from the best in one dimension and are new, in a seeded order."""
        dimensions = self._space.dimensions
        at = {**dict.fromkeys(dimensions, 0), **self._points.get(best.candidate_id, {})}
        found = [
            {**at, name: value}
            for name, size in dimensions.items()
            for value in range(size)
            if value != at[name]
        ]
        found = [point for point in found if not self._validator.seen(self._space.candidate(point))]
        self._random.shuffle(found)
        return found

    def report(self, entries: Sequence[RaceEntry]) -> None:
        """What those asked for last may be expected to score."""
        for open_trial, entry in zip(self._racing, entries, strict=True):
            self._study.tell(open_trial.trial, entry.estimate)

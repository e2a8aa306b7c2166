"""The edits of one search: which are under test, what is believed of them, which set to ask next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from burnish.domain.edit import EditKind, EditReport, EditStatus
from burnish.optimizers.factorial.edits import Edit, Statement, same_idea
from burnish.optimizers.search.effects import Array, EffectModel, Normal, Posterior

STATEMENT_PRIOR = Normal(0.02, 0.12)
SLOT_PRIOR = Normal(0.0, 0.12)
REWORDING_PRIOR = Normal(0.0, 0.05)
PAIR_PRIOR = Normal(0.0, 0.12)
CLEAR_Z = 3.5  # some dozens of pairs are looked at again and again
FEWEST_IN_A_CELL = 8
WORTH_KNOWING = 0.004  # in the mean score
MOST_PAIRS = 12
Z_OF_95_PERCENT = 1.96


@dataclass(slots=True)
class Entry:
    """An edit under test.

    Attributes:
        effect: its number in the model.
        slot: edits of one slot exclude each other.
    """

    number: int
    edit: Edit
    effect: int
    slot: str
    status: EditStatus = EditStatus.TESTING
    reason: str = ""
    screened: bool = True
    shown: set[str] = field(default_factory=set)


class EditPool:
    """Edits with the model's beliefs about them.

    Args:
        give_up_below, settled_above: chances of being good.
        factorial: ``False`` tests one edit at a time against the best set; for comparison only.
        interactions: whether pairs that do not add up become effects of their own.
    """

    def __init__(
        self,
        model: EffectModel,
        give_up_below: float,
        settled_above: float,
        factorial: bool = True,
        interactions: bool = True,
    ) -> None:
        self.model = model
        self.entries: list[Entry] = []
        self._give_up_below = give_up_below
        self._settled_above = settled_above
        self._factorial = factorial
        self._interactions = interactions
        self._next_look = 0  # rows from which pairs are looked at again
        self._pairs: dict[tuple[int, int], int] = {}  # two effects → the effect of both together
        self.posterior: Posterior = model.posterior([])
        self._chances: dict[int, float] = {}

    # --- edits come and go

    def find(self, edit: Edit) -> Entry | None:
        """The entry that says the same in the same words."""
        return next((entry for entry in self.entries if entry.edit.identity == edit.identity), None)

    def add(self, edit: Edit, screened: bool) -> Entry:
        """A new edit; wordings of one idea share a slot.

        Args:
            screened: it takes part in the rounds at once; else after :meth:`admit`.
        """
        entry = Entry(
            number=len(self.entries) + 1,
            edit=edit,
            effect=self.model.add_effect(_prior_of(edit)),
            slot=f"{edit.prompt}/{edit.slot}" if edit.slot else self._slot_of_idea(edit),
            screened=screened,
            shown=set(edit.written_from),
        )
        self.entries.append(entry)
        return entry

    def give_up(self, entry: Entry, reason: str) -> None:
        entry.status, entry.reason = EditStatus.GIVEN_UP, reason

    def take_back(self, entry: Entry) -> None:
        """An edit that was given up is under test again."""
        entry.status, entry.reason, entry.screened = EditStatus.TESTING, "", True

    @property
    def active(self) -> list[Entry]:
        """Under test and past the screen."""
        return [e for e in self.entries if e.status is EditStatus.TESTING and e.screened]

    @property
    def in_doubt(self) -> list[Entry]:
        """Of which it is worth something to know more: the expected gain from knowing an effect exactly."""
        return [
            entry
            for entry in self.active
            if self.chance(entry) < self._settled_above and self._worth_of_knowing(entry) >= WORTH_KNOWING
        ]

    def chance(self, entry: Entry) -> float:
        """Probability that the edit does good, as of the last update."""
        return self._chances.get(entry.effect, 0.5)

    def mean(self, entry: Entry) -> float:
        """Expected effect, as of the last update."""
        return self.gain([entry]).mean if entry.effect in self.posterior.effects else 0.0

    # --- beliefs

    def update(self) -> list[Entry]:
        """Learn from the rows so far.

        Returns:
            Edits given up by that.
        """
        self._look_for_interactions()
        self._refresh()
        given_up = []
        for entry in self.active:
            if (chance := self.chance(entry)) < self._give_up_below:
                self.give_up(entry, f"a chance of {chance:.2f} to do good after {self.calls(entry)} calls")
                given_up.append(entry)
        return given_up

    def calls(self, entry: Entry) -> int:
        return self.model.rows_of(entry.effect)

    def features(self, chosen: Sequence[Entry]) -> list[int]:
        """What a prompt with these edits has in the model."""
        effects = [entry.effect for entry in chosen]
        there = set(effects)
        return effects + [n for (a, b), n in self._pairs.items() if a in there and b in there]

    def gain(self, chosen: Sequence[Entry]) -> Normal:
        """Belief about a set's gain over the source."""
        return self.posterior.total(self.features(chosen))

    def report(self, entry: Entry, status: EditStatus | None = None, reason: str = "") -> EditReport:
        edit = entry.edit
        known = EditReport(
            number=entry.number,
            kind=edit.kind,
            text=edit.text,
            prompt=edit.prompt,
            origin=edit.origin,
            status=status or entry.status,
            calls=self.calls(entry),
            reason=reason or entry.reason,
        )
        if entry.effect not in self.posterior.effects:
            return known
        belief = self.posterior.total([entry.effect])
        return replace(
            known,
            effect=round(belief.mean, 4),
            low=round(belief.mean - Z_OF_95_PERCENT * belief.sd, 4),
            high=round(belief.mean + Z_OF_95_PERCENT * belief.sd, 4),
            chance=round(self.chance(entry), 4),
        )

    # --- sets

    def best(self) -> list[Entry]:
        """The set with the highest expected score."""
        return self._best_set(self.posterior.mean, self.active)

    def value_of_best(self, values: Array) -> float:
        """The sum of values of the best set, if these were the effects."""
        value = dict(zip(self.posterior.effects, values.tolist(), strict=True))
        chosen = self.features(self._best_set(values, self.active))
        return float(sum(value[effect] for effect in chosen))

    def careful(self, chance: float) -> list[Entry]:
        """Of the best set, what is likely to do good by itself."""
        return [entry for entry in self.best() if self.chance(entry) >= chance]

    def draw(self, random: np.random.Generator, example_id: str) -> list[Entry]:
        """A set by Thompson sampling: the best one for a draw from the posterior.

        Args:
            example_id: edits that show this very example with its answer stay out.
        """
        possible = [entry for entry in self.active if example_id not in entry.edit.demonstrated]
        if self._factorial:
            return self._best_set(self.posterior.sample(random), possible)
        settled = [
            entry for entry in self._best_set(self.posterior.mean, possible) if entry not in self.in_doubt
        ]
        doubtful = [entry for entry in possible if entry in self.in_doubt][:1]
        tested = doubtful if random.random() < 0.5 else []
        return [entry for entry in settled if not tested or entry.slot != tested[0].slot] + tested

    def _best_set(self, values: Array, possible: Sequence[Entry]) -> list[Entry]:
        """The set with the largest sum of values; with pairs, by changing one slot at a time."""
        value = dict(zip(self.posterior.effects, values.tolist(), strict=True))
        slots: dict[str, list[Entry]] = {}
        for entry in possible:
            if entry.effect in value:
                slots.setdefault(entry.slot or f"#{entry.number}", []).append(entry)
        chosen: dict[str, Entry | None] = {}
        for name, entries in slots.items():
            best = max(entries, key=lambda entry: value[entry.effect])
            chosen[name] = best if value[best.effect] > 0 else None
        paired = {effect for pair in self._pairs for effect in pair}
        together = {name: held for name, held in slots.items() if any(e.effect in paired for e in held)}
        for _ in range(4 if len(together) > 1 else 0):
            if not self._improve(chosen, together, value):
                break
        return sorted((e for e in chosen.values() if e is not None), key=lambda entry: entry.number)

    def _improve(
        self, chosen: dict[str, Entry | None], slots: Mapping[str, list[Entry]], value: Mapping[int, float]
    ) -> bool:
        changed = False
        for name, entries in slots.items():
            others = {e.effect for slot in slots if slot != name and (e := chosen[slot]) is not None}

            def worth(entry: Entry | None, others: set[int] = others) -> float:
                if entry is None:
                    return 0.0
                together = [
                    value.get(number, 0.0)
                    for (a, b), number in self._pairs.items()
                    if entry.effect in (a, b) and (a in others or b in others)
                ]
                return value[entry.effect] + sum(together)

            options: list[Entry | None] = [None, *entries]
            best = max(options, key=worth)
            if best is not chosen[name] and worth(best) > worth(chosen[name]):
                chosen[name], changed = best, True
        return changed

    # --- inside

    def _worth_of_knowing(self, entry: Entry) -> float:
        """E[max(0, effect)] - max(0, E[effect])."""
        if entry.effect not in self.posterior.effects:
            return math.inf
        belief = self.posterior.total([entry.effect])
        if belief.sd <= 0:
            return 0.0
        z = abs(belief.mean) / belief.sd
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        return belief.sd * (density - z * 0.5 * math.erfc(z / math.sqrt(2)))

    def _refresh(self) -> None:
        active = [entry.effect for entry in self.active]
        there = set(active)
        pairs = [number for (a, b), number in self._pairs.items() if a in there and b in there]
        self.posterior = self.model.posterior([*active, *pairs])
        self._chances |= dict(zip(self.posterior.effects, self.posterior.chances().tolist(), strict=True))

    def _look_for_interactions(self) -> None:
        rows = self.model.rows
        if not self._interactions or len(self._pairs) >= MOST_PAIRS or rows < self._next_look:
            return
        self._next_look = rows + max(20, rows // 10)
        effects = [entry.effect for entry in self.active]
        slot_of = {entry.effect: entry.slot for entry in self.active}
        for pair in self.model.interactions(effects, FEWEST_IN_A_CELL)[:1]:
            key = (pair.first, pair.second)
            alternatives = slot_of[pair.first] and slot_of[pair.first] == slot_of[pair.second]
            if abs(pair.z) >= CLEAR_Z and key not in self._pairs and not alternatives:
                self._pairs[key] = self.model.add_interaction(*key, PAIR_PRIOR)

    def _slot_of_idea(self, edit: Edit) -> str:
        if not isinstance(edit.change, Statement):
            return ""
        for entry in self.entries:
            is_statement = isinstance(entry.edit.change, Statement) and entry.edit.prompt == edit.prompt
            if is_statement and same_idea(entry.edit.text, edit.text):
                entry.slot = entry.slot or f"{edit.prompt}/idea {entry.number}"
                return entry.slot
        return ""


def _prior_of(edit: Edit) -> Normal:
    if edit.kind is EditKind.REWORDING:
        return REWORDING_PRIOR
    return STATEMENT_PRIOR if isinstance(edit.change, Statement) else SLOT_PRIOR

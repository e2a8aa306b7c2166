"""Which training examples to show: subsets, their neighbours, and the candidates they make."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from burnish.domain.candidate import Candidate
from burnish.optimizers.prompts.composer import PromptComposer
from burnish.optimizers.prompts.demonstrations import Demonstration, pick
from burnish.optimizers.prompts.instruction_templates import NO_RULE
from burnish.optimizers.prompts.layout import AS_SOURCE, Layout
from burnish.optimizers.protocol import Task
from burnish.optimizers.search.racing import RaceEntry
from burnish.optimizers.search.validator import ProposalValidator

REDRAWS = 40
_LEAST_WEIGHT = 0.02  # of a format in which nothing has passed yet: hardly ever drawn again where others do


@dataclass(frozen=True, slots=True)
class DemonstrationFormat:
    """How demonstrations stand in the prompt, and which pool they are from."""

    layout: Layout
    style: str
    pool: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Demonstrations in their order."""

    shown: tuple[Demonstration, ...]
    format: DemonstrationFormat

    def __str__(self) -> str:
        return f"{len(self.shown)} examples ({self.format.style}) × {self.format.layout.name}"


class SubsetSearch:
    """Draws subsets: at random first, then half of them by changing the best so far a little.

    Every format has its turn; after that those come more often in which candidates scored better.

    Args:
        name, composer: of the prompt whose answers are scored.
        pools: traces and expected responses, apart.
        most: demonstrations in one prompt.
    """

    def __init__(
        self,
        task: Task,
        name: str,
        composer: PromptComposer,
        pools: Sequence[Sequence[Demonstration]],
        most: int,
        validator: ProposalValidator,
    ) -> None:
        self._source = task.source
        self._name = name
        self._composer = composer
        self._pools = pools
        self._most = most
        self._validator = validator
        self._seed = task.seed
        self._random = random.Random(f"{task.seed}/subsets")
        self._selections: dict[str, Selection] = {}
        self._formats = self._possible_formats()
        self._scores: dict[DemonstrationFormat, list[float]] = {}
        self._draws = 0

    def ask(self, wanted: int, best: Candidate) -> list[Candidate]:
        """Up to ``wanted`` new candidates."""
        drawn: list[Candidate] = []
        misses = 0
        while len(drawn) < wanted and misses < REDRAWS:
            origin = self._selections.get(best.candidate_id)
            change = origin is not None and len(drawn) < wanted // 2 and misses < REDRAWS // 2
            selection = self._changed(origin) if origin is not None and change else self._fresh()
            candidate = self._candidate(selection, best if change else self._source)
            ids = {shown.example.example_id for shown in selection.shown}
            result = None if self._validator.seen(candidate) else self._validator.validate(candidate, ids)
            if result is None or result.candidate is None:
                misses += 1
                continue
            self._selections[result.candidate.candidate_id] = selection
            drawn.append(result.candidate)
        return drawn

    def report(self, entries: Sequence[RaceEntry]) -> None:
        """Remember which formats do well."""
        for entry in entries:
            used = self._selections[entry.candidate.candidate_id].format
            self._scores.setdefault(used, []).append(entry.estimate)

    def _fresh(self) -> Selection:
        """Another subset, of another size each time."""
        number = self._draws
        self._draws += 1
        chosen = self._formats[number] if number < len(self._formats) else self._promising()
        pool = self._pools[chosen.pool]
        most = min(self._most, len(pool))
        count = self._random.choice([size for size in range(1, most + 1) if size == most or size % 2 == 0])
        return Selection(pick(pool, count, self._seed, number), chosen)

    def _promising(self) -> DemonstrationFormat:
        weights = [
            max(_LEAST_WEIGHT, statistics.fmean(self._scores.get(each, [0.0]))) for each in self._formats
        ]
        return self._random.choices(self._formats, weights)[0]

    def _changed(self, selection: Selection) -> Selection:
        """One demonstration exchanged, added or left out, or all of them arranged in another way."""
        shown = list(selection.shown)
        ids = {demonstration.example.example_id for demonstration in shown}
        others = [d for d in self._pools[selection.format.pool] if d.example.example_id not in ids]
        changes = ["arrange"]
        changes += ["exchange"] if others else []
        changes += ["add"] if others and len(shown) < self._most else []
        changes += ["leave out"] if len(shown) > 1 else []
        match self._random.choice(changes):
            case "exchange":
                shown[self._random.randrange(len(shown))] = self._random.choice(others)
            case "add":
                shown.insert(self._random.randrange(len(shown) + 1), self._random.choice(others))
            case "leave out":
                shown.pop(self._random.randrange(len(shown)))
            case _:
                possible = [each for each in self._formats if each.pool == selection.format.pool]
                return replace(selection, format=self._random.choice(possible))
        return replace(selection, shown=tuple(shown))

    def _candidate(self, selection: Selection, parent: Candidate) -> Candidate:
        shown_as = selection.format
        text = self._composer.compose(
            self._composer.structure.instruction, NO_RULE, shown_as.layout, selection.shown, shown_as.style
        )
        texts = {**self._source.texts, self._name: text}
        return Candidate(texts, parents=(parent.candidate_id,), origin=str(selection))

    def _possible_formats(self) -> list[DemonstrationFormat]:
        """All of them, in an order in which the layouts and the pools take turns."""
        fields = Layout("fields, task cue", cue="{answer}:")
        answer = Layout("fields, answer cue", cue="Answer:")
        arrangements = [(fields, "block"), (AS_SOURCE, "titled"), (answer, "block"), (fields, "titled")]
        if self._composer.jinja:
            arrangements = [(AS_SOURCE, "titled")]
            arrangements += [(AS_SOURCE, "turns")] if self._composer.slot.takes_turns else []
        elif self._composer.slot.takes_turns:
            arrangements = [(AS_SOURCE, "turns"), (fields, "turns"), *arrangements[:2]]
        pools = len(self._pools)
        return [
            DemonstrationFormat(layout, style, (turn + number) % pools)
            for turn in range(pools)
            for number, (layout, style) in enumerate(arrangements)
        ]

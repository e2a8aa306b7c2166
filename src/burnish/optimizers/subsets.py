"""Which training examples to show: subsets, their neighbours, and the candidates they make."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from burnish.domain.candidate import Candidate
from burnish.optimizers.demonstrations import Demonstration, pick
from burnish.optimizers.joint_search.catalogue import NO_RULE
from burnish.optimizers.joint_search.layout import AS_SOURCE, Layout
from burnish.optimizers.joint_search.space import PromptSpace, prompt_space
from burnish.optimizers.proposals import Gate
from burnish.optimizers.protocol import Task
from burnish.optimizers.race import Standing

REDRAWS = 40


@dataclass(frozen=True, slots=True)
class Selection:
    """Demonstrations in their order, and how they stand in the prompt."""

    shown: tuple[Demonstration, ...]
    layout: Layout
    style: str
    pool: int

    def __str__(self) -> str:
        return f"{len(self.shown)} examples ({self.style}) × {self.layout.name}"


class SubsetSearch:
    """Draws subsets: at random first, then half of them by changing the best so far a little."""

    def __init__(self, task: Task, pools: Sequence[Sequence[Demonstration]], most: int, gate: Gate) -> None:
        name = next(iter(task.source.texts))
        self._source = task.source
        self._name = name
        self._space: PromptSpace = prompt_space(task, name)
        self._pools = pools
        self._most = most
        self._gate = gate
        self._seed = task.seed
        self._random = random.Random(f"{task.seed}/subsets")
        self._selections: dict[str, Selection] = {}
        self._arrangements = self._possible_arrangements()
        self._draws = 0

    def draw(self, wanted: int, best: Candidate) -> list[Candidate]:
        """Up to ``wanted`` new candidates."""
        drawn: list[Candidate] = []
        misses = 0
        while len(drawn) < wanted and misses < REDRAWS:
            origin = self._selections.get(best.candidate_id)
            change = origin is not None and len(drawn) < wanted // 2 and misses < REDRAWS // 2
            selection = self._changed(origin) if origin is not None and change else self._fresh()
            candidate = self._candidate(selection, best if change else self._source)
            ids = {shown.example.example_id for shown in selection.shown}
            ruling = None if self._gate.seen(candidate) else self._gate.admit(candidate, ids)
            if ruling is None or ruling.candidate is None:
                misses += 1
                continue
            self._selections[ruling.candidate.candidate_id] = selection
            drawn.append(ruling.candidate)
        return drawn

    def tell(self, standings: Sequence[Standing]) -> None:
        """The best so far is all that it builds on."""

    def _fresh(self) -> Selection:
        """Another subset, of another size and in another arrangement each time."""
        number = self._draws
        self._draws += 1
        layout, style = self._arrangements[number % len(self._arrangements)]
        pool = number % len(self._pools)
        most = min(self._most, len(self._pools[pool]))
        count = self._random.choice([size for size in range(1, most + 1) if size == most or size % 2 == 0])
        return Selection(pick(self._pools[pool], count, self._seed, number), layout, style, pool)

    def _changed(self, selection: Selection) -> Selection:
        """One demonstration exchanged, added or left out, or all of them arranged in another way."""
        shown = list(selection.shown)
        ids = {demonstration.example.example_id for demonstration in shown}
        others = [d for d in self._pools[selection.pool] if d.example.example_id not in ids]
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
                layout, style = self._random.choice(self._arrangements)
                return replace(selection, layout=layout, style=style)
        return replace(selection, shown=tuple(shown))

    def _candidate(self, selection: Selection, parent: Candidate) -> Candidate:
        text = self._space.composed(
            self._space.anatomy.instruction, NO_RULE, selection.layout, selection.shown, selection.style
        )
        texts = {**self._source.texts, self._name: text}
        return Candidate(texts, parents=(parent.candidate_id,), origin=str(selection))

    def _possible_arrangements(self) -> list[tuple[Layout, str]]:
        fields = Layout("fields, task cue", cue="{answer}:")
        answer = Layout("fields, answer cue", cue="Answer:")
        arrangements = [(fields, "block"), (AS_SOURCE, "titled"), (answer, "block"), (fields, "titled")]
        if self._space.frame.takes_turns:
            arrangements = [(AS_SOURCE, "turns"), (fields, "turns"), *arrangements[:2]]
        return arrangements

"""One proposal in flight: what was decided when it was launched, and what has come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.errors import ModelError
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.budget import Cost
from burnish.optimizers.search.buffered_observer import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalSpec:
    """What is decided about a proposal before it starts.

    Attributes:
        number: position in launch order, from 0.
        minibatch_ids: gepa's ids of the training examples; one may stand twice to fill the batch up.
        minibatch: the examples, in the same order.
        components: numbers of the components to rewrite.
        sample: how often this very question has been asked before.
        known: ids of the candidates that gepa had in its pool.
    """

    number: int
    parent: Candidate
    minibatch_ids: tuple[int, ...]
    minibatch: tuple[Example, ...]
    components: tuple[int, ...]
    sample: int = 0
    known: frozenset[str] = frozenset()


class ProposalOutcome(StrEnum):
    """How a proposal ended on its minibatch."""

    PERFECT = "PERFECT"  # the parent fails no example of the minibatch: nothing to learn from
    UNANSWERED = "UNANSWERED"  # the reflection model gave no answer
    REFUSED = "REFUSED"  # by the checks, twice
    LOST = "LOST"  # not better than its parent, or than a newer candidate, on the minibatch
    WON = "WON"  # better than its parent, and than those that won before it


@dataclass(slots=True, eq=False, kw_only=True)
class Proposal:
    """A spec, and what has come of it so far.

    Attributes:
        older: those in flight when it was launched, in launch order.
        parent_cost: of the launch's parent on the minibatch, less what older proposals pay for.
        reserve: the most it costs before it is validated.
        reflections: questions asked for it.
        has_new_text: the reflection model wrote something that it had not written before.
        parent: of ``child``; the launch's, or the newer candidate it was rebased onto.
        before, after: the results that were compared, on the minibatch: of ``parent``, and of what the
            reflection made of the launch's parent.
        validation: of ``child``, where it was validated.
        losers: candidates that were measured and went no further, with the reason.
        measured: every (candidate, examples) it had measured.
        observations: what the checks said, to be observed when it is committed.
        outcome: known once it is decided.
        proposed, decided: set, in launch order, once its text has been checked; once its outcome is known.
    """

    spec: ProposalSpec
    older: tuple[Proposal, ...]
    parent_cost: Cost
    reserve: Cost
    parent: Candidate
    reflections: int = 0
    has_new_text: bool = False
    child: Candidate | None = None
    before: Means | None = None
    after: Means | None = None
    validation: Means | None = None
    losers: list[tuple[Candidate, str]] = field(default_factory=list)
    measured: list[tuple[Candidate, Sequence[Example]]] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    outcome: ProposalOutcome | None = None
    failure: ModelError | None = None
    proposed: asyncio.Event = field(default_factory=asyncio.Event)
    decided: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def has_won(self) -> bool:
        return self.outcome is ProposalOutcome.WON

    @property
    def result(self) -> Candidate | None:
        """The candidate it ended with: its child, or the last that went no further."""
        return self.child or (self.losers[-1][0] if self.losers else None)

    async def my_turn(self) -> None:
        """Return when the texts of all older ones have been checked."""
        if self.older:
            await self.older[-1].proposed.wait()

    async def newest_winner(self) -> Proposal | None:
        """The last of the older ones that won, when all of them are decided."""
        for other in self.older:
            await other.decided.wait()
        return next((other for other in reversed(self.older) if other.has_won), None)


def aggregates(means: Means) -> list[float]:
    """Aggregate scores in the order of the examples."""
    return [evaluation.aggregate for evaluation in means.evaluations]

"""Keeps k proposals in flight and hands them out in launch order.

What is decided here depends on the seed, on k and on answers, never on when an answer came: a
proposal is launched when an older one is committed, is ruled on after those launched before it, and
gets the budget for its validation as if they had run one after the other.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.errors import BudgetExhausted
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.measure import MINIBATCH, Measure
from burnish.optimizers.gepa.proposal import Fate, Launch, Proposal
from burnish.optimizers.gepa.purse import Cost, Purse
from burnish.optimizers.gepa.pursuit import Pursuit, Rules
from burnish.optimizers.gepa.rewriter import Rewriter

TAKEN_UP_WITHIN = 2
"""How many younger proposals a winner waits for: if one is carried over to it and wins, it need not be
validated itself. Waiting for more saves more validations and costs more time."""


class LookAhead:
    """The proposals in flight, as tasks of the job's event loop.

    Args:
        fail: told of an error that must end the search at once.
    """

    def __init__(
        self,
        rules: Rules,
        purse: Purse,
        validation: tuple[Example, ...],
        measure: Measure,
        rewriter: Rewriter,
        fail: Callable[[BaseException], None],
    ) -> None:
        self.purse = purse
        self._rules = rules
        self._validation = Cost(evaluations=len(validation)) + rules.completion
        self._measure = measure
        self._pursuit = Pursuit(rules, validation, measure, rewriter, self._ask_for_funds)
        self._fail = fail
        self._in_flight: deque[Proposal] = deque()
        self._tasks: dict[Proposal, asyncio.Task[None]] = {}
        self._measured: set[tuple[str, str]] = set()
        self._asked: Counter[tuple[object, ...]] = Counter()
        self._oldest_is_due = False
        self._exhausted: BudgetExhausted | None = None

    def __len__(self) -> int:
        return len(self._in_flight)

    def in_flight_from(self, parent: Candidate) -> int:
        """Proposals in flight with this parent."""
        return sum(proposal.launch.parent is parent for proposal in self._in_flight)

    # --- launching

    def new_evaluations(self, candidate: Candidate, examples: Iterable[Example]) -> Cost:
        """What measuring these costs; from now on they count as measured."""
        pairs = {(candidate.candidate_id, example.example_id) for example in examples} - self._measured
        self._measured |= pairs
        return Cost(evaluations=len(pairs))

    async def may_launch(self) -> bool:
        """Whether there is a place for another proposal, and budget for it and for one validation."""
        if self._exhausted or len(self._in_flight) >= self._rules.width:
            return False
        return self.purse.has_room_for(*self._reserves(), self._rules.worst, self._validation)

    async def launch(
        self, parent: Candidate, minibatch: Sequence[tuple[int, Example]], components: tuple[int, ...]
    ) -> None:
        """Start a proposal.

        Args:
            minibatch: gepa's ids with their examples.
            components: numbers of the components to rewrite.
        """
        ids, examples = (tuple(column) for column in zip(*minibatch, strict=True))
        question = (parent.candidate_id, ids, components)
        launch = Launch(
            number=self._asked.total(),
            parent=parent,
            minibatch_ids=ids,
            minibatch=examples,
            components=components,
            sample=self._asked[question],
        )
        self._asked[question] += 1
        cost, worst = self.new_evaluations(parent, examples), self._rules.worst
        rest = Cost(worst.evaluations - self._rules.minibatch_size, worst.reflections)
        proposal = Proposal(
            launch=launch,
            older=tuple(self._in_flight),
            parent_cost=cost,
            reserve=cost + rest,
            spent=cost,
            parent=parent,
        )
        self._in_flight.append(proposal)
        self._tasks[proposal] = asyncio.create_task(self._run(proposal))

    async def _run(self, proposal: Proposal) -> None:
        try:
            proposal.fate = await self._pursuit(proposal)
        except BudgetExhausted as exhausted:
            self._give_up_behind(proposal, exhausted)
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._exhausted and task is not None and not task.cancelling():
                raise self._exhausted from None  # it shared an evaluation with one that was given up
            raise
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            proposal.proposed.set()
            proposal.decided.set()
            self._fund()

    def _give_up_behind(self, proposal: Proposal, exhausted: BudgetExhausted) -> None:
        """Nothing behind it will be committed: leave what is left of the budget to those before it."""
        self._exhausted = self._exhausted or exhausted
        for other in list(self._in_flight)[self._in_flight.index(proposal) + 1 :]:
            self._tasks[other].cancel()

    # --- committing

    async def oldest(self) -> Proposal | None:
        """The oldest proposal in flight, when it has come to its end; ``None`` when there is none.

        Raises:
            BudgetExhausted: it could not come to its end. Those behind it have been given up.
        """
        if not self._in_flight:
            return None
        self._oldest_is_due = True
        self._fund()
        await asyncio.shield(self._tasks[self._in_flight[0]])
        return self._in_flight[0]

    def commit(self) -> Proposal:
        """The oldest has been dealt with: it leaves, and its cost is paid."""
        proposal = self._in_flight.popleft()
        del self._tasks[proposal]
        self._oldest_is_due = False
        self.purse.pay(proposal.parent_cost + Cost(reflections=proposal.spent.reflections))
        for candidate, examples in proposal.measured:
            self.purse.pay(self.new_evaluations(candidate, examples))
        proposal.older = ()
        self._fund()
        return proposal

    async def abandon(self) -> None:
        """Give up everything in flight."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- beside the proposals, between two commits

    def may_validate_beside(self) -> bool:
        """Whether there is room for one more validation beside all that is reserved."""
        return self.purse.has_room_for(*self._reserves(), self._validation)

    async def measure_beside(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        """Measure and pay at once."""
        self.purse.pay(self.new_evaluations(candidate, examples))
        return await self._measure(candidate, examples, MINIBATCH)

    # --- who may be validated

    async def _ask_for_funds(self, proposal: Proposal) -> Fate:
        proposal.funds = asyncio.get_running_loop().create_future()
        self._fund()
        return await proposal.funds

    def _fund(self) -> None:
        """Say to those that have asked what becomes of them, as soon as it is certain."""
        for position, proposal in enumerate(self._in_flight):
            if proposal.funds is not None and not proposal.funds.done():
                fate = self._fate(position, proposal)
                if fate is not None:
                    proposal.funds.set_result(fate)

    def _fate(self, position: int, proposal: Proposal) -> Fate | None:
        """What becomes of a winner; ``None``: that is not certain yet.

        It is validated when the budget has room beside all that is reserved, once it is its turn; and
        before its turn if there will be room even if every older one is validated and the places behind
        it are filled by the most expensive proposals.
        """
        is_due = position == 0 and self._oldest_is_due
        waits_for = min(TAKEN_UP_WITHIN, self._rules.width - 1)
        younger = [self._in_flight[at] for at in range(position + 1, len(self._in_flight))][:waits_for]
        if not all(other.decided.is_set() for other in younger):
            return None
        if len(younger) < waits_for and not is_due:
            return None
        if any(other.has_won for other in younger):
            return Fate.TAKEN_UP
        assert proposal.wanted is not None
        reserves = self._reserves()
        if is_due:
            room = self.purse.has_room_for(proposal.spent, *reserves[1:], proposal.wanted)
            return Fate.VALIDATED if room else Fate.UNFUNDED
        older = list(self._in_flight)[:position]
        ahead = [self._validation for other in older if other.may_be_validated]
        behind = self._rules.worst * (self._rules.width - (len(reserves) - position))
        merges = self._validation * (position + 1 if self._rules.merges else 0)
        room = self.purse.has_room_for(*reserves, *ahead, behind, merges, proposal.wanted)
        return Fate.VALIDATED if room else None

    def _reserves(self) -> list[Cost]:
        return [proposal.reserve for proposal in self._in_flight]

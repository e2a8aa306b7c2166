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
from burnish.optimizers.gepa.proposal import Launch, Proposal
from burnish.optimizers.gepa.purse import Cost, Purse
from burnish.optimizers.gepa.pursuit import Pursuit, Rules
from burnish.optimizers.gepa.rewriter import Rewriter


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
        self._tried = self._won = 0

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
        """Whether there is a place for another proposal, and budget to see it through.

        Those in flight are expected to win as often as those before them did, so that few are
        launched which the budget cannot validate.
        """
        if self._exhausted or len(self._in_flight) >= self._rules.width:
            return False
        chance = (self._won + 1) / (self._tried + 4)
        expected = Cost(round(chance * self._validation.evaluations * len(self._in_flight)))
        return self.purse.has_room_for(*self._reserves(), self._rules.worst, expected, self._validation)

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
        cost = self.new_evaluations(parent, examples)
        child = Cost(len(set(ids)), self._rules.worst.reflections)
        proposal = Proposal(
            launch=launch, older=tuple(self._in_flight), parent=parent, spent=cost, reserve=cost + child
        )
        self._in_flight.append(proposal)
        self._tasks[proposal] = asyncio.create_task(self._run(proposal))

    async def _run(self, proposal: Proposal) -> None:
        try:
            proposal.fate = await self._pursuit(proposal)
            self._fund()
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
        self.purse.pay(proposal.spent)
        for candidate, examples in proposal.measured:
            self.new_evaluations(candidate, examples)
        self._tried += proposal.after is not None
        self._won += proposal.has_won
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

    async def _ask_for_funds(self, proposal: Proposal) -> bool:
        proposal.funds = asyncio.get_running_loop().create_future()
        self._fund()
        return await proposal.funds

    def _fund(self) -> None:
        """Answer those that ask for funds.

        The oldest, when it is due, gets them if the budget has room beside all that is reserved for the
        others. Before it is due, a proposal gets them if that is certain already: even if every
        older one wins, and the places behind it are filled by the most expensive proposals.
        """
        reserves = self._reserves()
        older: list[Cost] = []
        for position, proposal in enumerate(self._in_flight):
            funds, wanted = proposal.funds, proposal.wanted
            if funds is not None and wanted is not None and not funds.done():
                if position == 0 and self._oldest_is_due:
                    funds.set_result(self.purse.has_room_for(proposal.spent, *reserves[1:], wanted))
                elif self._is_certain(position, reserves, older, wanted):
                    funds.set_result(True)
            if proposal.may_be_validated:
                older.append(wanted or self._validation + self._rules.worst_carrying)

    def _is_certain(self, position: int, reserves: list[Cost], older: list[Cost], wanted: Cost) -> bool:
        places_behind = self._rules.width - (len(reserves) - position)
        merges = self._validation * (position + 1 if self._rules.merges else 0)
        return self.purse.has_room_for(*reserves, *older, self._rules.worst * places_behind, merges, wanted)

    def _reserves(self) -> list[Cost]:
        return [proposal.reserve for proposal in self._in_flight]

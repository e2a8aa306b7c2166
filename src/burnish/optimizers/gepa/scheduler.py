"""Keeps k proposals in flight and hands them out in launch order.

What is decided here depends on the seed, on k and on answers, never on when an answer came: a
proposal is launched when an older one is committed, is checked after those launched before it, and
is validated when it is the oldest.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence

from burnish.concurrency import cancel_and_wait
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.errors import BudgetExhausted
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.budget import Cost, SearchBudget
from burnish.optimizers.gepa.proposal_pipeline import MinibatchEvaluator, ProposalPipeline, Rules
from burnish.optimizers.gepa.proposals import Proposal, ProposalSpec
from burnish.optimizers.gepa.reflection import ReflectiveProposer

SUPERSEDED_WITHIN = 3
"""How many younger proposals a winner waits for: if one is rebased onto it and wins, it need not be
validated itself. Waiting for more saves more validations and costs more time."""


class ProposalScheduler:
    """The proposals in flight, as tasks of the job's event loop.

    There is always room for one more validation beside all that the proposals in flight may cost, so
    that what they find is never lost.

    Attributes:
        most: how many may be in flight now, where that is fewer than ``rules.width``.

    Args:
        fail: called with an error that must end the search at once.
    """

    def __init__(
        self,
        rules: Rules,
        budget: SearchBudget,
        validation: tuple[Example, ...],
        measure: MinibatchEvaluator,
        proposer: ReflectiveProposer,
        fail: Callable[[BaseException], None],
    ) -> None:
        self.budget = budget
        self.most: int | None = None
        self._rules = rules
        self._validation = validation
        self._validation_cost = Cost(evaluations=len(validation)) + rules.completion
        self._measure = measure
        self._pipeline = ProposalPipeline(rules, measure, proposer)
        self._fail = fail
        self._in_flight: deque[Proposal] = deque()
        self._tasks: dict[Proposal, asyncio.Task[None]] = {}
        self._measured: set[tuple[str, str]] = set()
        self._asked: Counter[tuple[object, ...]] = Counter()
        self._is_closed = False
        self._exhausted: BudgetExhausted | None = None

    def __len__(self) -> int:
        return len(self._in_flight)

    def in_flight_from(self, parent: Candidate) -> int:
        """Proposals in flight with this parent."""
        return sum(proposal.spec.parent is parent for proposal in self._in_flight)

    # --- launching

    def new_evaluations(self, candidate: Candidate, examples: Iterable[Example]) -> Cost:
        """What measuring these costs; from now on they count as measured."""
        pairs = {(candidate.candidate_id, example.example_id) for example in examples} - self._measured
        self._measured |= pairs
        return Cost(evaluations=len(pairs))

    async def may_launch(self) -> bool:
        """Whether there is a place for another proposal, and budget for it and for one validation.

        Once the budget has not sufficed, nothing more is launched: what those in flight leave over would
        pay for few, one after the other.
        """
        width = min(self._rules.width, self.most or self._rules.width)
        if self._exhausted or self._is_closed or len(self._in_flight) >= width:
            return False
        self._is_closed = not self._has_room_for(self._rules.worst, self._validation_cost)
        return not self._is_closed

    async def launch(
        self,
        parent: Candidate,
        minibatch: Sequence[tuple[int, Example]],
        components: tuple[int, ...],
        known: frozenset[str],
    ) -> ProposalSpec:
        """Start a proposal.

        Args:
            known: ids of the candidates in gepa's pool.
            minibatch: gepa's ids with their examples.
            components: numbers of the components to rewrite.
        """
        ids, examples = (tuple(column) for column in zip(*minibatch, strict=True))
        question = (parent.candidate_id, ids, components)
        spec = ProposalSpec(
            number=self._asked.total(),
            parent=parent,
            minibatch_ids=ids,
            minibatch=examples,
            components=components,
            sample=self._asked[question],
            known=known,
        )
        self._asked[question] += 1
        cost, worst = self.new_evaluations(parent, examples), self._rules.worst
        rest = Cost(worst.evaluations - self._rules.minibatch_size, worst.reflections)
        proposal = Proposal(
            spec=spec,
            older=tuple(self._in_flight),
            parent_cost=cost,
            reserve=cost + rest,
            parent=parent,
        )
        self._in_flight.append(proposal)
        self._tasks[proposal] = asyncio.create_task(self._run(proposal))
        return spec

    async def _run(self, proposal: Proposal) -> None:
        try:
            proposal.outcome = await self._pipeline(proposal)
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
        """The oldest proposal in flight, decided and validated; ``None`` when there is none.

        Raises:
            BudgetExhausted: it could not come to its end. Those behind it have been given up.
        """
        if not self._in_flight:
            return None
        proposal = self._in_flight[0]
        # The engine may be cancelled while it waits; the proposal goes on, and abandon() ends it.
        await asyncio.shield(self._tasks[proposal])
        if proposal.has_won and proposal.child is not None:
            if await self._is_superseded():
                reason = "better, and taken up by a younger proposal that is better still"
                proposal.losers.append((proposal.child, reason))
            else:
                proposal.measured.append((proposal.child, self._validation))
                proposal.validation = await self._measure(proposal.child, self._validation)
        return proposal

    async def _is_superseded(self) -> bool:
        """Whether a younger proposal has been rebased onto the oldest, and won.

        Those that stand next are waited for; all of them where no second validation can be paid, so that
        it is the last winner that is validated.
        """
        room = self._has_room_for(self._validation_cost, self._validation_cost)
        younger = list(self._in_flight)[1:]
        for other in younger[:SUPERSEDED_WITHIN] if room else younger:
            await asyncio.wait([self._tasks[other]])
            if other.has_won:
                return True
        return False

    def commit(self) -> Proposal:
        """The oldest has been dealt with: it leaves, and its cost is paid."""
        # Costs are booked here, in launch order, and not as calls return: what is affordable next must be
        # the same whoever answered first. Until then the proposal's reserve stands for them.
        proposal = self._in_flight.popleft()
        del self._tasks[proposal]
        self.budget.pay(proposal.parent_cost + Cost(reflections=proposal.reflections))
        for candidate, examples in proposal.measured:
            self.budget.pay(self.new_evaluations(candidate, examples))
        proposal.older = ()  # or every proposal would keep all of its ancestors in memory
        return proposal

    async def abandon(self) -> None:
        """Give up everything in flight."""
        await cancel_and_wait(*self._tasks.values())

    # --- beside the proposals, between two commits

    def may_validate_beside(self) -> bool:
        """Whether there is room for a validation, and for one more where proposals are in flight."""
        return self._has_room_for(self._validation_cost * (2 if self._in_flight else 1))

    async def measure_beside(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        """Measure and pay at once."""
        self.budget.pay(self.new_evaluations(candidate, examples))
        return await self._measure(candidate, examples)

    def _has_room_for(self, *costs: Cost) -> bool:
        """Whether there is, beside all that is in flight."""
        return self.budget.has_room_for(*(proposal.reserve for proposal in self._in_flight), *costs)

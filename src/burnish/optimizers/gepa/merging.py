"""gepa's merges: the components of two good candidates in one. They take the place of a proposal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.scheduler import ProposalScheduler
from burnish.optimizers.prompts.components import Components, Texts
from burnish.optimizers.protocol import Task
from burnish.optimizers.search.buffered_observer import BufferedObserver, Observation
from burnish.optimizers.search.validator import ProposalValidator
from burnish.optimizers.settings import CommonSettings


@dataclass(slots=True)
class Merge:
    """One merge and what has come of it.

    Attributes:
        is_refused: it was not measured.
        reason: why it went no further, where it did not.
    """

    candidate: Candidate
    observations: list[Observation] = field(default_factory=list)
    is_refused: bool = True
    reason: str = ""
    validation: Means | None = None


class Merging:
    """Measures merges on the event loop, while the engine waits."""

    def __init__(
        self,
        task: Task,
        settings: CommonSettings,
        components: Components,
        validation: tuple[Example, ...],
        scheduler: ProposalScheduler,
    ) -> None:
        self._components = components
        self._source = task.source
        self._validation = validation
        self._scheduler = scheduler
        self._buffer = BufferedObserver()
        self._validator = ProposalValidator(task, settings, self._buffer)
        self._merge: Merge | None = None

    async def attempt(
        self,
        texts: Texts,
        examples: Sequence[Example],
        parents: Sequence[Candidate],
        pool: Sequence[Candidate],
    ) -> Means | None:
        """Measure a merge on some validation examples.

        Args:
            pool: what gepa has; a merge that is equal to one of them is nothing new.

        Returns:
            ``None`` when it may not be measured, or could not be validated after it.
        """
        merged = Candidate(
            self._components.templates(self._source, texts),
            parents=tuple(parent.candidate_id for parent in parents),
            origin="merge",
        )
        self._merge = merge = Merge(merged)
        if any(merged.candidate_id == other.candidate_id for other in pool):
            return None
        result = self._validator.validate(merged)
        merge.observations = self._buffer.take()
        if result.candidate is None or result.candidate.candidate_id != merged.candidate_id:
            return None  # gepa has no way to learn of a repair
        merge.is_refused = False
        if not self._scheduler.may_validate_beside():
            merge.reason = "the budget left no room to measure it"
            return None
        merge.reason = f"not better than its parents on {len(examples)} validation examples"
        return await self._scheduler.measure_beside(merged, examples)

    async def validate(self) -> Means:
        """Measure the merge in hand on all validation examples."""
        assert self._merge is not None
        means = await self._scheduler.measure_beside(self._merge.candidate, self._validation)
        self._merge.validation = means
        return means

    def take(self) -> Merge | None:
        """The merge in hand, which leaves."""
        merge, self._merge = self._merge, None
        return merge

"""gepa's engine, driven through its own seams: sampling strategy, adapter, component selector, stopper.

Everything here runs in the engine's thread and asks the event loop through the bridge. Nothing is
asked twice: when a proposal reaches the engine it has been measured already, and the adapter reads
the results off it. This module imports gepa, so it is itself imported when a search begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import gepa
from gepa.core.adapter import EvaluationBatch
from gepa.gepa_utils import find_dominator_programs
from gepa.strategies.acceptance import ImprovementOrEqualAcceptance, StrictImprovementAcceptance
from gepa.strategies.proposal_sampling import ProposalTask

from burnish.domain.dataset import Example
from burnish.domain.score import NEUTRAL, Evaluation
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.proposals import aggregates
from burnish.optimizers.gepa.search import Search
from burnish.optimizers.gepa.settings import GepaKwargs
from burnish.optimizers.prompts.components import Texts

Batch = list[Example]

NEVER = float("-inf")
"""Score of a merge that was not measured: gepa turns it down."""


def acceptance(kwargs: GepaKwargs) -> Callable[[Means, Means], bool]:
    """gepa's acceptance criterion, as a comparison of a parent's results with its child's."""
    strict = kwargs.acceptance_criterion == "strict_improvement"
    criterion = StrictImprovementAcceptance() if strict else ImprovementOrEqualAcceptance()

    def is_better(before: Means, after: Means) -> bool:
        proposal = SimpleNamespace(
            subsample_scores_before=aggregates(before), subsample_scores_after=aggregates(after)
        )
        return bool(criterion.should_accept(proposal, None))

    return is_better


def run(search: Search) -> None:
    """Run gepa until its stopper says so. Blocks; ``EngineCancelled`` comes out when the loop ends it.

    Left alone on purpose: ``cache_evaluation`` (it takes training and validation examples of the same
    number for one), ``run_dir`` (its pickles lose the iteration under way), ``max_metric_calls`` (looked
    at between iterations only) and ``callbacks`` (their exceptions are swallowed).
    """
    kwargs = search.config.kwargs
    stopper = Stopper(search)
    gepa.optimize(
        seed_candidate=search.components.texts(search.source),
        trainset=list(search.train),
        valset=list(search.validation),
        adapter=Adapter(search, stopper),
        candidate_selection_strategy=kwargs.candidate_selection_strategy,
        frontier_type=search.config.frontier,
        skip_perfect_score=kwargs.skip_perfect_score,
        perfect_score=kwargs.perfect_score,
        reflection_minibatch_size=search.config.minibatch_size,
        module_selector=PlannedComponents(search),
        use_merge=search.config.merges(len(search.components)),
        max_merge_invocations=kwargs.max_merge_invocations,
        merge_val_overlap_floor=min(5, len(search.validation)),
        stop_callbacks=stopper,
        logger=NullLogger(),
        track_best_outputs=False,
        seed=search.seed,
        acceptance_criterion=kwargs.acceptance_criterion,
        sampling_strategy=FifoSampling(search),
    )


class FifoSampling:
    """gepa's ``SamplingStrategy``: fills the places up, then hands out the oldest proposal in flight."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def sample_tasks(
        self, state: Any, candidate_selector: Any, batch_sampler: Any, trainset: Any
    ) -> list[Any]:
        ask, scheduler = self._search.thread.ask, self._search.scheduler
        while ask(scheduler.may_launch):
            parent = candidate_selector.select_candidate_idx(state)
            # The stock sampler goes by the iteration and reads nothing else of the state; a
            # proposal's own iteration is the one in which it will be the oldest.
            ids = batch_sampler.next_minibatch_ids(trainset, SimpleNamespace(i=state.i + len(scheduler)))
            self._launch(state, parent, list(zip(ids, trainset.fetch(ids), strict=True)))
        proposal = ask(self._search.next)
        if proposal is None:
            return []
        parent = self._search.pool.index(self._search.in_pool(proposal.parent))
        spec = proposal.spec
        return [
            ProposalTask(
                parent, state.program_candidates[parent], list(spec.minibatch_ids), list(spec.minibatch)
            )
        ]

    def _launch(self, state: Any, parent: int, minibatch: list[tuple[int, Example]]) -> None:
        search = self._search
        candidate, components = search.pool[parent], self._components(state, parent)
        known = frozenset(candidate.candidate_id for candidate in search.pool)
        search.thread.ask(lambda: search.launch(candidate, minibatch, components, known))

    def _components(self, state: Any, parent: int) -> tuple[int, ...]:
        """gepa's choice of components, made before the parent has been measured.

        Its round robin moves on when a proposal is committed, so those in flight are counted in.
        """
        count = len(self._search.components)
        if self._search.config.kwargs.module_selector == "all":
            return tuple(range(count))
        turn = state.named_predictor_id_to_update_next_for_program_candidate[parent]
        return ((turn + self._search.scheduler.in_flight_from(self._search.pool[parent])) % count,)


class PlannedComponents:
    """gepa's ``ReflectionComponentSelector``: those chosen at launch."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def __call__(
        self, state: Any, trajectories: Any, subsample_scores: Any, candidate_idx: int, candidate: Texts
    ) -> list[int]:
        assert self._search.current is not None
        turns = state.named_predictor_id_to_update_next_for_program_candidate
        turns[candidate_idx] = (turns[candidate_idx] + 1) % len(self._search.components)
        return list(self._search.current.spec.components)


class Stopper:
    """gepa's ``StopperProtocol``; it is asked after each iteration, so it also commits.

    Attributes:
        state: gepa's, as of the last iteration.
    """

    def __init__(self, search: Search) -> None:
        self._search = search
        self.state: Any = None

    def __call__(self, state: Any) -> bool:
        self.state = state
        newest = len(state.program_candidates) - 1
        front = find_dominator_programs(state.get_pareto_front_mapping(), state.per_program_tracked_scores)
        return self._search.thread.ask(lambda: self._search.commit(newest + 1, newest in front))


class Adapter:
    """gepa's ``GEPAAdapter``: reads results off the proposal in hand."""

    def __init__(self, search: Search, stopper: Stopper) -> None:
        self._search = search
        self._stopper = stopper

    def evaluate(self, batch: Batch, candidate: Texts, capture_traces: bool = False) -> Any:
        """The source on validation, before the first iteration; after that, merges on some of it."""
        search, state = self._search, self._stopper.state
        if state is None:
            return self._results(search.source_means)
        first, second, _ = state.full_program_trace[-1]["merged_entities"]
        means = search.thread.ask(lambda: search.merge(candidate, batch, (first, second)))
        if means is None:
            return EvaluationBatch(outputs=[""] * len(batch), scores=[NEVER] * len(batch))
        return self._results(means)

    def batch_evaluate(self, items: Sequence[tuple[Texts, Batch]]) -> list[Any]:
        """One candidate on one batch: parent or child on the minibatch, child or merge on validation."""
        return [self._results(self._means(texts, batch)) for texts, batch in items]

    def make_reflective_dataset(
        self, candidate: Texts, eval_batch: Any, components_to_update: list[int]
    ) -> Mapping[int, Sequence[Mapping[str, Any]]]:
        """Nothing: the reflection has taken place."""
        return {}

    def propose_new_texts(
        self, candidate: Texts, reflective_dataset: Any, components_to_update: list[int]
    ) -> Texts:
        """The texts that the child has changed; none for a proposal that went no further."""
        proposal = self._search.current
        if proposal is None or proposal.child is None or proposal.validation is None:
            return {}
        new = self._search.components.texts(proposal.child)
        return {number: text for number, text in new.items() if text != candidate[number]}

    def _means(self, texts: Texts, batch: Batch) -> Means:
        search = self._search
        proposal = search.current
        if proposal is None:
            return search.thread.ask(search.validate_merge)
        if proposal.child is None or texts != search.components.texts(proposal.child):
            means = proposal.before
        elif tuple(batch) == proposal.spec.minibatch:
            means = proposal.after
        else:
            means = proposal.validation
        assert means is not None
        return means

    def _results(self, means: Means) -> Any:
        return EvaluationBatch(
            outputs=[evaluation.output for evaluation in means.evaluations],
            scores=aggregates(means),
            trajectories=list(means.evaluations),
            objective_scores=[self._objectives(evaluation) for evaluation in means.evaluations],
        )

    def _objectives(self, evaluation: Evaluation) -> dict[str, float]:
        """Every scorer's score. A failed call has the worst of each; no opinion speaks for nothing."""
        names = [name for name in self._search.source_means.scores if name != "aggregate"]
        return {
            name: evaluation.scores[name].value if name in evaluation.scores else NEUTRAL for name in names
        }


class NullLogger:
    """gepa's logger. What matters is observed."""

    def log(self, message: str) -> None:
        """Say nothing."""

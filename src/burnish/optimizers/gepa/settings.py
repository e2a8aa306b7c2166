"""How GEPA is configured: MLflow's keys, ours, and the part of gepa's own that is safe here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from burnish.errors import InvalidInput, Problem
from burnish.optimizers.settings import FIELD, CommonSettings, read_settings

Frontier = Literal["instance", "objective", "hybrid", "cartesian"]

_MINIBATCH_SIZE = 3  # gepa's own default, and the paper's


class GepaKwargs(BaseModel):
    """The arguments of ``gepa.optimize`` that MLflow's ``gepa_kwargs`` may carry.

    The others would write files (``run_dir``), log elsewhere (``use_wandb``), or put a cache in front
    that mixes training and validation examples up (``cache_evaluation``): they are refused by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    candidate_selection_strategy: Literal["pareto", "current_best", "epsilon_greedy", "top_k_pareto"] = (
        "pareto"
    )
    module_selector: Literal["round_robin", "all"] = "round_robin"
    acceptance_criterion: Literal["strict_improvement", "improvement_or_equal"] = "strict_improvement"
    skip_perfect_score: bool = True
    perfect_score: float = 1.0
    reflection_prompt_template: str | None = None
    max_merge_invocations: int = Field(default=5, ge=0)
    reflection_minibatch_size: int | None = Field(default=None, ge=1)
    use_merge: bool | None = None
    frontier_type: Frontier | None = None
    seed: int | None = None


class GepaSettings(CommonSettings):
    """Settings of one search.

    Attributes:
        max_metric_calls: evaluations (one candidate on one example), the source's on validation
            included; never one more. What was measured before is not counted again.
        display_progress_bar: taken for MLflow's sake; progress is in the job's events.
        gepa_kwargs: see :class:`GepaKwargs`.
        concurrency: evaluations worth keeping in flight; the job's own by default.
        lookahead: proposals in flight. 1 is plain GEPA; by default 3 for every 4 of ``concurrency``, at
            most 12, and no more than half of what the budget pays for.
        minibatch_size: training examples a proposal learns from and must do better on.
        validation_size: validation examples used to choose between candidates; all by default. The
            winner is measured on all of them.
        merge: also combine the components of two good candidates.
        frontier: what a candidate must be best at to be kept as a parent.
        seed: instead of the job's.
    """

    max_metric_calls: int | None = Field(default=None, ge=1)
    display_progress_bar: bool = False
    gepa_kwargs: dict[str, Any] | None = None
    concurrency: int | None = Field(default=None, ge=1)
    lookahead: int | None = Field(default=None, ge=1, le=64)
    minibatch_size: int | None = Field(default=None, ge=1)
    validation_size: int | None = Field(default=None, ge=1)
    merge: bool | None = None
    frontier: Frontier | None = None
    seed: int | None = None


class GepaConfig:
    """Settings and ``gepa_kwargs`` as one: the same thing may be said in either, not twice differently."""

    def __init__(self, settings: GepaSettings, kwargs: GepaKwargs) -> None:
        self.settings = settings
        self.kwargs = kwargs
        self._problems: list[Problem] = []
        self.minibatch_size = self._one("minibatch_size", "reflection_minibatch_size") or _MINIBATCH_SIZE
        self._merge: bool = self._one("merge", "use_merge") or False
        self.frontier: Frontier = self._one("frontier", "frontier_type") or "instance"
        self.seed: int | None = self._one("seed", "seed")
        self._check_template()
        if self._problems:
            raise InvalidInput(*self._problems)

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> GepaConfig:
        """Read a request's settings.

        Raises:
            InvalidInput: one problem for each unknown key, wrong value and contradiction.
        """
        own = read_settings(GepaSettings, settings)
        return cls(own, read_settings(GepaKwargs, own.gepa_kwargs or {}, prefix=f"{FIELD}.gepa_kwargs"))

    def merges(self, components: int) -> bool:
        """Whether gepa merges; with one component there is nothing to combine."""
        return self._merge and components > 1

    def _one(self, name: str, gepa_name: str) -> Any:
        ours, theirs = getattr(self.settings, name), getattr(self.kwargs, gepa_name)
        if ours is not None and theirs is not None and ours != theirs:
            self._problems.append(
                Problem(f"{FIELD}.{name}", str(ours), f"gepa_kwargs.{gepa_name} says {theirs}; say it once")
            )
        return theirs if ours is None else ours

    def _check_template(self) -> None:
        template = self.kwargs.reflection_prompt_template
        lacking = [mark for mark in ("<curr_param>", "<side_info>") if template and mark not in template]
        if lacking:
            self._problems.append(
                Problem(
                    f"{FIELD}.gepa_kwargs.reflection_prompt_template",
                    str(template),
                    f"must hold {' and '.join(lacking)}, where the text and the feedback go",
                )
            )

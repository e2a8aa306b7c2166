"""What ``burnish.optimize_prompts`` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow.genai.optimize.types import PromptOptimizationResult

from burnish.domain.job import Job, TestScores, Verdict
from burnish.domain.usage import UsageByRole


@dataclass
class OptimizationResult(PromptOptimizationResult):  # type: ignore[misc]  # MLflow's class is untyped here
    """MLflow's result, and what a job knows beside it.

    ``optimized_prompts`` are the registered versions, of each prompt in the order of ``prompt_uris``; where
    nothing better was registered, the versions that were given. Initial and final scores are means on the
    validation split, which chose the winner; ``test_scores`` are those to believe.

    Attributes:
        initial_eval_score_per_scorer, final_eval_score_per_scorer: MLflow's own, which 3.9 does not have.
        test_scores: source and winner on the sealed test split; ``None``: there was none.
        verdict: what the test says of the winner.
        message: what became of the winner, and why.
    """

    initial_eval_score_per_scorer: dict[str, float] = field(default_factory=dict)
    final_eval_score_per_scorer: dict[str, float] = field(default_factory=dict)
    job_id: str = ""
    test_scores: TestScores | None = None
    verdict: Verdict | None = None
    usage: UsageByRole = field(default_factory=UsageByRole)
    message: str = ""
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: Job, prompts: Sequence[Any]) -> OptimizationResult:
        """
        Args:
            prompts: MLflow's ``PromptVersion`` of each.
        """
        initial, final = dict(job.initial_eval_scores), dict(job.final_eval_scores)
        return cls(
            optimized_prompts=list(prompts),
            optimizer_name=job.config.optimizer_type.value,
            initial_eval_score=initial.pop("aggregate", None),
            final_eval_score=final.pop("aggregate", None),
            initial_eval_score_per_scorer=initial,
            final_eval_score_per_scorer=final,
            job_id=job.job_id,
            test_scores=job.test_scores,
            verdict=job.verdict,
            usage=job.usage,
            message=job.status_message or "",
            warnings=job.warnings,
        )

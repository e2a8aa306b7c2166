"""Durable prompt-optimization jobs for teams that keep their prompts in MLflow."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from burnish.apps.mlflow_optimizer import MlflowOptimizer
    from burnish.apps.optimize import optimize_prompts
    from burnish.domain.app import App
    from burnish.domain.budget import Budget
    from burnish.domain.job import JobStatus, OptimizerType, SplitFractions, Verdict
    from burnish.sdk.blocking import Client, Job
    from burnish.sdk.client import AsyncClient
    from burnish.sdk.job import AsyncJob

__version__ = "0.1.0"
__all__ = [
    "App",
    "AsyncClient",
    "AsyncJob",
    "Budget",
    "Client",
    "Job",
    "JobStatus",
    "MlflowOptimizer",
    "OptimizerType",
    "SplitFractions",
    "Verdict",
    "__version__",
    "optimize_prompts",
]

_HOMES = {
    "AsyncClient": "burnish.sdk.client",
    "AsyncJob": "burnish.sdk.job",
    "App": "burnish.domain.app",
    "Budget": "burnish.domain.budget",
    "Client": "burnish.sdk.blocking",
    "Job": "burnish.sdk.blocking",
    "JobStatus": "burnish.domain.job",
    "MlflowOptimizer": "burnish.apps.mlflow_optimizer",
    "OptimizerType": "burnish.domain.job",
    "SplitFractions": "burnish.domain.job",
    "Verdict": "burnish.domain.job",
    "optimize_prompts": "burnish.apps.optimize",
}
"""Loaded when first used: ``import burnish`` stays quick."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'burnish' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

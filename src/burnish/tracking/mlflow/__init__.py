"""Tracking on MLflow: prompts, datasets, runs and artifacts in the users' own registry."""

from burnish.tracking.mlflow.tracker import MlflowTracker

__all__ = ["MlflowTracker"]

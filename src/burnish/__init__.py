"""Durable prompt-optimization jobs for teams that keep their prompts in MLflow."""

__version__ = "0.1.0"
__all__ = ["__version__"]

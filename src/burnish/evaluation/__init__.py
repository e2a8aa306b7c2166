"""Evaluation: splits, the evaluator, scorers, feedback for reflection, and the verdict's statistics."""

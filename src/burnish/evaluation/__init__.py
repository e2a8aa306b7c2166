"""Evaluation: the splits of a dataset, the evaluator, scorers and judges, and the verdict's statistics.

Optimizers import ``protocol`` only; everything above this package may import any part.
"""

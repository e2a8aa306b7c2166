"""Frozen values without I/O: what a job, a candidate, an example, a score is.

May import ``errors`` only.
"""

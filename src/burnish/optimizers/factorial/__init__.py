"""FACTORIAL: small edits in randomized sets. May import the shared parts; no other optimizer."""

from burnish.optimizers.factorial.optimizer import Factorial

__all__ = ["Factorial"]

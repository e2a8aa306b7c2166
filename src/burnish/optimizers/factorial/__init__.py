"""FACTORIAL, see :mod:`burnish.optimizers.factorial.optimizer`."""

from burnish.optimizers.factorial.optimizer import Factorial

__all__ = ["Factorial"]

"""GEPA: reflective evolution of prompts (Agrawal et al., ICLR 2026), with several proposals in flight."""

from burnish.optimizers.gepa.optimizer import Gepa

__all__ = ["Gepa"]

"""FACTORIAL as the worker relies on it: without a reflection model, and with one that writes edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from burnish.domain.prompt import Message
from burnish.optimizers.factorial import Factorial
from burnish.optimizers.protocol import Optimizer
from burnish.optimizers.testing.contract import OptimizerContract

SMALL = {"search_calls": 200, "minimum_gain": 0.0}


class TestFactorialWithoutReflection(OptimizerContract):
    def make(self, **settings: Any) -> Optimizer:
        return Factorial.from_settings({**SMALL, **settings})


class TestFactorialWithReflection(OptimizerContract):
    phrases: Mapping[str, float] = {"name the mood": 0.4, "mind the irony": 0.3, "weigh the ending": 0.2}
    reflects = True

    def make(self, **settings: Any) -> Optimizer:
        return Factorial.from_settings({**SMALL, **settings})

    def write(self, messages: Sequence[Message], sample: int) -> str:
        """One sentence after another; every third does no good."""
        said = [f"Always {phrase}." for phrase in self.phrases]
        idle = f"Think of point {sample}."
        return f'<edit kind="rule">{[*said, idle][sample % 4]}</edit>'

"""JOINT_SEARCH keeps the contract, with and without a reflection model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from burnish.domain.prompt import Message
from burnish.optimizers.joint_search import JointSearch
from burnish.optimizers.protocol import Optimizer
from burnish.optimizers.testing import OptimizerContract

SMALL: Mapping[str, Any] = {"trials": 16, "width": 4}


class TestJointSearch(OptimizerContract):
    def make(self, **settings: Any) -> Optimizer:
        return JointSearch.from_settings({**SMALL, **settings})


class TestJointSearchWithReflection(OptimizerContract):
    phrases: ClassVar = {"with great care": 0.5, "one word": 0.3}
    reflects = True

    def make(self, **settings: Any) -> Optimizer:
        return JointSearch.from_settings({**SMALL, **settings})

    def write(self, messages: Sequence[Message], sample: int) -> str:
        assert "What is the sentiment" in messages[-1].content
        return (
            "Here you are.\n<instruction>Judge with great care.</instruction>\n"
            "<instruction>Judge the {{review}}.</instruction><instruction></instruction>"
        )

"""Searches on a table of a real model's answers (``answer_table.py``): any number of seeds, and no model."""

from __future__ import annotations

import random
import statistics

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import variables_of

from .answer_table import AnswerTable
from .world import World, text_in

HELD_OUT = 1 / 3
"""Of the examples; a third of the others is for training."""


class ReplayedTask(World):
    """One split of a table. Nobody has to be asked: which prompt is right where stands in it."""

    def __init__(self, table: AnswerTable, seed: int) -> None:
        super().__init__(seed)
        self._table = table
        (variable,) = variables_of(table.source)
        records = [
            ({variable: f"number {number}"}, {"expected_response": expected})
            for number, expected in enumerate(table.expected)
        ]
        examples = list(Dataset.of(records).examples)
        self._number = {example.example_id: number for number, example in enumerate(examples)}
        random.Random(seed).shuffle(examples)
        held_out = round(HELD_OUT * len(examples))
        self._held_out = examples[:held_out]
        self.train, self.validation = examples[held_out:], ()
        self.divide(1 / 3)

    def truth(self, candidate: Candidate) -> float:
        """On examples that the search has not seen."""
        return statistics.fmean(self.score(text_in(candidate), example)[0] for example in self._held_out)

    def score(self, text: str, example: Example) -> tuple[float, str]:
        return float(self._table.right[text][self._number[example.example_id]]), ""

    def answer_to(self, request: str, sample: int) -> str:
        raise AssertionError("there is no reflection model")

"""Made-up tables of answers, for searches without a reflection model: as many as are wanted, at no cost."""

from __future__ import annotations

import itertools

import numpy as np

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset
from burnish.optimizers.joint_search.space import space_of
from burnish.optimizers.protocol import Task

from .answer_table import LAYOUTS, SOURCES, AnswerTable, only_layouts

EXAMPLES = 150
BASE = -1.2  # log odds of the source
ABILITY_SD, RULE_SD, OTHER_SD, OWN_SD = 0.8, 1.2, 0.8, 0.6


def made_up_table(seed: int) -> AnswerTable:
    """A table of two classes: the log odds of a right answer are the sum of what instruction, format and
    layout bring, of the example's ability, and of something that only this combination has."""
    draw = np.random.default_rng([seed, 11])
    expected = [("positive", "negative")[number % 2] for number in range(EXAMPLES)]
    table = AnswerTable(SOURCES["review"], list(LAYOUTS), expected)
    records = [
        ({"review": f"number {n}"}, {"expected_response": answer}) for n, answer in enumerate(expected)
    ]
    examples = Dataset.of(records).examples
    source = Candidate({"prompt": table.source})
    with only_layouts(table.layouts):
        space = space_of(Task(source=source, train=examples, validation=()), {}, max_demonstrations=0)
    ability = draw.normal(0, ABILITY_SD, EXAMPLES)
    parts = {
        name: draw.normal(0, RULE_SD if name.endswith(".rule") else OTHER_SD, size)
        for name, size in space.dimensions.items()
    }
    for point in itertools.product(*(range(size) for size in space.dimensions.values())):
        chosen = dict(zip(space.dimensions, point, strict=True))
        brought = sum(parts[name][value] - parts[name][0] for name, value in chosen.items())
        odds = BASE + brought + draw.normal(0, OWN_SD) + ability
        luck = draw.logistic(0, 1, EXAMPLES)
        text = str(space.candidate(chosen).texts["prompt"])
        table.right.setdefault(text, "".join("01"[bool(one)] for one in odds + luck > 0))
    return table

"""The planted-insight task of ``bench/planted_insight.py`` as a world of this benchmark."""

from __future__ import annotations

import random
import re

from bench.planted_insight import TEST, TRAIN, VALIDATION, Planted, rules_in
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example

from .world import World, text_in

PLANTED = "planted insight"

_CURRENT = re.compile(r"<prompt[^>]*>(.*?)</prompt>", re.DOTALL)


class PlantedTask(World):
    """Asked for edits, its reflection model names a rule as often as it adds one to a whole prompt, and else
    writes a sentence that does nothing."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._task = Planted(seed=seed)
        self.train = self._task.examples(TRAIN, "train")
        self.validation = self._task.examples(VALIDATION, "validation")
        self._test = self._task.examples(TEST, "test")

    def truth(self, candidate: Candidate) -> float:
        return self._task.true_score(text_in(candidate), self._test)

    def score(self, text: str, example: Example) -> tuple[float, str]:
        right = self._task.is_right(text, example)
        return float(right), self._task.feedback(example, right)

    def answer_to(self, request: str, sample: int) -> str:
        rewritten = self._task.rewrite(f"{request}\n{sample}")
        if "<edit" in request:
            found = _CURRENT.search(request)
            stated = rules_in(found[1]) if found else []
            new = [rule for rule in rules_in(rewritten) if rule not in rules_in(request)]
            idle = f"Mind detail {random.Random(request).randrange(10**6)}."
            sentences = [f"Rule {rule} applies." for rule in new if rule not in stated] or [idle]
            return "\n".join(f'<edit kind="rule">{sentence}</edit>' for sentence in sentences)
        if "<prompt" in request:
            text = rewritten.strip("`").strip("\n")
            return f"<prompt>\n{text}\n</prompt>"
        return rewritten

"""The planted-insight task of ``bench/planted_insight.py``, behind the interface of ``SimulatedTask``."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from bench.planted_insight import TEST, TRAIN, VALIDATION, Planted, rules_in
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.prompt import Message, text_of
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Usage
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion, Parameters
from burnish.optimizers.testing.reflection_scripts import completion

PLANTED = "planted insight"

_CURRENT = re.compile(r"<prompt[^>]*>(.*?)</prompt>", re.DOTALL)


class PlantedTask:
    """Asked for edits, its reflection model names a rule as often as it adds one to a whole prompt, and else
    writes a sentence that does nothing."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.target_calls = self.reflection_calls = 0
        self._task = Planted(seed=seed)
        self.train = self._task.examples(TRAIN, "train")
        self.validation = self._task.examples(VALIDATION, "validation")
        self._test = self._task.examples(TEST, "test")
        self._paid: set[tuple[str, str]] = set()

    @property
    def calls(self) -> int:
        return self.target_calls + self.reflection_calls

    def truth(self, candidate: Candidate) -> float:
        return self._task.true_score(_text(candidate), self._test)

    async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        """Implements ``Evaluate``."""
        evaluations = tuple(self._evaluation(candidate, example) for example in examples)
        mean = sum(e.aggregate for e in evaluations) / len(evaluations) if evaluations else 0.0
        return Means(evaluations=evaluations, scores={"right": mean, "aggregate": mean})

    async def reflect(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        """Implements ``Reflect``."""
        return completion(self.answer_to("\n\n".join(message.content for message in messages), sample))

    def score(self, candidate_text: str, example: Example) -> tuple[float, str]:
        right = self._task.is_right(candidate_text, example)
        return float(right), self._task.feedback(example, right)

    def answer_to(self, request: str, sample: int) -> str:
        self.reflection_calls += 1
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

    def _evaluation(self, candidate: Candidate, example: Example) -> Evaluation:
        key = (candidate.candidate_id, example.example_id)
        self.target_calls += key not in self._paid
        self._paid.add(key)
        value, said = self.score(_text(candidate), example)
        output = str(example.expected) if value else "?"
        return Evaluation(*key, output, {"right": Score(value, said)}, value, usage=Usage(calls=1))


def _text(candidate: Candidate) -> str:
    return text_of(next(iter(candidate.texts.values())))

"""A world in which the best prompt is known: rules are planted, and feedback reveals one at a time.

Each example needs one or two of six rules. A prompt that states them is answered right nearly
always, one that does not seldom. The reflection model reads the feedback, adds one of the rules it
names (not always), says it in new words each time, and now and then drops an old rule. Every answer
is a function of (seed, prompt, example) and every rewriting of (seed, question), so two optimizers
that ask the same get the same, at any latency.

Run as a program, it compares the final scores of GEPA as Burnish runs it with those of
``gepa.optimize``, without any latency: ``python -m bench.planted_insight --seeds 20``.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import re
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import gepa
from gepa.core.adapter import EvaluationBatch

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Dataset, Example
from burnish.domain.edit import EditReport
from burnish.domain.hashing import uniform_draw
from burnish.domain.prompt import Message
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Usage
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion, Parameters
from burnish.optimizers.gepa.optimizer import Gepa
from burnish.optimizers.protocol import Task

SOURCE = "Answer the question.\n\n{{question}}"
BUDGET, MINIBATCH, TRAIN, VALIDATION, TEST = 300, 3, 60, 30, 500

_RULE = re.compile(r"Rule (\d+) applies")
_HINT = re.compile(r"it needed rule (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """How hard the world is.

    Attributes:
        rules: how many there are; the first are needed most often.
        known: chance of a right answer where every needed rule is stated.
        guessed: chance where one is missing.
        heeded: chance that a reflection adds a rule the feedback names.
        dropped: chance that it loses an old one.
    """

    seed: int
    rules: int = 6
    known: float = 0.95
    guessed: float = 0.1
    heeded: float = 0.3
    dropped: float = 0.1

    def examples(self, count: int, part: str) -> tuple[Example, ...]:
        """``count`` examples, different ones for each ``part``."""
        draw = random.Random(f"{self.seed} {part}")
        weights = [1 / (rank + 3) for rank in range(self.rules)]
        records = []
        for number in range(count):
            needed = sorted(set(draw.choices(range(self.rules), weights, k=draw.choice((1, 1, 2)))))
            records.append(
                ({"question": f"{part} {number}", "needs": needed}, {"expected_response": "right"})
            )
        return Dataset.of(records, part).examples

    def is_right(self, prompt: str, example: Example) -> bool:
        """Whether the target model answers this example right with this prompt."""
        stated = set(rules_in(prompt))
        knows = all(rule in stated for rule in example.inputs["needs"])
        return self._chance(prompt, example.example_id) < (self.known if knows else self.guessed)

    def feedback(self, example: Example, right: bool) -> str:
        """What a scorer says of one answer."""
        hints = ", ".join(f"it needed rule {rule}" for rule in example.inputs["needs"])
        return "right" if right else f"wrong: {hints}"

    def rewrite(self, question: str) -> str:
        """The reflection model's answer to a question that holds a prompt and feedback on it."""
        draw = random.Random(self._digest(question))
        stated = rules_in(question)
        hinted = [int(rule) for rule in _HINT.findall(question) if int(rule) not in stated]
        if stated and draw.random() < self.dropped:
            stated.remove(draw.choice(stated))
        if hinted and draw.random() < self.heeded:
            stated.append(draw.choice(hinted))
        lines = [f"Rule {rule} applies." for rule in sorted(set(stated))]
        wording = f"Answer the question (wording {draw.randrange(10**9)})."
        text = "\n".join([wording, *lines, "", "{{question}}"])
        return f"<prompt>\n{text}\n</prompt>" if "<prompt>" in question else f"```\n{text}\n```"

    def true_score(self, prompt: str, examples: Sequence[Example]) -> float:
        """Expected score of a prompt, without the luck of the draw."""
        stated = set(rules_in(prompt))
        return sum(
            self.known if all(rule in stated for rule in e.inputs["needs"]) else self.guessed
            for e in examples
        ) / len(examples)

    def _chance(self, *parts: object) -> float:
        return uniform_draw(self.seed, *parts)

    def _digest(self, *parts: object) -> str:
        return hashlib.sha256("\0".join(map(str, (self.seed, *parts))).encode()).hexdigest()[:16]


def rules_in(text: str) -> list[int]:
    """Numbers of the rules a text states."""
    return sorted({int(rule) for rule in _RULE.findall(text)})


@dataclass(frozen=True, slots=True)
class Result:
    """One finished search.

    Attributes:
        score: the true score of its winner.
        target_calls, reflection_calls: requests made.
        validated: candidates that reached validation, the source not counted.
    """

    score: float
    target_calls: int
    reflection_calls: int
    validated: int

    @property
    def calls(self) -> int:
        return self.target_calls + self.reflection_calls


@dataclass(slots=True)
class Burnish:
    """GEPA as Burnish runs it, on a simulated model.

    Attributes:
        wait: what one request takes.
        slots: requests in flight.
    """

    world: Planted
    wait: Callable[[], Any]
    slots: asyncio.Semaphore
    target_calls: int = 0
    reflection_calls: int = 0
    _evaluations: dict[tuple[str, str], asyncio.Task[Evaluation]] = field(default_factory=dict)

    async def run(self, lookahead: int | None, concurrency: int) -> Result:
        settings = {"max_metric_calls": BUDGET, "minibatch_size": MINIBATCH}
        optimizer = Gepa.from_settings(
            settings if lookahead is None else {**settings, "lookahead": lookahead}
        )
        task = Task(
            source=Candidate({"prompt": SOURCE}),
            train=self.world.examples(TRAIN, "train"),
            validation=self.world.examples(VALIDATION, "validation"),
            seed=self.world.seed,
            concurrency=concurrency,
        )
        observed = Validated()
        outcome = await optimizer.optimize(task, self.evaluate, self.reflect, observed)
        winner = str(outcome.best.texts["prompt"])
        return Result(
            score=self.world.true_score(winner, self.world.examples(TEST, "test")),
            target_calls=self.target_calls,
            reflection_calls=self.reflection_calls,
            validated=observed.count,
        )

    async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        evaluations = await asyncio.gather(*(self._evaluation(candidate, e) for e in examples))
        mean = sum(e.aggregate for e in evaluations) / len(evaluations)
        return Means(evaluations=tuple(evaluations), scores={"right": mean, "aggregate": mean})

    async def reflect(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        self.reflection_calls += 1
        async with self.slots:
            await self.wait()
        asked = "\n\n".join([*(message.content for message in messages), str(sample)])
        return Completion(text=self.world.rewrite(asked), usage=Usage(calls=1))

    async def _evaluation(self, candidate: Candidate, example: Example) -> Evaluation:
        key = (candidate.candidate_id, example.example_id)
        if key not in self._evaluations:
            self._evaluations[key] = asyncio.create_task(self._answered(candidate, example))
        return await asyncio.shield(self._evaluations[key])

    async def _answered(self, candidate: Candidate, example: Example) -> Evaluation:
        self.target_calls += 1
        async with self.slots:
            await self.wait()
        right = self.world.is_right(str(candidate.texts["prompt"]), example)
        score = Score(float(right), self.world.feedback(example, right))
        return Evaluation(candidate.candidate_id, example.example_id, "", {"right": score}, float(right))


class Validated:
    """An ``Observe`` that counts the candidates that reached validation."""

    def __init__(self) -> None:
        self.count = 0

    def candidate(
        self, candidate: Candidate, status: CandidateStatus, *, means: Means | None = None, **_: Any
    ) -> None:
        self.count += means is not None

    def proposal(self, *_: Any) -> None: ...

    def edit(self, report: EditReport) -> None: ...

    def forecast(self, calls: int, expected_gain: float, minimum_gain: float) -> None: ...

    def phase(self, phase: str, total: int, unit: str = "evaluations") -> None: ...

    def warning(self, message: str) -> None: ...


@dataclass(slots=True)
class Library:
    """``gepa.optimize`` as its users call it, evaluating each batch in a thread pool.

    Attributes:
        wait: what one request takes; blocks.
    """

    world: Planted
    wait: Callable[[], None]
    pool: Executor
    target_calls: int = 0
    reflection_calls: int = 0
    propose_new_texts: None = None

    def run(self) -> Result:
        found = gepa.optimize(
            seed_candidate={"prompt": SOURCE},
            trainset=list(self.world.examples(TRAIN, "train")),
            valset=list(self.world.examples(VALIDATION, "validation")),
            adapter=self,
            reflection_lm=self.reflect,
            reflection_minibatch_size=MINIBATCH,
            max_metric_calls=BUDGET,
            seed=self.world.seed,
            logger=self,
        )
        return Result(
            score=self.world.true_score(found.best_candidate["prompt"], self.world.examples(TEST, "test")),
            target_calls=self.target_calls,
            reflection_calls=self.reflection_calls,
            validated=len(found.candidates) - 1,
        )

    def evaluate(self, batch: list[Example], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        self.target_calls += len(batch)
        right = list(self.pool.map(lambda example: self._answer(candidate["prompt"], example), batch))
        traces = list(zip(batch, right, strict=True))
        return EvaluationBatch(outputs=right, scores=[float(r) for r in right], trajectories=traces)

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        records = [
            {"Inputs": example.inputs["question"], "Feedback": self.world.feedback(example, right)}
            for example, right in eval_batch.trajectories
        ]
        return dict.fromkeys(components_to_update, records)

    def reflect(self, question: Any) -> str:
        self.reflection_calls += 1
        self.wait()
        return self.world.rewrite(str(question))

    def log(self, message: str) -> None:
        """gepa's logger."""

    def _answer(self, prompt: str, example: Example) -> bool:
        self.wait()
        return self.world.is_right(prompt, example)


class AtOnce(Executor):
    """No threads, for models that answer at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def burnish_at_once(seed: int, lookahead: int) -> Result:
    """A search without latency."""

    async def search() -> Result:
        async def wait() -> None:
            await asyncio.sleep(0)

        return await Burnish(Planted(seed=seed), wait, asyncio.Semaphore(16)).run(lookahead, 16)

    return asyncio.run(search())


def library_at_once(seed: int) -> Result:
    """The same by the library."""
    return Library(Planted(seed=seed), lambda: None, AtOnce()).run()


def interval(differences: Sequence[float], resamples: int = 10_000) -> tuple[float, float]:
    """95 % interval of a mean, by bootstrap."""
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(differences, k=len(differences))) for _ in range(resamples))
    return means[int(0.025 * resamples)], means[int(0.975 * resamples)]


def compare_scores(seeds: int) -> None:
    """Print the final scores, over all seeds, paired."""
    library = [library_at_once(seed) for seed in range(seeds)]
    print(f"final true score on the planted-insight task, {seeds} seeds, budget {BUDGET}")
    print(f"{'':>22} {'score':>6} {'difference':>20} {'target':>7} {'reflection':>10} {'validated':>9}")
    print(_row("gepa.optimize", library, ""))
    for lookahead in (1, 4, 8, 12):
        ours = [burnish_at_once(seed, lookahead) for seed in range(seeds)]
        gains = [a.score - b.score for a, b in zip(ours, library, strict=True)]
        low, high = interval(gains)
        difference = f"{statistics.fmean(gains):+.3f} [{low:+.3f}, {high:+.3f}]"
        print(_row(f"burnish, look-ahead {lookahead}", ours, difference))


def _row(name: str, results: Sequence[Result], difference: str) -> str:
    score, target, reflection, validated = (
        statistics.fmean(values)
        for values in zip(
            *((r.score, r.target_calls, r.reflection_calls, r.validated) for r in results), strict=True
        )
    )
    return f"{name:>22} {score:6.3f} {difference:>20} {target:7.1f} {reflection:10.1f} {validated:9.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    compare_scores(parser.parse_args().seeds)

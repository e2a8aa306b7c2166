"""GEPA keeps the contract of every optimizer, plain and with proposals in flight."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from burnish.domain.prompt import Message
from burnish.optimizers.gepa.optimizer import Gepa
from burnish.optimizers.protocol import Optimizer
from burnish.optimizers.testing.contract import OptimizerContract
from burnish.optimizers.testing.reflection_scripts import answer_with, texts_in

PHRASES: Mapping[str, float] = {"one word": 0.3, "be exact": 0.3, "sentiment means": 0.2}
IDEAS = (*PHRASES, "shout", "whisper")


def written(messages: Sequence[Message], sample: int) -> str:
    """A reflection model: one idea for each question, some useless; its faults need every kind of mending.

    Asked to combine two texts, it adds what the second has beyond the first.
    """
    texts = texts_in(messages)
    seed = int(hashlib.sha256(f"{messages[0].content} {sample}".encode()).hexdigest()[:8], 16)
    text = texts[0].rstrip("\n")
    if "Two people have improved" in messages[0].content:
        beyond = [line for line in texts[1].splitlines() if line and line not in text]
        return answer_with("\n".join([text, *beyond]))
    text += f"\n{IDEAS[seed % len(IDEAS)].capitalize()}. ({seed % 997})"
    if seed % 7 == 1:
        text = text.replace("{{review}}", "")
    if seed % 7 == 2 and len(messages) == 1:
        text += " {{film}}"
    if seed % 7 == 3:
        return text
    return f"Here it is:\n\n{answer_with(text)}"


class GepaContract(OptimizerContract):
    phrases = PHRASES
    reflects = True
    lookahead = 1

    def make(self, **settings: Any) -> Optimizer:
        return Gepa.from_settings({"max_metric_calls": 200, "lookahead": self.lookahead, **settings})

    def write(self, messages: Sequence[Message], sample: int) -> str:
        return written(messages, sample)

    async def test_a_proposal_is_reported_when_it_is_launched_and_when_it_has_ended(self) -> None:
        run = await self.run(self.task(), self.synthetic())
        launched = [number for number, _, outcome, _ in run.observer.proposals if not outcome]
        ended = {number: (outcome, left) for number, _, outcome, left in run.observer.proposals if outcome}
        assert launched == list(range(1, len(launched) + 1))
        assert list(ended) == launched, "they end in the order of their launches"
        assert {left for outcome, left in ended.values() if outcome == "WON"} <= run.observer.texts.keys()
        assert {"WON", "LOST"} <= {outcome for outcome, _ in ended.values()}
        in_flight = most = 0
        for _, _, outcome, _ in run.observer.proposals:
            in_flight += -1 if outcome else 1
            most = max(most, in_flight)
        assert most == self.lookahead


class TestPlainGepa(GepaContract):
    pass


class TestGepaWithFourInFlight(GepaContract):
    lookahead = 4


class TestGepaWithEightInFlight(GepaContract):
    lookahead = 8


class TestGepaOnPartOfTheValidationSplit(GepaContract):
    lookahead = 4

    def make(self, **settings: Any) -> Optimizer:
        return super().make(**{"validation_size": 12, **settings})


class TestGepaThatMerges(GepaContract):
    lookahead = 4

    def make(self, **settings: Any) -> Optimizer:
        return super().make(**{"merge": True, **settings})

"""Training examples shown in a prompt, as text or as turns of a chat."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from burnish.domain.dataset import Example
from burnish.domain.prompt import Message, as_literal
from burnish.domain.text import value_as_text

LONGEST_CHARACTERS = 1200  # of one example's inputs and answer together


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One worked example.

    Attributes:
        answer: what the model should have said: an expectation, or a trace that passed.
    """

    example: Example
    answer: str


def labelled(examples: Sequence[Example], jinja: bool = False) -> list[Demonstration]:
    """Examples with their expected response as the answer, without those that cannot stand in a prompt.

    Args:
        jinja: the prompt is Jinja's; so everywhere below.
    """
    return [demonstration for demonstration in map(_labelled, examples) if showable(demonstration, jinja)]


def showable(demonstration: Demonstration, jinja: bool = False) -> bool:
    """Whether it can stand in a prompt; see :func:`reason_against`."""
    return not reason_against(demonstration, jinja)


def reason_against(demonstration: Demonstration, jinja: bool = False) -> str:
    """Why it cannot stand in a prompt; empty when it can.

    Braces in inputs can (:func:`as_literal` keeps them from being read). In an answer they cannot where they
    would have to be changed: the model would learn to write what the scorers count as wrong.
    """
    answer = demonstration.answer
    inputs = "".join(value_as_text(value) for value in demonstration.example.inputs.values())
    if not answer.strip():
        return "no expected response"
    if as_literal(answer, jinja) != answer:
        return "an answer that would be read as a variable or as Jinja"
    if len(inputs) + len(answer) > LONGEST_CHARACTERS:
        return f"more than {LONGEST_CHARACTERS} characters"
    return ""


def reasons_against(examples: Sequence[Example], jinja: bool = False) -> str:
    """How many of the examples cannot stand in a prompt with their expected response, and why."""
    counts = Counter(filter(None, (reason_against(_labelled(example), jinja) for example in examples)))
    return ", ".join(f"{count} with {reason}" for reason, count in counts.most_common())


def _labelled(example: Example) -> Demonstration:
    return Demonstration(example, "" if example.answer is None else value_as_text(example.answer))


def pick(pool: Sequence[Demonstration], count: int, seed: int, draw: int = 0) -> tuple[Demonstration, ...]:
    """``count`` demonstrations with as many different answers as possible, in a mixed order.

    Args:
        draw: another number gives another selection.
    """
    random_order = random.Random(f"{seed}/{draw}")
    shuffled = list(pool)
    random_order.shuffle(shuffled)
    used: dict[str, int] = {}
    ranked: list[tuple[int, int, Demonstration]] = []
    for demonstration in shuffled:
        nth = used.get(demonstration.answer, 0)
        used[demonstration.answer] = nth + 1
        ranked.append((nth, len(ranked), demonstration))
    chosen = [demonstration for _, _, demonstration in sorted(ranked, key=lambda entry: entry[:2])[:count]]
    random_order.shuffle(chosen)
    return tuple(chosen)


def as_block(
    chosen: Sequence[Demonstration],
    fields: Sequence[str],
    write_field: Callable[[str, str], str],
    cue: str,
    heading: str = "",
    jinja: bool = False,
) -> str:
    """Demonstrations as one block of text.

    Args:
        write_field: a field's name and value as a line of the prompt.
        cue: what stands before the answer ("Sentiment:").
    """
    entries: list[str] = []
    if not chosen:
        return ""
    for shown in chosen:
        lines = [write_field(name, value_as_text(shown.example.inputs.get(name, ""))) for name in fields]
        entries.append("\n".join([*lines, f"{cue} {shown.answer}".strip()]))
    block = as_literal("\n\n".join(entries), jinja)
    return f"{heading}\n\n{block}" if heading else block


def as_turns(
    chosen: Sequence[Demonstration], write_question: Callable[[Example], str], jinja: bool = False
) -> tuple[Message, ...]:
    """Demonstrations as user and assistant turns of a chat."""
    return tuple(
        message
        for shown in chosen
        for message in (
            Message("user", as_literal(write_question(shown.example), jinja)),
            Message("assistant", shown.answer),
        )
    )

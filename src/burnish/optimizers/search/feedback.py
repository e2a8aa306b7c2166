"""What a reflection model reads of a candidate's results, within a token budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from burnish.domain.dataset import Example
from burnish.domain.score import Evaluation
from burnish.domain.text import estimate_tokens, value_as_text

Record = dict[str, dict[str, str]]
"""One example: section (``Inputs``, ``Answer``, ``Expected``, ``Scores``, ``Error``; of an app also what
became of each prompt) → entry → text."""

_SHORTEST_ENTRY = 60
"""Characters. Entries are cut down to this before whole examples are left out."""


def feedback(
    evaluations: Sequence[Evaluation], examples: Sequence[Example], max_tokens: int, prompt: str | None = None
) -> str:
    """Inputs, answer, expectations, scores with rationales and errors, example by example, as Markdown.

    Args:
        evaluations, examples: in the same order.
        max_tokens: the text is no longer, by :func:`estimate_tokens`. First the longest entries lose
            their middle; if that is not enough, the examples with the best scores are left out.
        prompt: the one to be rewritten; of an app only its uses are shown. ``None``: those of all.
    """
    text = _rendered(records(evaluations, examples, max_tokens, prompt), len(evaluations))
    length = _largest(0, len(text), lambda n: estimate_tokens(shorten(text, n)) <= max_tokens)
    return shorten(text, length)  # cut here only if one example alone is too much


def records(
    evaluations: Sequence[Evaluation], examples: Sequence[Example], max_tokens: int, prompt: str | None = None
) -> list[Record]:
    """The same as data, one record for each example, cut to the same budget; for a reflective data set."""
    whole = [_record(*pair, prompt) for pair in zip(evaluations, examples, strict=True)]

    def fits(candidates: Sequence[Record]) -> bool:
        return estimate_tokens(_rendered(candidates, len(whole))) <= max_tokens

    most = max(_SHORTEST_ENTRY, 4 * max_tokens)  # characters: no entry that fits has more
    if not whole or (_longest(whole) <= most and fits(whole)):
        return whole
    by_score = sorted(range(len(whole)), key=lambda i: evaluations[i].aggregate)

    def worst(count: int) -> list[Record]:
        return [whole[i] for i in sorted(by_score[:count])]

    count = _largest(1, len(whole), lambda n: fits(_cut(worst(n), _SHORTEST_ENTRY)))
    kept = worst(count)
    longest = min(most, max(_longest(kept), _SHORTEST_ENTRY))
    return _cut(kept, _largest(_SHORTEST_ENTRY, longest, lambda n: fits(_cut(kept, n))))


def examples_as_text(examples: Sequence[Example], max_tokens: int) -> str:
    """Inputs and expectations alone, where nothing has been answered; empty where there are no examples."""
    sections: list[Record] = [
        {
            "Inputs": {name: value_as_text(value) for name, value in example.inputs.items()},
            "Expected": {name: value_as_text(value) for name, value in example.expectations.items()},
        }
        for example in examples
    ]
    return shorten(_rendered(sections, len(sections)), 4 * max_tokens)


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters: the beginning and the end, and how much is missing between them."""
    if len(text) <= limit:
        return text
    mark = f" [... {len(text) - limit} characters left out ...] "
    if limit < 2 * len(mark):
        return text[:limit]
    tail = (limit - len(mark)) // 3
    return text[: limit - len(mark) - tail] + mark + text[len(text) - tail :]


def _record(evaluation: Evaluation, example: Example, prompt: str | None) -> Record:
    sections: Record = {
        "Inputs": {name: value_as_text(value) for name, value in example.inputs.items()},
        **_uses(evaluation, prompt),
        "Answer": {"": evaluation.output},
        "Expected": {name: value_as_text(value) for name, value in example.expectations.items()},
        "Scores": {
            name: f"{score.value:g}{score.rationale and f' ({score.rationale})'}"
            for name, score in evaluation.scores.items()
        },
    }
    if evaluation.error is not None:
        sections["Error"] = {"": evaluation.error}
    return {title: section for title, section in sections.items() if section}


def _uses(evaluation: Evaluation, prompt: str | None) -> Record:
    """What each prompt of an app was given, and what came of it, in the order of time."""
    sections: Record = {}
    for use in evaluation.run.uses if evaluation.run else ():
        if prompt in (None, use.prompt):
            nth = sum(title.startswith(f"Given to {use.prompt}") for title in sections) + 1
            again = f" ({nth})" if nth > 1 else ""
            sections[f"Given to {use.prompt}{again}"] = {"": use.given} if use.given else {}
            sections[f"What came of {use.prompt}{again}"] = {"": use.output} if use.output else {}
    return sections


def _longest(candidates: Sequence[Record]) -> int:
    return max(len(text) for record in candidates for section in record.values() for text in section.values())


def _cut(candidates: Sequence[Record], limit: int) -> list[Record]:
    return [
        {
            title: {name: shorten(text, limit) for name, text in section.items()}
            for title, section in record.items()
        }
        for record in candidates
    ]


def _rendered(candidates: Sequence[Record], total: int) -> str:
    parts = []
    for number, record in enumerate(candidates, start=1):
        lines = [f"# Example {number}"]
        for title, section in record.items():
            lines.append(f"## {title}")
            lines.extend(f"{name}: {text}" if name else text for name, text in section.items())
        parts.append("\n".join(lines))
    if len(candidates) < total:
        parts.append(f"({total - len(candidates)} more examples, with better scores, are left out)")
    return "\n\n".join(parts)


def _largest(low: int, high: int, accepted: Callable[[int], bool]) -> int:
    """The largest number in [low, high] that is accepted; ``low`` when none is."""
    while low < high:
        middle = (low + high + 1) // 2
        if accepted(middle):
            low = middle
        else:
            high = middle - 1
    return low

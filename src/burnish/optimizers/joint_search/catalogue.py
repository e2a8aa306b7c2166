"""Instructions and format rules written from the expectations, for when no model writes them.

The wordings are general: they take the labels, the keys, the name of the answer and of the input
from the data and the source prompt. Of two ways to say a thing both are here; the search decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.domain.dataset import Example
from burnish.optimizers.joint_search.shape import AnswerKind, AnswerShape

MOST_LABELS_IN_A_SENTENCE = 40
_KNOWN_ANSWERS = (
    "sentiment", "intent", "category", "topic", "emotion", "language", "genre", "tone", "stance", "intention",
    "label", "class", "type", "rating", "score", "priority", "severity", "status", "department", "summary",
    "translation", "total", "price", "number", "count", "date", "name", "title", "keyword", "entity",
)  # fmt: skip
_OF = re.compile(r"\b(?:the|its|their)\s+([a-z]+)\s+(?:of|for|in|expressed)\b", re.IGNORECASE)
_MAIN_INPUTS = ("question", "query", "message", "text", "input", "document", "review", "sentence", "request")


@dataclass(frozen=True, slots=True)
class Wording:
    """What things are called in this task.

    Attributes:
        answer: noun of what is asked for ("sentiment"); empty when nothing says it.
        subject: noun of the main input ("review").
    """

    answer: str
    subject: str

    @classmethod
    def of(cls, source_text: str, variables: Sequence[str], examples: Sequence[Example]) -> Wording:
        """Read off the source prompt, the names of its variables, and the names of the expectations."""
        return cls(_answer_noun(source_text, examples), _subject_noun(variables))


def instructions_of(source: str, shape: AnswerShape, wording: Wording) -> tuple[str, ...]:
    """Ways to say the task; the source's own comes first."""
    subject = wording.subject
    of_it = f"the {wording.answer} of this {subject}" if wording.answer else f"this {subject}"
    match shape.kind:
        case AnswerKind.LABELS if len(shape.labels) <= MOST_LABELS_IN_A_SENTENCE:
            either, listed = _either(shape.labels), ", ".join(shape.labels)
            found = [
                f"Classify {of_it} as {either}.",
                f"Classify the {subject} as {either}.",
                f"Is {of_it} {either}?",
                f"{_sentence(source)} Choose one of: {listed}.",
                f"Read the {subject} and answer {either}.",
            ]
        case AnswerKind.LABELS:
            found = [f"Classify {of_it}.", f"Name the one label that fits the {subject} best."]
        case AnswerKind.NUMBER:
            number = "a whole number" if shape.whole else "a number"
            found = [
                f"{_sentence(source)} The answer is {number}.",
                f"Work out the answer to this {subject} as {number}.",
                f"Solve this and give {number}.",
            ]
        case AnswerKind.JSON:
            keys = ", ".join(shape.keys)
            found = [
                f"{_sentence(source)} Give the answer as a JSON object with the keys {keys}.",
                f"Extract {keys} from the {subject} as a JSON object.",
            ]
        case _:
            found = [
                f"{_sentence(source)} Use only what the {subject} says.",
                f"Read the {subject} closely, then give the {wording.answer or 'answer'} it asks for.",
            ]
    return _distinct((source, *(text for text in found)))


def rules_of(shape: AnswerShape) -> tuple[str, ...]:
    """Ways to say what the answer must look like; the first is to say nothing."""
    match shape.kind:
        case AnswerKind.LABELS:
            one = "one word" if shape.one_word else "the label only"
            if len(shape.labels) > MOST_LABELS_IN_A_SENTENCE:
                return ("", f"Answer with {one}.", "Reply with the exact label and nothing else.")
            return (
                "",
                f"Answer with {one}.",
                f"Reply with exactly one of: {', '.join(shape.labels)}.",
                f"Answer only with {_either(shape.labels)}, nothing else.",
            )
        case AnswerKind.NUMBER:
            number = "a whole number" if shape.whole else "a number"
            return (
                "",
                "Answer with a number only.",
                f"Reply with {number} in digits and nothing else.",
                "Do not explain. Write only the final number.",
            )
        case AnswerKind.JSON:
            return (
                "",
                f"Reply with one JSON object with the keys {', '.join(shape.keys)} and nothing else.",
                "Reply with valid JSON only: no explanation, no code fence.",
            )
        case AnswerKind.SHORT_TEXT:
            return (
                "",
                "Answer with a few words only.",
                "Reply with the answer itself and nothing else, without a full sentence.",
                f"Answer in at most {max(1, shape.words) * 2} words.",
            )
        case AnswerKind.TEXT:
            return (
                "",
                f"Answer in about {shape.words} words.",
                "Be brief and complete; leave out any introduction.",
                "Reply with the answer itself and nothing else.",
            )
        case AnswerKind.UNKNOWN:
            return ("", "Be brief and exact.", "Reply with the answer itself and nothing else.")


def general_instructions(source: str) -> tuple[str, ...]:
    """For a prompt of a set whose own answers nobody scores: small edits that often help."""
    return _distinct(
        (
            source,
            f"{_sentence(source)} Be brief and exact.",
            f"{_sentence(source)} Leave out nothing that matters.",
        )
    )


def _either(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} or {labels[-1]}"


def _sentence(source: str) -> str:
    text = source.strip()
    return text if not text or text[-1] in ".?!:" else f"{text}."


def _distinct(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.strip() for text in texts))


def _answer_noun(source_text: str, examples: Sequence[Example]) -> str:
    words: list[str] = re.findall(r"[a-z]+", re.sub(r"\{\{.*?\}\}", " ", source_text).lower())
    known = [word for word in words if word in _KNOWN_ANSWERS]
    if known:
        return known[0]
    if found := _OF.search(source_text):
        return str(found.group(1)).lower()
    names = _expectation_names(examples)
    return names[0].replace("_", " ") if names else ""


def _expectation_names(examples: Sequence[Example]) -> list[str]:
    ordinary = {"expected_response", "expected", "answer", "output", "expected_facts", "guidelines"}
    first: Mapping[str, object] = examples[0].expectations if examples else {}
    return [name for name in first if name not in ordinary]


def _subject_noun(variables: Sequence[str]) -> str:
    if not variables:
        return "input"
    main = next((name for name in _MAIN_INPUTS if name in variables), variables[-1])
    return main.replace("_", " ").strip().lower() or "input"

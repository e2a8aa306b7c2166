"""Instructions and format rules written from the expectations, for when no model writes them.

The wordings are general: they take the labels, the keys, the name of the answer and of the input
from the data and the source prompt. Of two ways to say a thing both are here; the search decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.domain.dataset import Example
from burnish.optimizers.prompts.answer_type import AnswerKind, AnswerType
from burnish.optimizers.prompts.layout import followed_by

MOST_LABELS_IN_A_SENTENCE = 40
MOST_LABELS_SAID_TWICE = 4
_ANSWERS = (
    "sentiment|intent|intention|category|topic|emotion|language|genre|tone|stance|label|class|type|rating|"
    "score|priority|severity|status|department|summary|translation|total|price|title|keyword|entity|opinion"
)
_ASKED = re.compile(
    rf"\b(?:the|its|their|what|which|by|for|an?|one)\s+(?:\w+\s+)?({_ANSWERS})\b", re.IGNORECASE
)
_OF = re.compile(r"\b(?:the|its|their)\s+([a-z]+)\s+(?:of|expressed)\b", re.IGNORECASE)
_MAIN_INPUTS = ("question", "query", "message", "text", "input", "document", "review", "sentence", "request")
_QUESTIONS = frozenset({"question", "query", "problem", "q", "riddle", "puzzle"})
_CHOICE = re.compile(r"\(?[A-Za-z0-9]\)?|yes|no|true|false|maybe|unknown", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True)
class Rule:
    """What the answer must look like: in full, and for use beside an instruction that names the labels."""

    full: str
    short: str
    labels: tuple[str, ...] = ()

    def beside(self, instruction: str) -> str:
        return self.short if all(label in instruction for label in self.labels) else self.full


NO_RULE = Rule("", "")


def instructions_of(source: str, answer_type: AnswerType, wording: Wording) -> tuple[str, ...]:
    """Ways to say the task; the source's own comes first."""
    subject = wording.subject
    match answer_type.kind:
        case AnswerKind.LABELS if len(answer_type.labels) <= MOST_LABELS_IN_A_SENTENCE:
            found = _with_labels(source, answer_type.labels, wording)
        case AnswerKind.LABELS:
            of_it = f"the {wording.answer} of this {subject}" if wording.answer else f"this {subject}"
            found = [f"Classify {of_it}.", f"Name the one label that fits the {subject} best."]
        case AnswerKind.NUMBER:
            number = "a whole number" if answer_type.whole else "a number"
            found = [
                followed_by(source, f"The answer is {number}."),
                f"Work out the answer to this {subject} as {number}.",
                f"Solve this and give {number}.",
            ]
        case AnswerKind.JSON:
            keys = ", ".join(answer_type.keys)
            found = [
                followed_by(source, f"Give the answer as a JSON object with the keys {keys}."),
                f"Extract {keys} from the {subject} as a JSON object.",
            ]
        case _:
            found = [
                followed_by(source, f"Use only what the {subject} says."),
                f"Read the {subject} closely, then give the {wording.answer or 'answer'} it asks for.",
            ]
    return _distinct((source, *found))


def _with_labels(source: str, labels: Sequence[str], wording: Wording) -> list[str]:
    subject, either = wording.subject, _either(labels)
    choose = followed_by(source, f"Choose one of: {', '.join(labels)}.")
    if subject in _QUESTIONS or all(_CHOICE.fullmatch(label) for label in labels):
        return [
            f"Answer this {subject} with {either}.",
            choose,
            f"Is the answer {either}?",
            f"Read the {subject} and say whether the answer is {either}.",
        ]
    of_it = f"the {wording.answer} of this {subject}" if wording.answer else f"this {subject}"
    is_it = f"Is {of_it} {either}?"
    if len(labels) > MOST_LABELS_SAID_TWICE:
        bullets = "\n".join(f"- {label}" for label in labels)
        is_it = f"Which of these fits {of_it}?\n\n{bullets}"
    return [
        f"Classify {of_it} as {either}.",
        f"Classify the {subject} as {either}.",
        is_it,
        choose,
        f"Read the {subject} and answer {either}.",
    ]


def rules_of(answer_type: AnswerType) -> tuple[Rule, ...]:
    """Ways to say what the answer must look like; the first is to say nothing."""
    match answer_type.kind:
        case AnswerKind.LABELS:
            return _label_rules(answer_type)
        case AnswerKind.NUMBER:
            number = "a whole number" if answer_type.whole else "a number"
            texts = [
                "Answer with a number only.",
                f"Reply with {number} in digits and nothing else.",
                "Do not explain. Write only the final number.",
            ]
        case AnswerKind.JSON:
            texts = [
                f"Reply with one JSON object with the keys {', '.join(answer_type.keys)} and nothing else.",
                "Reply with valid JSON only: no explanation, no code fence.",
            ]
        case AnswerKind.SHORT_TEXT:
            texts = [
                "Answer with a few words only.",
                "Reply with the answer itself and nothing else, without a full sentence.",
                f"Answer in at most {max(1, answer_type.words) * 2} words.",
            ]
        case AnswerKind.TEXT:
            texts = [
                f"Answer in about {answer_type.words} words.",
                "Be brief and complete; leave out any introduction.",
                "Reply with the answer itself and nothing else.",
            ]
        case AnswerKind.UNKNOWN:
            texts = ["Be brief and exact.", "Reply with the answer itself and nothing else."]
    return (NO_RULE, *(Rule(text, text) for text in texts))


def _label_rules(answer_type: AnswerType) -> tuple[Rule, ...]:
    one = "one word" if answer_type.one_word else "the label only"
    brief = Rule(f"Answer with {one}.", f"Answer with {one}.")
    if len(answer_type.labels) > MOST_LABELS_IN_A_SENTENCE:
        exact = "Reply with the exact label and nothing else."
        return (NO_RULE, brief, Rule(exact, exact))
    listed, either = ", ".join(answer_type.labels), _either(answer_type.labels)
    twice = len(answer_type.labels) <= MOST_LABELS_SAID_TWICE
    one_of, only = f"Reply with exactly one of: {listed}.", f"Answer only with {either}, nothing else."
    return (
        NO_RULE,
        brief,
        Rule(one_of, one_of if twice else "Reply with exactly one of these.", answer_type.labels),
        Rule(only, only if twice else "Answer only with one of these, nothing else.", answer_type.labels),
    )


def general_instructions(source: str) -> tuple[str, ...]:
    """For a prompt of a set whose own answers nobody scores: small edits that often help."""
    return _distinct(
        (
            source,
            followed_by(source, "Be brief and exact."),
            followed_by(source, "Leave out nothing that matters."),
        )
    )


def _either(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} or {labels[-1]}"


def _distinct(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.strip() for text in texts))


def _answer_noun(source_text: str, examples: Sequence[Example]) -> str:
    text = re.sub(r"\{\{.*?\}\}", " ", source_text)
    if found := _ASKED.search(text) or _OF.search(text):
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

"""What a joint search may try: read off the prompt and the training examples, for any task."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import Message, Template, text_of, variables_of
from burnish.optimizers.joint_search.initial_points import initial_points
from burnish.optimizers.joint_search.space import Space, space_of
from burnish.optimizers.prompts.answer_type import AnswerKind, answer_type_of
from burnish.optimizers.prompts.instruction_templates import Wording, instructions_of, rules_of
from burnish.optimizers.protocol import Task
from burnish.optimizers.search.validator import problems_of


def examples(answers: list[Any], variable: str = "text") -> tuple[Example, ...]:
    records = [({variable: f"Input number {n}."}, {"expected_response": a}) for n, a in enumerate(answers)]
    return Dataset.of(records).examples


def space(source: Template, answers: list[Any], variable: str = "text", max_demonstrations: int = 4) -> Space:
    train = examples(answers, variable)
    return space_of(Task(source=Candidate({"p": source}), train=train, validation=()), {}, max_demonstrations)


LABELS = ["positive", "negative"] * 8


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (LABELS, AnswerKind.LABELS),
        (["(A)", "(B)"] * 10, AnswerKind.LABELS),
        (["1", "2", "3"] * 5, AnswerKind.LABELS),
        ([True, False] * 5, AnswerKind.LABELS),
        ([str(n) for n in range(20)], AnswerKind.NUMBER),
        ([n * 1.5 for n in range(20)], AnswerKind.NUMBER),
        (["$1,200", "$3.50", "17%", "4"] + [str(n) for n in range(10)], AnswerKind.NUMBER),
        ([json.dumps({"name": str(n)}) for n in range(9)], AnswerKind.JSON),
        ([{"name": n} for n in range(9)], AnswerKind.JSON),
        ([f"Paris {n}" for n in range(9)], AnswerKind.SHORT_TEXT),
        (["word " * 20 + str(n) for n in range(9)], AnswerKind.TEXT),
        (["same"] * 9, AnswerKind.SHORT_TEXT),
        ([None, ""] * 4, AnswerKind.UNKNOWN),
        ([], AnswerKind.UNKNOWN),
    ],
)
def test_reads_the_type_of_the_answers(answers: list[Any], kind: AnswerKind) -> None:
    assert answer_type_of(examples(answers)).kind is kind


def test_labels_stand_in_the_order_people_say_them() -> None:
    assert answer_type_of(examples(["no", "no", "yes", "no", "yes"])).labels == ("yes", "no")
    assert answer_type_of(examples(["b", "c", "a"] * 4)).labels == ("a", "b", "c")


@pytest.mark.parametrize(
    ("prompt", "variables", "answer", "subject"),
    [
        ("What is the sentiment of this review?", ["review"], "sentiment", "review"),
        ("Find the customer intent.", ["customer_message"], "intent", "customer message"),
        ("Tell the mood of this:", ["text"], "mood", "text"),
        ("Answer.", ["context", "question"], "", "question"),
        ("Hello.", [], "", "input"),
    ],
)
def test_names_what_is_asked_for_and_what_is_given(
    prompt: str, variables: list[str], answer: str, subject: str
) -> None:
    assert Wording.of(prompt, variables, ()) == Wording(answer, subject)


def test_an_expectation_by_another_name_names_the_answer() -> None:
    train = Dataset.of([({"q": "x"}, {"diagnosis_code": "A1"})]).examples
    assert Wording.of("Look at it.", ["q"], train).answer == "diagnosis code"


def test_labels_are_said_in_the_instruction_and_in_the_rule() -> None:
    answer_type = answer_type_of(examples(LABELS))
    found = instructions_of("What is it?", answer_type, Wording("sentiment", "review"))
    assert found[0] == "What is it?"
    assert "Classify the sentiment of this review as positive or negative." in found
    rules = rules_of(answer_type)
    assert rules[0].full == ""
    assert any(rule.full == "Answer with one word." for rule in rules)
    assert any("positive, negative" in rule.full for rule in rules)


def test_many_labels_are_not_said_twice() -> None:
    answer_type = answer_type_of(examples([f"label_{n % 8}" for n in range(40)]))
    instruction = instructions_of("What is it?", answer_type, Wording("", "text"))[1]
    for rule in rules_of(answer_type):
        assert f"{instruction} {rule.beside(instruction)}".count("label_3") == 1


def test_many_labels_are_also_listed_line_by_line() -> None:
    answer_type = answer_type_of(examples([f"label_{n % 8}" for n in range(40)]))
    found = instructions_of("What is it?", answer_type, Wording("intent", "text"))
    assert any("the intent of this text?\n\n- label_0\n- label_1" in text for text in found)


def test_questions_are_answered_not_classified() -> None:
    found = instructions_of("", answer_type_of(examples(["(A)", "(B)"] * 9)), Wording("", "question"))
    assert not any("lassify" in text for text in found)


SOURCES: list[Template] = [
    "What is the sentiment of this review?\n\n{{text}}",
    "Text: {{text}}\nLabel:",
    "{{text}}",
    'Say of "{{text}}" what it is.',
    "# Text\n{{text}}\n\n# Task\nSay what it is.",
    (Message("system", "You are a critic."), Message("user", "{{text}}")),
    (Message("system", "You read {{text}}."), Message("user", "Well?")),
    (Message("user", "Judge: {{text}} please."),),
]
ANSWERS: dict[str, list[Any]] = {
    "labels": LABELS,
    "numbers": [str(n) for n in range(16)],
    "json": [{"a": n} for n in range(16)],
    "text": [f"a longer answer with number {n} in it" for n in range(16)],
    "nothing": [None] * 16,
}


@pytest.mark.parametrize("source", SOURCES, ids=range(len(SOURCES)))
@pytest.mark.parametrize("answers", ANSWERS)
def test_every_candidate_may_be_measured(source: Template, answers: str) -> None:
    made = space(source, ANSWERS[answers])
    sizes = [range(size) for size in made.dimensions.values()]
    combinations = list(itertools.islice(itertools.product(*sizes), 0, None, 7))
    assert combinations
    for combination in combinations:
        candidate = made.candidate(dict(zip(made.dimensions, combination, strict=True)))
        assert problems_of(candidate.texts["p"], source) == []
        assert "\n\n\n" not in text_of(candidate.texts["p"])


@pytest.mark.parametrize("source", SOURCES, ids=range(len(SOURCES)))
def test_the_first_of_everything_is_the_source(source: Template) -> None:
    made = space(source, LABELS)
    assert made.candidate({}).texts["p"] == source


def test_chosen_parts_stand_in_the_prompt() -> None:
    made = space("What is the sentiment of this review?\n\n{{review}}", LABELS, "review")
    texts = [str(made.candidate(point).texts["p"]) for point in initial_points(made, 8)]
    assert len(set(texts)) == 8
    assert (
        "Classify the sentiment of this review as positive or negative. Answer with one word.\n\n"
        "Review: {{review}}\nSentiment:"
    ) in texts
    assert any("Review: Input number" in text for text in texts)


def test_demonstrations_are_told_apart_from_copies() -> None:
    made = space("Rate it.\n\n{{text}}", LABELS)
    with_shots = {"p.shots": 1}
    shown = made.demonstrated(with_shots)
    assert len(shown) == 2
    text = str(made.candidate(with_shots).texts["p"])
    for example in made.pool:
        assert (example.example.example_id in shown) == (str(example.example.inputs["text"]) in text)
    assert made.demonstrated({}) == frozenset()


def test_no_demonstrations_when_none_are_wanted() -> None:
    made = space("Rate it.\n\n{{text}}", LABELS, max_demonstrations=0)
    assert "p.shots" not in made.dimensions


def test_each_prompt_of_a_set_has_its_own_instruction() -> None:
    texts: dict[str, Template] = {"answer": "Say it.\n\n{{text}}", "style": "Write well about {{text}}."}
    task = Task(source=Candidate(texts), train=examples(LABELS), validation=())
    made = space_of(task, {"style": ["Write with great care about it."]}, 4)
    assert made.dimensions["style.instruction"] >= 3
    candidate = made.candidate({"style.instruction": 1})
    assert "great care" in str(candidate.texts["style"])
    assert variables_of(candidate.texts["style"]) == {"text"}
    assert candidate.texts["answer"] == texts["answer"]
    assert all(point["style.instruction"] == 0 for point in initial_points(made, 8))


@settings(max_examples=50)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=12), st.data())
def test_strange_answers_make_no_broken_prompt(answers: list[str], data: st.DataObject) -> None:
    source = "Say it.\n\n{{text}}"
    made = space(source, answers)
    point = {name: data.draw(st.integers(0, size - 1)) for name, size in made.dimensions.items()}
    template = made.candidate(point).texts["p"]
    assert isinstance(template, str)
    assert "{{text}}" in template

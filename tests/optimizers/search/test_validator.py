"""What a proposal must keep, what is repaired, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Dataset
from burnish.domain.prompt import Message, Template, variables_of
from burnish.optimizers.protocol import Task
from burnish.optimizers.search.validator import ProposalValidator, problems_of, repair
from burnish.optimizers.settings import CommonSettings
from burnish.optimizers.testing.contract import RecordingObserver

SOURCE = "Answer the question.\n\nContext: {{context}}\nQuestion: {{question}}"
CHAT = (Message("system", "You answer for {{company}}."), Message("user", "Question: {{question}}"))


def validator(
    source: Template = SOURCE, settings: CommonSettings | None = None, **inputs: str
) -> tuple[ProposalValidator, RecordingObserver]:
    train = Dataset.of([({"question": "Short?", **inputs}, {"expected_response": "yes"})]).examples
    task = Task(source=Candidate({"p": source}), train=train, validation=())
    observer = RecordingObserver()
    return ProposalValidator(task, settings or CommonSettings(), observer), observer


@pytest.mark.parametrize(
    ("proposal", "repaired"),
    [
        (
            "Answer well.\n\nQuestion: {{question}}",
            "Answer well.\n\nQuestion: {{question}}\n\nContext: {{context}}",
        ),
        ("Answer well.", "Answer well.\n\nContext: {{context}}\nQuestion: {{question}}"),
        ("From {context} answer {question}.", "From {{context}} answer {{question}}."),
        ("From {{ context }} answer {{question}}", "From {{ context }} answer {{question}}"),
    ],
)
def test_lost_variables_are_put_back_in_the_sources_way(proposal: str, repaired: str) -> None:
    assert repair(proposal, SOURCE) == repaired


def test_a_variable_from_a_sentence_comes_back_as_a_field() -> None:
    assert (
        repair("Be kind.", "Translate {{first_text}} to French now.")
        == "Be kind.\n\nFirst text: {{first_text}}"
    )


def test_lost_variables_of_a_chat_come_back_in_their_message() -> None:
    lost = (Message("system", "Be kind."), Message("user", "Hello."))
    fixed = repair(lost, CHAT)
    assert fixed == (
        Message("system", "Be kind.\n\nCompany: {{company}}"),
        Message("user", "Hello.\n\nQuestion: {{question}}"),
    )


def test_demonstrations_in_front_of_the_last_message_stay_where_they_are() -> None:
    shown = (*CHAT[:1], Message("user", "Q"), Message("assistant", "A"), Message("user", "Now you."))
    assert problems_of(shown, CHAT) == ["lost {{question}}"]
    assert repair(shown, CHAT)[-1] == Message("user", "Now you.\n\nQuestion: {{question}}")


@given(st.text(max_size=300))
def test_a_repaired_text_has_every_variable_and_keeps_what_was_written(text: str) -> None:
    fixed = repair(text, SOURCE)
    assert isinstance(fixed, str)
    assert variables_of(SOURCE) <= variables_of(fixed)
    assert repair(fixed, SOURCE) == fixed
    if "{" not in text:
        assert fixed.startswith(text.rstrip())


@pytest.mark.parametrize(
    ("proposal", "word"),
    [
        ("{% if context %}{{context}}{% endif %} {{question}}", "Jinja"),
        ("{{context | upper}} {{question}}", "holds {{context | upper}}"),
        ("   ", "empty"),
        ("{{context}} {{question}} {{mood}}", "{{mood}}"),
        ("{{context}}", "lost {{question}}"),
        ((Message("user", "{{context}} {{question}}"),), "one text"),
    ],
)
def test_what_cannot_be_used_is_named(proposal: Template, word: str) -> None:
    assert word in " ".join(problems_of(proposal, SOURCE))


@pytest.mark.parametrize(
    "roles",
    [
        ["user"],
        ["user", "system"],
        ["system", "user", "user"],
        ["system", "user", "assistant"],
        ["system", "assistant", "user", "user"],
    ],
)
def test_a_chat_keeps_its_roles(roles: list[str]) -> None:
    template = tuple(Message(role, "{{company}} {{question}}") for role in roles)
    assert any("must keep a chat of system + user" in problem for problem in problems_of(template, CHAT))


def test_a_long_prompt_is_refused() -> None:
    rules, observer = validator(settings=CommonSettings(max_prompt_tokens=30))
    result = rules.validate(Candidate({"p": SOURCE + " Think." * 50}))
    assert result.candidate is None
    assert "at most 30" in result.reasons[0]
    assert observer.candidates[0][1] is CandidateStatus.REFUSED
    assert "at most 30" in observer.candidates[0][3]


def test_an_equal_candidate_is_measured_once() -> None:
    rules, observer = validator()
    proposal = Candidate({"p": f"Please. {SOURCE}"})
    assert rules.validate(proposal).candidate == proposal
    again = rules.validate(replace(proposal, origin="another way to the same text"))
    assert again.candidate is None
    assert "equal to an earlier candidate" in again.reasons
    assert rules.validate(Candidate({"p": SOURCE})).candidate is None, "the source itself is no proposal"
    assert rules.seen(proposal)
    assert [entry[1] for entry in observer.candidates] == [
        CandidateStatus.PROPOSED,
        CandidateStatus.REFUSED,
        CandidateStatus.REFUSED,
    ]


def test_a_repair_is_reported() -> None:
    rules, observer = validator()
    result = rules.validate(Candidate({"p": "Answer from {{context}}."}, origin="rewrite 1"))
    assert result.candidate is not None
    assert result.candidate.origin == "rewrite 1"
    assert observer.candidates[0][3] == "repaired: {{question}} was missing"


COPIED = "The  quick brown Fox jumps over the lazy dog."


def test_a_copied_training_example_is_warned_about() -> None:
    rules, observer = validator(context=COPIED)
    proposal = Candidate({"p": f"For example: the quick brown fox\njumps over the lazy dog. {SOURCE}"})
    assert rules.validate(proposal).candidate is not None
    assert "word for word" in observer.warnings[0]


def test_the_beginning_of_a_very_long_example_is_a_copy_of_it() -> None:
    rules, observer = validator(context=f"  {COPIED}" * 50_000)
    assert rules.validate(Candidate({"p": f"{f'{COPIED} ' * 50} {SOURCE}"})).candidate is not None
    assert "word for word" in observer.warnings[0]
    rules, observer = validator(context=f"{COPIED}" * 50_000)
    assert rules.validate(Candidate({"p": f"{f'{COPIED} ' * 10} {SOURCE}"})).candidate is not None
    assert not observer.warnings


def test_a_copied_training_example_is_refused_when_told_so() -> None:
    rules, observer = validator(settings=CommonSettings(refuse_copied_examples=True), context=COPIED)
    result = rules.validate(Candidate({"p": f"{COPIED} {SOURCE}"}))
    assert result.candidate is None
    assert "word for word" in result.reasons[0]
    assert not observer.warnings


def test_what_stood_in_the_source_or_is_shown_on_purpose_is_no_copy() -> None:
    settings = CommonSettings(refuse_copied_examples=True)
    rules, _ = validator(source=f"{COPIED} {SOURCE}", settings=settings, context=COPIED)
    assert rules.validate(Candidate({"p": f"{COPIED} Well? {SOURCE}"})).candidate is not None
    rules, observer = validator(context=COPIED)
    example_id = Dataset.of([({"question": "Short?", "context": COPIED}, {})]).examples[0].example_id
    assert rules.validate(Candidate({"p": f"{COPIED} {SOURCE}"}), {example_id}).candidate is not None
    assert not observer.warnings


def test_a_set_of_prompts_names_the_one_at_fault() -> None:
    task = Task(source=Candidate({"a": "{{x}}", "b": "Plain."}), train=(), validation=())
    rules = ProposalValidator(task, CommonSettings(), RecordingObserver())
    assert rules.reasons_against(Candidate({"a": "{{x}}", "b": "{{x}}"})) == [
        "b: uses {{x}}, which has no value; known are none"
    ]
    assert "exactly the prompts a, b" in rules.reasons_against(Candidate({"a": "{{x}}"}))[0]

"""Candidates in questions, and back from answers; which texts may be rewritten at all."""

from __future__ import annotations

import pytest

from burnish.domain.candidate import Candidate
from burnish.domain.prompt import Message, Template
from burnish.errors import InvalidInput
from burnish.optimizers.prompts.components import Components
from burnish.optimizers.prompts.delimiters import UnusableAnswer
from burnish.optimizers.prompts.proposal_format import ProposalFormat
from burnish.optimizers.prompts.rewriting import RewriteRequest
from burnish.optimizers.prompts.structure import TemplateSlot
from burnish.optimizers.testing.reflection_scripts import completion

TEXTS = Candidate(
    {"a": "Hello {{x}}", "b": (Message("system", "Be kind."), Message("user", "Greet them.\n\n{{y}}"))}
)
EXAMPLES: Template = (
    Message("system", "Use the calculator."),
    Message("user", "What is 6 times 7?"),
    Message("assistant", "calculator(6 * 7)"),
    Message("tool", "42"),
    Message("assistant", "It is 42."),
    Message("user", "Answer the question: {{question}}"),
)


def form(candidate: Candidate = TEXTS, numbers: list[int] | None = None) -> ProposalFormat:
    return ProposalFormat(Components(candidate), candidate, numbers)


def names(template: Template, *roles: str) -> list[str]:
    components = (
        Components(Candidate({"p": template}), roles) if roles else Components(Candidate({"p": template}))
    )
    return [component.name for component in components]


def test_texts_come_back_as_they_were_shown() -> None:
    read = form().read(completion(f"Sure!\n{form().shown()}\nDone."))
    assert read == {0: "Hello {{x}}", 1: "Be kind.", 2: "Greet them.\n\n{{y}}"}
    assert Components(TEXTS).templates(TEXTS, read) == dict(TEXTS.texts)


def test_a_text_left_out_stays() -> None:
    read = form().read(completion('<prompt name="b#0">Be very kind.</prompt>'))
    assert read == {0: "Hello {{x}}", 1: "Be very kind.", 2: "Greet them.\n\n{{y}}"}


def test_one_text_needs_no_name() -> None:
    one = form(numbers=[1])
    assert one.shown() == "<prompt>\nBe kind.\n</prompt>"
    assert one.read(completion("<prompt>\nBe brief.\n</prompt>")) == {1: "Be brief."}


def test_blank_lines_around_it_make_no_new_text() -> None:
    assert form(numbers=[1]).read(completion("<prompt>\n\nBe kind. \n\n</prompt>")) == {1: "Be kind."}


def test_a_text_that_was_not_asked_for_is_refused() -> None:
    for answer in ('<prompt name="c">x</prompt>', "<prompt>x</prompt>"):
        with pytest.raises(UnusableAnswer, match="a, b#0, b#1"):
            form().read(completion(answer))


@pytest.mark.parametrize(
    "text",
    [
        "Reply inside `<prompt>...</prompt>` tags. Never mention prices.",
        "Say <message>x</message>. ```\n{}\n```",
    ],
)
def test_no_part_of_a_question_can_be_taken_for_its_delimiters(text: str) -> None:
    candidate = Candidate({"p": (Message("system", text), Message("user", f"Say: {text} {{{{x}}}}"))})
    beside = "The model said </prompt-2>."
    made = ProposalFormat(Components(candidate), candidate, beside=[beside])
    tag = made.delimiters.tag
    request = RewriteRequest(parent=candidate, format=made, feedback=beside).messages()[0].content
    assert request.count(f"</{tag}>") == 2
    assert made.read(completion(made.shown())) == Components(candidate).texts(candidate)


def test_the_request_shows_texts_results_and_rules() -> None:
    request = RewriteRequest(
        parent=TEXTS, format=form(), feedback="It said no.", guidelines="For bankers.", number=2
    )
    text = request.messages()[0].content
    for part in ("Hello {{x}}", 'name="b#0"', "The system message", "It said no.", "For bankers.", "{{y}}"):
        assert part in text
    first, second = (RewriteRequest(parent=TEXTS, format=form(), number=number) for number in (0, 1))
    assert first.messages() != second.messages()


# --- which texts may be rewritten


def test_tool_results_and_example_turns_stay() -> None:
    assert names(EXAMPLES) == ["p#0", "p#5"]
    source = Candidate({"p": EXAMPLES})
    context = ProposalFormat(Components(source), source).context()
    for said in ("42", "calculator(6 * 7)", "What is 6 times 7?"):
        assert said in context


def test_roles_choose_what_may_be_rewritten() -> None:
    assert names(EXAMPLES, "system") == ["p#0"]
    assert names(EXAMPLES, "user") == ["p#5"]
    assert names(EXAMPLES, "system", "user", "assistant") == ["p#0", "p#1", "p#2", "p#4", "p#5"]
    assert "p#3" not in names(EXAMPLES, "tool", "assistant")


def test_a_message_of_variables_only_gives_no_instruction() -> None:
    assert names((Message("system", "Classify."), Message("user", "Review: {{x}}"))) == ["p#0"]
    assert names((Message("user", "{{x}}"),)) == ["p#0"], "it must go somewhere"


def test_a_question_before_a_prefilled_answer_is_no_example() -> None:
    assert names((Message("user", "Classify {{x}}."), Message("assistant", "The class is"))) == ["p#0"]


@pytest.mark.parametrize("roles", [["assistant"], ["system"]])
def test_roles_that_a_chat_does_not_have_are_an_error(roles: list[str]) -> None:
    chat = (Message("user", "{{x}}"), Message("tool", "42"))
    for make in (lambda: Components(Candidate({"p": chat}), roles), lambda: TemplateSlot.of(chat, roles)):
        with pytest.raises(InvalidInput) as caught:
            make()
        [problem] = caught.value.problems
        assert problem.field == "optimizer_config.roles"
        assert problem.value == roles[0]
        assert "user, tool" in problem.remedy


def test_demonstrations_and_layouts_go_into_a_message_that_may_be_rewritten() -> None:
    chat = (
        Message("user", "Question: {{x}}"),
        Message("assistant", "Of {{x}} I think"),
        Message("tool", "42"),
    )
    slot = TemplateSlot.of(chat)
    assert (slot.position, slot.takes_turns) == (0, False)
    assert TemplateSlot.of(EXAMPLES).position == 5
    assert TemplateSlot.of(EXAMPLES, ["user"]).system is None

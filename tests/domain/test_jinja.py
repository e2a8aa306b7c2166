"""The code of a Jinja template is found where Jinja finds it, and a proposal may not change it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.domain.jinja import code_in, code_problems, identifiers_in, printed_names, words_in
from burnish.domain.prompt import Message, as_literal, is_jinja

PIECES = (
    "{{ a }}",
    "{{a|upper}}",
    "{{ '}}' }}",
    "{{ {'k': {}} }}",
    "{% if a %}",
    "{%- endif -%}",
    '{% set q = "%}" %}',
    "{# {{ a }} {% #}",
    "{% raw %}{{ x }} {% if %}{% endraw %}",
    "{%- raw -%} {# {%- endraw -%}",
)
WORDS = ("words", " ", "\n", "{", "}", "}}", "%}", "#}", "'", '"', "ä☃", "{ {", "- ")
fragments = st.lists(st.sampled_from(PIECES + WORDS), max_size=10)


def code_by_jinja(text: str) -> str:
    """Everything that Jinja's own lexer does not take for words; a raw block's marks are code, too."""
    from jinja2 import Environment

    tokens = Environment().lex(text)
    return "".join(value for _, kind, value in tokens if kind != "data")


@given(fragments)
@settings(deadline=None, max_examples=300)
def test_code_is_found_as_jinja_finds_it(parts: list[str]) -> None:
    from jinja2 import TemplateSyntaxError

    text = "".join(parts)
    try:
        code_by_jinja(text)
    except TemplateSyntaxError:
        return
    pieces = [text[begin:end] for begin, end in code_in(text)]
    words = text
    for piece in pieces:
        before, found, words = words.partition(piece)
        assert found
        assert not code_by_jinja(before.rstrip("{")), "no code between the pieces"
        assert code_by_jinja(piece).strip(), "and each piece is code"


@given(fragments, st.lists(st.sampled_from(("new words", "", "{", "}}", "'")), min_size=1, max_size=8))
@settings(deadline=None, max_examples=300)
def test_other_words_around_the_same_code_are_the_same_code_to_jinja(
    parts: list[str], other_words: list[str]
) -> None:
    from jinja2 import Environment, TemplateSyntaxError

    source = "".join(parts)
    try:
        Environment().parse(source)
    except TemplateSyntaxError:
        return
    pieces = [source[begin:end] for begin, end in code_in(source)]
    proposal = other_words[0]
    for number, piece in enumerate(pieces):
        proposal += piece + other_words[number % len(other_words)]
    if not code_problems(proposal, source):
        assert _code(proposal) == _code(source)


def _code(text: str) -> list[tuple[str, str]]:
    """What Jinja executes: every token but words and white space."""
    from jinja2 import Environment

    return [
        (kind, value.strip())
        for _, kind, value in Environment().lex(text)
        if kind not in ("data", "whitespace")
    ]


SOURCE = "Classify.\n{% if context %}Context: {{ context }}\n{% endif %}{{ question }}"


@pytest.mark.parametrize(
    ("proposal", "said"),
    [
        (SOURCE.replace("Classify.", "Classify {{ question }}."), "changed, moved or put something before"),
        (SOURCE.replace("{{ question }}", ""), "lost the Jinja code {{ question }}"),
        (SOURCE.replace("{{ question }}", "{{ question.__class__ }}"), "the Jinja code {{ question }}"),
        (SOURCE + "{% for i in range(9) %}{% endfor %}", "adds {% for i in range(9) %}"),
        (SOURCE + " {# note #}", "adds {# note #}"),
        (SOURCE + " {{", "adds {{"),
        (SOURCE.replace("{{ question }}", "{{{ question }}"), "changed, moved"),
        ("no code at all", "lost the Jinja code {% if context %}"),
    ],
)
def test_a_proposal_may_not_change_the_code(proposal: str, said: str) -> None:
    assert said in "; ".join(code_problems(proposal, SOURCE))


def test_a_proposal_may_change_the_words() -> None:
    proposal = "Be exact {x}.\n{% if context %}Read: {{ context }}\n{% endif %}Q: {{ question }}\nA: }} {"
    assert code_problems(proposal, SOURCE) == []


def test_each_message_keeps_its_own_code_and_added_ones_have_none() -> None:
    source = (Message("system", "{% if a %}A{% endif %}"), Message("user", "{{ q }}"))
    turns = (Message("user", "Q"), Message("assistant", "A"))
    assert code_problems((*source[:1], *turns, *source[1:]), source) == []
    assert code_problems((*source[:1], Message("user", "{{ q }}"), turns[1], *source[1:]), source)
    assert code_problems((Message("system", "{{ q }}"), Message("user", "{% if a %}A{% endif %}")), source)
    assert code_problems(source[:1], source)


def test_names_in_code_are_found_and_words_are_not() -> None:
    assert identifiers_in("word {% if user.name == 'text' %}{{ q|upper }}{# note #}{% endif %}") == {
        "if",
        "user",
        "q",
        "upper",
        "endif",
    }


def test_columns_that_a_text_shows() -> None:
    text = "{% for i, item in items %}{{ item.x }}{{ i }}{% endfor %}{% set q = 1 %}{{q}} "
    text += "{{ user.name }}{{ review }}"
    assert printed_names(text) == ("user", "review")


def test_words_inside_of_a_block_do_not_always_stand_there() -> None:
    text = "A {% if x %}B {{ y }} C{% else %}D{% endif %} E {% set z %}F{% endset %}{% set w = 1 %}G"
    assert [words.strip() for words in words_in(text) if words.strip()] == ["A", "E", "G"]


@given(st.text(alphabet="{}%# ax", max_size=30))
def test_a_literal_text_holds_no_code(text: str) -> None:
    assert not code_in(as_literal(text, jinja=True))
    assert not is_jinja(as_literal(text, jinja=True))

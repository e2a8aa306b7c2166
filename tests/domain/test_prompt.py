"""Variables follow MLflow's rule to the letter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.domain.prompt import (
    Message,
    Template,
    check_template,
    is_jinja,
    lookalikes_of,
    needs_value,
    render,
    template_to_json,
    variables_of,
)
from burnish.domain.rendering import PlainRenderer
from burnish.errors import InvalidInput
from burnish.mlflow_import import load_mlflow

NAMES = ("question", "a", "_x1", "user.question", "first name", "user-name", "вопрос", "größe", "1st")
FRAGMENTS = (
    *(f"{{{{{name}}}}}" for name in NAMES),
    *(f"{{{{ {name}\n}}}}" for name in NAMES),
    *NAMES,
    "{{ question | upper }}",
    "{{\u00a0a\u00a0}}",
    "{{}}",
    "{% raw",
    "{# no comment #}",
    "{",
    "}",
    "{{",
    "}}",
    " ",
    "\\g<0>\\u00e9",
    "\n",
)
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join)
# MLflow looks for a chat's variables in its JSON, where white space other than blanks is escaped and hides
# a variable; such a one without a value is refused here.
contents = texts.map(lambda text: text.replace("\n}}", " }}").replace("\u00a0", " "))
templates = texts | st.lists(contents, min_size=1, max_size=3).map(
    lambda contents: tuple(Message("user", content) for content in contents)
)
records = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["VALUE", "", "\\d \\1", "Ü\n"]))


def formatted_by_mlflow(template: Template, values: dict[str, str]) -> list[str] | None:
    """The messages' texts as MLflow fills them in; ``None`` where a variable lacks its value."""
    load_mlflow()
    from mlflow.entities.model_registry import PromptVersion
    from mlflow.exceptions import MlflowException

    prompt: Any = PromptVersion("p", 1, template_to_json(template))
    try:
        found = prompt.format(**values)
    except MlflowException:
        return None
    return [found] if isinstance(found, str) else [message["content"] for message in found]


@settings(max_examples=400, deadline=None)
@given(templates, records)
def test_templates_are_filled_in_as_mlflow_fills_them_in(template: Template, values: dict[str, str]) -> None:
    expected = formatted_by_mlflow(template, values)
    if expected is None:
        with pytest.raises(InvalidInput):
            render(template, values)
    else:
        assert [message.content for message in render(template, values)] == expected


@settings(max_examples=200, deadline=None)
@given(texts)
def test_what_needs_a_value_is_what_mlflow_lists_as_variables(text: str) -> None:
    load_mlflow()
    from mlflow.entities.model_registry import PromptVersion

    ours = {name for name in variables_of(text) if needs_value(name)}
    assert ours == PromptVersion("p", 1, text).variables


@pytest.mark.parametrize(
    "text",
    [
        "a { color: red } {# not a comment #}",
        "\\begin{tabular}{%\n\\hline",
        "{#if user}{user.name}{/if}",
        "100 %} of it",
        "{{question|upper}}",
    ],
)
def test_braces_that_are_no_jinja_to_mlflow_are_text(text: str) -> None:
    check_template(text)
    assert render(text, {"question": "x"})[0].content == text


@pytest.mark.parametrize(
    "template",
    [
        "{% for x in y %}{{x}}{% endfor %}",
        "{%- set q = 1 -%} {{q}}",
        (Message("system", "Be kind."), Message("user", "{% if a %}{{a}}{% endif %}")),
    ],
)
def test_jinja_is_refused_and_quoted_where_none_is_wanted(template: Template) -> None:
    assert is_jinja(template)
    with pytest.raises(InvalidInput, match="BURNISH_JINJA=off") as refusal:
        PlainRenderer().render_now(template, {})
    assert refusal.value.problems[0].value.startswith("{%")


def test_the_two_marks_of_jinja_in_different_messages_are_none() -> None:
    assert not is_jinja((Message("system", "{%"), Message("user", "%} {{a}}")))


def test_a_value_is_never_filled_in_itself() -> None:
    (message,) = render("{{a}} {{b}}", {"a": "{{b}}", "b": "2"})
    assert message.content == "{{b}} 2"


def test_what_only_looks_like_a_variable_is_found() -> None:
    text = "{{ x | upper }} {{question}} {{a[0]}} {{first name}} {{}} {{ x | upper }}"
    assert lookalikes_of(text) == ("{{ x | upper }}", "{{a[0]}}", "{{}}")

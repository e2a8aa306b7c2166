"""Jinja templates are rendered as MLflow renders them, and can hurt nobody."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.domain.prompt import Message, Template, template_to_json
from burnish.errors import InvalidInput
from burnish.mlflow_import import load_mlflow
from burnish.rendering import sandbox as module
from burnish.rendering.sandbox import JinjaSandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[JinjaSandbox]:
    sandbox = JinjaSandbox()
    yield sandbox
    sandbox.close()


def refusal(sandbox: JinjaSandbox, template: Template, **values: Any) -> str:
    with pytest.raises(InvalidInput) as refused:
        sandbox.render_now(template, values)
    return refused.value.problems[0].remedy


# --- as MLflow

FRAGMENTS = (
    "{% if a %}{{a}}{% else %}none{% endif %}",
    "{% for x in items %}{{ loop.index }}. {{ x }}\n{% endfor %}",
    "{%- if b is defined -%} b {%- endif %}",
    "{{ a | upper }}",
    "{{ user.name }}",
    "{{ user }}",
    "{{ nowhere }}",
    "{# a note {{a}} #}",
    "{% raw %}{{a}}{% endraw %}",
    "{% set q = 1 %}",
    "{{ '}}' }}{{ {'k': {}} }}",
    "{{ a.__class__ }}",
    "{{ nowhere.deep }}",
    "{{ b | tojson }}",
    "{% include 'x' %}",
    "words",
    "größe ☃",
    "\r\n",
    "\n",
    "%}",
    "}}",
    "{",
)
texts = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=6).map("".join)
jinja_texts = texts.map(lambda text: text + "{% if a %}!{% endif %}")
templates = jinja_texts | st.lists(texts, min_size=1, max_size=2).flatmap(
    lambda before: jinja_texts.map(lambda last: tuple(Message("user", text) for text in (*before, last)))
)
values = st.fixed_dictionaries(
    {},
    optional={
        "a": st.sampled_from(["VALUE", "", 3, None, "{{b}}", "<i>"]),
        "b": st.sampled_from([1.5, True, "x"]),
        "items": st.sampled_from([[], ["p", "q"], {"k": 1}, "abc"]),
        "user": st.sampled_from([{"name": "Ada"}, {}, "text"]),
    },
)


def formatted_by_mlflow(template: Template, given: dict[str, Any]) -> list[str] | None:
    """``None`` where MLflow raises."""
    load_mlflow()
    from mlflow.entities.model_registry import PromptVersion

    prompt: Any = PromptVersion("p", 1, template_to_json(template))
    try:
        made = prompt.format(**given)
    except Exception:  # noqa: BLE001 - Jinja's errors come as they are
        return None
    return [made] if isinstance(made, str) else [message["content"] for message in made]


@given(template=templates, given_values=values)
@settings(deadline=None, max_examples=150)
def test_a_template_is_rendered_as_mlflow_renders_it(
    sandbox: JinjaSandbox, template: Template, given_values: dict[str, Any]
) -> None:
    expected = formatted_by_mlflow(template, given_values)
    try:
        found = [message.content for message in sandbox.render_now(template, given_values)]
    except InvalidInput:
        assert expected is None
        return
    assert found == expected


def test_a_chat_keeps_its_roles_and_every_message_is_jinjas(sandbox: JinjaSandbox) -> None:
    chat = (Message("system", "{{ a | upper }}"), Message("user", "{% if a %}{{a}}{% endif %}"))
    assert sandbox.render_now(chat, {"a": "x"}) == (Message("system", "X"), Message("user", "x"))


def test_a_plain_template_is_filled_in_here(sandbox: JinjaSandbox) -> None:
    assert sandbox.render_now("Say {{word}} {{ word | upper }}", {"word": "x"}) == (
        Message("user", "Say x {{ word | upper }}"),
    )


def test_what_a_template_takes_from_a_record(sandbox: JinjaSandbox) -> None:
    names = sandbox.names(
        "{% for item in items %}{{ item.x }}{% endfor %}{% if q %}{{ q }}{% endif %}{{ z | default('') }}"
        "{{ w }}{% set k = 1 %}{{ k }}{{ range(3) }}"
    )
    assert names.used == {"items", "q", "z", "w"}
    assert names.optional == {"q", "z"}


def test_random_choices_are_the_same_in_every_process() -> None:
    text = "{% if 1 %}{{ lipsum(n=1) }}{{ [1, 2, 3, 4, 5, 6, 7, 8, 9] | random }}{% endif %}"
    said = set()
    for _ in range(2):
        other = JinjaSandbox()
        said.add(other.render_now(text, {}))
        other.close()
    assert len(said) == 1


# --- hurts nobody


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for i in range(10**9) %}x{% endfor %}", "Range too big"),
        ("{{ 'a' * 10**10 }}{% if 1 %}{% endif %}", "MB of memory"),
        ("{{ 'a' * 3000000 }}{% if 1 %}{% endif %}", "more than 2,000,000 characters"),
        ("{{ ''.__class__.__mro__ }}{% if 1 %}{% endif %}", "the sandbox forbids"),
        ("{% set x = ().__class__.__base__.__subclasses__() %}", "the sandbox forbids"),
        ("{{ lipsum.__globals__['os'].popen('id').read() }}{% if 1 %}{% endif %}", "the sandbox forbids"),
        ("{% set _ = items.append(1) %}", "the sandbox forbids"),
        ("{% if a %}", "line 1 is not Jinja"),
        ("one\n{{ a b }}{% if 1 %}{% endif %}", "line 2 is not Jinja"),
        ("{{ a | nofilter }}{% if 1 %}{% endif %}", "nofilter"),
        ("{{ nowhere.deep.deeper }}{% if 1 %}{% endif %}", "UndefinedError"),
        ("{{ 1 / 0 }}{% if 1 %}{% endif %}", "ZeroDivisionError"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}{% if 1 %}{% endif %}", "nested too deeply"),
        ("{% include '/etc/passwd' %}", "cannot be rendered"),
    ],
)
def test_what_cannot_be_rendered_is_said(sandbox: JinjaSandbox, template: str, said: str) -> None:
    assert said in refusal(sandbox, template, items=[1], a="x")
    assert sandbox.render_now("{% if a %}{{a}}{% endif %}", {"a": "still here"})[0].content == "still here"


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 10 ** (10 ** 8) }}{% if 1 %}{% endif %}",
    ],
)
def test_a_template_without_end_is_ended(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CPU_SECONDS", 0)  # one at least, by the kernel's count
    sandbox = JinjaSandbox()
    try:
        assert "seconds of CPU" in refusal(sandbox, template)
        assert sandbox.process_id is None
        assert sandbox.render_now("{% if a %}{{a}}{% endif %}", {"a": "x"})[0].content == "x"
    finally:
        sandbox.close()


def test_a_process_that_does_nothing_is_given_up(sandbox: JinjaSandbox) -> None:
    slow = JinjaSandbox(clock=partial(next, count(0.0, module.WALL_SECONDS)))
    try:
        with pytest.raises(InvalidInput, match="seconds to render"):
            slow.render_now("{% for i in range(99999) %}{% endfor %}", {})
        assert slow.process_id is None
    finally:
        slow.close()


def test_a_process_that_was_killed_is_started_again(sandbox: JinjaSandbox) -> None:
    sandbox.render_now("{% if a %}{% endif %}", {})
    before = sandbox.process_id
    assert before is not None
    os.kill(before, signal.SIGKILL)
    assert sandbox.render_now("{% if a %}{{a}}{% endif %}", {"a": "x"})[0].content == "x"
    assert sandbox.process_id != before


def test_a_process_killed_while_it_renders_renders_again(
    sandbox: JinjaSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.render_now("{% if a %}{% endif %}", {})
    talk, killed = module._talk, list[int]()

    def killing(process: Any, message: bytes, clock: Any) -> Any:
        if not killed:
            killed.append(process.pid)
            process.kill()
        return talk(process, message, clock)

    monkeypatch.setattr(module, "_talk", killing)
    assert sandbox.render_now("{% if a %}{{a}}{% endif %}", {"a": "x"})[0].content == "x"
    assert killed


def test_one_that_dies_each_time_is_an_error(sandbox: JinjaSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_talk", lambda process, message, clock: process.kill())
    assert "SIGKILL, twice" in refusal(sandbox, "{% if a %}{% endif %}")


def test_no_secret_is_in_its_environment(sandbox: JinjaSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    fresh = JinjaSandbox()
    try:
        fresh.render_now("{% if a %}{% endif %}", {})
        assert b"sk-secret" not in Path(f"/proc/{fresh.process_id}/environ").read_bytes()
    finally:
        fresh.close()


def test_it_ends_with_its_input(sandbox: JinjaSandbox) -> None:
    fresh = JinjaSandbox()
    fresh.render_now("{% if a %}{% endif %}", {})
    process = fresh._process
    assert process is not None and process.stdin is not None
    process.stdin.close()  # as when the parent dies
    assert process.wait(30) == 0
    fresh.close()


def test_a_long_template_and_any_script(sandbox: JinjaSandbox) -> None:
    text = "{% if a %}" + "Wörter und ☃ words. " * 10_000 + "{{ a }}{% endif %}"
    rendered = sandbox.render_now(text, {"a": "вопрос 😀 \ud800"})[0].content
    assert rendered.endswith("вопрос 😀 ?")
    assert len(rendered) > 200_000 - 20


async def test_many_at_once_each_get_their_own(sandbox: JinjaSandbox) -> None:
    rendered = await asyncio.gather(
        *(sandbox.render("{% if 1 %}{{ n }}{% endif %}", {"n": number}) for number in range(40))
    )
    assert [messages[0].content for messages in rendered] == [str(number) for number in range(40)]

"""What filters and orders mean, and how their mistakes are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from burnish.domain.job import JobStatus, OptimizerType
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.errors import InvalidInput
from burnish.store.search.expression import Order
from burnish.store.search.fields import KEYED, PLAIN, Field, Kind
from burnish.store.search.meaning import matches
from burnish.store.search.parser import MAX_COMPARISONS, MAX_DEPTH, parse_filter, parse_order
from burnish.store.search.pattern import Pattern
from burnish.store.testing.samples import a_config, a_job

JOB = replace(
    a_job(tags={"team": "Search", "odd key": "it's 50%", "a.b/c-d": "x"}),
    status=JobStatus.FAILED,
    config=a_config(optimizer_type=OptimizerType.GEPA),
    final_eval_scores={"aggregate": 0.1},
    usage=UsageByRole({Role.TARGET: Usage(3, 0, 0, 100_000_000)}),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "status = 'FAILED'",
        "status='FAILED'",
        "status = 'JOB_STATUS_FAILED'",
        'status IN ("PENDING","FAILED")',
        "optimizer_type = 'OPTIMIZER_TYPE_GEPA' and optimizer_type ilike 'optimizer_type_g%'",
        "NOT status = 'PENDING' AND NOT NOT status = 'FAILED'",
        "status = 'PENDING' AND status = 'PENDING' OR status = 'FAILED'",  # AND binds before OR
        "NOT status = 'FAILED' OR status = 'FAILED'",  # NOT binds before OR
        "((tags.team = 'Search'))",
        "tags.`odd key` = 'it''s 50%'",
        'tags.`odd key` = "it\'s 50%"',
        "tags.`odd key` LIKE '%50\\%'",
        "tags.a.b/c-d='x'",
        "tags . team != 'search'",
        "final_eval_scores.aggregate = 0.1",
        "final_eval_scores.aggregate = 1e-1 AND final_eval_scores.aggregate=+.10",
        "NOT initial_eval_scores.aggregate < 1 AND NOT initial_eval_scores.aggregate >= 1",
        "usage.usd = 0.1 AND usage.usd < 0.1000000001 AND usage.calls IN (1, 3.0)",
        "NOT verdict != 'WORSE' AND NOT run_id IN ('', 'x')",
    ],
)
def test_filters_that_the_job_fits(text: str) -> None:
    assert matches(parse_filter(text), JOB)
    if text.strip():
        assert not matches(parse_filter(f"NOT ({text})"), JOB)


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        ("status = ", 9, "expected a 'text' or a number"),
        ("stat = 'FAILED'", 0, "there is no such field; there are status, "),
        ("tags = 'x'", 0, "no such field"),
        ("status.x = 'x'", 0, "no such field"),
        ("status = 'DONE'", 9, "status is one of PENDING, IN_PROGRESS, COMPLETED"),
        ("status > 'FAILED'", 7, "status has no order"),
        ("status == 'FAILED'", 8, "expected a 'text' or a number"),
        ("usage.calls = '3'", 14, "usage.calls is a number; write it without quotes"),
        ("usage.calls LIKE 3", 12, "usage.calls is a number; compare it"),
        ("usage.calls = 1e999", 14, "exponent"),
        ("usage.calls = 12x", 14, "expected a 'text' or a number"),
        ("tags.team = 5", 12, "tags.team is text; write '5'"),
        ("tags.team = 'x", 12, "is the closing quote missing?"),
        ("tags.`team = 'x'", 5, "is the closing quote missing?"),
        ("run_id LIKE 'x\\'", 12, "lone '\\'"),
        ("status IN ()", 11, "expected a 'text' or a number"),
        ("status IN ('FAILED'", 19, "expected ')' or ','"),
        ("(run_id = 'x'", 13, "expected ')'"),
        ("run_id = 'x' )", 13, "the end"),
        ("run_id = 'x' run_id = 'y'", 13, "expected AND or OR or the end"),
        ("run_id = 'x\x00'", 11, "NUL characters"),
        ("run_id = '\ud800'", 10, "lone surrogates"),
        ("run_id = 'x' AND", 16, "expected '(' or NOT or a field"),
    ],
)
def test_mistakes_are_shown_with_a_caret(text: str, place: int, remedy: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_filter(text)
    (problem,) = refused.value.problems
    assert problem.field == "filter"
    message, line, carets = problem.remedy.split("\n")
    assert remedy in message
    assert f"(at character {place + 1})" in message
    assert carets.index("^") == place + 2
    assert line[2:].isprintable()


def test_a_long_filter_is_shown_around_the_mistake() -> None:
    text = " AND ".join(["run_id = 'x'"] * 40) + " AND run_id ! 'x'" + " AND run_id = 'x'" * 40
    with pytest.raises(InvalidInput) as refused:
        parse_filter(text)
    _, line, carets = refused.value.problems[0].remedy.split("\n")
    assert len(line) < 130
    assert line[carets.index("^")] == "!"


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_001,
        "NOT " * MAX_DEPTH + "run_id = 'x'",
        "NOT (" * MAX_DEPTH + "run_id = 'x'" + ")" * MAX_DEPTH,
        " OR ".join(["run_id = 'x'"] * (MAX_COMPARISONS + 1)),
        "tags." + "k" * 501 + " = 'x'",
        "(" * 9_999,
        "usage.calls = " + "9" * 51,
        "usage.calls = 1e99999999999999999999",
    ],
)
def test_filters_have_bounds(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_filter(text)


def test_brackets_alone_may_be_as_deep_as_they_like() -> None:
    assert matches(parse_filter("(" * 4_000 + "status = 'FAILED'" + ")" * 4_000), JOB)


def test_orders() -> None:
    status = Field("status", Kind.CHOICE)
    team = Field("tags", Kind.TEXT, "odd key")
    assert parse_order(()) == ()
    assert parse_order(["status", " status  asc", "tags.`odd key` DESC"]) == (
        Order(status, False),
        Order(status, False),
        Order(team, True),
    )


@pytest.mark.parametrize("entry", ["", "status up", "status, run_id", "nothing", "tags", "tags.a.`b`", "1"])
def test_other_orders_are_refused(entry: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_order([entry])
    assert refused.value.problems[0].field == "order_by"
    assert "^" in refused.value.problems[0].remedy


def test_so_many_orders_are_refused() -> None:
    with pytest.raises(InvalidInput, match="9 entries"):
        parse_order(["status"] * 9)


WORDS = [
    *PLAIN, *(f"{key}.x" for key in KEYED), "tags.`a b`", "tags", ".", "`", "AND", "OR", "NOT", "(", ")", ",",
    "=", "!=", "<", "<=", ">", ">=", "IN", "in", "LIKE", "ILIKE", "ASC", "DESC", "'FAILED'", "'x", "\"y\"",
    "'%_\\'", "1", "-2.5", "1e400", "1e-400", "9" * 40, "\x00", "\ud800", "𝟙", "--", ";", "NULL",
]  # fmt: skip


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join),
        st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=3)), max_size=9).map("".join),
    )
)
@example("\ufeffstatus = 'FAILED'")
@example("tags.x = '\U0010ffff'")
def test_no_text_raises_anything_but_invalid_input(text: str) -> None:
    def attempt(parse: Any, *arguments: Any) -> Any:
        try:
            return parse(*arguments)
        except InvalidInput as refused:
            assert refused.problems[0].field in ("filter", "order_by")
            str(refused).encode()  # can be sent
            return None

    expression = attempt(parse_filter, text)
    assert matches(expression, JOB) in (True, False)
    attempt(parse_order, [text])


@given(st.lists(st.sampled_from("aAbB%_\\é*?["), max_size=8).map("".join), st.text("aAbB%_é*?[", max_size=8))
@example("%a%b", "aab")
@example("%" * 50 + "c", "ab" * 200)
def test_patterns_match_as_their_definition_says(pattern: str, text: str) -> None:
    def fits(parts: tuple[Any, ...], text: str) -> bool:
        if not parts:
            return not text
        match parts[0]:
            case str(letter):
                return text[:1] == letter and fits(parts[1:], text[1:])
            case one if one.value == "_":
                return bool(text) and fits(parts[1:], text[1:])
            case _:
                return any(fits(parts[1:], text[n:]) for n in range(len(text) + 1))

    try:
        parsed = Pattern.parse(pattern)
    except ValueError:
        assert pattern.endswith("\\")
        return
    if len(pattern) < 20:
        assert parsed.matches(text) == fits(parsed.parts, text)
    assert parsed.matches(text, fold_case=True) == Pattern.parse(_fold(pattern)).matches(_fold(text))


def _fold(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)

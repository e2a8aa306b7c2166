"""The user's own files: what is read, and what is said of each bad one."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from burnish.domain.dataset import record_name
from burnish.domain.prompt import Message
from burnish.errors import InvalidInput
from burnish.files import read_prompt, read_records
from burnish.files.records import ANSWERS

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of this name and content."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def lines(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink)
    return sink.getvalue()


def pairs(path: Path, variables: Any = ("review",), target: str | None = None) -> list[tuple[Any, Any]]:
    dataset = read_records(path, variables, target)
    return [(dict(example.inputs), dict(example.expectations)) for example in dataset.examples]


def problems_of(path: Path, variables: Any = ("review",), target: str | None = None) -> list[str]:
    """What each problem with the file says, without the folder."""
    with pytest.raises(InvalidInput) as caught:
        read_records(path, variables, target)
    return [str(problem).replace(f"{path.parent}/", "") for problem in caught.value.problems]


# --- records that are read


def test_mlflows_records(write: Write) -> None:
    path = write(
        "reviews.jsonl",
        lines(
            {"inputs": {"review": "good"}, "expectations": {"expected_response": "positive"}},
            {"inputs": {"review": "bad", "year": 1999}, "expectations": {"guidelines": ["be kind"]}},
            {"inputs": {"review": "hm"}, "tags": {"a": "b"}, "source": None},
        ),
    )
    assert pairs(path) == [
        ({"review": "good"}, {"expected_response": "positive"}),
        ({"review": "bad", "year": 1999}, {"guidelines": ["be kind"]}),
        ({"review": "hm"}, {}),
    ]
    assert read_records(path, ("review",)).name == "reviews"
    assert read_records(path, ("review",)).dataset_id is None


def test_outputs_stand_in_for_missing_expectations(write: Write) -> None:
    path = write("r.jsonl", lines({"inputs": {"review": "good"}, "outputs": "positive"}))
    assert pairs(path) == [({"review": "good"}, {"expected_response": "positive"})]


def test_target_names_the_expectation_in_mlflows_records(write: Write) -> None:
    path = write("r.jsonl", lines({"inputs": {"review": "a"}, "expectations": {"gold": "x", "label": "y"}}))
    assert pairs(path, target="gold")[0][1]["expected_response"] == "x"
    assert pairs(path)[0][1]["expected_response"] == "y"


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_flat_rows_in_every_format(write: Write, answer: str, suffix: str) -> None:
    rows = [{"review": "so, so", answer: "negative"}, {"review": 'a "quote"\nand more', answer: "positive"}]
    table = io.StringIO()
    writer = csv.DictWriter(table, ["review", answer])
    writer.writeheader()
    writer.writerows(rows)
    content: dict[str, str | bytes] = {
        "jsonl": lines(*rows),
        "csv": table.getvalue(),
        "parquet": parquet(rows),
    }
    assert pairs(write(f"reviews.{suffix}", content[suffix])) == [
        ({"review": "so, so"}, {"expected_response": "negative"}),
        ({"review": 'a "quote"\nand more'}, {"expected_response": "positive"}),
    ]


def test_mlflows_records_in_parquet(write: Write) -> None:
    rows = [
        {"inputs": {"review": "good", "year": 1999}, "expectations": {"expected_response": "positive"}},
        {"inputs": {"review": "bad", "year": None}, "expectations": {"expected_response": "negative"}},
    ]
    assert pairs(write("r.parquet", parquet(rows))) == [
        ({"review": "good", "year": 1999}, {"expected_response": "positive"}),
        ({"review": "bad"}, {"expected_response": "negative"}),
    ]


def test_records_written_as_json_text_in_a_table(write: Write) -> None:
    row = {"inputs": '{"review": "good"}', "expectations": '{"expected_response": "positive"}'}
    assert pairs(write("r.parquet", parquet([row]))) == [
        ({"review": "good"}, {"expected_response": "positive"})
    ]


def test_values_keep_their_types_in_json_and_are_text_in_csv(write: Write) -> None:
    row = {"review": ["a", {"b": 1}], "label": 8}
    assert pairs(write("r.jsonl", lines(row))) == [({"review": ["a", {"b": 1}]}, {"expected_response": 8})]
    assert pairs(write("r.csv", "review,label\n007,8\n")) == [({"review": "007"}, {"expected_response": "8"})]


def test_dates_and_decimals_of_parquet_become_text(write: Write) -> None:
    import datetime
    import decimal

    row = {"review": datetime.date(2026, 1, 2), "label": decimal.Decimal("1.50")}
    assert pairs(write("r.parquet", parquet([row]))) == [
        ({"review": "2026-01-02"}, {"expected_response": "1.50"})
    ]


def test_a_variable_named_like_an_answer_is_a_variable(write: Write) -> None:
    path = write("r.jsonl", lines({"answer": "42", "label": "wrong"}))
    assert pairs(path, ("answer",)) == [({"answer": "42"}, {"expected_response": "wrong"})]


def test_target_settles_which_column_is_the_answer(write: Write) -> None:
    path = write("r.jsonl", lines({"review": "a", "label": "x", "answer": "y", "gold": "z"}))
    assert pairs(path, target="gold") == [({"review": "a"}, {"expected_response": "z"})]


def test_no_answers_at_all(write: Write) -> None:
    assert pairs(write("r.jsonl", lines({"review": "a"}))) == [({"review": "a"}, {})]


def test_while_the_variables_are_unknown_every_other_column_is_an_input(write: Write) -> None:
    path = write("r.csv", "review,year,label\ngood,1999,positive\n")
    assert pairs(path, None) == [({"review": "good", "year": "1999"}, {"expected_response": "positive"})]


def test_ignored_columns_are_noted(write: Write) -> None:
    notes: list[str] = []
    path = write("r.csv", "id,review,label,source\n1,good,positive,web\n")
    read_records(path, ("review",), note=notes.append)
    assert notes == [f"{path}: ignored 'id', 'source'"]
    read_records(write("s.csv", "review,label\ngood,positive\n"), ("review",), note=notes.append)
    assert len(notes) == 1


def test_ignored_columns_without_an_answer_among_the_rest_may_hold_it(write: Write) -> None:
    notes: list[str] = []
    path = write("r.csv", "review,mood\ngood,positive\n")
    read_records(path, ("review",), note=notes.append)
    assert notes == [f"{path}: ignored 'mood'; if one is the expected answer, name it as target"]


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_are_nothing(write: Write) -> None:
    row = json.dumps({"review": "a", "label": "x"})
    bom = b"\xef\xbb\xbf"
    assert len(pairs(write("r.jsonl", bom + f"{row}\r\n\r\n  \n{row}".encode()))) == 2
    assert pairs(write("r.csv", bom + b" review , label\r\na,x\r\n\r\n")) == [
        ({"review": "a"}, {"expected_response": "x"})
    ]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_review_of_200_kb(write: Write, suffix: str) -> None:
    row = {"review": "long " * 40_000, "label": "x"}
    content: dict[str, str | bytes] = {
        "jsonl": lines(row),
        "csv": f"review,label\n{row['review']},x\n",
        "parquet": parquet([row]),
    }
    assert pairs(write(f"r.{suffix}", content[suffix]))[0][0]["review"] == row["review"]


def test_an_empty_text_is_a_value_of_a_variable(write: Write) -> None:
    assert pairs(write("r.csv", "review,label\n,x\n")) == [({"review": ""}, {"expected_response": "x"})]


def test_rows_with_equal_inputs_are_all_kept(write: Write) -> None:
    path = write("r.jsonl", lines({"review": "a", "label": "x"}, {"review": "a", "label": "y"}))
    dataset = read_records(path, ("review",))
    assert [example.expected for example in dataset.examples] == ["x", "y"]
    assert len({example.identity for example in dataset.examples}) == 1


@given(
    rows=st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.text("abcé\n,\"' \r", min_size=1)),
        min_size=1,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_text_is_in_a_cell_comes_out_as_it_went_in(
    tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    rows = [(text.replace("\0", ""), label) for text, label in rows if text not in ("nan", "NaN")]
    expected = [({"review": text}, {"expected_response": label}) for text, label in rows]
    table = io.StringIO(newline="")
    csv.writer(table, quoting=csv.QUOTE_ALL).writerows([("review", "label"), *rows])
    (tmp_path / "r.csv").write_text(table.getvalue(), encoding="utf-8", newline="")
    json_lines = lines(*({"review": text, "label": label} for text, label in rows))
    (tmp_path / "r.jsonl").write_text(json_lines, encoding="utf-8")
    if rows:
        assert pairs(tmp_path / "r.csv") == expected
        assert pairs(tmp_path / "r.jsonl") == expected


# --- records that are refused


def test_a_missing_file(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "none.jsonl") == ["none.jsonl: there is no such file; check the path"]
    assert problems_of(tmp_path / "none") == ["none: there is no such file; check the path"]


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "r.csv").mkdir()
    assert problems_of(tmp_path / "r.csv") == ["r.csv: is a folder; name the file in it"]


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert "Permission denied" in problems_of(tmp_path / "r.jsonl")[0]


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv", "r.parquet"])
@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file(write: Write, name: str, content: bytes) -> None:
    assert problems_of(write(name, content)) == [f"{name}: is empty"]


def test_a_header_without_rows(write: Write) -> None:
    assert problems_of(write("r.csv", "review,label\n")) == ["r.csv: has no rows"]


@pytest.mark.parametrize("name", ["r.xlsx", "r", "r.json", "r.tsv"])
def test_another_format(write: Write, name: str) -> None:
    (problem,) = problems_of(write(name, "x"))
    assert "'.jsonl', '.csv', '.parquet'" in problem


def test_a_json_list_is_refused_with_how_to_write_lines(write: Write) -> None:
    assert problems_of(write("r.jsonl", '[{"review": "a"}]')) == [
        "r.jsonl: '[': is one JSON list; write one JSON object on each line, without it"
    ]


def test_broken_json_names_line_and_column_and_every_broken_line_up_to_five(write: Write) -> None:
    good = json.dumps({"review": "a"})
    found = problems_of(write("r.jsonl", "\n".join([good, '{"review": }', good, *["{"] * 7])))
    assert found[0] == "r.jsonl:2 column 12: is not JSON: Expecting value"
    assert found[1].startswith("r.jsonl:4 column 2: is not JSON")
    assert len(found) == 6
    assert found[-1] == "r.jsonl: and 3 more lines like these"


def test_a_line_that_is_no_object(write: Write) -> None:
    assert problems_of(write("r.jsonl", '"text"\n{"review": "a"}\n')) == [
        "r.jsonl:1: '\"text\"': each line must be a JSON object"
    ]


def test_a_key_that_is_there_twice(write: Write) -> None:
    assert problems_of(write("r.jsonl", '{"review": "a", "review": "b"}')) == [
        "r.jsonl:1 review: is there twice in one object; keep one"
    ]


@pytest.mark.parametrize("content", ["[" * 100_000, '{"review": ' + "9" * 5_000 + "}"])
def test_json_that_python_cannot_hold(write: Write, content: str) -> None:
    assert problems_of(write("r.jsonl", "{}\n" + content))[0].startswith("r.jsonl:2: cannot be read")


def test_half_a_character(write: Write) -> None:
    assert "half of a character" in problems_of(write("r.jsonl", '{"review": "\\ud83d"}'))[0]
    assert pairs(write("s.jsonl", '{"review": "\\ud83d\\ude00"}')) == [({"review": "😀"}, {})]


def test_bytes_that_are_not_utf_8_are_found(write: Write) -> None:
    assert problems_of(write("r.jsonl", b'{"review": "a"}\n{"review": "caf\xe9"}')) == [
        "r.jsonl:2: 'byte 0xe9 at offset 15': is not UTF-8; save the file as UTF-8"
    ]
    assert problems_of(write("r.csv", b"review,label\na,x\ncaf\xe9,y\n")) == [
        "r.csv:3: 'byte 0xe9 at offset 20': is not UTF-8; save the file as UTF-8"
    ]
    assert "is not UTF-8" in problems_of(write("r.parquet", parquet([{"review": b"caf\xe9"}])))[0]
    assert problems_of(write("u.csv", "review\na".encode("utf-16"))) == ["u.csv: is UTF-16; save it as UTF-8"]


def test_a_variable_without_a_column(write: Write) -> None:
    (problem,) = problems_of(write("r.csv", "text,label\na,x\n"))
    assert problem == (
        "r.csv review: the prompt has this variable, but no column is called so; there is 'text', 'label'"
    )


@pytest.mark.parametrize("column", ["reviews", "Review", "reveiw"])
def test_a_near_miss_is_asked_about(write: Write, column: str) -> None:
    (problem,) = problems_of(write("r.jsonl", lines({column: "a", "label": "x"})))
    assert problem.endswith(f"did you mean {column!r}?")
    (problem,) = problems_of(write("s.jsonl", lines({"inputs": {column: "a"}})))
    assert "no key in 'inputs'" in problem
    assert problem.endswith(f"did you mean {column!r}?")


def test_a_prompt_without_variables(write: Write) -> None:
    (problem,) = problems_of(write("r.csv", "text,label\na,x\n"), ())
    assert "the prompt has no {{variable}}" in problem


def test_several_columns_that_could_be_the_answer(write: Write) -> None:
    (problem,) = problems_of(write("r.csv", "review,answer,label\na,x,y\n"))
    assert "'label', 'answer'" in problem
    assert "--target" in problem


def test_a_target_that_is_not_there_or_is_a_variable(write: Write) -> None:
    path = write("r.csv", "review,sentiment\na,x\n")
    assert problems_of(path, target="sentimet")[0].endswith("did you mean 'sentiment'?")
    assert "the model would see the answer" in problems_of(path, ("review", "sentiment"), "sentiment")[0]


def test_holes(write: Write) -> None:
    assert problems_of(write("r.csv", "review,label\na,\nnan,x\n")) == [
        "r.csv:2 label: has no value; fill it in or remove the row",
        "r.csv:3 review: 'NaN': has no value; fill it in or remove the row",
    ]
    assert problems_of(write("r.jsonl", '{"review": NaN, "label": null}\n{"review": "a"}')) == [
        "r.jsonl:1 review: 'NaN': has no value; fill it in or remove the row",
        "r.jsonl:1 label: 'null': has no value; fill it in or remove the row",
        "r.jsonl:2 label: has no value; fill it in or remove the row",
    ]
    rows: list[dict[str, Any]] = [{"review": "a", "label": 1.5}, {"review": None, "label": float("nan")}]
    assert problems_of(write("r.parquet", parquet(rows))) == [
        "r.parquet:2 review: 'null': has no value; fill it in or remove the row",
        "r.parquet:2 label: 'NaN': has no value; fill it in or remove the row",
    ]


def test_a_nan_deep_inside_a_record(write: Write) -> None:
    path = write("r.jsonl", '{"inputs": {"review": "a", "scores": [1, {"x": Infinity}]}}')
    assert problems_of(path) == ["r.jsonl:1 scores: 'NaN': has no value; fill it in or remove the row"]


def test_inputs_and_expectations_that_are_no_objects(write: Write) -> None:
    found = problems_of(
        write("r.jsonl", lines({"inputs": {"review": "a"}, "expectations": "x"}, {"review": "b"}))
    )
    assert found == [
        "r.jsonl:1 expectations: 'x': must be an object {name: value}",
        "r.jsonl:2 inputs: must be an object {name: value}",
        "r.jsonl:2 review: has no value; fill it in or remove the row",
    ]


def test_csv_that_is_not_rectangular(write: Write) -> None:
    assert problems_of(write("r.csv", "review,label\nwell, not bad,x\n")) == [
        "r.csv:2: '3 cells': the header has 2 columns; quote cells that hold a comma or a line break"
    ]
    assert problems_of(write("s.csv", "review,review,label\na,b,x\n")) == [
        "s.csv:1 review: heads two columns; rename one of them"
    ]
    assert "separated by commas" in problems_of(write("t.csv", "review;label\na;x\n"))[0]
    assert "is not CSV" in problems_of(write("u.csv", 'review,label\n"a,x\n'))[0]


def test_parquet_that_is_none(write: Write) -> None:
    assert "is not a Parquet file" in problems_of(write("r.parquet", "PAR1 not really PAR1"))[0]


def test_problems_of_several_kinds_come_together(write: Write) -> None:
    found = problems_of(write("r.jsonl", '{"review": null}\nnot json\n{"revue": 1}'))
    assert [problem.split(":")[1].split()[0] for problem in found] == ["2", "1", "3"]


@given(data=st.binary(max_size=200), name=st.sampled_from(["r.jsonl", "r.csv", "r.parquet"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_make_another_error(tmp_path: Path, data: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(data)
    try:
        assert len(read_records(tmp_path / name, ("review",)).examples) > 0
    except InvalidInput as error:
        assert name in str(error)


# --- prompts


def test_a_text_prompt(write: Write) -> None:
    prompt = read_prompt(write("my prompt (v2).txt", "Größe?\r\n\r\n{{review}}\n\n"))
    assert (prompt.name, prompt.template, prompt.uri) == ("my-prompt-v2", "Größe?\n\n{{review}}", None)
    assert read_prompt(write("p.md", "{{x}}"), name="chosen").name == "chosen"
    assert read_prompt(write("¿?.txt", "{{x}}")).name == "prompt"


def test_a_chat_prompt(write: Write) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{q}}"}]
    prompt = read_prompt(write("chat.json", b"\xef\xbb\xbf" + json.dumps(messages).encode()))
    assert prompt.template == (Message("system", "Be brief."), Message("user", "{{q}}"))
    assert prompt.variables == {"q"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.txt", b"", "is empty"),
        ("p.txt", b" \n", "is empty"),
        ("p.txt", b"a\nb\xff", "p.txt:2: 'byte 0xff at offset 3': is not UTF-8"),
        ("p.txt", b"x" * 100_001, "100000"),
        ("p.json", b"{", "p.json:1 column 2: is not JSON"),
        ("p.json", b"{}", "a chat prompt is a JSON list"),
        ("p.json", b"[]", "a chat prompt is a JSON list"),
        ("p.json", b"[" * 100_000, "nested too deeply"),
        ("p.json", b'["a"]', "[0]"),
        ("p.json", b'[{"role": "robot", "content": "a"}]', "'system', 'user', 'assistant'"),
        ("p.json", b'[{"role": "user", "content": 5}]', "[0].content: '5': must be a text"),
        ("p.json", b'[{"role": "user", "content": "a", "name": "b"}]', "only role and content"),
        ("p.json", b'[{"role": "user", "content": "\\ud83d {{x}}"}]', "half of a character"),
    ],
)
def test_a_prompt_that_cannot_be_used(write: Write, name: str, content: bytes, said: str) -> None:
    path = write(name, content)
    with pytest.raises(InvalidInput) as caught:
        read_prompt(path)
    assert said in str(caught.value)


def test_a_prompt_that_is_not_there_and_a_name_the_registry_does_not_take(
    write: Write, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        read_prompt(tmp_path / "none.txt")
    with pytest.raises(InvalidInput, match="letters, digits"):
        read_prompt(write("p.txt", "{{x}}"), name="a b")


@given(data=st.binary(max_size=100), name=st.sampled_from(["p.txt", "p.json"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_of_a_prompt_make_another_error(tmp_path: Path, data: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(data)
    with contextlib.suppress(InvalidInput):
        assert read_prompt(tmp_path / name).template


def test_records_know_their_line(write: Write) -> None:
    text = 'review,label\n"two\nlines",x\n\nlast,y\n'
    found = read_records(write("r.csv", text), ("review",))
    assert [example.source for example in found.examples] == ["r.csv:3", "r.csv:5"]
    found = read_records(write("r.jsonl", "\n" + lines({"review": "a", "label": "x"})), ("review",))
    assert record_name(found.examples[0]) == "record r.jsonl:2 (review: a)"

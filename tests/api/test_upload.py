"""A file that is sent becomes a dataset, or every reason why not stands at its field."""

from __future__ import annotations

import io
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from burnish.api.auth import MAX_FILE_BYTES
from burnish.api.routes import file_paths

CSV = b"text,label,more\ngood film,positive,1\nbad film,negative,2\n"


async def upload(api: Any, data: bytes, status: int = 200, **parameters: Any) -> Any:
    given = {"file_name": "reviews.csv", "experiment_id": "0", **parameters}
    answer = await api.http.post(file_paths()[0], params=given, content=data)
    assert answer.status_code == status, answer.text
    return answer.json()


def problems(answer: Any) -> dict[str, str]:
    return {problem["field"]: problem["remedy"] for problem in answer["problems"]}


async def test_columns_become_variables(api: Any) -> None:
    answer = await upload(api, CSV, columns=["review=text"], target="label")
    assert answer["notes"] == ["reviews.csv: ignored 'more'"]
    assert answer["columns"] == [
        {"name": "review", "kind": "input", "type": "text", "filled": 2},
        {"name": "expected_response", "kind": "expectation", "type": "text", "filled": 2},
    ]
    assert answer["records"][0] == {
        "inputs": {"review": "good film"},
        "expectations": {"expected_response": "positive"},
    }
    dataset_id = answer["dataset"]["dataset_id"]
    assert answer["dataset"] == {"dataset_id": dataset_id, "name": "reviews", "records": 2}
    kept = api.services.tracker.datasets[dataset_id]
    assert [dict(example.inputs) for example in kept.examples] == [
        {"review": "good film"},
        {"review": "bad film"},
    ]
    again = await upload(api, CSV, columns=["review=text"], target="label")
    assert again["dataset"]["dataset_id"] == dataset_id


async def test_without_a_mapping_every_column_is_a_variable(api: Any) -> None:
    answer = await upload(api, CSV, name="Films 2026")
    assert answer["dataset"]["name"] == "Films 2026"
    assert answer["records"][1]["inputs"] == {"text": "bad film", "more": "2"}


async def test_two_variables_may_have_one_column_and_names_may_be_swapped(api: Any) -> None:
    answer = await upload(api, b"a,b,label\n1,2,x\n", columns=["b=a", "a=b", "c=a"])
    assert answer["records"][0]["inputs"] == {"b": "1", "a": "2", "c": "1"}


async def test_json_lines_and_parquet(api: Any) -> None:
    lines = b'{"inputs": {"review": "x"}, "expectations": {"expected_response": "y"}}\n'
    answer = await upload(api, lines, file_name="C:\\data\\rows.jsonl")
    assert (answer["dataset"]["name"], answer["records"][0]["inputs"]) == ("rows", {"review": "x"})
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"review": ["x"], "n": [3], "label": ["y"]}), sink)
    answer = await upload(api, sink.getvalue(), file_name="rows.parquet")
    assert answer["records"][0]["inputs"] == {"review": "x", "n": 3}


async def test_a_dry_run_writes_nothing(api: Any) -> None:
    answer = await upload(api, CSV, dry_run="true", experiment_id="")
    assert answer["dataset"] == {"name": "reviews", "records": 2}
    assert api.services.tracker.datasets == {}


async def test_ten_columns_of_which_none_fits(api: Any) -> None:
    names = [f"column{n}" for n in range(10)]
    data = (",".join(names) + "\n" + ",".join("x" * 10) + "\n").encode()
    answer = await upload(api, data, 400, columns=["review=text", "tone=colum3"], target="labl")
    found = problems(answer)
    assert found["columns.review"].startswith("there is no such column; there is 'column0', 'column1'")
    assert found["columns.tone"].endswith("did you mean 'column3'?")
    assert api.services.tracker.datasets == {}


async def test_what_is_said_of_the_file_is_wrong_at_its_field(api: Any) -> None:
    for parameters, field, remedy in (
        ({"columns": ["review"]}, "columns[0]", "VARIABLE=COLUMN"),
        ({"columns": ["a=text", "a=more"]}, "columns.a", "already"),
        ({"columns": ["a=label"], "target": "label"}, "columns.a", "the model would see it"),
        ({"target": "labl"}, "target", "did you mean 'label'?"),
        ({"experiment_id": "77"}, "experiment_id", "no such experiment"),
        ({"file_name": ""}, "file_name", "name the file"),
        ({"file_name": "reviews.xlsx"}, "reviews.xlsx", "is not a format read here"),
        ({"name": "x" * 1000}, "name", "characters"),
    ):
        found = problems(await upload(api, CSV, 400, **parameters))
        assert remedy in " ".join(text for name, text in found.items() if field in name), (field, found)


@pytest.mark.parametrize(
    ("data", "field", "remedy"),
    [
        (b"", "reviews.csv", "is empty"),
        ("text,label\ncaf\u00e9,x\n".encode("latin-1"), "reviews.csv:2", "is not UTF-8"),
        ("text,label\na,x\n".encode("utf-16"), "reviews.csv", "is UTF-16"),
        (b"text,label\na,x,y\n", "reviews.csv:2", "the header has 2 columns"),
        (b"text,label\na,\n", "reviews.csv:2 label", "has no value"),
        (b"\x00\x01\x02", "reviews.csv", ""),
    ],
)
async def test_a_broken_file_is_refused_with_its_line(api: Any, data: bytes, field: str, remedy: str) -> None:
    found = problems(await upload(api, data, 400))
    assert remedy in found[field], found
    assert api.services.tracker.datasets == {}


async def test_a_file_may_be_larger_than_a_request(api: Any) -> None:
    row = b"x" * 1_000_000 + b",positive\n"
    answer = await upload(api, b"text,label\n" + row * 11)
    assert answer["dataset"]["records"] == 11
    headers = {"content-length": str(MAX_FILE_BYTES + 1)}
    refused = await api.http.post(file_paths()[0], content=b"x", headers=headers)
    assert (refused.status_code, refused.json()["message"]) == (413, "the body is larger than 100 MB")

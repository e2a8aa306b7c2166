"""What an app has logged becomes a dataset, or every reason why not is named."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.api.routes import BASE_PATHS
from burnish.tracking.protocol import LoggedTrace, TraceValues

PATH = f"{BASE_PATHS[0]}/catalog/datasets/from-traces"


def log(api: Any, trace_id: str, inputs: Any, output: Any = None, **said: Any) -> None:
    trace = LoggedTrace(trace_id=trace_id, **said)
    api.services.tracker.traces.append(("0", trace, TraceValues(inputs, output)))


async def make(api: Any, status: int = 200, **request: Any) -> Any:
    answer = await api.http.post(PATH, json={"experiment_id": "0", **request})
    assert answer.status_code == status, answer.text
    return answer.json()


def kept(api: Any, answer: Any) -> list[tuple[Any, Any]]:
    dataset = api.services.tracker.datasets[answer["dataset"]["dataset_id"]]
    return [(dict(example.inputs), dict(example.expectations)) for example in dataset.examples]


def problems(answer: Any) -> dict[str, str]:
    return {problem["field"]: f"{problem['value']}: {problem['remedy']}" for problem in answer["problems"]}


async def test_traces_become_records_with_what_was_expected_of_them(api: Any) -> None:
    log(api, "tr-1", {"messages": [{"role": "user", "content": "When?"}]}, "Monday")
    log(api, "tr-2", "plain", "x", expectations={"expected_response": "y", "guidelines": ["be brief"]})
    answer = await make(api, name="production")
    assert kept(api, answer) == [
        ({"request": "plain"}, {"expected_response": "y", "guidelines": ["be brief"]}),
        ({"messages": [{"role": "user", "content": "When?"}]}, {}),
    ]
    assert answer["dataset"]["name"] == "production"
    assert [column["name"] for column in answer["columns"]] == [
        "request",
        "messages",
        "expected_response",
        "guidelines",
    ]
    again = await make(api, name="production")
    assert again["dataset"]["dataset_id"] == answer["dataset"]["dataset_id"]
    dataset = api.services.tracker.datasets[answer["dataset"]["dataset_id"]]
    assert [example.place for example in dataset.examples] == ["tr-2", "tr-1"]


@pytest.mark.parametrize(
    ("value", "expectations"),
    [
        (True, {"rating": True, "expected_response": "Monday"}),
        ("Yes", {"rating": "Yes", "expected_response": "Monday"}),
        (False, {"rating": False}),
        ("no", {"rating": "no"}),
        (4, {"rating": 4}),
        ("On Tuesday", {"expected_response": "On Tuesday"}),
    ],
)
async def test_what_a_person_said_becomes_expected(api: Any, value: Any, expectations: Any) -> None:
    log(api, "tr-1", {"q": "When?"}, {"answer": "Monday"}, feedback={"rating": value})
    log(api, "tr-2", {"q": "Why?"}, "x", feedback={"other": True})
    answer = await make(api, feedback="rating")
    assert kept(api, answer) == [({"q": "When?"}, expectations)]
    assert answer["notes"] == ["1 traces have no feedback 'rating' of a person; left out"]


async def test_an_expected_response_that_is_there_wins_over_feedback(api: Any) -> None:
    said = {"feedback": {"ok": True}, "expectations": {"expected_response": "Sunday"}}
    log(api, "tr-1", {"q": "When?"}, "Monday", **said)
    answer = await make(api, feedback="ok")
    assert kept(api, answer) == [({"q": "When?"}, {"expected_response": "Sunday", "ok": True})]


async def test_the_answer_of_a_chat_completion_is_its_text(api: Any) -> None:
    output = {"id": "c", "choices": [{"message": {"role": "assistant", "content": "Monday"}}]}
    log(api, "tr-1", {"q": "When?"}, output, feedback={"ok": "yes"})
    assert kept(api, await make(api, feedback="ok"))[0][1]["expected_response"] == "Monday"


async def test_our_own_evaluations_and_traces_without_inputs_are_left_out(api: Any) -> None:
    log(api, "tr-1", {"q": "When?"})
    log(api, "tr-2", {"q": "How?"}, job_id="job-1")
    log(api, "tr-3", None)
    log(api, "tr-4", {})
    answer = await make(api)
    assert len(kept(api, answer)) == 1
    assert answer["notes"] == [
        "1 traces are evaluations of jobs and were left out",
        "2 traces have no inputs and were left out",
    ]


async def test_a_sample_draws_the_same_traces_again(api: Any) -> None:
    for number in range(30):
        log(api, f"tr-{number}", {"q": number})
    first, second = await make(api, sample=7), await make(api, sample=7)
    assert first["dataset"]["records"] == 7
    assert first["dataset"]["dataset_id"] == second["dataset"]["dataset_id"]
    drawn = [inputs["q"] for inputs, _ in kept(api, first)]
    assert drawn == sorted(drawn, reverse=True), "newest first"
    assert drawn != list(range(29, 22, -1)), "not simply the newest"
    assert (await make(api, sample=99))["dataset"]["records"] == 30


async def test_personal_data_is_named_before_anything_is_written(api: Any) -> None:
    log(api, "tr-1", {"messages": [{"content": "hi"}, {"content": "I am ada@example.org"}]})
    log(api, "tr-2", {"messages": [{"content": "card 4111 1111 1111 1111, bob@example.org"}]})
    log(api, "tr-3", {"messages": []}, expectations={"expected_response": "+49 30 1234567"})
    refused = await make(api, 400)
    assert api.services.tracker.datasets == {}
    assert [problem["field"] for problem in refused["problems"]] == [
        "expectations.expected_response",
        "inputs.messages[].content",
        "inputs.messages[].content",
    ]
    said = refused["error_code"] + str(refused["problems"])
    assert "e-mail address) in 2 of 3 traces (the first is tr-2)" in said
    assert "card number) in 1 of 3 traces" in said
    assert "--mask" in said
    assert "ada@" not in said
    assert "bob@" not in said
    assert "1111 1111" not in said
    looked = await make(api, dry_run=True)
    assert [find["field"] for find in looked["personal_data"]] == [
        problem["field"] for problem in refused["problems"]
    ]
    assert api.services.tracker.datasets == {}


async def test_personal_data_is_masked_or_kept_on_demand(api: Any) -> None:
    log(
        api,
        "tr-1",
        {"q": "I am ada@example.org"},
        expectations={"expected_response": "Hello ada@example.org"},
    )
    masked = await make(api, mask=True)
    assert kept(api, masked) == [({"q": "I am [EMAIL]"}, {"expected_response": "Hello [EMAIL]"})]
    assert masked["personal_data"][0]["value"] == "ad…rg"
    allowed = await make(api, allow_personal_data=True)
    assert kept(api, allowed)[0][0] == {"q": "I am ada@example.org"}


async def test_everything_wrong_with_the_request_is_named_at_once(api: Any) -> None:
    request = {
        "experiment_id": "9",
        "sample": 0,
        "mask": True,
        "allow_personal_data": True,
        "name": "n" * 600,
    }
    refused = await make(api, 400, **request)
    assert set(problems(refused)) == {"experiment_id", "sample", "allow_personal_data", "name"}


async def test_a_filter_that_fits_nothing_or_cannot_be_read(api: Any) -> None:
    log(api, "tr-1", {"q": "When?"})
    nothing = problems(await make(api, 400, filter="request_id = 'tr-9'"))
    assert "no trace of this experiment is left" in nothing["filter"]
    assert "filter" in problems(await make(api, 400, filter="bogus ="))


async def test_a_trace_server_that_is_away(api: Any) -> None:
    log(api, "tr-1", {"q": "When?"})
    api.services.tracker.away = True
    assert (await make(api, 503))["error_code"] == "TEMPORARILY_UNAVAILABLE"
    api.services.tracker.away = False
    assert api.services.tracker.datasets == {}

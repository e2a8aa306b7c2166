"""The scripted server counts what it is asked, fails on request, and runs as a program."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.concurrency import eventually
from burnish.domain.prompt import Message
from burnish.errors import InvalidInput
from burnish.llm.protocol import Request
from burnish.llm.testing.faults import KINDS, Faults
from burnish.llm.testing.hidden_rules import KINDS as KINDS_OF_CASES
from burnish.llm.testing.hidden_rules import SOURCE, HiddenRules
from burnish.llm.testing.scripted import sentiment
from burnish.llm.testing.scripted_server import ScriptedServer


def request_of(text: str, model: str = "m") -> Request:
    return Request(model=model, messages=(Message("user", text),))


def body(text: str = "hi", model: str = "any") -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}]}


async def post(session: aiohttp.ClientSession, url: str, sent: dict[str, Any]) -> int:
    async with session.post(f"{url}/v1/chat/completions", json=sent) as answer:
        await answer.read()
        return answer.status


class TestCounting:
    async def test_every_request_and_every_answer(self, tmp_path: Path) -> None:
        log = tmp_path / "log.jsonl"
        with log.open("w") as file:
            async with (
                ScriptedServer(sentiment, log=file) as server,
                aiohttp.ClientSession() as session,
            ):
                for text in ("a", "b", "a"):
                    assert await post(session, server.url, body(text)) == 200
                async with session.put(f"{server.url}/_faults", json={"shares": {"500": 1.0}}) as answer:
                    assert answer.status == 200
                assert await post(session, server.url, body("c")) == 500
                async with session.get(f"{server.url}/_stats") as answer:
                    stats = await answer.json()
        assert stats == {
            "requests": 4,
            "answered": 3,
            "repeated": 1,
            "statuses": {"200": 3, "500": 1},
            "in_flight": 0,
            "most_at_once": 1,
        }
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        asked, ended = lines[::2], lines[1::2]
        assert [line["number"] for line in asked] == [line["number"] for line in ended] == [0, 1, 2, 3]
        assert [line["end"] for line in ended] == ["answered", "answered", "answered", "500"]
        assert asked[0]["body"] == asked[2]["body"] != asked[1]["body"]
        assert asked[0]["request"] == asked[2]["request"] != asked[1]["request"]

    async def test_a_model_named_like_a_script_is_answered_by_it(self) -> None:
        async with ScriptedServer(sentiment) as server, aiohttp.ClientSession() as session:
            sent = body("say this", model="echo")
            async with session.post(f"{server.url}/v1/chat/completions", json=sent) as answer:
                found = await answer.json()
        assert found["choices"][0]["message"]["content"] == "say this"


class TestFaults:
    @given(st.integers(), st.text(max_size=8), st.integers(0, 5), st.integers(0, 5))
    def test_they_depend_on_seed_contents_and_occurrence_alone(
        self, seed: int, key: str, occurrence: int, number: int
    ) -> None:
        shares = {"429": 0.3, "hang": 0.3}
        first, second = (Faults(shares=shares, seed=seed) for _ in range(2))
        assert first.kind_of(key, occurrence, number) == second.kind_of(key, occurrence, number + 7)

    def test_shares_are_kept(self) -> None:
        faults = Faults(shares={"429": 0.2, "500": 0.1})
        kinds = [faults.kind_of(str(number), 0, number) for number in range(5000)]
        assert kinds.count("429") / 5000 == pytest.approx(0.2, abs=0.02)
        assert kinds.count("500") / 5000 == pytest.approx(0.1, abs=0.02)

    def test_a_retry_may_pass(self) -> None:
        faults = Faults(shares={"500": 0.5})
        assert {faults.kind_of("same", occurrence, 0) for occurrence in range(50)} == {"500", None}

    def test_they_may_begin_later(self) -> None:
        faults = Faults(shares={"500": 1}, from_request=12)
        kinds = [faults.kind_of(str(number), 0, number) for number in range(14)]
        assert kinds == [None] * 12 + ["500"] * 2

    def test_latency_varies_by_contents_within_the_jitter(self) -> None:
        faults = Faults(latency_seconds=0.2, jitter_seconds=0.1)
        seconds = [faults.seconds(str(number)) for number in range(100)]
        assert 0.2 <= min(seconds) < 0.21 < 0.29 < max(seconds) <= 0.3
        assert seconds == [faults.seconds(str(number)) for number in range(100)]

    @pytest.mark.parametrize("shares", [{"418": 0.1}, {"500": 1.5}, {"500": -0.1}])
    def test_an_unknown_fault(self, shares: dict[str, float]) -> None:
        with pytest.raises(InvalidInput, match="fault"):
            Faults(shares=shares)


class TestAsProgram:
    async def test_it_says_its_address_and_obeys_its_options(self) -> None:
        options = ("--port", "0", "--script", "hidden-rules", "--fault", "429:1", "--retry-after", "3")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "burnish.llm.testing.scripted_server",
            *options,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            url = (await process.stdout.readline()).decode().strip()
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{url}/v1/chat/completions", json=body()) as answer,
            ):
                assert answer.status == 429
                assert answer.headers["Retry-After"] == "3"
        finally:
            process.terminate()
            await process.wait()
            await eventually(process.stdout.at_eof)

    def test_every_kind_of_fault_is_explained(self) -> None:
        assert all(KINDS.values())


class TestHiddenRules:
    task = HiddenRules()

    def answer(self, prompt: str, record: dict[str, Any]) -> str:
        return self.task(request_of(prompt.replace("{{question}}", record["inputs"]["question"])))

    def score(self, prompt: str) -> float:
        records = self.task.records(600)
        right: list[bool] = [
            self.answer(prompt, record) == record["expectations"]["expected_response"] for record in records
        ]
        return sum(right) / len(right)

    def rule(self, *kinds: str) -> str:
        return "".join(f"For {kind} cases answer with the code.\n" for kind in kinds)

    @pytest.mark.parametrize("kinds", [(), KINDS_OF_CASES[:3], KINDS_OF_CASES])
    def test_rules_make_the_difference(self, kinds: tuple[str, ...]) -> None:
        prompt = self.rule(*kinds) + SOURCE
        assert self.score(prompt) == pytest.approx(self.task.true_score(prompt), abs=0.05)

    @pytest.mark.parametrize(
        ("form", "opening", "closing"),
        [
            ("```\n{prompt}\n```", "```\n", "\n```"),
            ('<prompt name="p">\n{prompt}\n</prompt>', '<prompt name="p">\n', "\n</prompt>"),
        ],
    )
    def test_reflection_adds_the_rule_of_a_failing_kind(self, form: str, opening: str, closing: str) -> None:
        shown = " ".join(record["inputs"]["question"] for record in self.task.records(60))
        request = f"Improve this.\n{form.format(prompt=SOURCE)}\nIt failed on: {shown}"
        rewritten = self.task(request_of(request, model="a-reflector"))
        assert rewritten.startswith(opening)
        assert rewritten.endswith(f"{SOURCE}{closing}")
        assert self.task.true_score(rewritten) > self.task.true_score(SOURCE)

    def test_answers_depend_on_the_request_alone(self) -> None:
        asked = [request_of(f"Case {number} of kind amber") for number in range(50)]
        assert [self.task(request) for request in asked] == [HiddenRules()(request) for request in asked]

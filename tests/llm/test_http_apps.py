"""An app over HTTP: what is asked, what comes back, and everything that may come back instead."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from burnish.concurrency import Backoff
from burnish.domain.app import LARGEST_OUTPUT_BYTES, App
from burnish.domain.budget import Budget
from burnish.domain.job import JobConfig
from burnish.domain.prompt import Message
from burnish.domain.usage import Role, Usage
from burnish.errors import (
    BudgetExhausted,
    InvalidInput,
    ModelError,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreadable,
)
from burnish.llm.apps.addresses import AllowedApps
from burnish.llm.apps.http import HttpApps
from burnish.llm.budget import Ledger
from burnish.llm.gateway import Gateway, JobGateway
from burnish.llm.protocol import AppFailed, AppRequest, Completion, Purpose, Response
from burnish.llm.providers.registry import Registry
from burnish.llm.retries import RetrySchedule
from burnish.llm.testing.memory_journal import MemoryJournal

Answer = Callable[[Any], Awaitable[bytes | None]]
"""What the server answers, from the status line on; ``None``: it closes the connection."""


class LoopbackApp:
    """A server that answers whatever bytes it is given. The last of them it answers for ever."""

    def __init__(self, answers: list[bytes | None], hangs: bool = False) -> None:
        self.answers = answers
        self.hangs = hangs
        self.asked: list[tuple[dict[str, str], Any]] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers["Content-Length"]))
            self.asked.append((headers, json.loads(body)))
            if self.hangs:
                await asyncio.sleep(60)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def http(body: Any, status: str = "200 OK", kind: str = "application/json", **headers: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(content)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


MakeApp = Callable[..., Awaitable[LoopbackApp]]


@pytest.fixture
async def serve() -> AsyncIterator[MakeApp]:
    servers, tasks = [], set()

    async def make(*answers: bytes | None, hangs: bool = False) -> LoopbackApp:
        app = LoopbackApp([*answers] or [None], hangs)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            await app.serve(reader, writer)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        servers.append(server)
        app.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/app"
        return app

    yield make
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


REQUEST = AppRequest(
    model="app:/x",
    prompts={"ask": "Answer {{q}}", "chat": (Message("system", "Be brief"), Message("user", "{{q}}"))},
    inputs={"messages": [{"content": "hi ✓"}]},
)


async def ask(app: LoopbackApp, timeout_seconds: float = 5.0, **fields: Any) -> Response:
    apps = HttpApps(AllowedApps((app.url,)), fields.pop("environment", {}))
    found = apps.find(App(url=fields.pop("url", app.url), **fields))
    assert found is not None
    try:
        return await found.run(REQUEST, timeout_seconds)
    finally:
        await apps.close()


async def test_what_is_asked_and_what_comes_back(serve: MakeApp) -> None:
    usage = {"calls": 3, "prompt_tokens": 40, "completion_tokens": 2, "usd": 0.0015}
    app = await serve(http({"output": {"answer": "ja ✓"}, "usage": usage, "trace_id": "tr-1"}))
    environment = {"BURNISH_APP_TOKEN": " Bearer abcdef \n"}
    response = await ask(
        app, environment=environment, headers_from_env={"Authorization": "BURNISH_APP_TOKEN"}
    )
    assert json.loads(response.text) == {"answer": "ja ✓"}
    assert response.usage == Usage(3, 40, 2, 1_500_000)
    assert response.run is not None
    assert (response.run.is_json, response.run.trace_id) == (True, "tr-1")
    headers, body = app.asked[0]
    assert headers["Authorization"] == "Bearer abcdef"
    assert body == {
        "inputs": {"messages": [{"content": "hi ✓"}]},
        "prompts": {
            "ask": "Answer {{q}}",
            "chat": [
                {"role": "system", "content": "Be brief"},
                {"role": "user", "content": "{{q}}"},
            ],
        },
        "evaluation_id": REQUEST.digest,
    }


@pytest.mark.parametrize(
    ("answer", "text", "usage"),
    [
        ({"output": "yes"}, "yes", None),
        ({"output": "yes", "usage": None, "trace_id": None}, "yes", None),
        ({"output": None}, "null", None),
        ({"output": [1, 2.5]}, "[1, 2.5]", None),
        ({"output": "yes", "usage": {}}, "yes", Usage(1, 0, 0, None, 1)),
        ({"output": "yes", "usage": {"usd": 0}}, "yes", Usage(1, 0, 0, 0, 1)),
        ({"output": "yes", "error": "ignored", "more": 1}, "yes", None),
    ],
)
async def test_answers(serve: MakeApp, answer: Any, text: str, usage: Usage | None) -> None:
    response = await ask(await serve(http(answer)))
    assert (response.text, response.usage) == (text, usage)


BAD: dict[str, tuple[bytes | None, type[ModelError], str]] = {
    "HTML": (http(b"<html>hi</html>", kind="text/html"), ModelUnreadable, "200 with text/html: '<html>hi"),
    "text": (http(b"yes", kind="text/plain"), ModelUnreadable, "200 with text/plain: 'yes'"),
    "stream": (http(b"data: {}\n\n", kind="text/event-stream"), ModelUnreadable, "a stream"),
    "invalid JSON": (http(b'{"output": '), ModelUnreadable, "200 with application/json"),
    "not UTF-8": (http(b'{"output": "\xff"}'), ModelUnreadable, "200 with application/json"),
    "nested": (http(b"[" * 200_000), ModelUnreadable, "200 with application/json"),
    "NaN": (http(b'{"output": [NaN]}'), ModelUnreadable, "output: NaN or Infinity: is not JSON"),
    "a list": (http([1]), ModelUnreadable, "200 with application/json"),
    "no output": (
        http({"result": "x"}),
        ModelUnreadable,
        'output is missing, there is result; answer {"output"',
    ),
    "an error in a 200": (http({"error": "no"}), ModelUnreadable, "an error in a 200: no"),
    "trace_id": (http({"output": "x", "trace_id": 7}), ModelUnreadable, "trace_id: 7: must be a text"),
    "usage": (http({"output": "x", "usage": 3}), ModelUnreadable, "usage: 3: must be an object such as"),
    "calls": (http({"output": "x", "usage": {"calls": -1}}), ModelUnreadable, "must be whole numbers"),
    "tokens": (http({"output": "x", "usage": {"prompt_tokens": 1.5}}), ModelUnreadable, "whole numbers"),
    "usd": (http({"output": "x", "usage": {"usd": "1"}}), ModelUnreadable, "usd must be a number"),
    "uses": (http({"output": "x", "uses": ["p"]}), ModelUnreadable, "uses: ['p']: must be a list of"),
    "uses 2": (http({"output": "x", "uses": [{"prompt": 1}]}), ModelUnreadable, "must be a list of"),
    "20 MB": (
        http({"output": "x" * 20_000_000}),
        ModelUnreadable,
        f"longer than {LARGEST_OUTPUT_BYTES} bytes",
    ),
    "301": (
        http(b"", "301 Moved", Location="http://127.0.0.1:1/"),
        ModelRejected,
        "redirects (301) to http://127.0.0.1:1/, and redirects are never followed; check config.app.url",
    ),
    "401": (http({"error": "who?"}, "401 Unauthorized"), ModelRejected, "config.app.headers_from_env"),
    "404": (http({"error": "no"}, "404 Not Found"), ModelRejected, "config.app.url"),
    "429": (http({"error": "slow"}, "429 Too Many", **{"Retry-After": "7"}), ModelUnavailable, "429 slow"),
    "500": (
        http(b"<h1>oops</h1>", "500 Oops", "text/html"),
        ModelUnavailable,
        "the app answers 500 <h1>oops",
    ),
    "closes at once": (None, ModelUnavailable, "the connection was lost"),
    "closes early": (http({"output": "x" * 99})[:150], ModelUnavailable, "the connection was lost"),
    "no HTTP": (b"hello\r\n\r\n", ModelUnavailable, "the connection was lost"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_malformed_answer(serve: MakeApp, case: str) -> None:
    answer, kind, said = BAD[case]
    app = await serve(answer)
    with pytest.raises(kind) as raised:
        await ask(app)
    assert type(raised.value) is kind
    assert said in str(raised.value)
    assert len(app.asked) == 1, "the gateway tries again, nobody else"
    if case == "429":
        assert raised.value.retry_after_seconds == 7


async def test_an_app_that_hangs(serve: MakeApp) -> None:
    with pytest.raises(ModelTimeout, match=r"no answer within 0\.05 s") as raised:
        await ask(await serve(hangs=True), timeout_seconds=0.05)
    assert raised.value.maybe_paid


async def test_an_app_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    gone = LoopbackApp([])
    gone.url = url
    with pytest.raises(ModelUnavailable, match=r"no connection to .*config.app.url"):
        await ask(gone)


async def test_a_422_is_that_example_s_failure_with_what_it_cost(serve: MakeApp) -> None:
    answer = {"error": "ValueError: no such film", "usage": {"calls": 2, "usd": 0.5}}
    with pytest.raises(AppFailed, match="422 ValueError: no such film") as raised:
        await ask(await serve(http(answer, "422 Unprocessable")))
    assert raised.value.usage == Usage(2, 0, 0, 500_000_000, 2)


async def test_what_a_header_holds_is_in_no_message(serve: MakeApp) -> None:
    app = await serve(http({"error": "bad token Bearer abcdef123"}, "401 Unauthorized"))
    environment = {"BURNISH_APP_TOKEN": "abcdef123"}
    with pytest.raises(ModelRejected) as raised:
        await ask(app, environment=environment, headers_from_env={"X-Token": "BURNISH_APP_TOKEN"})
    assert "abcdef123" not in str(raised.value)


@pytest.mark.parametrize("value", ["", "a\nb", "ключ"])
async def test_a_header_without_a_usable_value(serve: MakeApp, value: str) -> None:
    app = await serve(http({"output": "x"}))
    with pytest.raises(ModelRejected, match=r"headers_from_env.X-Token: 'BURNISH_APP_TOKEN'"):
        await ask(
            app, environment={"BURNISH_APP_TOKEN": value}, headers_from_env={"X-Token": "BURNISH_APP_TOKEN"}
        )
    assert app.asked == []


async def test_inputs_that_json_does_not_have(serve: MakeApp) -> None:
    app = await serve(http({"output": "x"}))
    apps = HttpApps(AllowedApps((app.url,)), {})
    found = apps.find(App(url=app.url))
    assert found is not None
    dated = {"when": datetime(2026, 11, 29, tzinfo=UTC)}
    await found.run(AppRequest(model="app:/x", prompts={}, inputs=dated), 5.0)
    assert app.asked[0][1]["inputs"] == {"when": "2026-11-29 00:00:00+00:00"}
    with pytest.raises(AppFailed, match="NaN or Infinity"):
        await found.run(AppRequest(model="app:/x", prompts={}, inputs={"n": float("nan")}), 5.0)
    await apps.close()


# --- which addresses may be asked


@pytest.mark.parametrize(
    "url",
    [
        "https://apps.example/support",
        "https://apps.example/support/v2?x=1",
        "https://APPS.example:443/support/",
        "http://localhost:8000/any",
        "http://10.1.2.3:9000/",
    ],
)
def test_urls_below_the_operator_s(url: str) -> None:
    bases = ("https://apps.example/support/", "http://localhost:8000", "http://10.1.2.3:9000")
    AllowedApps(bases).check_url(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://apps.example/supporters", "not below"),
        ("https://apps.example/", "not below"),
        ("http://apps.example/support", "not below"),
        ("https://apps.example:8443/support", "not below"),
        ("https://apps.example.evil/support", "not below"),
        ("https://apps.example@evil/support", "holds a user"),
        ("https://apps.example/support/../admin", "holds . or .."),
        ("https://apps.example/support/%2e%2e/admin", "holds . or .."),
        ("https://apps.example/support#x", "fragment"),
        ("https://user:hunter2@apps.example/support", r"'https://\*\*\*@apps.example/support': holds a user"),
        ("https://apps.example\\@evil/support", "holds a user"),
        ("file:///etc/passwd", "no http"),
        ("https://apps.example:99999/support", "no URL"),
        ("apps.example/support", "no http"),
        ("", "no http"),
    ],
)
def test_urls_elsewhere(url: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        AllowedApps(("https://apps.example/support",)).check_url(url)
    assert refused.value.problems[0].field == "config.app.url"


def test_nothing_is_allowed_unless_the_operator_says_so() -> None:
    with pytest.raises(InvalidInput, match="BURNISH_APP_URLS"):
        AllowedApps().check_url("https://apps.example/")


def test_settings_that_are_no_urls_and_no_networks() -> None:
    allowed = AllowedApps(("apps.example", "https://a.example"), ("10.0.0.1/8", "10.0.0.0/8", "x"))
    assert [(problem.field, problem.value) for problem in allowed.problems()] == [
        ("app_urls", "apps.example"),
        ("app_networks", "10.0.0.1/8"),
        ("app_networks", "x"),
    ]


class Names(AbstractResolver):
    """Names that lead where the test says."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in self.addresses
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.7", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1",
     "fc00::1", "::ffff:127.0.0.1", "224.0.0.1"],
)  # fmt: skip
async def test_a_name_that_leads_to_a_private_address_is_not_asked(address: str) -> None:
    apps = HttpApps(AllowedApps(("http://apps.example",)), {}, Names("203.0.113.9", address))
    app = apps.find(App(url="http://apps.example/x"))
    assert app is not None
    with pytest.raises(ModelRejected, match=r"no public address.*BURNISH_APP_NETWORKS"):
        await app.run(REQUEST, 1.0)
    await apps.close()


async def test_a_private_network_that_is_named_may_be_asked(serve: MakeApp) -> None:
    server = await serve(http({"output": "x"}))
    url = server.url.replace("127.0.0.1", "apps.example")
    apps = HttpApps(AllowedApps((url,), ("127.0.0.0/8",)), {}, Names("127.0.0.1"))
    app = apps.find(App(url=url))
    assert app is not None
    assert (await app.run(REQUEST, 5.0)).text == "x"
    await apps.close()


async def test_a_proxy_is_not_used_since_it_would_look_names_up_itself(serve: MakeApp) -> None:
    app = await serve(http({"output": "x"}))
    environment = {"HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
    assert (await ask(app, environment=environment)).text == "x"


# --- through the gateway: retries, journal, budget


def over(
    app: LoopbackApp, journal: MemoryJournal | None = None, budget: Budget | None = None, **fields: Any
) -> tuple[JobGateway, HttpApps]:
    apps = HttpApps(AllowedApps((app.url,)), {})
    config = JobConfig(source_prompt_uris=("prompts:/p/1",), app=App(url=app.url, **fields))
    gateway = Gateway(Registry(environment={}), retries=RetrySchedule(backoff=Backoff(base_seconds=0.0)))
    assert config.app is not None
    made = gateway.for_job(
        ledger=Ledger(budget or Budget(), lambda: 0.0),
        journal=journal or MemoryJournal(),
        config=config,
        app=apps.find(config.app),
    )
    return made, apps


async def complete(model: JobGateway, example: str = "e") -> Completion:
    request = AppRequest(model="app:/x", prompts={"p": "a"}, inputs={"q": example})
    return await model.complete(request, Purpose(role=Role.TARGET, candidate_id="c", example_id=example))


async def test_every_try_of_one_evaluation_has_the_same_id_and_is_kept_once(serve: MakeApp) -> None:
    busy = http({"error": "busy"}, "503 Busy")
    app = await serve(busy, None, busy, http({"output": "x", "usage": {"calls": 2}}))
    journal = MemoryJournal()
    model, apps = over(app, journal)
    assert (await complete(model)).text == "x"
    await complete(model, "another")
    ids = [body["evaluation_id"] for _, body in app.asked]
    assert len(ids) == 5
    assert len(set(ids[:4])) == 1
    assert ids[4] != ids[0]
    again, more_apps = over(app, journal)
    assert (await complete(again)).replayed
    assert len(app.asked) == 5
    await apps.close()
    await more_apps.close()


async def test_an_app_that_never_answers_readably_ends_the_job_soon(serve: MakeApp) -> None:
    app = await serve(http(b"<html>", kind="text/html"))
    model, apps = over(app)
    with pytest.raises(ModelUnreadable):
        await complete(model, "1")
    with pytest.raises(ModelRejected, match="no answer could be read yet"):
        await complete(model, "2")
    assert len(app.asked) <= 4
    await apps.close()


async def test_a_budget_in_calls_counts_evaluations_or_what_the_app_says(serve: MakeApp) -> None:
    app = await serve(http({"output": "x", "usage": {"calls": 2}}))
    model, apps = over(app, budget=Budget(max_calls=5))
    await complete(model, "1")
    await complete(model, "2")
    with pytest.raises(BudgetExhausted):
        await complete(model, "3")
    assert len(app.asked) == 2
    await apps.close()


async def test_the_app_s_own_deadline_goes_before_the_job_s(serve: MakeApp) -> None:
    model, apps = over(await serve(hangs=True), timeout_seconds=0.1)
    with pytest.raises(ModelTimeout, match=r"within 0\.1 s"):
        await complete(model)
    await apps.close()

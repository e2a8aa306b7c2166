"""What servers do beside answering: parameters they refuse, keys they turn against, proxies before them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from burnish.doctor.models import check_keys
from burnish.domain.budget import Budget
from burnish.domain.prompt import Message
from burnish.domain.usage import Usage
from burnish.errors import ModelError, ModelRejected, ModelRequestInvalid, ModelUnavailable, ModelUnreadable
from burnish.llm.protocol import Parameters, Request
from burnish.llm.providers import anthropic, azure, compatible, ollama, openai
from burnish.llm.providers.catalog import PROVIDERS
from burnish.llm.providers.openai import with_plain_name
from burnish.llm.providers.proxies import find_proxy
from burnish.llm.providers.registry import Registry
from burnish.llm.testing.contract import SECRET
from burnish.llm.testing.memory_journal import MemoryJournal
from burnish.llm.testing.scripted import echo
from burnish.llm.testing.scripted_server import ScriptedServer

Judge = Callable[[Mapping[str, Any]], "tuple[int, dict[str, Any]] | None"]
"""A server's word on a request's body: status and error, or ``None`` for an answer."""

MakeRig = Callable[..., Any]


class Selective(ScriptedServer):
    """Answers what its judge lets pass."""

    def __init__(self, judge: Judge) -> None:
        super().__init__(echo)
        self.judge = judge

    async def _act(self, http: web.Request, body: Any, body_hash: str, fault: Any) -> web.StreamResponse:
        if refusal := self.judge(body):
            status, error = refusal
            return web.json_response(error, status=status)
        return await super()._act(http, body, body_hash, fault)


def refusing(parameter: str, status: int = 400) -> Judge:
    """In OpenAI's words."""
    other = "max_completion_tokens" if parameter == "max_tokens" else "another"
    message = f"Unsupported parameter: '{parameter}' is not supported with this model. Use '{other}' instead."
    error = {"error": {"message": message, "type": "invalid_request_error", "param": parameter}}
    return lambda body: (status, error) if parameter in body else None


def request(model: str = "openai:/m", text: str = "hi", **parameters: Any) -> Request:
    return Request(model=model, messages=(Message("user", text),), parameters=Parameters(**parameters))


@pytest.fixture
async def over(rig: MakeRig) -> AsyncIterator[MakeRig]:
    """``over(url, …)`` makes a job's gateway whose models are at this address."""
    made: list[Any] = []

    def make(url: str, **options: Any) -> Any:
        environment = {
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": SECRET,
            "AZURE_OPENAI_ENDPOINT": url,
            "AZURE_OPENAI_API_KEY": SECRET,
        }
        made.append(rig(registry=Registry(environment=environment), **options))
        return made[-1]

    yield make
    for bench in made:
        await bench.gateway.close()


async def ask(bench: Any, asked: Request, sample: int = 0) -> Any:
    return await bench.model.complete(asked, bench.purpose(sample))


class TestParameters:
    """F09: which parameters an endpoint takes is learned from its refusals, never from a model's name."""

    @pytest.mark.parametrize(
        "model", ["azure:/prod-mini", "openai:/ft:o4-mini:ours::1", "openai:/openai/gpt-oss-120b"]
    )
    async def test_the_cap_goes_by_its_other_name_and_that_is_remembered(
        self, over: MakeRig, model: str
    ) -> None:
        async with Selective(refusing("max_tokens")) as server:
            bench = over(server.url, budget=Budget(max_calls=3))
            for number in range(3):
                await ask(bench, request(model, f"number {number}", max_tokens=9))
        assert server.requests == 4, "one refusal in all"
        assert [body.get("max_completion_tokens") for _, _, body in server.bodies[1:]] == [9, 9, 9]
        assert bench.ledger.spent.total.calls == 3, "a refusal costs nothing"

    async def test_also_the_other_way_round(self, over: MakeRig) -> None:
        async with Selective(refusing("max_completion_tokens", 422)) as server:
            bench = over(server.url)
            await ask(bench, request("openai:/o3-mini", max_tokens=9))
        assert [set(body) & {"max_tokens", "max_completion_tokens"} for _, _, body in server.bodies] == [
            {"max_completion_tokens"},
            {"max_tokens"},
        ]

    @pytest.mark.parametrize(
        "error",
        [
            {
                "error": {
                    "message": "Unsupported value: 'temperature' does not support 0.2",
                    "param": "temperature",
                }
            },
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "not permitted"}]},
            {"message": "temperature is deprecated for this model"},
            {"error": "unknown field `temperature`"},
        ],
    )
    async def test_others_are_left_out_with_a_warning(self, over: MakeRig, error: dict[str, Any]) -> None:
        warnings: list[str] = []
        async with Selective(lambda body: (400, error) if "temperature" in body else None) as server:
            bench = over(server.url)
            bench.model.answers.report_to(warnings.append)
            await ask(bench, request(temperature=0.2, top_p=0.5))
        assert server.bodies[-1][2]["top_p"] == 0.5
        assert warnings == ["openai:/m does not take temperature; its calls are made without it"]

    async def test_a_response_format_is_said_in_words_instead(self, over: MakeRig) -> None:
        schema = {"type": "object", "title": "the shape"}
        wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
        async with Selective(refusing("response_format")) as server:
            await ask(over(server.url), request(response_format=wanted))
        body = server.bodies[-1][2]
        assert "response_format" not in body
        assert '"title": "the shape"' in body["messages"][0]["content"]

    async def test_anthropics_api_learns_too(self) -> None:
        message = "`temperature` and `top_p` cannot both be specified for this model"
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
        async with Selective(
            lambda body: (400, error) if {"temperature", "top_p"} <= body.keys() else None
        ) as server:
            provider = anthropic.INFO.open(server.url, {"ANTHROPIC_API_KEY": SECRET})
            asked = request("anthropic:/m", temperature=0.2, top_p=0.5, max_tokens=9)
            with pytest.raises(ModelRequestInvalid) as raised:
                await provider.complete(asked, "m", 5.0)
            assert raised.value.adapted
            response = await provider.complete(asked, "m", 5.0)
            await provider.close()
        assert response.left_out == {"temperature"}
        assert server.bodies[-1][2]["max_tokens"] == 9

    async def test_a_cap_by_a_name_of_its_own_is_never_left_out(self) -> None:
        class Own(openai.OpenAiProvider):
            never_left_out = openai.OpenAiProvider.never_left_out | {"limit"}

            def body(self, request: Request, model_name: str, refused: frozenset[str]) -> dict[str, Any]:
                body = super().body(request, model_name, refused | {"max_tokens"})
                return {**body, **({"limit": 5} if "limit" not in refused else {})}

        async with Selective(refusing("limit")) as server:
            provider = Own(openai.INFO, f"{server.url}/v1", {})
            with pytest.raises(ModelRequestInvalid) as raised:
                await provider.complete(request(), "m", 5.0)
            await provider.close()
        assert not raised.value.adapted

    async def test_an_endpoint_that_takes_neither_name_of_the_cap_is_not_asked_for_ever(
        self, over: MakeRig
    ) -> None:
        error = {"error": {"message": "max_tokens and max_completion_tokens are not supported"}}
        async with Selective(lambda body: (400, error)) as server:
            with pytest.raises(ModelRequestInvalid, match="not supported"):
                await ask(over(server.url), request(max_tokens=9))
        assert server.requests <= 4
        assert all("max_tokens" in body or "max_completion_tokens" in body for _, _, body in server.bodies)

    @pytest.mark.parametrize(
        "message",
        [
            "This model's maximum context length is 8192 tokens; your messages resulted in 9000 tokens",
            "max_tokens is too large: 5000",
            "The response was filtered due to the prompt triggering the content management policy",
        ],
    )
    async def test_other_refusals_change_nothing(self, over: MakeRig, message: str) -> None:
        async with Selective(lambda body: (400, {"error": {"message": message}})) as server:
            with pytest.raises(ModelRequestInvalid):
                await ask(over(server.url), request(max_tokens=9, temperature=0.1))
        assert server.requests == 1

    async def test_said_explicitly_it_is_sent_as_it_is(self, over: MakeRig) -> None:
        async with ScriptedServer(echo) as server:
            bench = over(server.url)
            await ask(bench, request(extra={"max_completion_tokens": 7}))
        assert {"max_tokens", "max_completion_tokens"} & server.bodies[0][2].keys() == {
            "max_completion_tokens"
        }
        assert bench.ledger.spent.total.calls == 1


class TestKeys:
    """F08: a status is judged with the history of its key."""

    async def test_after_good_answers_a_403_is_that_requests_own(self, over: MakeRig) -> None:
        error = {"error": {"message": "not for you"}}
        async with Selective(
            lambda body: (403, error) if "odd" in body["messages"][0]["content"] else None
        ) as server:
            bench = over(server.url)
            for number in range(5):
                await ask(bench, request(text=f"number {number}"))
            with pytest.raises(ModelRequestInvalid, match="the key has worked before: 403 not for you"):
                await ask(bench, request(text="odd"))
            await ask(bench, request(text="number 6"))

    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_key_that_has_never_worked_is_wrong(self, over: MakeRig, status: int) -> None:
        async with Selective(lambda body: (status, {"error": "no"})) as server:
            with pytest.raises(ModelRejected, match="check OPENAI_API_KEY"):
                await ask(over(server.url), request())

    async def test_a_key_that_is_withdrawn_is_wrong_after_a_handful(self, over: MakeRig) -> None:
        withdrawn: list[bool] = []
        async with Selective(lambda body: (401, {"error": "no"}) if withdrawn else None) as server:
            bench = over(server.url)
            await ask(bench, request(text="first"))
            withdrawn.append(True)
            kinds = []
            for number in range(5):
                with pytest.raises(ModelError) as raised:
                    await ask(bench, request(text=f"number {number}"))
                kinds.append(type(raised.value))
        assert kinds == [ModelRequestInvalid] * 4 + [ModelRejected]

    @pytest.mark.parametrize("after", ["\n", "\r\n", " \t"])
    async def test_white_space_around_a_key_is_none_of_it(self, after: str) -> None:
        async with ScriptedServer(echo) as server:
            provider = openai.INFO.open(server.url, {"OPENAI_API_KEY": f" {SECRET}{after}"})
            await provider.complete(request(), "m", 5.0)
            await provider.close()
        assert server.bodies[0][1]["Authorization"] == f"Bearer {SECRET}"

    @pytest.mark.parametrize("key", ["sk-one\nsk-two", "sk-\u201cquoted\u201d"])
    async def test_a_key_that_can_be_none_is_named(self, key: str) -> None:
        provider = openai.INFO.open("http://127.0.0.1:9", {"OPENAI_API_KEY": key})
        with pytest.raises(ModelRejected, match="what OPENAI_API_KEY holds is no key") as raised:
            await provider.complete(request(), "m", 5.0)
        assert key[:4] not in str(raised.value)

    async def test_what_a_key_variable_holds_is_shown_by_no_error_whatever_its_name(self) -> None:
        key = "hunter2-and-more-7788"
        info = replace(openai.INFO, keys=("TOOTLE_ACCESS",))

        class Echo(ScriptedServer):
            async def _act(self, *_: Any) -> web.StreamResponse:
                return web.json_response({"error": {"message": f"wrong: {key}"}}, status=401)

        async with Echo(echo) as server:
            provider = openai.OpenAiProvider(info, f"{server.url}/v1", {"TOOTLE_ACCESS": key})
            with pytest.raises(ModelRejected) as raised:
                await provider.complete(request(), "m", 5.0)
            await provider.close()
        assert key not in str(raised.value)
        assert "wrong: ***" in str(raised.value)

    def test_a_server_of_ones_own_may_do_without(self) -> None:
        assert openai.INFO.lacks_key({})
        assert not openai.INFO.lacks_key({"OPENAI_API_KEY": SECRET})
        own = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1/"}
        assert not openai.INFO.lacks_key(own)
        assert "openai:/" not in " ".join(str(finding) for finding in check_keys(own))
        assert azure.INFO.lacks_key({})  # it has no address of its own
        assert not ollama.INFO.lacks_key({})


class TestUnreadable:
    """F05: what can never be read ends soon, names the address, and costs nothing."""

    @pytest.mark.parametrize("fault", ["garbage", "no_choices", "error_in_200", "stream"])
    async def test_nothing_ever_readable_ends_after_a_handful(self, over: MakeRig, fault: str) -> None:
        async with ScriptedServer(echo) as server:
            server.faults = type(server.faults)(shares={fault: 1})
            bench = over(server.url, budget=Budget(max_calls=90))
            failures = [
                (await asyncio.gather(ask(bench, request(text=f"number {n}")), return_exceptions=True))[0]
                for n in range(3)
            ]
        assert isinstance(failures[1], ModelRejected)
        assert f"{server.url}/v1/chat/completions" in str(failures[1])
        assert server.requests == 4
        assert bench.ledger.spent.total.calls == 0

    async def test_after_readable_answers_it_is_bad_luck(self, over: MakeRig) -> None:
        async with ScriptedServer(echo) as server:
            bench = over(server.url)
            await ask(bench, request(text="first"))
            server.faults = type(server.faults)(shares={"garbage": 1})
            for number in range(3):
                with pytest.raises(ModelUnreadable):
                    await ask(bench, request(text=f"number {number}"))

    async def test_readable_answers_of_an_earlier_attempt_count(self, over: MakeRig) -> None:
        async with ScriptedServer(echo) as server:
            journal = MemoryJournal()
            await ask(over(server.url, journal=journal), request(text="first"))
            bench = over(server.url, journal=journal)
            await ask(bench, request(text="first"))
            server.faults = type(server.faults)(shares={"garbage": 1})
            for number in range(3):
                with pytest.raises(ModelUnreadable):
                    await ask(bench, request(text=f"number {number}"))

    async def test_usage_that_came_back_is_charged(self, over: MakeRig) -> None:
        body = {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}

        class Counting(ScriptedServer):
            async def _act(self, *_: Any) -> web.StreamResponse:
                return web.json_response(body)

        async with Counting(echo) as server:
            bench = over(server.url)
            with pytest.raises(ModelUnreadable):
                await ask(bench, request("openai:/gpt-4o-mini"))
        spent = bench.ledger.spent.total
        assert (spent.calls, spent.prompt_tokens, spent.completion_tokens) == (2, 22, 14)
        assert bench.ledger.reserved == Usage()

    @pytest.mark.parametrize(
        ("code", "kind"), [(429, ModelUnavailable), ("502", ModelUnavailable), (401, ModelRejected)]
    )
    async def test_a_status_in_a_200_is_read(self, code: Any, kind: type[ModelError]) -> None:
        class InDisguise(ScriptedServer):
            async def _act(self, *_: Any) -> web.StreamResponse:
                return web.json_response({"error": {"code": code, "message": "in disguise"}})

        async with InDisguise(echo) as server:
            provider = openai.INFO.open(server.url, {})
            with pytest.raises(kind, match="in disguise") as raised:
                await provider.complete(request(), "m", 5.0)
            await provider.close()
        assert type(raised.value) is kind


class TestSilence:
    """F06: what a model says instead of an answer is read as nothing, with its reason."""

    @pytest.mark.parametrize(
        ("message", "given", "text", "finish_reason"),
        [
            ({"content": None, "tool_calls": [{"id": "1"}]}, "tool_calls", "", "tool_calls"),
            ({"content": None, "refusal": "I cannot help."}, "stop", "I cannot help.", "refusal"),
            ({"content": "", "reasoning_content": "hm"}, "stop", "", "stop"),
            ({"content": None}, "content_filter", "", "content_filter"),
            ({"content": [{"type": "thinking"}, {"type": "text", "text": "4"}]}, "stop", "4", "stop"),
        ],
    )
    async def test_openai(self, message: Any, given: str, text: str, finish_reason: str) -> None:
        class Says(ScriptedServer):
            async def _act(self, *_: Any) -> web.StreamResponse:
                return web.json_response({"choices": [{"message": message, "finish_reason": given}]})

        async with Says(echo) as server:
            provider = openai.INFO.open(server.url, {})
            response = await provider.complete(request(), "m", 5.0)
            await provider.close()
        assert (response.text, response.finish_reason) == (text, finish_reason)


class TestProxies:
    """F14."""

    @pytest.mark.parametrize(
        ("url", "environment", "proxy"),
        [
            ("http://host/v1", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
            ("http://host/v1", {"http_proxy": "p:1", "HTTP_PROXY": "http://q:1"}, "http://p:1"),
            ("https://host/v1", {"HTTP_PROXY": "http://p:1"}, None),
            ("https://host/v1", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
            ("https://host/v1", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
            ("http://host/v1", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "other, host"}, None),
            ("http://api.host:8/v1", {"HTTP_PROXY": "http://p:1", "no_proxy": ".host"}, None),
            ("http://host/v1", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
            ("http://host/v1", {"HTTP_PROXY": " "}, None),
        ],
    )
    def test_which_proxy(self, url: str, environment: dict[str, str], proxy: str | None) -> None:
        found = find_proxy(url, environment)
        assert (found.url if found else None) == proxy

    async def test_a_request_goes_through_it(self) -> None:
        async with ScriptedServer(echo) as proxy:
            environment = {"OPENAI_BASE_URL": "http://models.invalid/v1", "HTTP_PROXY": proxy.url}
            provider = openai.INFO.open(None, environment)
            response = await provider.complete(request(), "m", 5.0)
            await provider.close()
        assert response.text == "hi"
        assert proxy.bodies[0][1]["Host"] == "models.invalid"

    async def test_one_that_is_away_is_named_without_its_password(self) -> None:
        environment = {
            "OPENAI_BASE_URL": "http://models.invalid/v1",
            "HTTP_PROXY": f"http://us:{SECRET}@127.0.0.1:9",
        }
        provider = openai.INFO.open(None, environment)
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9 \(HTTP_PROXY\)") as raised:
            await provider.complete(request(), "m", 5.0)
        await provider.close()
        assert SECRET not in str(raised.value)
        assert "OPENAI_BASE_URL" not in str(raised.value)

    def test_the_doctor_shows_it(self) -> None:
        found = list(check_keys({"HTTPS_PROXY": f"http://us:{SECRET}@proxy:3128"}))
        (shown,) = (finding.message for finding in found if "proxy" in finding.message)
        assert "proxy:3128 (HTTPS_PROXY)" in shown
        assert SECRET not in shown


def self_signed(folder: Path) -> Path:
    """A file with a key and a certificate that nobody has heard of."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem, traditional = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(pem, traditional, serialization.NoEncryption()) + certificate.public_bytes(pem)
    )
    return path


class TestRemedies:
    """F17."""

    async def test_a_404_shows_the_address(self) -> None:
        async with Selective(lambda body: (404, {"error": {"message": "no such model"}})) as server:
            provider = openai.INFO.open(f"{server.url}/v2", {})
            with pytest.raises(ModelRejected, match="/v2/chat/completions: 404 no such model"):
                await provider.complete(request(), "m", 5.0)
            await provider.close()

    async def test_a_certificate_of_ones_own_authority(self, tmp_path: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self_signed(tmp_path))
        runner = web.AppRunner(web.Application())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        url = f"https://127.0.0.1:{runner.addresses[0][1]}/v1"
        provider = openai.INFO.open(url, {})
        try:
            with pytest.raises(ModelRejected, match="set SSL_CERT_FILE"):
                await provider.complete(request(), "m", 5.0)
        finally:
            await provider.close()
            await runner.cleanup()

    @pytest.mark.parametrize(
        ("host", "url"),
        [
            ("127.0.0.1", "http://127.0.0.1:11434/v1"),
            ("gpu-box", "http://gpu-box:11434/v1"),
            ("gpu-box:8000", "http://gpu-box:8000/v1"),
            (":8000", "http://127.0.0.1:8000/v1"),
            ("0.0.0.0", "http://127.0.0.1:11434/v1"),
            ("[::1]", "http://[::1]:11434/v1"),
            ("http://gpu-box", "http://gpu-box/v1"),
            ("https://gpu-box/ollama/", "https://gpu-box/ollama/v1"),
            ("", "http://127.0.0.1:11434/v1"),
        ],
    )
    def test_ollamas_host_as_ollama_reads_it(self, host: str, url: str) -> None:
        assert ollama.INFO.open(None, {"OLLAMA_HOST": host}).base_url == url  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("Page[Item]", "Page_Item"),
        ("R\u00e9ponse d\u00e9taill\u00e9e", "R_ponse_d_taill_e"),
        ("x" * 80, "x" * 64),
        ("\u56de\u7b54", "answer"),
        ("fine-name_1", "fine-name_1"),
    ],
)
def test_names_of_schemas_are_cleaned(name: str, sent: str) -> None:
    """F18."""
    given = {"type": "json_schema", "json_schema": {"name": name, "schema": {"type": "object"}}}
    cleaned = with_plain_name(given)
    assert cleaned is not None
    assert cleaned["json_schema"] == {"name": sent, "schema": {"type": "object"}}
    assert with_plain_name(None) is None
    assert with_plain_name({"type": "json_object"}) == {"type": "json_object"}


@pytest.mark.parametrize("scheme", [info.scheme for info in compatible.INFOS])
async def test_providers_that_speak_openais_protocol(scheme: str) -> None:
    info = PROVIDERS[scheme]
    with pytest.raises(ModelRejected, match=f"set {info.keys[0]}"):
        await info.open(None, {}).complete(request(), "m", 1.0)
    async with ScriptedServer(echo) as server:
        environment = {info.url_variable: server.url, info.keys[0]: SECRET}
        provider = info.open(None, environment)
        response = await provider.complete(request(f"{scheme}:/m"), "m", 5.0)
        await provider.close()
    assert response.text == "hi"
    assert server.bodies[0][1]["Authorization"] == f"Bearer {SECRET}"


async def test_azure_needs_its_own_key() -> None:
    with pytest.raises(ModelRejected, match="set AZURE_OPENAI_API_KEY"):
        await azure.INFO.open("http://127.0.0.1:9", {}).complete(request(), "m", 1.0)

"""Every provider keeps the contract; each asks in its own API's words."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.web import StreamResponse

from burnish.domain.prompt import Message
from burnish.errors import ModelRejected
from burnish.llm.protocol import Parameters, Provider, Request
from burnish.llm.providers import anthropic, azure, litellm, ollama, openai
from burnish.llm.providers.catalog import PROVIDERS
from burnish.llm.providers.info import ProviderInfo
from burnish.llm.providers.mlflow_gateway import ENDPOINTS, GATEWAY
from burnish.llm.testing.contract import SECRET, Counts, HttpProviderContract, ScriptedContract
from burnish.llm.testing.faults import Faults
from burnish.llm.testing.scripted import Script, ScriptedProvider, echo
from burnish.llm.testing.scripted_server import ScriptedServer


class TestScripted(ScriptedContract):
    model = "scripted:/any"

    @asynccontextmanager
    async def opened(self, script: Script, faults: Faults) -> AsyncIterator[tuple[Provider, Counts]]:
        provider = ScriptedProvider({"any": script}, faults=faults)
        yield provider, provider

    async def test_an_unknown_script_is_named(self) -> None:
        with pytest.raises(ModelRejected, match="there are echo"):
            await ScriptedProvider({"echo": echo}).complete(self.request(), "ecko", 1.0)


class TestOpenAi(HttpProviderContract):
    model = "openai:/gpt-4o-mini"

    def provider(self, url: str) -> Provider:
        return openai.INFO.open(None, {"OPENAI_BASE_URL": f"{url}/v1/", "OPENAI_API_KEY": SECRET})


class TestAzure(HttpProviderContract):
    model = "azure:/our-deployment"

    def provider(self, url: str) -> Provider:
        return azure.INFO.open(None, {"AZURE_OPENAI_ENDPOINT": url, "AZURE_OPENAI_API_KEY": SECRET})


class TestAnthropic(HttpProviderContract):
    model = "anthropic:/claude-sonnet"

    def provider(self, url: str) -> Provider:
        return anthropic.INFO.open(None, {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": SECRET})


class TestGemini(HttpProviderContract):
    model = "gemini:/gemini-flash"

    def provider(self, url: str) -> Provider:
        return PROVIDERS["gemini"].open(f"{url}/v1beta/openai", {"GEMINI_API_KEY": SECRET})


class TestOllama(HttpProviderContract):
    model = "ollama:/llama3.2"

    def provider(self, url: str) -> Provider:
        return ollama.INFO.open(None, {"OLLAMA_HOST": url.removeprefix("http://"), "OLLAMA_API_KEY": SECRET})


class TestGateway(HttpProviderContract):
    model = "gateway:/our-endpoint"

    def provider(self, url: str) -> Provider:
        return GATEWAY.open(None, {"MLFLOW_TRACKING_URI": url, "MLFLOW_TRACKING_TOKEN": SECRET})


class TestEndpoints(HttpProviderContract):
    model = "endpoints:/our-endpoint"

    def provider(self, url: str) -> Provider:
        return ENDPOINTS.open(
            None,
            {
                "MLFLOW_DEPLOYMENTS_TARGET": url,
                "MLFLOW_TRACKING_USERNAME": "us",
                "MLFLOW_TRACKING_PASSWORD": SECRET,
            },
        )


@pytest.mark.filterwarnings("ignore")  # of its own and its dependencies' deprecations
class TestLitellm(ScriptedContract):
    model = "litellm:/openai/gpt-4o-mini"
    sees_success = False

    @pytest.fixture(autouse=True)
    def needs_litellm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        pytest.importorskip("litellm", reason="the extra is not installed")
        monkeypatch.setenv("OPENAI_API_KEY", SECRET)

    def provider(self, url: str) -> Provider:
        return litellm.INFO.open(f"{url}/v1", os.environ)


@pytest.mark.parametrize("option", ["fallbacks", "vertex_credentials", "callbacks"])
async def test_litellm_is_given_no_option_that_leads_elsewhere(option: str) -> None:
    parameters = Parameters(
        extra={"top_k": 4, option: [{"model": "openai/m", "api_base": "http://elsewhere"}]}
    )
    request = Request(model="litellm:/openai/m", messages=(Message("user", "hi"),), parameters=parameters)
    with pytest.raises(ModelRejected, match=option):
        await litellm.INFO.open(None, {}).complete(request, "openai/m", 1.0)


async def asked(info: ProviderInfo, environment: dict[str, str], request: Request) -> tuple[Any, ...]:
    """Path, headers and body of the one request that a call makes."""
    async with ScriptedServer(echo) as server:
        filled = {name: value.replace("URL", server.url) for name, value in environment.items()}
        provider = info.open(None, filled)
        await provider.complete(request, request.model.partition(":/")[2], 5.0)
        await provider.close()
        return server.bodies[0]


FULL = Parameters(
    temperature=0.0,
    max_tokens=9,
    top_p=0.5,
    stop=("END",),
    seed=3,
    response_format={
        "type": "json_schema",
        "json_schema": {"name": "a", "schema": {"type": "object", "title": "the shape"}},
    },
    extra={"top_k": 4},
)


class TestWhatIsAsked:
    async def test_openai(self) -> None:
        request = Request(model="openai:/m", messages=(Message("user", "hi"),), parameters=FULL)
        path, headers, body = await asked(
            openai.INFO, {"OPENAI_BASE_URL": "URL/v1", "OPENAI_API_KEY": SECRET}, request
        )
        assert path == "/v1/chat/completions"
        assert headers["Authorization"] == f"Bearer {SECRET}"
        assert body == {
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "temperature": 0.0,
            "max_tokens": 9,
            "top_p": 0.5,
            "stop": ["END"],
            "seed": 3,
            "response_format": FULL.response_format,
            "top_k": 4,
        }

    async def test_openai_without_options_sends_none(self) -> None:
        request = Request(model="openai:/m", messages=(Message("user", "hi"),))
        _, headers, body = await asked(openai.INFO, {"OPENAI_BASE_URL": "URL"}, request)
        assert body.keys() == {"model", "messages"}
        assert "Authorization" not in headers

    @pytest.mark.parametrize("name", ["o3-mini", "gpt-5-nano", "proxy/gpt-5"])
    async def test_reasoning_models_have_another_name_for_the_cap(self, name: str) -> None:
        request = Request(model=f"openai:/{name}", messages=(Message("user", "hi"),), parameters=FULL)
        _, _, body = await asked(openai.INFO, {"OPENAI_BASE_URL": "URL"}, request)
        assert body["max_completion_tokens"] == 9
        assert "max_tokens" not in body

    async def test_anthropic(self) -> None:
        messages = (Message("system", "Be brief."), Message("user", "hi"))
        request = Request(model="anthropic:/m", messages=messages, parameters=FULL)
        path, headers, body = await asked(
            anthropic.INFO, {"ANTHROPIC_BASE_URL": "URL/v1", "ANTHROPIC_API_KEY": SECRET}, request
        )
        assert path == "/v1/messages"
        assert headers["x-api-key"] == SECRET
        assert headers["anthropic-version"]
        system = body.pop("system")
        assert system.startswith("Be brief.")
        assert '"title": "the shape"' in system
        assert body == {
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "temperature": 0.0,
            "max_tokens": 9,
            "top_p": 0.5,
            "stop_sequences": ["END"],
            "top_k": 4,
        }

    async def test_azure_by_version(self) -> None:
        request = Request(model="azure:/our deployment", messages=(Message("user", "hi"),))
        environment = {"AZURE_OPENAI_ENDPOINT": "URL/", "AZURE_OPENAI_API_KEY": SECRET}
        path, headers, _ = await asked(azure.INFO, environment, request)
        assert path == "/openai/v1/chat/completions"
        assert headers["api-key"] == SECRET
        path, _, _ = await asked(azure.INFO, environment | {"OPENAI_API_VERSION": "2024-10-21"}, request)
        assert path == "/openai/deployments/our%20deployment/chat/completions?api-version=2024-10-21"

    async def test_mlflow_gateways(self) -> None:
        request = Request(model="gateway:/ours", messages=(Message("user", "hi"),))
        path, headers, body = await asked(
            GATEWAY, {"MLFLOW_TRACKING_URI": "URL", "MLFLOW_TRACKING_TOKEN": SECRET}, request
        )
        assert (path, body["model"]) == ("/gateway/mlflow/v1/chat/completions", "ours")
        assert headers["Authorization"] == f"Bearer {SECRET}"
        path, _, _ = await asked(ENDPOINTS, {"MLFLOW_DEPLOYMENTS_TARGET": "URL"}, request)
        assert path == "/endpoints/ours/invocations"
        path, _, _ = await asked(ENDPOINTS, {"MLFLOW_TRACKING_URI": "URL"}, request)
        assert path == "/gateway/mlflow/v1/chat/completions"


@pytest.mark.parametrize(
    ("provider", "remedy"),
    [
        (openai.INFO.open(None, {}), "set OPENAI_API_KEY"),
        (anthropic.INFO.open(None, {}), "set ANTHROPIC_API_KEY"),
        (PROVIDERS["gemini"].open(None, {}), "set GEMINI_API_KEY"),
        (azure.INFO.open(None, {}), "set AZURE_OPENAI_ENDPOINT"),
        (azure.INFO.open(None, {"AZURE_OPENAI_ENDPOINT": "http://x"}), "set AZURE_OPENAI_API_KEY"),
        (GATEWAY.open(None, {"MLFLOW_TRACKING_URI": "sqlite:///a.db"}), "set MLFLOW_GATEWAY_URI"),
        (openai.INFO.open("http://[", {}), "OPENAI_BASE_URL"),
        (openai.INFO.open("ftp://host", {}), "OPENAI_BASE_URL"),
    ],
)
async def test_what_is_missing_is_named_before_anything_is_sent(provider: Provider, remedy: str) -> None:
    request = Request(model="any:/m", messages=(Message("user", "hi"),))
    with pytest.raises(ModelRejected, match=remedy):
        await provider.complete(request, "m", 1.0)
    await provider.close()


async def test_redirects_are_not_followed() -> None:
    """They would carry the key to another host."""

    class Redirecting(ScriptedServer):
        async def _act(self, *_: Any) -> StreamResponse:
            from aiohttp import web

            return web.Response(status=307, headers={"Location": "http://127.0.0.1:1/"})

    async with Redirecting(echo) as server:
        provider = openai.INFO.open(server.url, {})
        with pytest.raises(ModelRejected, match="307"):
            await provider.complete(Request(model="openai:/m", messages=(Message("user", "hi"),)), "m", 1.0)
        await provider.close()


async def test_no_credit_left_is_not_retried() -> None:
    class Broke(ScriptedServer):
        async def _act(self, *_: Any) -> StreamResponse:
            from aiohttp import web

            error = {"message": "You exceeded your current quota", "code": "insufficient_quota"}
            return web.json_response({"error": error}, status=429)

    async with Broke(echo) as server:
        provider = openai.INFO.open(server.url, {})
        with pytest.raises(ModelRejected, match="no credit left"):
            await provider.complete(Request(model="openai:/m", messages=(Message("user", "hi"),)), "m", 1.0)
        await provider.close()

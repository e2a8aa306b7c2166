"""Model URIs, what a prompt's model config means, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.errors import InvalidInput
from burnish.llm.protocol import Parameters
from burnish.llm.providers.anthropic import AnthropicProvider
from burnish.llm.providers.catalog import PROVIDERS
from burnish.llm.providers.openai import OpenAiProvider
from burnish.llm.providers.registry import Registry
from burnish.llm.testing.contract import SECRET
from burnish.llm.testing.scripted import ScriptedProvider
from burnish.llm.uri import ModelUri, parse_model_uri


def problems_of(config: dict[str, Any], uri: str | None = None) -> dict[str, str]:
    with pytest.raises(InvalidInput) as raised:
        Registry().resolve(uri, config, None)
    return {problem.field: problem.remedy for problem in raised.value.problems}


class TestUris:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("openai:/gpt-4o-mini", ModelUri("openai", "gpt-4o-mini")),
            ("OpenAI:/gpt-4o-mini", ModelUri("openai", "gpt-4o-mini")),
            ("litellm:/mistral/large", ModelUri("litellm", "mistral/large")),
            ("ollama:/llama3.2:1b", ModelUri("ollama", "llama3.2:1b")),
            ("local:/models/a.gguf", ModelUri("local", "models/a.gguf")),
            ("local:///srv/a.gguf", ModelUri("local", "/srv/a.gguf")),
            (
                "openai:/m?base_url=http%3A%2F%2Fh%3A1%2Fv1%2F",
                ModelUri("openai", "m", "http://h:1/v1"),
            ),
            ("openai:/m?base_url=http://h:1/v1", ModelUri("openai", "m", "http://h:1/v1")),
        ],
    )
    def test_parts(self, text: str, parts: ModelUri) -> None:
        assert parse_model_uri(text) == parts
        assert parse_model_uri(str(parts)) == parts

    @pytest.mark.parametrize("text", ["", "gpt-4o", "openai:", "openai:/", "openai:/ ", ":/m", "openai/gpt"])
    def test_a_malformed_model_uri(self, text: str) -> None:
        with pytest.raises(InvalidInput, match="SCHEME:/NAME"):
            parse_model_uri(text)


class TestProviders:
    @pytest.mark.parametrize("scheme", sorted(PROVIDERS))
    async def test_every_scheme_has_one(self, scheme: str) -> None:
        registry = Registry(environment={})
        name = {"local": "smollm2", "scripted": "echo"}.get(scheme, "m")
        model = ModelUri(scheme, name)
        if scheme in ("local", "litellm"):
            pytest.importorskip({"local": "xllamacpp"}.get(scheme, scheme))
        provider = registry.provider(model)
        assert registry.provider(model) is provider
        await registry.close()
        await registry.close()

    def test_an_unknown_scheme_says_what_there_is(self) -> None:
        with pytest.raises(InvalidInput) as raised:
            Registry().provider(parse_model_uri("opnai:/gpt-4o"))
        message = str(raised.value)
        assert "did you mean 'openai'?" in message
        assert all(scheme in message for scheme in PROVIDERS)

    def test_one_that_was_given_goes_first(self) -> None:
        fake = ScriptedProvider()
        registry = Registry(providers={"openai": fake, "mine": fake})
        assert registry.provider(parse_model_uri("openai:/m")) is fake
        assert registry.provider(parse_model_uri("mine:/m")) is fake

    def test_other_servers_only_if_allowed(self) -> None:
        registry = Registry(("http://127.0.0.1:9/v1/",))
        allowed = registry.provider(parse_model_uri("openai:/m?base_url=http://127.0.0.1:9/v1"))
        assert isinstance(allowed, OpenAiProvider)
        assert allowed.base_url == "http://127.0.0.1:9/v1"
        for url in ("http://127.0.0.1:9/v1/..", "http://127.0.0.1:99/v1", "http://127.0.0.1:9", "//x"):
            with pytest.raises(InvalidInput, match="BURNISH_ALLOWED_BASE_URLS"):
                registry.provider(ModelUri("openai", "m", url))

    def test_servers_do_not_share_a_provider(self) -> None:
        registry = Registry(("http://a", "http://b"))
        first, second = (registry.provider(ModelUri("anthropic", "m", f"http://{x}")) for x in "ab")
        assert isinstance(first, AnthropicProvider)
        assert first is not second


class TestModelConfig:
    def test_everything_mlflow_can_say(self) -> None:
        config = {
            "provider": "openai",
            "model_name": "gpt-4o-mini",
            "temperature": 0,
            "max_tokens": 100,
            "top_p": 0.9,
            "top_k": 40,
            "frequency_penalty": -0.5,
            "presence_penalty": 0.5,
            "stop_sequences": ["END"],
            "extra_params": {"seed": 7, "logit_bias": {"1": 2}},
        }
        schema = {"type": "object", "title": "My answer", "properties": {}}
        assert Registry().resolve(None, config, schema) == (
            "openai:/gpt-4o-mini",
            Parameters(
                temperature=0,
                max_tokens=100,
                top_p=0.9,
                stop=("END",),
                seed=7,
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "My_answer", "schema": schema},
                },
                extra={
                    "top_k": 40,
                    "frequency_penalty": -0.5,
                    "presence_penalty": 0.5,
                    "logit_bias": {"1": 2},
                },
            ),
        )

    def test_extras_that_mlflow_has_merged_at_the_top_are_found(self) -> None:
        _, parameters = Registry().resolve("openai:/m", {"reasoning_effort": "low"}, None)
        assert parameters.extra == {"reasoning_effort": "low"}

    @pytest.mark.parametrize("stop", ["END", ["END"]])
    def test_openai_s_own_name_of_the_stop_sequences(self, stop: Any) -> None:
        config = {"extra_params": {"stop": stop, "response_format": {"type": "json_object"}}}
        _, parameters = Registry().resolve("openai:/m", config, None)
        assert parameters == Parameters(stop=("END",), response_format={"type": "json_object"})

    def test_extras_cannot_lift_the_cap_that_the_budget_counts_on(self) -> None:
        config = {"max_tokens": 10, "extra_params": {"max_tokens": 9000, "temperature": 0.5}}
        _, parameters = Registry().resolve("openai:/m", config, None)
        assert parameters == Parameters(max_tokens=10, temperature=0.5)
        with pytest.raises(InvalidInput, match=r"model_config\.max_completion_tokens.*say one of them"):
            Registry().resolve("openai:/m", {"max_tokens": 10, "max_completion_tokens": 9000}, None)
        with pytest.raises(InvalidInput, match="say one of them"):
            Parameters(max_tokens=10, extra={"max_completion_tokens": 9000})

    @pytest.mark.parametrize(
        "config", [{"max_completion_tokens": 90}, {"extra_params": {"max_completion_tokens": 90}}]
    )
    def test_the_cap_by_its_other_name_is_taken(self, config: dict[str, Any]) -> None:
        _, parameters = Registry().resolve("openai:/m", config, None)
        assert parameters.output_cap == 90
        assert parameters.with_output_cap(5) == Parameters(max_tokens=5)

    @pytest.mark.parametrize("value", ["90", 0, True, 1.5])
    def test_a_cap_that_is_none_is_refused(self, value: Any) -> None:
        assert "model_config.max_completion_tokens" in problems_of(
            {"max_completion_tokens": value}, "openai:/m"
        )

    def test_a_seed_that_is_none_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match=r"model_config\.seed"):
            Registry().resolve("openai:/m", {"extra_params": {"seed": "7"}}, None)

    def test_a_given_uri_wins_and_the_options_stay(self) -> None:
        config = {"provider": "anthropic", "model_name": "claude", "temperature": 1.0}
        uri, parameters = Registry().resolve("openai:/m", config, None)
        assert (uri, parameters.temperature) == ("openai:/m", 1.0)

    @pytest.mark.parametrize(
        ("provider", "scheme"),
        [
            ("google", "gemini"),
            ("Azure-OpenAI", "azure"),
            ("mlflow", "endpoints"),
            ("anthropic", "anthropic"),
        ],
    )
    def test_names_of_providers(self, provider: str, scheme: str) -> None:
        uri, _ = Registry().resolve(None, {"provider": provider, "model_name": "m"}, None)
        assert uri == f"{scheme}:/m"

    def test_a_uri_as_the_models_name(self) -> None:
        assert Registry().resolve(None, {"model_name": "openai:/m"}, None)[0] == "openai:/m"

    def test_a_response_format_in_openais_form_is_kept(self) -> None:
        given = {"type": "json_object"}
        assert Registry().resolve("openai:/m", {}, given)[1].response_format == given

    @pytest.mark.parametrize(
        ("config", "field"),
        [
            ({}, "model"),
            ({"provider": "openai"}, "model"),
            ({"model_name": "m"}, "model_config.provider"),
            ({"provider": "nowhere", "model_name": "m"}, "model"),
        ],
    )
    def test_no_model(self, config: dict[str, Any], field: str) -> None:
        assert field in problems_of(config)

    def test_every_problem_is_reported_at_once(self) -> None:
        config = {
            "provider": "nowhere",
            "model_name": "m",
            "temperature": "hot",
            "max_tokens": 0,
            "stop_sequences": "END",
            "extra_params": {"api_key": SECRET, "stream": True, "messages": []},
        }
        found = problems_of(config)
        assert found.keys() == {
            "model",
            "model_config.temperature",
            "model_config.max_tokens",
            "model_config.stop_sequences",
            "model_config.api_key",
            "model_config.stream",
            "model_config.messages",
        }
        assert "environment variable" in found["model_config.api_key"]

    def test_a_key_in_a_prompt_is_not_repeated(self) -> None:
        with pytest.raises(InvalidInput) as raised:
            Registry().resolve("openai:/m", {"extra_params": {"api_key": SECRET}}, None)
        assert SECRET not in str(raised.value)

    @pytest.mark.parametrize("key", ["base_url", "api_base"])
    def test_another_server_only_if_the_operator_allows_it(self, key: str) -> None:
        config = {"provider": "openai", "model_name": "m", "extra_params": {key: "http://10.0.0.1/v1/"}}
        assert "allowed_base_urls" in problems_of(config)["model.base_url"]
        uri, parameters = Registry(("http://10.0.0.1/v1",)).resolve(None, config, None)
        assert parse_model_uri(uri).base_url == "http://10.0.0.1/v1"
        assert parameters.extra == {}


class TestLocalFiles:
    def test_a_file_that_is_not_there(self) -> None:
        assert "No such file" in problems_of({}, "local:/nowhere/m.gguf")["model"]

    def test_a_file_that_is_no_gguf(self, tmp_path: Path) -> None:
        path = tmp_path / "m.gguf"
        path.write_bytes(b"PK\x03\x04")
        assert "not a GGUF file" in problems_of({}, f"local:/{path}")["model"]

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "Is a directory" in problems_of({}, f"local:/{tmp_path}")["model"]


@pytest.mark.parametrize(
    ("uri", "known"),
    [
        ("openai:/gpt-4o-mini", True),
        ("openai:/nonsense", False),
        ("local:/smollm2", True),
        ("ollama:/llama3", True),
        ("scripted:/echo", True),
        ("endpoints:/ours", False),
    ],
)
def test_whether_a_price_is_known(uri: str, known: bool) -> None:
    assert Registry().price_known(uri) == known

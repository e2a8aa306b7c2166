"""What an MLflow prompt's model config means as a model URI and parameters.

The keys are those of MLflow's ``PromptModelConfig``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from burnish.errors import InvalidInput, Problem
from burnish.llm.protocol import OTHER_CAP, RESERVED_OPTIONS, Parameters
from burnish.llm.providers.catalog import ALIASES
from burnish.llm.uri import ModelUri, parse_model_uri

_BASE_URL_KEYS = ("base_url", "api_base")
_PASSED_ON = ("top_k", "frequency_penalty", "presence_penalty")
_READ = ("temperature", "max_tokens", "top_p", "stop", "seed", "response_format")
"""Of the extra options, those with a field of their own."""


def uri_of(model_config: Mapping[str, Any]) -> ModelUri:
    """The model that ``provider``, ``model_name`` and ``base_url`` name.

    Raises:
        InvalidInput: no model is named.
    """
    name = model_config.get("model_name")
    if not name or not isinstance(name, str):
        raise InvalidInput.of(
            "model", name or "", "no model: name one, or give the prompt version a model config"
        )
    extra = _extra_of(model_config)
    base_url = next((extra[key] for key in _BASE_URL_KEYS if extra.get(key)), None)
    provider = model_config.get("provider")
    if not provider:
        if ":/" in name:
            return parse_model_uri(name)
        raise InvalidInput.of("model_config.provider", "", f"say which provider has the model {name!r}")
    scheme = str(provider).strip().lower()
    return ModelUri(ALIASES.get(scheme, scheme), name, str(base_url).rstrip("/") if base_url else None)


def parameters_of(
    model_config: Mapping[str, Any], response_format: Mapping[str, Any] | None = None
) -> Parameters:
    """The options of a model config.

    Raises:
        InvalidInput: an option has a wrong type, or is none a prompt may set; names all of them.
    """
    extra = {key: model_config[key] for key in _PASSED_ON if model_config.get(key) is not None}
    extra |= _extra_of(model_config)
    config = _Reader(extra | {key: value for key, value in model_config.items() if value is not None})
    extra = {key: value for key, value in extra.items() if key not in (*_BASE_URL_KEYS, *_READ)}
    for key in sorted(extra.keys() & RESERVED_OPTIONS.keys()):
        config.problems.append(Problem(f"model_config.{key}", "", RESERVED_OPTIONS[key]))
        del extra[key]
    if (cap := extra.pop(OTHER_CAP, None)) is not None and config.whole(OTHER_CAP):
        if "max_tokens" in config.config:
            config.wrong(OTHER_CAP, cap, "max_tokens is set, too; say one of them")
        else:
            extra[OTHER_CAP] = cap
    parameters = Parameters(
        temperature=config.number("temperature"),
        max_tokens=config.whole("max_tokens"),
        top_p=config.number("top_p"),
        stop=config.texts("stop_sequences") or config.texts("stop"),
        seed=config.whole("seed", least=0),
        response_format=_response_format(response_format or config.config.get("response_format")),
        extra=extra,
    )
    if config.problems:
        raise InvalidInput(*config.problems)
    return parameters


@dataclass(slots=True)
class _Reader:
    """Reads options by type and collects what is wrong."""

    config: Mapping[str, Any]
    problems: list[Problem] = field(default_factory=list)

    def number(self, key: str) -> float | None:
        value = self.config.get(key)
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0):
            return value
        self.wrong(key, value, "must be a number, 0 or more")
        return None

    def whole(self, key: str, least: int = 1) -> int | None:
        value = self.config.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= least):
            return value
        self.wrong(key, value, f"must be a whole number, {least} or more")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.config.get(key) or ()
        if isinstance(value, str) and key == "stop":  # OpenAI's own key takes one text too
            return (value,)
        if isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value):
            return tuple(value)
        self.wrong(key, value, "must be a list of texts")
        return ()

    def wrong(self, key: str, value: Any, remedy: str) -> None:
        self.problems.append(Problem(f"model_config.{key}", str(value), remedy))


def _extra_of(model_config: Mapping[str, Any]) -> dict[str, Any]:
    """``extra_params``, and unknown keys, which MLflow merges with the known ones when it writes."""
    known = {
        "provider",
        "model_name",
        "temperature",
        "max_tokens",
        "top_p",
        "stop_sequences",
        "extra_params",
        *_PASSED_ON,
    }
    unknown = {key: value for key, value in model_config.items() if key not in known and value is not None}
    given = model_config.get("extra_params")
    return unknown | dict(given) if isinstance(given, Mapping) else unknown


def _response_format(given: Any) -> Mapping[str, Any] | None:
    """OpenAI-style; a plain JSON schema, as prompt versions have it, is wrapped."""
    if not isinstance(given, Mapping) or not given:
        return None
    if given.get("type") in ("json_schema", "json_object", "text"):
        return given
    name = str(given.get("title") or "answer").replace(" ", "_")[:64]
    return {"type": "json_schema", "json_schema": {"name": name, "schema": dict(given)}}

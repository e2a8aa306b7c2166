"""Which provider answers for a model, and what a prompt's model config asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from burnish.errors import InvalidInput, Problems, did_you_mean
from burnish.llm import pricing
from burnish.llm.model_config import parameters_of, uri_of
from burnish.llm.protocol import Parameters, Provider
from burnish.llm.providers import litellm
from burnish.llm.providers.catalog import ALIASES, PROVIDERS
from burnish.llm.uri import ModelUri, parse_model_uri


class Registry:
    """Makes providers, one for each scheme and base URL, and closes them.

    Args:
        allowed_base_urls: servers that a model URI or a prompt's model config may name.
        providers: ready-made ones by scheme, in place of the classes (tests put fakes here).
        environment: where providers find keys and addresses, at each call; ``MLFLOW_TRACKING_URI`` in it
            leads to the AI Gateway.
    """

    def __init__(
        self,
        allowed_base_urls: Sequence[str] = (),
        *,
        providers: Mapping[str, Provider] | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._allowed = frozenset(url.rstrip("/") for url in allowed_base_urls)
        self._given = dict(providers or {})
        self._environment = environment
        self._made: dict[tuple[str, str | None], Provider] = {}

    def provider(self, model: ModelUri) -> Provider:
        """Who answers for this model.

        Raises:
            InvalidInput: unknown scheme, or a base URL that is not on the operator's list.
        """
        model = self.check(model)
        if model.scheme in self._given:
            return self._given[model.scheme]
        key = (model.scheme, model.base_url)
        if key not in self._made:
            self._made[key] = PROVIDERS[model.scheme].open(model.base_url, self._environment)
        return self._made[key]

    def resolve(
        self,
        uri: str | None,
        model_config: Mapping[str, Any],
        response_format: Mapping[str, Any] | None = None,
    ) -> tuple[str, Parameters]:
        """A model URI and its parameters: ``uri`` if given, else the one that an MLflow prompt's model
        config names (``provider``, ``model_name``); the config's options count either way.

        Raises:
            InvalidInput: no model is named, it cannot be used, or an option has a wrong type; all problems.
        """
        problems = Problems()
        parameters = problems.collect(lambda: parameters_of(model_config, response_format))
        model = problems.collect(lambda: self.check(parse_model_uri(uri) if uri else uri_of(model_config)))
        if model is None or parameters is None:
            raise problems.error()
        return str(model), parameters

    def check(self, model: ModelUri) -> ModelUri:
        """The model by its provider's own scheme: other names are replaced, and providers that only litellm
        knows are asked through it.

        Raises:
            InvalidInput: unknown scheme, a base URL that is not allowed, a model that is certainly not there.
        """
        model = self._by_own_scheme(model)
        if model.base_url is not None and model.base_url not in self._allowed:
            raise InvalidInput.of(
                "model.base_url",
                model.base_url,
                "not on the operator's list; add it to allowed_base_urls (BURNISH_ALLOWED_BASE_URLS)",
            )
        if model.scheme not in self._given:
            PROVIDERS[model.scheme].check_model(model.name)
        return model

    def price_known(self, uri: str) -> bool:
        """Whether ``max_usd`` can be kept with this model."""
        return pricing.price_known(self._by_own_scheme(parse_model_uri(uri)))

    def _by_own_scheme(self, model: ModelUri) -> ModelUri:
        schemes = PROVIDERS.keys() | self._given.keys()
        if model.scheme in schemes:
            return model
        if model.scheme in ALIASES:
            return replace(model, scheme=ALIASES[model.scheme])
        suggestion = did_you_mean(model.scheme, sorted(schemes))
        if not suggestion and litellm.is_installed():
            return replace(model, scheme=litellm.INFO.scheme, name=f"{model.scheme}/{model.name}")
        raise InvalidInput.of(
            "model",
            str(model),
            f"unknown provider {model.scheme!r}; known ones are {', '.join(sorted(schemes))}; many more are "
            f"reached through litellm ({litellm.INSTALL}){suggestion}",
        )

    async def close(self) -> None:
        """Close every provider made or given."""
        made, self._made = list(self._made.values()), {}
        for provider in (*made, *self._given.values()):
            await provider.close()

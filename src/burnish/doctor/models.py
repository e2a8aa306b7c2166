"""Models: which providers have a key, whether the local one is there, whether named ones answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from burnish.doctor import Finding, note, ok, problem
from burnish.domain.prompt import Message
from burnish.errors import InvalidInput, ModelError
from burnish.llm.protocol import Parameters, Request
from burnish.llm.providers.catalog import PROVIDERS
from burnish.llm.providers.proxies import proxies_in
from burnish.llm.providers.registry import Registry
from burnish.llm.uri import parse_model_uri

MODELS = "models"
QUESTION = "Say hello in one word."

_SECONDS = 60.0


def check_keys(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Models that come along, which providers could be asked, and through which proxy. Never shows a key."""
    without = []
    for info in PROVIDERS.values():
        for name in info.bundled:
            try:
                info.check_model(name)
            except InvalidInput as error:
                yield note(MODELS, f"{info.scheme}:/{name} cannot be used", error.problems[0].remedy)
            else:
                yield ok(MODELS, f"{info.scheme}:/{name} is there")
        if found := info.find_key(environment):
            yield ok(MODELS, f"{info.scheme}:/ has a key ({found[0]})")
        elif info.lacks_key(environment):
            without.append(f"{info.scheme}:/ ({info.keys[0]})")
    if without:
        yield note(MODELS, f"no key for {', '.join(without)}", "set the variable before you use one of them")
    for proxy in proxies_in(environment):
        yield note(MODELS, f"models are asked through the proxy {proxy}", "NO_PROXY names hosts to except")


async def ask_models(uris: Sequence[str], registry: Registry) -> list[Finding]:
    """Ask each model one short question. This may cost a fraction of a cent."""
    return [await _ask(uri, registry) for uri in uris]


async def _ask(uri: str, registry: Registry) -> Finding:
    try:
        model = parse_model_uri(uri)
        provider = registry.provider(model)
    except InvalidInput as error:
        return problem(MODELS, f"{uri} cannot be used", error.problems[0].remedy)
    request = Request(model=uri, messages=(Message("user", QUESTION),), parameters=Parameters(max_tokens=16))
    began = time.monotonic()
    try:
        await provider.complete(request, model.name, _SECONDS)
    except ModelError as error:
        return problem(MODELS, f"{uri} does not answer", str(error).removeprefix(f"{uri}: "))
    return ok(MODELS, f"{uri} answers, in {time.monotonic() - began:.1f} s")

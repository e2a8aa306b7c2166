"""Models: which providers have a key, whether the local one is there, whether named ones answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec

from burnish.doctor import Finding, note, ok, problem
from burnish.domain.prompt import Message
from burnish.errors import InvalidInput, ModelError
from burnish.llm.protocol import Parameters, Request
from burnish.llm.providers.local import find_model
from burnish.llm.providers.registry import Registry
from burnish.llm.uri import parse_model_uri

MODELS = "models"
QUESTION = "Say hello in one word."

_KEYS = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "azure": ("AZURE_OPENAI_API_KEY",),
}
_BUNDLED = "smollm2"
_SECONDS = 60.0


def check_keys(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The local model, and which providers could be asked. A key itself is never shown."""
    try:
        find_model(_BUNDLED)
    except InvalidInput as error:
        yield note(MODELS, f"local:/{_BUNDLED} is not there", error.problems[0].remedy)
    else:
        if find_spec("xllamacpp") is None:
            yield note(MODELS, f"local:/{_BUNDLED} has no runtime", "pip install 'burnish[local]'")
        else:
            yield ok(MODELS, f"local:/{_BUNDLED} is there")
    without = []
    for scheme, names in _KEYS.items():
        found = next((name for name in names if environment.get(name, "").strip()), None)
        if found:
            yield ok(MODELS, f"{scheme}:/ has a key ({found})")
        else:
            without.append(f"{scheme}:/ ({names[0]})")
    if without:
        yield note(MODELS, f"no key for {', '.join(without)}", "set the variable before you use one of them")


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

"""Every provider there is. A new one is one file and one entry here."""

from __future__ import annotations

from collections.abc import Mapping

from burnish.llm.providers import anthropic, azure, compatible, litellm, local, mlflow_gateway, ollama, openai
from burnish.llm.providers.info import ProviderInfo
from burnish.llm.testing import scripted

PROVIDERS: Mapping[str, ProviderInfo] = {
    info.scheme: info
    for info in (
        openai.INFO,
        anthropic.INFO,
        azure.INFO,
        *compatible.INFOS,
        mlflow_gateway.GATEWAY,
        mlflow_gateway.ENDPOINTS,
        ollama.INFO,
        local.INFO,
        litellm.INFO,
        scripted.INFO,
    )
}
"""By scheme."""

ALIASES: Mapping[str, str] = {alias: info.scheme for info in PROVIDERS.values() for alias in info.aliases}
"""Other names → scheme."""

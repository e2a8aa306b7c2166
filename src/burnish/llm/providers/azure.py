"""``azure:/DEPLOYMENT``: OpenAI's models on Azure.

``AZURE_OPENAI_ENDPOINT`` and ``AZURE_OPENAI_API_KEY``. With ``OPENAI_API_VERSION`` (or
``AZURE_OPENAI_API_VERSION``) set, the dated API is used, else the v1 API, which needs no version
(https://learn.microsoft.com/azure/ai-services/openai/reference).
"""

from __future__ import annotations

from urllib.parse import quote

from burnish.errors import ModelRejected
from burnish.llm.providers.info import ProviderInfo
from burnish.llm.providers.openai import OpenAiProvider


class AzureProvider(OpenAiProvider):
    """OpenAI's chat completions at Azure's addresses."""

    def address(self, model_name: str) -> str:
        """The deployment's own address, or the v1 API's."""
        if not self.base_url:
            raise ModelRejected(f"azure:/{model_name}", f"no address: set {self._info.url_variable}")
        version = self._environment.get("AZURE_OPENAI_API_VERSION") or self._environment.get(
            "OPENAI_API_VERSION"
        )
        if not version:
            return f"{self.base_url.removesuffix('/openai/v1')}/openai/v1/chat/completions"
        deployment = quote(model_name, safe="")
        return (
            f"{self.base_url}/openai/deployments/{deployment}/chat/completions"
            f"?api-version={quote(version, safe='')}"
        )

    def headers(self, model: str) -> dict[str, str]:
        """Azure's own header."""
        key = self.key(model)
        if not key:
            raise ModelRejected(model, f"no key: set {self._info.keys[0]}")
        return {"api-key": key}


INFO = ProviderInfo(
    scheme="azure",
    make=AzureProvider,
    keys=("AZURE_OPENAI_API_KEY",),
    url_variable="AZURE_OPENAI_ENDPOINT",
    prices="azure",
    aliases=("azure-openai", "azure_openai"),
)

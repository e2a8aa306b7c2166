"""``gateway:/NAME`` and ``endpoints:/NAME``: endpoints of MLflow's AI Gateway.

``gateway:/`` is the gateway inside a tracking server (``MLFLOW_GATEWAY_URI``, else an HTTP
``MLFLOW_TRACKING_URI``); ``endpoints:/`` is a deployments server (``MLFLOW_DEPLOYMENTS_TARGET``), and the
tracking server's gateway where none is named. Credentials are MLflow's: ``MLFLOW_TRACKING_TOKEN``, or
``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD``.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

from burnish.errors import ModelRejected
from burnish.llm.providers.info import ProviderInfo
from burnish.llm.providers.openai import OpenAiProvider


class GatewayProvider(OpenAiProvider):
    """OpenAI's chat completions at the gateway of a tracking server; the model's name is the endpoint's."""

    @property
    def base_url(self) -> str:
        """The tracking server, or empty where none is known."""
        if found := super().base_url:
            return found
        tracking = self._environment.get("MLFLOW_TRACKING_URI", "")
        return tracking.rstrip("/") if tracking.startswith(("http://", "https://")) else ""

    def address(self, model_name: str) -> str:
        """The gateway's OpenAI-style route."""
        if not self.base_url:
            raise ModelRejected(
                f"{self._info.scheme}:/{model_name}",
                "no gateway: set MLFLOW_GATEWAY_URI, or MLFLOW_TRACKING_URI to a server's address",
            )
        return f"{self.base_url}/gateway/mlflow/v1/chat/completions"

    def headers(self, model: str) -> dict[str, str]:
        """MLflow's credentials, where there are any."""
        found = self._environment
        if token := found.get("MLFLOW_TRACKING_TOKEN", "").strip():
            return {"Authorization": f"Bearer {token}"}
        if user := found.get("MLFLOW_TRACKING_USERNAME"):
            pair = f"{user}:{found.get('MLFLOW_TRACKING_PASSWORD', '')}"
            return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        return {}


class EndpointsProvider(GatewayProvider):
    """Invocations of a deployments server's endpoint."""

    def address(self, model_name: str) -> str:
        """The endpoint's own route, or the tracking server's gateway."""
        target = self._environment.get("MLFLOW_DEPLOYMENTS_TARGET", "").rstrip("/")
        if self._base_url is None and target.startswith(("http://", "https://")):
            return f"{target}/endpoints/{quote(model_name, safe='')}/invocations"
        return super().address(model_name)


_KEYS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME")

GATEWAY = ProviderInfo(
    scheme="gateway",
    make=GatewayProvider,
    keys=_KEYS,
    key_optional=True,
    url_variable="MLFLOW_GATEWAY_URI",
)
ENDPOINTS = ProviderInfo(
    scheme="endpoints",
    make=EndpointsProvider,
    keys=_KEYS,
    key_optional=True,
    url_variable="MLFLOW_GATEWAY_URI",
    aliases=("mlflow", "mlflow-gateway"),
)

"""Who asks a server, and in which of MLflow's workspaces: from arguments, the URL, or the environment."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from burnish.errors import InvalidInput

WORKSPACE_HEADER = "X-MLFLOW-WORKSPACE"


def split_credentials(
    url: str, token: str | None, environment: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """The URL without user and password, and the headers that say who asks.

    A token goes before a user: ``token``, ``USER:PASSWORD@`` in the URL, ``BURNISH_TOKEN``,
    ``BURNISH_USERNAME`` with ``BURNISH_PASSWORD``. The workspace is ``BURNISH_WORKSPACE``, else MLflow's own
    ``MLFLOW_WORKSPACE``.

    Raises:
        InvalidInput: not an HTTP URL, or a workspace that no header can hold.
    """
    if not url.startswith(("http://", "https://")):
        raise InvalidInput.of("url", url, "must begin with http:// or https://")
    parts = urlsplit(url)
    userinfo, _, host = parts.netloc.rpartition("@")
    name, _, password = userinfo.partition(":")
    headers = {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif name:
        headers["Authorization"] = _basic(unquote(name), unquote(password))
    elif token := environment.get("BURNISH_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    elif user := environment.get("BURNISH_USERNAME"):
        headers["Authorization"] = _basic(user, environment.get("BURNISH_PASSWORD", ""))
    workspace = (environment.get("BURNISH_WORKSPACE") or environment.get("MLFLOW_WORKSPACE", "")).strip()
    if workspace:
        if not (workspace.isascii() and workspace.isprintable()):
            raise InvalidInput.of("BURNISH_WORKSPACE", workspace, "is no name of a workspace")
        headers[WORKSPACE_HEADER] = workspace
    return parts._replace(netloc=host).geturl().rstrip("/"), headers


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

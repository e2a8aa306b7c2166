"""What resolving must know of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from burnish.llm.protocol import Parameters


class Models(Protocol):
    """``llm.providers.registry`` has it."""

    def resolve(
        self, uri: str | None, model_config: Mapping[str, Any], response_format: Mapping[str, Any] | None
    ) -> tuple[str, Parameters]:
        """A model URI and its parameters, from an explicit URI or else the prompt's model config.

        Raises:
            InvalidInput: no model is named, or the provider is unknown.
        """
        ...

    def price_known(self, uri: str) -> bool: ...

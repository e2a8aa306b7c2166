"""One model as the gateway holds it."""

from __future__ import annotations

from dataclasses import dataclass

from burnish.llm.limits import Limiter
from burnish.llm.protocol import Provider
from burnish.llm.uri import ModelUri


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model, who answers for it, and how fast it may be asked."""

    model: ModelUri
    provider: Provider
    limiter: Limiter

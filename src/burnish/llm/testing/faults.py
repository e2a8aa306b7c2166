"""What can go wrong with a model server, on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from burnish.domain.hashing import uniform_draw
from burnish.errors import InvalidInput

KINDS = {
    "400": "refused as invalid",
    "401": "wrong key",
    "404": "no such model",
    "429": "too many requests, with Retry-After",
    "500": "internal error",
    "503": "overloaded",
    "hang": "no answer before the client gives up",
    "drop": "the connection is closed without an answer",
    "garbage": "200 with something that is no JSON",
    "no_choices": "200 with JSON that holds no answer",
    "error_in_200": "200 with an error in the place of an answer",
    "stream": "200 with server-sent events that were not asked for",
    "empty": "200 with an empty text, which is an answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Which requests go wrong, and how long the others take.

    Whether a request fails depends on the seed, its contents and how often it came before, never on
    time: a retry may pass where the first request failed, and two runs fail alike.

    Attributes:
        shares: kind → share of requests, together at most 1.
        from_request: the first request (from 0) that may go wrong.
        latency_seconds: of an answer; ``jitter_seconds`` more at most, by contents.
        retry_after_seconds: what a 429 asks for.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    from_request: int = 0
    latency_seconds: float = 0.0
    jitter_seconds: float = 0.0
    retry_after_seconds: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for kind, share in self.shares.items():
            if kind not in KINDS:
                raise InvalidInput.of("fault", kind, f"known are {', '.join(KINDS)}")
            if not 0 <= share <= 1:
                raise InvalidInput.of("fault", f"{kind}:{share}", "a share is between 0 and 1")

    def kind_of(self, body_hash: str, occurrence: int, number: int) -> str | None:
        """What goes wrong with a request, or ``None``.

        Args:
            occurrence: how many requests with this body came before.
            number: how many requests came before in all.
        """
        if number < self.from_request:
            return None
        draw = self._draw("fault", body_hash, str(occurrence))
        for kind, share in self.shares.items():
            if draw < share:
                return kind
            draw -= share
        return None

    def seconds(self, body_hash: str) -> float:
        """How long the answer takes."""
        return self.latency_seconds + self.jitter_seconds * self._draw("latency", body_hash)

    def _draw(self, *parts: str) -> float:
        return uniform_draw(self.seed, *parts)

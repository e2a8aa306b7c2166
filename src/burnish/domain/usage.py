"""What calls cost, split by role. Money is whole nano-dollars: sums are exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

NANOS_PER_USD = 1_000_000_000


class Role(StrEnum):
    """Who asked the model."""

    TARGET = "target"  # the prompt being optimized
    JUDGE = "judge"  # a scorer
    REFLECTION = "reflection"  # the optimizer
    TEACHER = "teacher"  # distillation's teacher prompt


@dataclass(frozen=True, slots=True)
class Usage:
    """A sum of calls.

    Attributes:
        usd_nanos: cost in 1e-9 US dollars; ``None`` when the price of any call is unknown.
        unmetered: calls whose tokens are unknown: runs of an app that leaves no trace. The tokens are those
            of the other calls.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd_nanos: int | None = 0
    unmetered: int = 0

    def __add__(self, other: Usage) -> Usage:
        known = self.usd_nanos is not None and other.usd_nanos is not None
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            (self.usd_nanos or 0) + (other.usd_nanos or 0) if known else None,
            self.unmetered + other.unmetered,
        )

    def as_json(self) -> dict[str, int | None]:
        """Its fields by name."""
        return {
            "calls": self.calls,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "usd_nanos": self.usd_nanos,
            "unmetered": self.unmetered,
        }

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def usd(self) -> float | None:
        """US dollars, or ``None`` when unknown."""
        return None if self.usd_nanos is None else self.usd_nanos / NANOS_PER_USD


@dataclass(frozen=True, slots=True)
class UsageByRole:
    """Usage of a job or a candidate, for each role that made a call."""

    roles: Mapping[Role, Usage] = field(default_factory=dict)

    @property
    def total(self) -> Usage:
        return sum(self.roles.values(), Usage())

    def plus(self, role: Role, usage: Usage) -> UsageByRole:
        return UsageByRole({**self.roles, role: self.roles.get(role, Usage()) + usage})

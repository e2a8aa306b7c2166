"""The fields of a job that can be searched by, and what kind of value each has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from burnish.domain.events import ACTOR_FIELDS
from burnish.domain.job import JobKind, JobStatus, OptimizerType, Verdict


class Kind(Enum):
    """What a field holds, and so what it may be compared with."""

    TEXT = "text"
    CHOICE = "one of a few names"
    INTEGER = "a whole number"
    MONEY = "US dollars, kept as whole nano-dollars"
    NUMBER = "a number"

    @property
    def numeric(self) -> bool:
        return self in (Kind.INTEGER, Kind.MONEY, Kind.NUMBER)

    @property
    def value_type(self) -> type:
        """``str``, ``int`` or ``float``."""
        if self is Kind.NUMBER:
            return float
        return int if self.numeric else str


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        name: ``status``, ``usage.calls``, ...; for tags and scores the collection: ``tags``.
        key: which tag or score; ``None`` for any other field.
    """

    name: str
    kind: Kind
    key: str | None = None

    def __str__(self) -> str:
        return self.name if self.key is None else f"{self.name}.{self.key}"


PLAIN: Mapping[str, Kind] = {
    "status": Kind.CHOICE,
    "kind": Kind.CHOICE,
    "optimizer_type": Kind.CHOICE,
    "source_prompt_uri": Kind.TEXT,
    "optimized_prompt_uri": Kind.TEXT,
    "dataset_id": Kind.TEXT,
    "run_id": Kind.TEXT,
    "verdict": Kind.CHOICE,
    "workspace": Kind.TEXT,
    **dict.fromkeys(ACTOR_FIELDS, Kind.TEXT),
    "creation_timestamp_ms": Kind.INTEGER,
    "completion_timestamp_ms": Kind.INTEGER,
    "test_scores.difference": Kind.NUMBER,
    "usage.calls": Kind.INTEGER,
    "usage.usd": Kind.MONEY,
}

KEYED: Mapping[str, Kind] = {
    "tags": Kind.TEXT,
    "initial_eval_scores": Kind.NUMBER,
    "final_eval_scores": Kind.NUMBER,
}

CHOICES: Mapping[str, tuple[type[StrEnum], str]] = {
    "status": (JobStatus, "JOB_STATUS_"),
    "kind": (JobKind, ""),
    "optimizer_type": (OptimizerType, "OPTIMIZER_TYPE_"),
    "verdict": (Verdict, "VERDICT_"),
}
"""The names a field can have, and the prefix that the wire puts before them."""

CREATION = Field("creation_timestamp_ms", Kind.INTEGER)


def find_field(name: str, key: str | None) -> Field | None:
    """The field ``name`` or ``name.key``, if there is one."""
    if key is None:
        return Field(name, PLAIN[name]) if name in PLAIN else None
    if name in KEYED:
        return Field(name, KEYED[name], key)
    full = f"{name}.{key}"
    return Field(full, PLAIN[full]) if full in PLAIN else None


def field_names() -> str:
    """All fields, for messages."""
    return ", ".join([*PLAIN, *(f"{name}.KEY" for name in KEYED)])

"""Candidates: one full set of prompt texts, with where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from burnish.domain.hashing import digest
from burnish.domain.prompt import Template, template_to_json


@dataclass(frozen=True, slots=True)
class Candidate:
    """Prompt name → template, for every prompt of the job.

    Attributes:
        texts: one template for each prompt name.
        parents: ids of the candidates this one was made from; empty for the source.
        origin: one short phrase on how it was made ("source", "rewrite 3", "instruction 2 × layout b").
    """

    texts: Mapping[str, Template]
    parents: tuple[str, ...] = ()
    origin: str = ""
    candidate_id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", MappingProxyType(dict(self.texts)))
        object.__setattr__(
            self, "candidate_id", digest({name: template_to_json(text) for name, text in self.texts.items()})
        )


class CandidateStatus(StrEnum):
    """What became of a candidate."""

    SOURCE = "SOURCE"
    PROPOSED = "PROPOSED"
    ACCEPTED = "ACCEPTED"  # best on validation when it was measured, or kept on the Pareto front
    REJECTED = "REJECTED"  # measured, and not good enough; the reason says how
    REFUSED = "REFUSED"  # never measured: lost a variable, equal to an earlier one, too long

"""Edits: small, separate changes to a prompt that can stand in it or be left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from burnish.domain.events import Event, EventKind


class EditKind(StrEnum):
    """What an edit changes."""

    INSTRUCTION = "INSTRUCTION"  # what to do; also another instruction in the place of the source's
    RULE = "RULE"  # a rule or a fact that the model cannot know by itself
    FORMAT = "FORMAT"  # what the answer must look like
    LAYOUT = "LAYOUT"  # where the parts of the prompt stand
    DEMONSTRATION = "DEMONSTRATION"  # worked examples
    REWORDING = "REWORDING"  # other words for a part of the source, or for all of it


class EditStatus(StrEnum):
    """What became of an edit."""

    TESTING = "TESTING"  # in a randomized share of the calls
    KEPT = "KEPT"  # in the prompt that the search chose
    LEFT_OUT = "LEFT_OUT"  # tested to the end, and not in it
    GIVEN_UP = "GIVEN_UP"  # hardly any chance of doing good; the reason says how that was seen


@dataclass(frozen=True, slots=True, kw_only=True)
class EditReport:
    """What is known of one edit.

    Attributes:
        number: from 1, in the order of proposals.
        text: what it says; for demonstrations and layouts, what they are.
        prompt: name of the prompt it changes.
        origin: where it came from ("reflection 3", "template", "passing traces").
        effect: what it adds to the mean score; the posterior mean.
        low, high: 95 % credible interval of the effect.
        chance: probability that the effect is above 0.
        calls: evaluations of prompts that held it.
        reason: why it was given up or left out.
    """

    number: int
    kind: EditKind
    text: str
    prompt: str
    origin: str
    status: EditStatus = EditStatus.TESTING
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    calls: int = 0
    reason: str = ""

    def to_data(self) -> dict[str, Any]:
        """As the data of an ``EDIT`` event."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> EditReport:
        """Inverse of :meth:`to_data`."""
        kind, status = EditKind(data["kind"]), EditStatus(data["status"])
        return cls(**{**data, "number": int(data["number"]), "kind": kind, "status": status})


def reports_in(events: Iterable[Event]) -> list[EditReport]:
    """Every report of an edit, in order; the latest one of each number is what holds."""
    return [EditReport.from_data(event.data) for event in events if event.kind is EventKind.EDIT]


def latest(reports: Iterable[EditReport]) -> list[EditReport]:
    """What is known of each edit in the end, by its effect, the largest first; those without one last."""
    by_number = {report.number: report for report in reports}
    return sorted(by_number.values(), key=lambda r: (r.effect is None, -(r.effect or 0.0), r.number))

"""Observations kept back until they can be passed on in a deterministic order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.edit import EditReport
from burnish.evaluation.protocol import Means
from burnish.optimizers.protocol import Observe


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing the checks said of a proposal: of a candidate, or a warning."""

    message: str
    candidate: Candidate | None = None
    status: CandidateStatus = CandidateStatus.PROPOSED

    def replay(self, observe: Observe) -> None:
        """Pass it on."""
        if self.candidate is None:
            observe.warning(self.message)
        else:
            observe.candidate(self.candidate, self.status, reason=self.message)


class BufferedObserver:
    """The ``Observe`` of the checks: keeps what it observes until that is taken."""

    def __init__(self) -> None:
        self._kept: list[Observation] = []

    def candidate(
        self,
        candidate: Candidate,
        status: CandidateStatus,
        *,
        means: Means | None = None,
        reason: str = "",
        objectives: Mapping[str, float] | None = None,
    ) -> None:
        self._kept.append(Observation(reason, candidate, status))

    def proposal(
        self, number: int, parent: Candidate, outcome: str = "", candidate: Candidate | None = None
    ) -> None:
        """The checks launch nothing."""

    def edit(self, report: EditReport) -> None:
        """The checks know no edits."""

    def forecast(self, calls: int, expected_gain: float, minimum_gain: float) -> None:
        """The checks foresee nothing."""

    def warning(self, message: str) -> None:
        self._kept.append(Observation(message))

    def phase(self, phase: str, total: int, unit: str = "evaluations") -> None:
        """The checks have no phases."""

    def take(self) -> list[Observation]:
        """What was observed since the last time."""
        kept, self._kept = self._kept, []
        return kept

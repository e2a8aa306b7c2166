"""Heat after heat of a race, until nothing more is to be tried or the allowance is used up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from burnish.domain.candidate import Candidate
from burnish.domain.job import StopReason
from burnish.optimizers.protocol import Observe, Outcome
from burnish.optimizers.search.incumbent import Champion
from burnish.optimizers.search.racing import Race, Standing
from burnish.optimizers.search.racing_budget import FINALISTS, Effort


class Draw(Protocol):
    """Where the candidates of each heat come from."""

    def draw(self, wanted: int, best: Candidate) -> Sequence[Candidate]:
        """Up to ``wanted`` new candidates that have passed the gate; none when there are no more."""
        ...

    def tell(self, standings: Sequence[Standing]) -> None:
        """How far those drawn last came, in the order drawn."""
        ...


async def run_heats(race: Race, draw: Draw, champion: Champion, effort: Effort, observe: Observe) -> Outcome:
    """Race what is drawn against the champion.

    Raises:
        BudgetExhausted
    """
    allowance = race.allowance
    observe.phase("search", allowance)
    stop_reason: StopReason | None = None
    left = effort.trials
    while left > 0 and stop_reason is None:
        room = race.room_for(min(effort.width, left))
        drawn = draw.draw(room, champion.candidate)
        if not drawn:
            stop_reason = StopReason.FINISHED if room else StopReason.BUDGET
            break
        left -= len(drawn)
        draw.tell(await race.run(drawn))
        observe.advance(allowance - race.allowance)
        stop_reason = champion.stop_reason()
    await race.final(FINALISTS)
    observe.advance(allowance - race.allowance)
    return champion.outcome(champion.stop_reason() or stop_reason or StopReason.FINISHED)

"""Budgets: limits are positive, and no order of reservations and settlements passes one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from burnish.domain.budget import Budget
from burnish.domain.usage import NANOS_PER_USD, Role, Usage, UsageByRole
from burnish.errors import BudgetExhausted, InvalidInput
from burnish.llm.budget import Ledger

CALL = Usage(1, 10, 5, 100)


def ledger(**limits: float) -> Ledger:
    return Ledger(Budget(**limits), clock=lambda: 0.0)  # type: ignore[arg-type]


class TestLimits:
    @pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "10"])
    def test_a_limit_is_a_positive_number(self, value: object) -> None:
        with pytest.raises(InvalidInput, match=r"budget\.max_calls.*above 0"):
            Budget(max_calls=value).check()  # type: ignore[arg-type]

    def test_every_wrong_limit_is_named(self) -> None:
        with pytest.raises(InvalidInput) as raised:
            Budget(max_calls=-1, max_usd=0).check()
        assert [problem.field for problem in raised.value.problems] == ["budget.max_calls", "budget.max_usd"]

    def test_no_limits_are_fine(self) -> None:
        Budget().check()
        ledger().reserve(Usage(10**6, 10**9, 10**9, None))


class TestReserving:
    @pytest.mark.parametrize(
        ("limits", "named"),
        [
            ({"max_calls": 2}, "max_calls"),
            ({"max_tokens": 44}, "max_tokens"),
            ({"max_usd": 299 / NANOS_PER_USD}, "max_usd"),
        ],
    )
    def test_the_third_call_does_not_fit(self, limits: dict[str, float], named: str) -> None:
        found = ledger(**limits)
        found.reserve(CALL)
        found.settle(found.reserve(CALL), Role.TARGET, CALL)
        with pytest.raises(BudgetExhausted) as raised:
            found.reserve(CALL)
        assert raised.value.limit == named
        assert found.reserved == CALL
        assert found.spent.total == CALL

    def test_what_is_released_can_be_reserved_again(self) -> None:
        found = ledger(max_calls=1)
        found.release(found.reserve(CALL))
        assert found.reserved == Usage()
        assert found.reserve(CALL) == CALL

    def test_a_hold_keeps_calls_back(self) -> None:
        found = ledger(max_calls=3)
        found.hold_back(Usage(calls=2), 0.0)
        found.reserve(CALL)
        with pytest.raises(BudgetExhausted):
            found.reserve(CALL)
        found.hold_back(Usage(), 0.0)
        found.reserve(CALL)

    def test_could_fit_looks_past_the_calls_in_flight(self) -> None:
        found = ledger(max_calls=2)
        found.settle(found.reserve(CALL), Role.TARGET, CALL)
        reservation = found.reserve(CALL)
        assert found.could_fit(CALL)
        found.settle(reservation, Role.TARGET, CALL)
        assert not found.could_fit(CALL)

    def test_time_counts_over_all_attempts(self) -> None:
        now = [100.0]
        found = Ledger(Budget(max_seconds=10), lambda: now[0], seconds_spent=7)
        found.reserve(CALL)
        assert found.seconds_left == pytest.approx(3)
        now[0] += 3
        assert found.seconds_left == 0
        with pytest.raises(BudgetExhausted, match="max_seconds"):
            found.reserve(CALL)

    def test_lost_calls_are_spent(self) -> None:
        found = ledger(max_calls=3)
        found.count_lost(UsageByRole({Role.TARGET: CALL, Role.JUDGE: CALL}))
        found.reserve(CALL)
        with pytest.raises(BudgetExhausted):
            found.reserve(CALL)
        assert found.spent.roles[Role.JUDGE] == CALL


class TestUnknownPrices:
    unknown = Usage(1, 10, 5, None)

    def test_a_money_limit_is_never_silently_not_kept(self) -> None:
        with pytest.raises(InvalidInput, match="price of a call is unknown"):
            ledger(max_usd=1).reserve(self.unknown)

    def test_neither_after_a_call_of_unknown_price(self) -> None:
        found = ledger(max_usd=1)
        found.spent = UsageByRole({Role.TARGET: self.unknown})
        with pytest.raises(InvalidInput, match="price of a call is unknown"):
            found.reserve(CALL)

    def test_without_a_money_limit_it_is_shown_as_unknown(self) -> None:
        found = ledger(max_calls=3)
        first, second = found.reserve(self.unknown), found.reserve(CALL)
        assert found.reserved.usd_nanos is None
        found.release(first)
        assert found.reserved == CALL
        found.settle(second, Role.TARGET, self.unknown)
        assert found.reserved == Usage()
        assert found.spent.total.usd_nanos is None


amounts = st.builds(
    Usage, st.integers(1, 3), st.integers(0, 50), st.integers(0, 50), st.none() | st.integers(0, 1000)
)
limits = st.builds(
    Budget,
    max_calls=st.none() | st.integers(1, 30),
    max_tokens=st.none() | st.integers(1, 500),
    max_usd=st.none() | st.integers(1, 10_000).map(lambda nanos: nanos / NANOS_PER_USD),
)


class LedgerMachine(RuleBasedStateMachine):
    """Any interleaving of reserve, settle, release and hold, as calls in flight make it."""

    reservations = Bundle("reservations")

    @initialize(budget=limits, hold=amounts)
    def begin(self, budget: Budget, hold: Usage) -> None:
        self.ledger = Ledger(budget, clock=lambda: 0.0)
        held = Usage(hold.calls, hold.prompt_tokens, hold.completion_tokens, hold.usd_nanos or 0)
        try:
            self.ledger.release(self.ledger.reserve(held))
        except BudgetExhausted:
            return
        self.ledger.hold_back(held, 0.0)

    @rule(target=reservations, estimate=amounts)
    def reserve(self, estimate: Usage) -> Usage | None:
        before = self.ledger.reserved
        try:
            return self.ledger.reserve(estimate)
        except (BudgetExhausted, InvalidInput):
            assert self.ledger.reserved == before
            return None

    @rule(reservation=consumes(reservations), share=st.floats(0, 1), role=st.sampled_from(Role))
    def settle(self, reservation: Usage | None, share: float, role: Role) -> None:
        if reservation is not None:
            used = Usage(
                reservation.calls,
                int(reservation.prompt_tokens * share),
                int(reservation.completion_tokens * share),
                None if reservation.usd_nanos is None else int(reservation.usd_nanos * share),
            )
            self.ledger.settle(reservation, role, used)

    @rule(reservation=consumes(reservations))
    def release(self, reservation: Usage | None) -> None:
        if reservation is not None:
            self.ledger.release(reservation)

    @rule()
    def end_hold(self) -> None:
        self.ledger.hold_back(Usage(), 0.0)

    @invariant()
    def no_limit_is_passed(self) -> None:
        if not hasattr(self, "ledger"):
            return
        budget = self.ledger.budget
        owed = self.ledger.spent.total + self.ledger.reserved + self.ledger.held_back
        assert budget.max_calls is None or owed.calls <= budget.max_calls
        assert budget.max_tokens is None or owed.tokens <= budget.max_tokens
        if budget.max_usd is not None:
            assert owed.usd_nanos is not None
            assert owed.usd_nanos <= budget.max_usd * NANOS_PER_USD

    @invariant()
    def nothing_is_given_back_twice(self) -> None:
        if hasattr(self, "ledger"):
            reserved = self.ledger.reserved
            assert min(reserved.calls, reserved.prompt_tokens, reserved.completion_tokens) >= 0


TestLedgerMachine = LedgerMachine.TestCase


@given(st.lists(st.tuples(st.sampled_from(Role), amounts)))
def test_the_total_is_the_sum_over_roles(calls: list[tuple[Role, Usage]]) -> None:
    found = ledger()
    for role, used in calls:
        found.settle(found.reserve(used), role, used)
    assert found.spent.total == sum((used for _, used in calls), Usage())
    assert found.reserved == Usage()

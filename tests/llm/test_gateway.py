"""The gateway's promises: each call once, never over budget, true to what was paid."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from burnish.concurrency import Backoff, eventually
from burnish.domain.answer import AnswerOutcome, Thinking
from burnish.domain.budget import Budget
from burnish.domain.usage import NANOS_PER_USD, Usage
from burnish.errors import (
    AttemptSuperseded,
    BudgetExhausted,
    InvalidInput,
    ModelRejected,
    ModelRequestInvalid,
    ModelTimeout,
    ModelUnavailable,
    ProviderUnavailable,
    StoreUnavailable,
)
from burnish.llm.budget import DEFAULT_MAX_OUTPUT_TOKENS, most_prompt_tokens
from burnish.llm.protocol import Request, Response
from burnish.llm.retries import RetrySchedule
from burnish.llm.testing.faults import Faults
from burnish.llm.testing.memory_journal import MemoryJournal

MakeRig = Callable[..., Any]


class TestOneCall:
    async def test_an_answer_is_settled_and_kept(self, rig: MakeRig) -> None:
        bench = rig()
        completion = await bench.ask("four words are here")
        assert completion.text == "four words are here"
        assert completion.usage == Usage(1, 5, 5, 0)
        assert not completion.replayed
        assert bench.ledger.spent.total == completion.usage
        assert bench.ledger.reserved == Usage()
        assert bench.journal.begun == {}
        assert len(bench.journal.finished) == 1

    async def test_the_call_is_noted_with_its_worst_case_before_it_is_made(self, rig: MakeRig) -> None:
        noted: list[Usage] = []

        def note(request: Request) -> str:
            noted.extend(bench.journal.begun.values())
            return "x"

        bench = rig(note)
        await bench.ask("hi", max_tokens=7)
        (worst,) = noted
        assert worst.calls == 1
        assert worst.prompt_tokens == most_prompt_tokens(bench.request("hi"))
        assert worst.completion_tokens == 7

    async def test_a_request_without_a_cap_gets_one(self, rig: MakeRig) -> None:
        bench = rig()
        await bench.ask()
        assert bench.provider.asked[0].parameters.max_tokens == DEFAULT_MAX_OUTPUT_TOKENS

    async def test_a_finished_call_is_not_made_again(self, rig: MakeRig) -> None:
        bench = rig()
        first, again = await bench.ask(), await bench.ask()
        assert (again.text, again.usage, again.replayed) == (first.text, first.usage, True)
        assert bench.provider.requests == 1
        assert bench.ledger.spent.total.calls == 1

    async def test_a_replay_is_free_even_with_nothing_left(self, rig: MakeRig) -> None:
        journal = MemoryJournal()
        await rig(journal=journal).ask()
        later = rig(journal=journal, budget=Budget(max_calls=1))
        later.ledger.hold_back(Usage(calls=1), 0.0)
        assert (await later.ask()).replayed
        assert later.provider.requests == 0

    async def test_another_sample_is_another_call(self, rig: MakeRig) -> None:
        bench = rig()
        await asyncio.gather(*(bench.ask(sample=number) for number in range(3)))
        assert bench.provider.requests == 3

    async def test_lone_surrogates_do_not_reach_the_journal(self, rig: MakeRig) -> None:
        assert (await rig(lambda request: "a\ud800b").ask()).text == "a?b"

    async def test_thinking_is_no_part_of_the_answer_and_stays_in_the_journal(self, rig: MakeRig) -> None:
        whole = "<think>2 and 2</think>\n4"
        bench = rig(lambda request: whole)
        for _ in range(2):  # as it came, and replayed
            completion = await bench.ask()
            assert (completion.text, completion.thinking) == ("4", "<think>2 and 2</think>\n")
            assert completion.outcome is AnswerOutcome.OK
        assert [kept.text for kept in bench.journal.finished.values()] == [whole]

    async def test_thinking_is_kept_where_the_job_wants_it(self, rig: MakeRig) -> None:
        whole = "<think>2 and 2</think>\n4"
        completion = await rig(lambda request: whole, thinking=Thinking.KEEP).ask()
        assert (completion.text, completion.thinking) == (whole, "")

    async def test_nothing_but_thinking_is_an_empty_answer(self, rig: MakeRig) -> None:
        completion = await rig(lambda request: "<think>and so on").ask()
        assert completion.outcome is AnswerOutcome.EMPTY

    async def test_an_unknown_model_is_named(self, rig: MakeRig) -> None:
        bench = rig()
        with pytest.raises(InvalidInput, match=r"did you mean 'scripted'"):
            await bench.model.complete(bench.request(model="scriptd:/m"), bench.purpose())


class TestSingleFlight:
    async def test_identical_calls_share_one_request(self, rig: MakeRig) -> None:
        bench = rig(faults=Faults(latency_seconds=1))
        answers = await asyncio.gather(*(bench.ask() for _ in range(8)))
        assert {answer.text for answer in answers} == {"hi"}
        assert bench.provider.requests == 1
        assert bench.ledger.spent.total.calls == 1

    async def test_a_failure_is_shared_and_not_kept(self, rig: MakeRig) -> None:
        failing = [True]
        bench = rig(lambda request: ModelRequestInvalid("m", "no") if failing[0] else "yes")
        results = await bench.ask_all("hi", "hi")
        assert [type(result) for result in results] == [ModelRequestInvalid] * 2
        assert bench.provider.requests == 1
        failing[0] = False
        assert (await bench.ask()).text == "yes"

    async def test_one_caller_leaving_does_not_stop_the_others(self, rig: MakeRig) -> None:
        bench = rig(faults=Faults(latency_seconds=1))
        leaving, staying = asyncio.create_task(bench.ask()), asyncio.create_task(bench.ask())
        await asyncio.sleep(0)
        leaving.cancel()
        assert (await staying).text == "hi"
        assert leaving.cancelled()
        assert bench.provider.requests == 1


class TestCancelling:
    async def hung(self, rig: MakeRig) -> tuple[Any, asyncio.Task[Any]]:
        bench = rig(budget=Budget(max_calls=5))
        released = asyncio.Event()

        async def hang(seconds: float) -> None:
            await released.wait()

        bench.provider._sleep = hang
        asking = asyncio.create_task(bench.ask())
        await eventually(lambda: bench.provider.in_flight == 1)
        return bench, asking

    async def test_the_request_in_flight_is_aborted(self, rig: MakeRig) -> None:
        bench, asking = await self.hung(rig)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert bench.provider.in_flight == 0

    async def test_it_may_have_been_paid_so_it_is_spent_and_stays_noted(self, rig: MakeRig) -> None:
        bench, asking = await self.hung(rig)
        asking.cancel()
        await asyncio.wait([asking])
        assert bench.ledger.reserved == Usage()
        assert bench.ledger.spent.total.calls == 1
        assert [worst.calls for worst in bench.journal.begun.values()] == [1]

    async def test_a_call_that_was_not_sent_leaves_nothing(self, rig: MakeRig) -> None:
        bench, _ = await self.hung(rig)
        bench.gateway.endpoint("scripted:/m").limiter._window = 1.0
        waiting = asyncio.create_task(bench.ask("another"))
        await eventually(lambda: bench.ledger.reserved.calls == 2)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert bench.ledger.reserved.calls == 1
        assert len(bench.journal.begun) == 1
        assert bench.provider.requests == 1

    async def test_the_next_caller_begins_anew(self, rig: MakeRig) -> None:
        bench, asking = await self.hung(rig)
        asking.cancel()
        await asyncio.sleep(0)
        bench.provider._sleep = bench.time.sleep
        assert (await bench.ask()).text == "hi"


class TestBudget:
    @pytest.mark.parametrize("limit", [1, 10, 63, 64])
    async def test_never_one_call_over_with_64_at_once(self, rig: MakeRig, limit: int) -> None:
        bench = rig(faults=Faults(jitter_seconds=1), budget=Budget(max_calls=limit))
        results = await bench.ask_all(*(f"text {number}" for number in range(64)))
        assert bench.provider.requests == limit
        assert sum(isinstance(result, BudgetExhausted) for result in results) == 64 - limit
        assert bench.ledger.spent.total.calls == limit

    async def test_never_one_call_over_in_a_burst_of_faults(self, rig: MakeRig) -> None:
        shares = {"429": 0.1, "500": 0.1, "garbage": 0.1, "drop": 0.1, "hang": 0.1}
        faults = Faults(shares=shares, jitter_seconds=1)
        bench = rig(faults=faults, budget=Budget(max_calls=40), failure_share=1.0)
        await bench.ask_all(*(f"text {number}" for number in range(64)))

        seen: Counter[str] = Counter()
        became: Counter[str | None] = Counter()  # what the other side did with each request
        for number, asked in enumerate(bench.provider.asked):
            key = asked.digest
            became[faults.kind_of(key, seen[key], number)] += 1
            seen[key] += 1
        maybe_paid = sum(became[kind] for kind in (None, "drop", "hang"))
        assert became["429"] + became["500"] > 0
        assert became[None] == bench.provider.answered.total()
        assert maybe_paid == bench.ledger.spent.total.calls == 40
        assert bench.ledger.reserved == Usage()

    async def test_a_token_limit_waits_for_calls_in_flight_instead_of_giving_up(self, rig: MakeRig) -> None:
        worst = most_prompt_tokens(rig().request("text 0")) + 50
        bench = rig(faults=Faults(latency_seconds=1), budget=Budget(max_tokens=2 * worst))
        results = await bench.ask_all(*(f"text {number}" for number in range(20)), max_tokens=50)
        answered = [result for result in results if not isinstance(result, BaseException)]
        assert len(answered) == 20  # each takes 4 tokens in truth; only two fit at their worst
        assert bench.provider.most_at_once == 2
        assert bench.ledger.spent.total.tokens == 20 * 4

    async def test_tokens_stay_within_the_limit(self, rig: MakeRig) -> None:
        bench = rig(lambda request: "abcd" * 1000, budget=Budget(max_tokens=2000))
        results = await bench.ask_all(*(f"text {number}" for number in range(64)), max_tokens=100)
        assert any(isinstance(result, BudgetExhausted) for result in results)
        assert 1500 < bench.ledger.spent.total.tokens <= 2000

    async def test_dollars_stay_within_the_limit(self, rig: MakeRig) -> None:
        bench = rig(budget=Budget(max_usd=0.001))
        bench.provider._scripts = {"gpt-4o-mini": lambda request: "abcd" * 1000}
        asked = [bench.request(f"text {n}", "openai:/gpt-4o-mini", max_tokens=100) for n in range(64)]
        results = await asyncio.gather(
            *(bench.model.complete(request, bench.purpose()) for request in asked), return_exceptions=True
        )
        assert any(isinstance(result, BudgetExhausted) for result in results)
        assert 0.0009 * NANOS_PER_USD < bench.ledger.spent.total.usd_nanos <= 0.001 * NANOS_PER_USD

    async def test_a_money_limit_is_refused_where_the_price_is_unknown(self, rig: MakeRig) -> None:
        bench = rig(budget=Budget(max_usd=1))
        with pytest.raises(InvalidInput, match="price of a call is unknown"):
            await bench.model.complete(bench.request(model="openai:/never-heard-of"), bench.purpose())
        assert bench.provider.requests == 0
        assert bench.journal.begun == {}

    async def test_an_unknown_price_is_shown_as_unknown(self, rig: MakeRig) -> None:
        bench = rig()
        bench.provider._scripts = {"never-heard-of": lambda request: "x"}
        completion = await bench.model.complete(
            bench.request(model="openai:/never-heard-of"), bench.purpose()
        )
        assert completion.usage.usd_nanos is None
        assert bench.ledger.spent.total.usd is None

    async def test_time_that_is_up_ends_the_call_as_budget(self, rig: MakeRig) -> None:
        bench = rig(faults=Faults(shares={"hang": 1}), budget=Budget(max_seconds=20))
        with pytest.raises(BudgetExhausted, match="max_seconds"):
            await bench.ask()
        assert bench.time.now == pytest.approx(1020)  # not the 60 s of the call's own deadline


class TestRetries:
    @pytest.mark.parametrize("fault", ["429", "500", "503"])
    async def test_what_can_pass_is_tried_again_at_no_cost(self, rig: MakeRig, fault: str) -> None:
        bench = rig(faults=Faults(shares={fault: 1}))
        with pytest.raises(ModelUnavailable):
            await bench.ask()
        assert bench.provider.requests == 6
        assert bench.ledger.spent.total == Usage()
        assert bench.ledger.reserved == Usage()
        assert bench.journal.begun == {}

    @pytest.mark.parametrize(
        ("fault", "kind"), [("400", ModelRequestInvalid), ("401", ModelRejected), ("404", ModelRejected)]
    )
    async def test_what_cannot_pass_is_not(self, rig: MakeRig, fault: str, kind: type[Exception]) -> None:
        bench = rig(faults=Faults(shares={fault: 1}))
        with pytest.raises(kind):
            await bench.ask()
        assert bench.provider.requests == 1
        assert bench.ledger.spent.total == Usage()
        assert bench.journal.begun == {}

    async def test_timeouts_are_tried_twice_and_counted(self, rig: MakeRig) -> None:
        bench = rig(faults=Faults(shares={"hang": 1}))
        with pytest.raises(ModelTimeout):
            await bench.ask(max_tokens=10)
        assert bench.provider.requests == 2
        assert bench.ledger.spent.total.calls == 2
        assert [noted.calls for noted in bench.journal.begun.values()] == [2]  # a resume counts them as lost

    async def test_what_failed_tries_may_have_cost_is_kept_with_the_answer(self, rig: MakeRig) -> None:
        bench = rig(faults=Faults(shares={"drop": 1}))
        bench.provider._scripts = {"m": lambda request: "fine"}
        original = bench.provider.complete

        async def pass_at_the_third(*args: Any) -> Response:
            if bench.provider.requests == 2:
                bench.provider.faults = Faults()
            response: Response = await original(*args)
            return response

        bench.provider.complete = pass_at_the_third
        completion = await bench.ask(max_tokens=10)
        worst = most_prompt_tokens(bench.request("hi")) + 10
        assert completion.text == "fine"
        assert completion.usage.calls == 3
        assert completion.usage.tokens == 2 * worst + 2
        assert bench.ledger.spent.total == completion.usage
        assert bench.journal.begun == {}

    async def test_a_retry_that_may_be_paid_again_must_fit_too(self, rig: MakeRig) -> None:
        bench = rig(faults=Faults(shares={"drop": 1}), budget=Budget(max_calls=2))
        with pytest.raises(BudgetExhausted):
            await bench.ask()
        assert bench.provider.requests == 2
        assert bench.ledger.spent.total.calls == 2

    async def test_a_call_in_retry_keeps_its_reservation(self, rig: MakeRig) -> None:
        bench = rig(budget=Budget(max_calls=1))
        bench.provider.faults = Faults(shares={"500": 1})
        retrying = asyncio.Event()
        go_on = asyncio.Event()

        async def sleep(seconds: float) -> None:
            if seconds:
                retrying.set()
                await go_on.wait()

        bench.gateway.retries = RetrySchedule(
            backoff=Backoff(base_seconds=0.5, sleep=sleep, draw=lambda: 0.5)
        )
        first = asyncio.create_task(bench.ask("first"))
        await retrying.wait()
        second = asyncio.create_task(bench.ask("second"))
        await asyncio.sleep(0)
        assert bench.ledger.reserved.calls == 1
        bench.provider.faults = Faults()
        go_on.set()
        assert (await first).text == "first"
        with pytest.raises(BudgetExhausted):
            await second

    async def test_retry_after_is_obeyed_within_reason(self, rig: MakeRig) -> None:
        bench = rig(faults=Faults(shares={"429": 1}, retry_after_seconds=20))
        with pytest.raises(ModelUnavailable):
            await bench.ask()
        assert bench.time.slept.count(20) >= 5
        capped = rig(faults=Faults(shares={"429": 1}, retry_after_seconds=10_000))
        with pytest.raises(ModelUnavailable):
            await capped.ask()
        assert max(capped.time.slept) == 60

    async def test_an_empty_answer_is_an_answer(self, rig: MakeRig) -> None:
        bench = rig(faults=Faults(shares={"empty": 1}))
        assert (await bench.ask()).text == ""
        assert bench.provider.requests == 1


class TestSystemicFailure:
    async def test_a_provider_that_never_answers_is_given_up_after_five_calls(self, rig: MakeRig) -> None:
        bench = rig(faults=Faults(shares={"500": 1}))
        results = [await bench.ask_all(f"text {number}") for number in range(6)]
        kinds = [type(result) for (result,) in results]
        assert kinds == [ModelUnavailable] * 4 + [ProviderUnavailable] * 2
        assert "internal error" in str(results[-1][0])
        assert bench.provider.requests == 5 * 6  # the sixth call was not made

    async def test_more_than_the_share_of_recent_calls(self, rig: MakeRig) -> None:
        bench = rig(lambda request: ModelUnavailable("m", "away") if "bad" in str(request) else "ok")
        for number in range(10):
            await bench.ask(f"good {number}")
        for number in range(10):
            with pytest.raises(ModelUnavailable):
                await bench.ask(f"bad {number}")
        with pytest.raises(ProviderUnavailable, match=r"11 of the last 20 .*away"):
            await bench.ask("bad 10")

    async def test_refused_requests_blame_the_request(self, rig: MakeRig) -> None:
        bench = rig(lambda request: ModelRequestInvalid("m", "temperature is not supported"))
        for number in range(19):
            with pytest.raises(ModelRequestInvalid):
                await bench.ask(f"text {number}")
        with pytest.raises(ModelRejected, match="temperature is not supported"):
            await bench.ask("text 19")

    async def test_some_failures_do_not_stop_a_job(self, rig: MakeRig) -> None:
        bench = rig(
            lambda request: (
                ModelRequestInvalid("m", "too long") if request.messages[0].content.endswith("0") else "ok"
            )
        )
        results = await bench.ask_all(*(f"text {number}" for number in range(100)))
        assert not any(isinstance(result, (ProviderUnavailable, ModelRejected)) for result in results)

    async def test_calls_in_flight_are_charged_what_they_cost(self, rig: MakeRig) -> None:
        """Refused requests cost nothing, also those whose refusal comes after the job was given up."""
        release = asyncio.Event()
        bench = rig(faults=Faults(shares={"401": 1}, latency_seconds=1))

        async def slowly(seconds: float) -> None:
            if bench.provider.requests > 1:
                await release.wait()

        bench.provider._sleep = slowly
        async with asyncio.timeout(60):
            calls = [asyncio.create_task(bench.ask(f"text {number}")) for number in range(3)]
            while bench.provider.requests < 3:  # noqa: ASYNC110 - the condition is the state of another task
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not any(call.done() for call in calls)  # the first one waits for the others
            release.set()
            await asyncio.wait(calls)
            with pytest.raises(ModelRejected):
                await bench.ask("nobody asks this any more")
        assert bench.provider.requests == 3
        assert bench.ledger.spent.total == Usage()
        assert bench.ledger.reserved == Usage()

    async def test_a_call_that_does_not_end_is_charged_in_full(
        self, rig: MakeRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("burnish.llm.circuit_breaker._DRAIN_SECONDS", 0.01)
        bench = rig(
            lambda request: "ok" if "slow" in str(request) else ModelRejected("m", "401"),
            faults=Faults(latency_seconds=1),
        )

        async def hang(seconds: float) -> None:
            if bench.provider.requests == 1:
                await asyncio.Event().wait()

        bench.provider._sleep = hang
        async with asyncio.timeout(60):
            slow = asyncio.create_task(bench.ask("slow", max_tokens=7))
            while bench.provider.requests < 1:  # noqa: ASYNC110 - the condition is the state of another task
                await asyncio.sleep(0)
            with pytest.raises(ModelRejected):
                await bench.ask("refused")
            slow.cancel()
            await asyncio.wait([slow])
        assert bench.ledger.spent.total.calls == 1
        assert bench.ledger.spent.total.completion_tokens == 7

    async def test_the_replayed_do_not_count(self, rig: MakeRig) -> None:
        bench = rig()
        await bench.ask()
        bench.provider.faults = Faults(shares={"500": 1})
        for number in range(19):
            assert (await bench.ask()).replayed
            if number < 18:
                with pytest.raises(ModelUnavailable):
                    await bench.ask(f"text {number}")
        with pytest.raises(ProviderUnavailable):
            await bench.ask("text 18")


class TestWhenTheJournalFails:
    async def test_a_fenced_attempt_calls_nobody(self, rig: MakeRig) -> None:
        class Fenced(MemoryJournal):
            async def begin(self, *args: object) -> None:
                raise AttemptSuperseded("job", 1)

        bench = rig(journal=Fenced())
        with pytest.raises(AttemptSuperseded):
            await bench.ask()
        assert bench.provider.requests == 0
        assert bench.ledger.reserved == Usage()

    async def test_an_answer_that_cannot_be_kept_is_not_used(self, rig: MakeRig) -> None:
        class Full(MemoryJournal):
            async def finish(self, *args: object) -> None:
                raise StoreUnavailable("disk full")

        bench = rig(journal=Full())
        with pytest.raises(StoreUnavailable):
            await bench.ask()
        assert bench.ledger.spent.total.calls == 1

    async def test_the_cause_is_raised_even_if_the_note_cannot_be_taken_back(self, rig: MakeRig) -> None:
        class Away(MemoryJournal):
            async def abandon(self, *args: object) -> None:
                raise StoreUnavailable("away")

        bench = rig(faults=Faults(shares={"401": 1}), journal=Away())
        with pytest.raises(ModelRejected):
            await bench.ask()


class TestReports:
    async def test_every_call_is_reported_once_it_is_over(self, rig: MakeRig) -> None:
        bench = rig(faults=Faults(latency_seconds=2))
        await bench.ask()
        await bench.ask()
        bench.provider.faults = Faults(shares={"500": 1})
        with pytest.raises(ModelUnavailable):
            await bench.ask("another")
        made, replayed, failed = bench.reports
        assert (made.tries, made.seconds, made.usage.calls) == (1, 2.0, 1)
        assert (replayed.tries, replayed.replayed) == (0, True)
        assert (failed.tries, failed.error, failed.usage) == (6, "ModelUnavailable", Usage())

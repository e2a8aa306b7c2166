"""An app through the gateway: budget, journal, retries and limits as for a model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from burnish.concurrency import Backoff
from burnish.domain.app import AppRun, PromptUse
from burnish.domain.budget import Budget
from burnish.domain.job import JobConfig
from burnish.domain.usage import Role, Usage
from burnish.errors import BudgetExhausted, InvalidInput, ModelRejected, ModelTimeout, ModelUnavailable
from burnish.llm.budget import Ledger
from burnish.llm.gateway import Gateway, JobGateway
from burnish.llm.protocol import AppFailed, AppRequest, Completion, Purpose, Response
from burnish.llm.providers.registry import Registry
from burnish.llm.retries import RetrySchedule
from burnish.llm.testing.memory_journal import MemoryJournal

USED = Usage(calls=2, prompt_tokens=30, completion_tokens=10, usd_nanos=500)
RUN = AppRun(is_json=True, trace_id="tr-1", uses=(PromptUse("p", "llm", "in", "out"),))


class ScriptedApp:
    """Implements ``AppProvider``: fails as often as it is told, then answers."""

    def __init__(self, *failures: Exception, usage: Usage | None = USED) -> None:
        self.failures = list(failures)
        self.usage = usage
        self.asked: list[AppRequest] = []

    async def run(self, request: AppRequest, timeout_seconds: float) -> Response:
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        return Response(text='{"answer": 1}', usage=self.usage, run=RUN)


def gateway(
    app: ScriptedApp, journal: MemoryJournal | None = None, budget: Budget | None = None
) -> tuple[JobGateway, Ledger]:
    retries = RetrySchedule(backoff=Backoff(base_seconds=0.0))
    ledger = Ledger(budget or Budget(), lambda: 0.0)
    made = Gateway(Registry(environment={}), retries=retries).for_job(
        ledger=ledger,
        journal=journal or MemoryJournal(),
        config=JobConfig(source_prompt_uris=("prompts:/p/1",)),
        app=app,
    )
    return made, ledger


async def ask(model: JobGateway, text: str = "a", example: str = "e") -> Completion:
    request = AppRequest(model="app:/m.f", prompts={"p": text}, inputs={"q": example})
    return await model.complete(request, Purpose(role=Role.TARGET, candidate_id=text, example_id=example))


async def test_what_a_run_says_of_its_cost_is_what_it_costs() -> None:
    model, ledger = gateway(ScriptedApp())
    completion = await ask(model)
    assert (completion.text, completion.usage, completion.run) == ('{"answer": 1}', USED, RUN)
    assert ledger.spent.total == USED


async def test_a_finished_run_is_in_the_journal_and_not_paid_again() -> None:
    journal, app = MemoryJournal(), ScriptedApp()
    await ask(gateway(app, journal)[0])
    again = await ask(gateway(app, journal)[0])
    assert len(app.asked) == 1
    assert again.replayed
    assert again.run == RUN
    assert not (await ask(gateway(app, journal)[0], text="another candidate")).replayed


async def test_the_largest_run_so_far_is_reserved_for_the_next() -> None:
    app = ScriptedApp()
    model, _ = gateway(app, budget=Budget(max_calls=5))
    await ask(model, example="1")
    await ask(model, example="2")
    with pytest.raises(BudgetExhausted, match="max_calls=5"):
        await ask(model, example="3")  # four of five calls are spent, and a run has taken two
    assert len(app.asked) == 2


async def test_a_resumed_job_reserves_what_runs_took_before() -> None:
    journal, app = MemoryJournal(), ScriptedApp()
    await ask(gateway(app, journal)[0], example="1")
    resumed, ledger = gateway(app, journal, Budget(max_calls=3))
    await ask(resumed, example="1")  # replayed
    both = await asyncio.gather(ask(resumed, example="2"), ask(resumed, example="3"), return_exceptions=True)
    assert [type(one) for one in both] == [Completion, BudgetExhausted]
    assert ledger.spent.total.calls == 2


async def test_dollars_that_a_run_does_not_say_end_a_budget_in_dollars() -> None:
    model, _ = gateway(ScriptedApp(usage=None), budget=Budget(max_usd=1.0))
    assert (await ask(model, example="1")).usage.usd is None
    with pytest.raises(InvalidInput, match="max_usd"):
        await ask(model, example="2")


@pytest.mark.parametrize(
    ("failure", "tries", "raised"),
    [
        (lambda: AppFailed("app:/m.f", "ValueError: no", USED), 1, AppFailed),
        (lambda: ModelTimeout("app:/m.f", "no answer"), 2, ModelTimeout),
    ],
)
async def test_which_failures_are_tried_again(
    failure: Callable[[], Exception], tries: int, raised: type[Exception]
) -> None:
    app = ScriptedApp(*(failure() for _ in range(10)))
    model, ledger = gateway(app)
    with pytest.raises(raised):
        await ask(model)
    assert len(app.asked) == tries
    if raised is AppFailed:
        assert ledger.spent.total == USED  # it failed, and its model calls were paid


async def test_an_app_that_is_away_for_a_moment_is_asked_again() -> None:
    app = ScriptedApp(ModelUnavailable("app:/m.f", "503"))
    assert (await ask(gateway(app)[0])).run == RUN
    assert len(app.asked) == 2


async def test_too_many_failures_stop_the_job_with_the_cause() -> None:
    app = ScriptedApp(*(AppFailed("app:/m.f", "KeyError: 'x'") for _ in range(30)))
    model, _ = gateway(app)
    for example in range(19):
        with pytest.raises(AppFailed):
            await ask(model, example=str(example))
    with pytest.raises(ModelRejected, match=r"20 of the last 20 .*KeyError: 'x'"):
        await ask(model, example="last")


async def test_an_app_s_output_keeps_its_thinking() -> None:
    class Thinks(ScriptedApp):
        async def run(self, request: AppRequest, timeout_seconds: float) -> Response:
            return Response(text="<think>a</think>b", usage=USED, run=AppRun())

    assert (await ask(gateway(Thinks())[0])).text == "<think>a</think>b"

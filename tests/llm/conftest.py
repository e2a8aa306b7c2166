"""A gateway over a scripted model, in a time that passes only when somebody sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from burnish.concurrency import Backoff
from burnish.domain.answer import Thinking
from burnish.domain.budget import Budget
from burnish.domain.job import JobConfig, OptimizerType
from burnish.domain.prompt import Message
from burnish.domain.usage import Role
from burnish.llm.budget import Ledger
from burnish.llm.gateway import CallReport, Gateway, JobGateway
from burnish.llm.limits import RateLimits
from burnish.llm.protocol import Completion, Parameters, Purpose, Request
from burnish.llm.providers.registry import Registry
from burnish.llm.retries import RetrySchedule
from burnish.llm.testing.faults import Faults
from burnish.llm.testing.memory_journal import MemoryJournal
from burnish.llm.testing.scripted import Script, ScriptedProvider, echo


class Time:
    """Sleeping moves it on at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass
class Rig:
    """One job's gateway with all that is around it."""

    time: Time
    provider: ScriptedProvider
    gateway: Gateway
    ledger: Ledger
    journal: MemoryJournal
    model: JobGateway
    reports: list[CallReport] = field(default_factory=list)

    @staticmethod
    def request(text: str = "hi", model: str = "scripted:/m", **parameters: Any) -> Request:
        return Request(model=model, messages=(Message("user", text),), parameters=Parameters(**parameters))

    @staticmethod
    def purpose(sample: int = 0) -> Purpose:
        return Purpose(role=Role.TARGET, candidate_id="c", example_id="e", sample=sample)

    async def ask(self, text: str = "hi", *, sample: int = 0, **parameters: Any) -> Completion:
        return await self.model.complete(self.request(text, **parameters), self.purpose(sample))

    async def ask_all(self, *texts: str, **parameters: Any) -> list[Completion | BaseException]:
        return await asyncio.gather(*(self.ask(text, **parameters) for text in texts), return_exceptions=True)


@pytest.fixture
def rig() -> Callable[..., Rig]:
    """``rig(script, faults, budget, …)`` makes one."""

    def make(
        script: Script = echo,
        *,
        faults: Faults | None = None,
        budget: Budget | None = None,
        limits: RateLimits | None = None,
        failure_share: float = 0.5,
        thinking: Thinking = Thinking.STRIP,
        journal: MemoryJournal | None = None,
        draw: Callable[[], float] = lambda: 0.5,
        registry: Registry | None = None,
    ) -> Rig:
        time = Time()
        provider = ScriptedProvider({"m": script}, faults=faults, sleep=time.sleep)
        reports: list[CallReport] = []
        gateway = Gateway(
            registry or Registry(providers={"scripted": provider, "openai": provider}, environment={}),
            limits={"scripted:/m": limits} if limits else None,
            report=reports.append,
            clock=time.clock,
            sleep=time.sleep,
            retries=RetrySchedule(
                backoff=Backoff(base_seconds=0.5, cap_seconds=60.0, draw=draw, sleep=time.sleep)
            ),
        )
        ledger = Ledger(budget or Budget(), time.clock)
        kept = journal or MemoryJournal()
        config = JobConfig(
            source_prompt_uris=("prompts:/p/1",),
            dataset_id=None,
            scorers=(),
            optimizer_type=OptimizerType.GEPA,
            failure_share=failure_share,
            thinking=thinking,
        )
        model = gateway.for_job(ledger=ledger, journal=kept, config=config)
        return Rig(time, provider, gateway, ledger, kept, model, reports)

    return make

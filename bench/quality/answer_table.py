"""Tables of a real model's answers: SmolLM2-135M, every prompt of the ready-made space × some examples, once.

    python -m bench.quality.answer_table DATA.jsonl… [--source TEXT] [--examples 60] [--layouts 4]
    make bench-table DATA="reviews.jsonl questions.jsonl"

Each file of records becomes ``bench/quality/tables/NAME.json.gz``: the texts of the prompts, the expected
answers, and which prompt answered which example right. The records themselves are not kept, and the table is
replayed without them (``replayed.py``). The space is closed: every instruction × format × layout that joint
search and FACTORIAL make of the source without worked examples is in it, for the table's layouts. Examples
come in blocks, of each file in turn; every prompt's answers to a block are kept at once, so that a run can be
stopped and gone on with, and a table counts whole blocks only.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import itertools
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import Template, render, variables_of
from burnish.llm.protocol import Parameters, Request
from burnish.llm.providers.local import INFO, LocalProvider
from burnish.optimizers.joint_search.space import space_of
from burnish.optimizers.prompts import layout
from burnish.optimizers.protocol import Task

TABLES = Path(__file__).parent / "tables"
MODEL = "local:/smollm2"
BLOCK = 10
"""Examples asked side by side: llama.cpp reads their common beginning once."""

SOURCES = {
    "review": "What is the sentiment of this review?\n\n{{review}}",
    "question": "Answer this question.\n\n{{question}}",
    "message": "What does this customer want?\n\n{{message}}",
}
"""Plausible first prompts, by the name of the input."""

LAYOUTS = ("fields, task cue", "fields, answer cue", "rule last", "fields")


@dataclass(slots=True)
class AnswerTable:
    """What was answered.

    Attributes:
        layouts: names of those in the space, beside the source's own.
        expected: the right answer to each example.
        right: prompt text → one character for each example, ``1`` where the answer was right.
        begun: the same of a block that is not whole yet.
        model_seconds: what the answers took.
    """

    source: str
    layouts: list[str] = field(default_factory=lambda: list(LAYOUTS))
    expected: list[str] = field(default_factory=list)
    right: dict[str, str] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    model_seconds: float = 0.0

    @classmethod
    def read(cls, path: Path) -> AnswerTable:
        return cls(**json.loads(gzip.decompress(path.read_bytes())))

    def write(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        text = json.dumps({**asdict(self), "model_seconds": round(self.model_seconds)})
        beside = path.with_suffix(".part")
        beside.write_bytes(gzip.compress(text.encode(), mtime=0))
        beside.replace(path)


@contextmanager
def only_layouts(names: Sequence[str]) -> Iterator[None]:
    """Within it, prompts are laid out in these ways and as in the source only."""
    few = tuple(one for one in layout.TEXT_LAYOUTS if one.name in names)
    with patch.object(layout, "TEXT_LAYOUTS", few):
        yield


def prompts_of(table: AnswerTable, examples: Sequence[Example]) -> list[Template]:
    """Every prompt of the space without worked examples, equal ones once."""
    task = Task(source=Candidate({"prompt": table.source}), train=tuple(examples), validation=())
    with only_layouts(table.layouts):
        space = space_of(task, {}, max_demonstrations=0)
    points = itertools.product(*(range(size) for size in space.dimensions.values()))
    candidates = (space.candidate(dict(zip(space.dimensions, point, strict=True))) for point in points)
    return list(dict.fromkeys(candidate.texts["prompt"] for candidate in candidates))


def is_right(answer: str, expected: object) -> bool:
    return answer.strip().strip(".!\"'`*").lower() == str(expected).strip().lower()


class Filling:
    """A table that is being filled."""

    def __init__(self, path: Path, table: AnswerTable, records: Sequence[Any], examples: int) -> None:
        found = Dataset.of([(record["inputs"], record["expectations"]) for record in records]).examples
        self._chosen = random.Random(0).sample(list(found), min(examples, len(found)))
        self._path, self._table = path, table
        self._prompts = prompts_of(table, self._chosen)

    async def next_block(self, ask: Ask, ends: float) -> bool:
        """Ask one more block; false: there is none, or the time is over."""
        table, start = self._table, len(self._table.expected)
        block = self._chosen[start : start + BLOCK]
        for prompt in self._prompts if block else ():
            if str(prompt) in table.begun:
                continue
            if time.monotonic() > ends:
                return False
            begun = time.monotonic()
            answers = await asyncio.gather(*(ask(prompt, example) for example in block))
            table.begun[str(prompt)] = "".join(answers)
            table.model_seconds += time.monotonic() - begun
            table.write(self._path)
        if block:
            table.right = {prompt: table.right.get(prompt, "") + more for prompt, more in table.begun.items()}
            table.begun = {}
            table.expected += [str(example.answer) for example in block]
            table.write(self._path)
            print(f"{self._path.name}: {len(table.right)} prompts × {len(table.expected)}", flush=True)
        return bool(block)


Ask = Callable[[Template, Example], Awaitable[str]]
"""``1`` where the model is right, else ``0``."""


async def fill(tables: Sequence[Filling], minutes: float) -> None:
    """Ask what is not in the tables yet, a block of each in turn, for at most some minutes."""
    provider = LocalProvider(INFO, None, {"BURNISH_LOCAL_THREADS": "1"})
    ends = time.monotonic() + 60 * minutes

    async def ask(prompt: Template, example: Example) -> str:
        parameters = Parameters(max_tokens=8, temperature=0.0)
        request = Request(model=MODEL, messages=render(prompt, example.inputs), parameters=parameters)
        response = await provider.complete(request, "smollm2", 600)
        return "01"[is_right(response.text, example.answer)]

    try:
        while tables:
            tables = [table for table in tables if await table.next_block(ask, ends)]
    finally:
        await provider.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--source", help="the prompt to begin with, with {{variables}}")
    parser.add_argument("--examples", type=int, default=60)
    parser.add_argument("--layouts", type=int, default=len(LAYOUTS), help="of new tables")
    parser.add_argument("--minutes", type=float, default=120, help="for all of them, at most")
    chosen = parser.parse_args(arguments)
    tables = []
    for data in chosen.data:
        records = [json.loads(line) for line in data.read_text().splitlines()]
        variable = next(iter(records[0]["inputs"]))
        source = chosen.source or SOURCES.get(variable, f"{{{{{variable}}}}}")
        if unknown := variables_of(source) - set(records[0]["inputs"]):
            parser.error(f"{data} has no {', '.join(sorted(unknown))}, which --source names")
        path = TABLES / f"{data.stem}.json.gz"
        new = AnswerTable(source, list(LAYOUTS[: chosen.layouts]))
        table = AnswerTable.read(path) if path.exists() else new
        tables.append(Filling(path, table, records, chosen.examples))
    asyncio.run(fill(tables, chosen.minutes))


if __name__ == "__main__":
    main()

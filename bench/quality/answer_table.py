"""Tables of a real model's answers: SmolLM2-135M, every prompt of the ready-made space × some examples, once.

    python -m bench.quality.answer_table DATA.jsonl [--source TEXT] [--examples 60] [--minutes 60]
    make bench-table DATA="reviews.jsonl questions.jsonl"

Each file of records becomes ``bench/quality/tables/NAME.json.gz``: the texts of the prompts, the expected
answers, and which prompt answered which example right. The records themselves are not kept, and the table is
replayed without them (``replayed.py``). The space is closed: every instruction × format × layout that joint
search and FACTORIAL make of the source without worked examples is in it, for the layouts of ``few_layouts``.
Examples come in blocks, and what is there is kept after each, so that a table can be stopped and gone on
with; it holds whole blocks only.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import itertools
import json
import random
import time
from collections.abc import Iterator, Sequence
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


@dataclass(slots=True)
class AnswerTable:
    """What was answered.

    Attributes:
        expected: the right answer to each example.
        right: prompt text → one character for each example, ``1`` where the answer was right.
        model_seconds: what the answers took.
    """

    source: str
    expected: list[str] = field(default_factory=list)
    right: dict[str, str] = field(default_factory=dict)
    model_seconds: float = 0.0

    @classmethod
    def read(cls, path: Path, source: str = "") -> AnswerTable:
        """The kept one, or an empty one."""
        if not path.exists():
            return cls(source)
        return cls(**json.loads(gzip.decompress(path.read_bytes())))

    def write(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        text = json.dumps({**asdict(self), "model_seconds": round(self.model_seconds)})
        path.write_bytes(gzip.compress(text.encode(), mtime=0))


LAYOUTS = ("fields", "fields, task cue", "fields, answer cue", "rule last")


@contextmanager
def few_layouts() -> Iterator[None]:
    """Within it, prompts are laid out in these ways and as in the source only: half of the space."""
    few = tuple(one for one in layout.TEXT_LAYOUTS if one.name in LAYOUTS)
    with patch.object(layout, "TEXT_LAYOUTS", few):
        yield


def prompts_of(source: str, examples: Sequence[Example]) -> list[Template]:
    """Every prompt of the space without worked examples, equal ones once."""
    task = Task(source=Candidate({"prompt": source}), train=tuple(examples), validation=())
    with few_layouts():
        space = space_of(task, {}, max_demonstrations=0)
    points = itertools.product(*(range(size) for size in space.dimensions.values()))
    candidates = (space.candidate(dict(zip(space.dimensions, point, strict=True))) for point in points)
    return list(dict.fromkeys(candidate.texts["prompt"] for candidate in candidates))


def is_right(answer: str, expected: object) -> bool:
    return answer.strip().strip(".!\"'`*").lower() == str(expected).strip().lower()


async def fill(path: Path, records: Sequence[Any], source: str, examples: int, minutes: float) -> None:
    """Ask what is not in the table yet, for at most some minutes."""
    found = Dataset.of([(record["inputs"], record["expectations"]) for record in records]).examples
    chosen = random.Random(0).sample(list(found), min(examples, len(found)))
    prompts = prompts_of(source, chosen)
    table = AnswerTable.read(path, source)
    provider = LocalProvider(INFO, None, {"BURNISH_LOCAL_THREADS": "1"})
    begun = time.monotonic()

    async def one(prompt: Template, example: Example) -> str:
        parameters = Parameters(max_tokens=8, temperature=0.0)
        request = Request(model=MODEL, messages=render(prompt, example.inputs), parameters=parameters)
        response = await provider.complete(request, "smollm2", 600)
        return "01"[is_right(response.text, example.answer)]

    try:
        for start in range(len(table.expected), len(chosen), BLOCK):
            block = chosen[start : start + BLOCK]
            answers: list[str] = []
            for prompt in prompts:
                answers.append("".join(await asyncio.gather(*(one(prompt, example) for example in block))))
                if time.monotonic() - begun > 60 * minutes:
                    return
            for prompt, more in zip(prompts, answers, strict=True):
                table.right[str(prompt)] = table.right.get(str(prompt), "") + more
            table.expected += [str(example.answer) for example in block]
            table.model_seconds += time.monotonic() - begun
            table.write(path)
            print(f"{path.name}: {len(prompts)} prompts × {len(table.expected)} examples", flush=True)
            begun, minutes = time.monotonic(), minutes - (time.monotonic() - begun) / 60
    finally:
        await provider.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--source", help="the prompt to begin with, with {{variables}}")
    parser.add_argument("--examples", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=60, help="for each file, at most")
    chosen = parser.parse_args(arguments)
    for data in chosen.data:
        records = [json.loads(line) for line in data.read_text().splitlines()]
        variable = next(iter(records[0]["inputs"]))
        source = chosen.source or SOURCES.get(variable, f"{{{{{variable}}}}}")
        if unknown := variables_of(source) - set(records[0]["inputs"]):
            parser.error(f"{data} has no {', '.join(sorted(unknown))}, which --source names")
        path = TABLES / f"{data.stem}.json.gz"
        asyncio.run(fill(path, records, source, chosen.examples, chosen.minutes))


if __name__ == "__main__":
    main()

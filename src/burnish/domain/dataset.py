"""Examples and datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, repeat
from typing import Any

from burnish.domain.hashing import digest, digest_of_list
from burnish.domain.text import value_as_text

_SHOWN_CHARACTERS = 60  # of a record's inputs, where a message names it
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Example:
    """One record: what goes into the prompt, and what is expected.

    Attributes:
        example_id: unique in its dataset, stable across runs.
        inputs: variable → value.
        expectations: as MLflow's: ``expected_response``, ``expected_facts``, ``guidelines``, ...
        identity: digest of the inputs; duplicates share it and never part across splits.
        alternatives: of a list of expected responses any is right; else the list is one value.
        source: where it was read, ``FILE:LINE``; empty where that is not known.
    """

    example_id: str
    inputs: Mapping[str, Any]
    expectations: Mapping[str, Any]
    identity: str
    alternatives: bool = False
    source: str = field(default="", compare=False)

    @property
    def place(self) -> str:
        """Where a person finds it: file and line, or else its id."""
        return self.source or self.example_id

    @property
    def expected(self) -> Any:
        """``expected_response``, or ``None``."""
        return self.expectations.get("expected_response")

    @property
    def answer(self) -> Any:
        """One right answer, such as a prompt may show; ``None`` where there is none."""
        expected = self.expected
        if self.alternatives and isinstance(expected, (list, tuple)) and expected:
            return expected[0]
        return expected


def record_name(example: Example) -> str:
    """An example in a message: its place, and how its inputs begin."""
    shown = ", ".join(f"{name}: {value_as_text(value)}" for name, value in example.inputs.items())
    shown = " ".join(shown[: 4 * _SHOWN_CHARACTERS].split())
    cut = shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[: _SHOWN_CHARACTERS - 1]}…"
    return f"record {example.place} ({cut})"


@dataclass(frozen=True)
class Dataset:
    """Examples in the order of the data.

    Attributes:
        name: for people.
        dataset_id: MLflow's id; ``None`` while the data is only a file.
    """

    name: str
    examples: tuple[Example, ...]
    dataset_id: str | None = None

    @cached_property
    def digest(self) -> str:
        """Identity of the examples and what is expected of them; takes a pass over all of them."""
        return digest_of_list([e.example_id, dict(e.expectations)] for e in self.examples)

    @classmethod
    def of(
        cls,
        records: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]],
        name: str = "dataset",
        dataset_id: str | None = None,
        sources: Iterable[str] = (),
    ) -> Dataset:
        """From pairs of (inputs, expectations). Equal inputs get numbered ids.

        Args:
            sources: where each record was read, as far as that is known.
        """
        seen: dict[str, int] = {}
        examples = []
        for (inputs, expectations), source in zip(records, chain(sources, repeat("")), strict=False):
            identity = digest(dict(inputs))
            seen[identity] = seen.get(identity, 0) + 1
            nth = seen[identity]
            example_id = identity if nth == 1 else f"{identity}-{nth}"
            examples.append(Example(example_id, dict(inputs), dict(expectations), identity, source=source))
        return cls(name, tuple(examples), dataset_id)

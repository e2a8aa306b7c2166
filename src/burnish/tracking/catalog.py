"""What there is in MLflow to make a job of, for people who choose. Nothing here writes.

Implementations block; callers run them in threads. Failures to reach the server are
``TrackingUnavailable``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from burnish.domain.prompt import Prompt

T = TypeVar("T")

MAX_VERSIONS = 100


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of them, and the token of the next page (``None`` on the last)."""

    entries: Sequence[T]
    next_page_token: str | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What is asked for.

    Attributes:
        name_contains: only names that hold this text, whatever its case; empty: all.
    """

    name_contains: str = ""
    max_results: int = 100
    page_token: str | None = None


@dataclass(frozen=True, slots=True)
class ExperimentEntry:
    experiment_id: str
    name: str


@dataclass(frozen=True, slots=True)
class PromptEntry:
    name: str
    description: str
    latest_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEntry:
    """A version of a prompt. Its ``prompt`` has a URI."""

    prompt: Prompt
    version: int
    aliases: tuple[str, ...]
    commit_message: str
    creation_timestamp_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetEntry:
    """A dataset. ``records`` is ``None`` where MLflow has not counted them."""

    dataset_id: str
    name: str
    records: int | None
    last_update_timestamp_ms: int | None


class Catalog(Protocol):
    def experiments(self, request: PageRequest) -> Page[ExperimentEntry]:
        """Active experiments, the one that was changed last first.

        Raises:
            InvalidInput: the page token is none.
        """
        ...

    def prompts(self, request: PageRequest) -> Page[PromptEntry]:
        """Prompts by name; likewise."""
        ...

    def versions(self, name: str) -> Sequence[VersionEntry]:
        """Versions of a prompt, newest first, at most :data:`MAX_VERSIONS`.

        Raises:
            NotFound: there is no such prompt.
        """
        ...

    def datasets(self, request: PageRequest, experiment_id: str | None = None) -> Page[DatasetEntry]:
        """Evaluation datasets, the one that was changed last first."""
        ...

    def records(
        self, dataset_id: str, max_results: int
    ) -> tuple[DatasetEntry, Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]]:
        """A dataset and some of its records, as (inputs, expectations).

        Raises:
            NotFound
        """
        ...

    def experiments_of_dataset(self, dataset_id: str) -> Sequence[str]:
        """Ids of the experiments that a dataset belongs to.

        Raises:
            NotFound
        """
        ...

    def scorers(self, experiment_id: str) -> Mapping[str, Mapping[str, Any]]:
        """The latest version of each scorer registered in the experiment, by name, in MLflow's serialized
        form. Nothing of what is registered is executed."""
        ...

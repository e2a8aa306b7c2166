"""The honest fake: the catalog of a tracker in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from burnish.errors import InvalidInput, NotFound
from burnish.tracking.catalog import (
    MAX_VERSIONS,
    DatasetEntry,
    ExperimentEntry,
    Page,
    PageRequest,
    PromptEntry,
    VersionEntry,
)
from burnish.tracking.memory import FakeTracker

T = TypeVar("T")


class FakeCatalog:
    """Implements :class:`~burnish.tracking.catalog.Catalog` over what a :class:`FakeTracker` holds."""

    def __init__(self, tracker: FakeTracker) -> None:
        self._tracker = tracker

    def experiments(self, request: PageRequest) -> Page[ExperimentEntry]:
        self._reach()
        known = [ExperimentEntry(*entry) for entry in self._tracker.experiments.items()]
        return _page(reversed(known), request, lambda entry: entry.name)

    def prompts(self, request: PageRequest) -> Page[PromptEntry]:
        self._reach()
        known = [PromptEntry(name, "", len(self._tracker.versions[name])) for name in self._tracker.versions]
        return _page(sorted(known, key=lambda entry: entry.name), request, lambda entry: entry.name)

    def versions(self, name: str) -> Sequence[VersionEntry]:
        self._reach()
        if name not in self._tracker.versions:
            raise NotFound("prompt", name)
        entries = [
            VersionEntry(
                prompt=version.prompt,
                version=number,
                aliases=tuple(
                    sorted(
                        alias
                        for (prompt, alias), target in self._tracker.aliases.items()
                        if (prompt, target) == (name, number)
                    )
                ),
                commit_message="",
                creation_timestamp_ms=None,
            )
            for number, version in enumerate(self._tracker.versions[name], start=1)
        ]
        return entries[::-1][:MAX_VERSIONS]

    def datasets(self, request: PageRequest, experiment_id: str | None = None) -> Page[DatasetEntry]:
        self._reach()
        known = [
            self._entry(dataset_id)
            for dataset_id in self._tracker.datasets
            if experiment_id in (None, self._tracker.dataset_experiments[dataset_id])
        ]
        return _page(reversed(known), request, lambda entry: entry.name)

    def records(
        self, dataset_id: str, max_results: int
    ) -> tuple[DatasetEntry, Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]]:
        self._reach()
        if dataset_id not in self._tracker.datasets:
            raise NotFound("dataset", dataset_id)
        examples = self._tracker.datasets[dataset_id].examples[:max_results]
        return self._entry(dataset_id), [(entry.inputs, entry.expectations) for entry in examples]

    def experiments_of_dataset(self, dataset_id: str) -> Sequence[str]:
        self._reach()
        if dataset_id not in self._tracker.datasets:
            raise NotFound("dataset", dataset_id)
        return [self._tracker.dataset_experiments[dataset_id]]

    def scorers(self, experiment_id: str) -> Mapping[str, Mapping[str, Any]]:
        self._reach()
        return {
            name: found
            for (experiment, name), found in self._tracker.scorers.items()
            if experiment == experiment_id
        }

    def _reach(self) -> None:
        """
        Raises:
            TrackingUnavailable: the tracker is away.
        """
        self._tracker.check()

    def _entry(self, dataset_id: str) -> DatasetEntry:
        dataset = self._tracker.datasets[dataset_id]
        return DatasetEntry(
            dataset_id=dataset_id,
            name=dataset.name,
            records=len(dataset.examples),
            last_update_timestamp_ms=None,
        )


def _page(known: Iterable[T], request: PageRequest, name_of: Callable[[T], str]) -> Page[T]:
    wanted = request.name_contains.lower()
    found = [entry for entry in known if wanted in name_of(entry).lower()]
    token = request.page_token or "0"
    if not token.isascii() or not token.isdigit():
        raise InvalidInput.of("page_token", token, "is none of this list; start again without it")
    start = int(token)
    end = start + request.max_results
    return Page(found[start:end], str(end) if end < len(found) else None)

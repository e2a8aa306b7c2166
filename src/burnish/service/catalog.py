"""What a job can be made of, for a form: from MLflow, and of what this process knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from burnish.domain.optimizer_type import OptimizerType
from burnish.errors import InvalidInput
from burnish.evaluation.scorers.listing import ScorerInfo, list_scorers
from burnish.llm.model_config import uri_of
from burnish.llm.providers.catalog import PROVIDERS
from burnish.llm.providers.info import ProviderInfo
from burnish.optimizers.registry import settings_schema
from burnish.tracking.catalog import (
    Catalog,
    DatasetEntry,
    ExperimentEntry,
    Page,
    PageRequest,
    PromptEntry,
    VersionEntry,
)

T = TypeVar("T")

_HIDDEN = frozenset({"scripted"})  # for tests


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProvider:
    """One kind of model server, as it can be asked from this process. No key is ever in it.

    Attributes:
        remedy: what to do where it is not usable.
        models: URIs of models that come along.
    """

    scheme: str
    usable: bool
    remedy: str
    key_variables: tuple[str, ...]
    has_key: bool
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a dataset, as far as some records show.

    Attributes:
        kind: ``input`` or ``expectation``.
        type: ``text``, ``number``, ``boolean``, ``list``, ``object``, or ``mixed``.
        filled: how many of the records have it.
    """

    name: str
    kind: str
    type: str
    filled: int


Record = tuple[Mapping[str, Any], Mapping[str, Any]]
"""Inputs and expectations."""


class JobCatalog:
    """Lists for who makes a job.

    Args:
        environment: where providers' keys are looked for.
        judge_model: that of judges which name none.
    """

    def __init__(self, tracked: Catalog, environment: Mapping[str, str], judge_model: str | None) -> None:
        self._tracked = tracked
        self._environment = environment
        self.judge_model = judge_model

    async def experiments(self, request: PageRequest) -> Page[ExperimentEntry]:
        return await asyncio.to_thread(self._tracked.experiments, request)

    async def experiment_id(self, named: str) -> str:
        """Id of the experiment of this name; what is the name of none is an id already."""
        request = PageRequest(named)
        while True:
            page = await self.experiments(request)
            for entry in page.entries:
                if entry.name == named:
                    return entry.experiment_id
            if page.next_page_token is None:
                return named
            request = PageRequest(named, page_token=page.next_page_token)

    async def prompts(self, request: PageRequest) -> Page[PromptEntry]:
        return await asyncio.to_thread(self._tracked.prompts, request)

    async def versions(self, name: str) -> Sequence[VersionEntry]:
        """
        Raises:
            NotFound: there is no such prompt.
        """
        return await asyncio.to_thread(self._tracked.versions, name)

    async def datasets(self, request: PageRequest, experiment_id: str | None) -> Page[DatasetEntry]:
        return await asyncio.to_thread(self._tracked.datasets, request, experiment_id)

    async def dataset(
        self, dataset_id: str, max_results: int
    ) -> tuple[DatasetEntry, Sequence[Column], Sequence[Record]]:
        """A dataset with its columns and some of its records.

        Raises:
            NotFound
        """
        entry, records = await asyncio.to_thread(self._tracked.records, dataset_id, max_results)
        return entry, columns_of(records), records

    async def experiments_of_dataset(self, dataset_id: str) -> Sequence[str]:
        """
        Raises:
            NotFound
        """
        return await asyncio.to_thread(self._tracked.experiments_of_dataset, dataset_id)

    async def scorers(self, experiment_id: str) -> Sequence[ScorerInfo]:
        def read() -> Sequence[ScorerInfo]:
            return list_scorers(self._tracked.scorers(experiment_id) if experiment_id else {})

        return await asyncio.to_thread(read)

    async def optimizers(self) -> Sequence[tuple[OptimizerType, Mapping[str, Any]]]:
        """Each with the JSON schema of its settings."""
        return await asyncio.to_thread(lambda: [(kind, settings_schema(kind)) for kind in OptimizerType])

    def providers(self) -> Sequence[ModelProvider]:
        return [self._provider(info) for info in PROVIDERS.values() if info.scheme not in _HIDDEN]

    def _provider(self, info: ProviderInfo) -> ModelProvider:
        has_key = info.find_key(self._environment) is not None
        refusals = {name: _refusal_of(info, name) for name in info.bundled or ("any",)}
        remedy = "" if "" in refusals.values() else next(iter(refusals.values()))
        if info.lacks_key(self._environment):
            remedy = f"set {' or '.join(info.keys)} where the server runs, and start it again"
        return ModelProvider(
            scheme=info.scheme,
            usable=not remedy,
            remedy=remedy,
            key_variables=info.keys,
            has_key=has_key,
            models=tuple(f"{info.scheme}:/{name}" for name in info.bundled if not refusals[name]),
        )


def model_of(version: VersionEntry) -> str | None:
    """URI of the model that a version's own model config names."""
    try:
        return str(uri_of(version.prompt.model_config))
    except InvalidInput:
        return None


def columns_of(records: Sequence[Record]) -> Sequence[Column]:
    """Inputs first, each in the order of their first place."""
    return [
        Column(name=name, kind=kind, type=_type_of(values), filled=len(values))
        for kind, position in (("input", 0), ("expectation", 1))
        for name, values in _by_name([record[position] for record in records]).items()
    ]


def _by_name(parts: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for part in parts:
        for name, value in part.items():
            found.setdefault(name, [])
            if value is not None:
                found[name].append(value)
    return found


_TYPES: Sequence[tuple[type | tuple[type, ...], str]] = (
    (str, "text"),
    (bool, "boolean"),
    ((int, float), "number"),
    (Mapping, "object"),
)


def _type_of(values: Sequence[Any]) -> str:
    types = {next((name for kind, name in _TYPES if isinstance(value, kind)), "list") for value in values}
    return types.pop() if len(types) == 1 else "mixed" if types else "text"


def _refusal_of(info: ProviderInfo, name: str) -> str:
    """Why a model certainly cannot answer, with what to do; empty where it may."""
    try:
        info.check_model(name)
    except InvalidInput as error:
        return error.problems[0].remedy
    return ""

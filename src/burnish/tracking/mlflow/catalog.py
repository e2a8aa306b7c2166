"""The catalog on MLflow's stores, whether a database or a server is behind them."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

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
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.mlflow.datasets import Datasets, stored_rows
from burnish.tracking.mlflow.prompts import to_prompt

_PROMPT_TAG = "mlflow.prompt.is_prompt"
_SPECIAL = re.compile(r"['\"`\\%]")


class MlflowCatalog:
    """Implements :class:`~burnish.tracking.catalog.Catalog`; see there for what each method promises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._datasets = Datasets(connection)

    def experiments(self, request: PageRequest) -> Page[ExperimentEntry]:
        with self._connection.tracking("page_token", request.page_token or "") as store:
            found = store.search_experiments(
                max_results=request.max_results,
                filter_string=_name_filter(request),
                order_by=["last_update_time DESC", "experiment_id DESC"],
                page_token=request.page_token,
            )
        entries = [ExperimentEntry(str(entry.experiment_id), entry.name) for entry in found]
        return Page(entries, _token_of(found))

    def prompts(self, request: PageRequest) -> Page[PromptEntry]:
        with self._connection.registry("page_token", request.page_token or "") as registry:
            wanted = [f"tags.`{_PROMPT_TAG}` = 'true'", _name_filter(request)]
            found = registry.search_registered_models(
                filter_string=" AND ".join(filter(None, wanted)),
                max_results=request.max_results,
                order_by=["name ASC"],
                page_token=request.page_token,
            )
        entries = [PromptEntry(model.name, model.description or "", _latest_of(model)) for model in found]
        return Page(entries, _token_of(found))

    def versions(self, name: str) -> Sequence[VersionEntry]:
        if not name or _SPECIAL.search(name):  # none that MLflow takes for a prompt
            raise NotFound("prompt", name)
        with self._connection.registry("prompt", name) as registry:
            from mlflow.prompt.registry_utils import model_version_to_prompt_version

            model = registry.get_registered_model(name)
            found = registry.search_model_versions(
                filter_string=f"name = '{name}' AND tag.`{_PROMPT_TAG}` = 'true'",
                max_results=MAX_VERSIONS,
                order_by=["version_number DESC"],
            )
            if not found and _PROMPT_TAG not in model._tags:
                raise NotFound("prompt", name)
            versions = [model_version_to_prompt_version(version) for version in found]
        aliases: dict[int, list[str]] = {}
        for alias, version in sorted((model.aliases or {}).items()):
            aliases.setdefault(int(version), []).append(alias)
        entries = []
        for version in versions:
            with contextlib.suppress(InvalidInput):  # a chat that is none of texts: no job can be made of it
                entries.append(_version_entry(version, aliases.get(int(version.version), ())))
        return entries

    def datasets(self, request: PageRequest, experiment_id: str | None = None) -> Page[DatasetEntry]:
        with self._connection.tracking("page_token", request.page_token or "") as store:
            found = store.search_datasets(
                experiment_ids=[experiment_id] if experiment_id else None,
                filter_string=_name_filter(request),
                max_results=request.max_results,
                order_by=["last_update_time DESC"],
                page_token=request.page_token,
            )
        return Page([_dataset_entry(entity) for entity in found], _token_of(found))

    def records(
        self, dataset_id: str, max_results: int
    ) -> tuple[DatasetEntry, Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]]:
        entity = self._datasets.entity(dataset_id)
        with self._connection.tracking("dataset", dataset_id) as store:
            records, _ = store._load_dataset_records(dataset_id, max_results=max_results)
        return _dataset_entry(entity), [(row.inputs, row.expectations) for row in stored_rows(records)][
            :max_results
        ]

    def experiments_of_dataset(self, dataset_id: str) -> Sequence[str]:
        return self._datasets.experiment_ids(dataset_id)

    def scorers(self, experiment_id: str) -> Mapping[str, Mapping[str, Any]]:
        try:
            with self._connection.tracking("experiment", experiment_id) as store:
                return {
                    entry.scorer_name: asdict(entry.serialized_scorer)
                    for entry in store.list_scorers(experiment_id)
                }
        except (NotFound, InvalidInput):  # no such experiment: nothing is registered there
            return {}


def _name_filter(request: PageRequest) -> str | None:
    """What MLflow's grammar would read as something else stands for any one character."""
    text = _SPECIAL.sub("_", request.name_contains)
    return f"name ILIKE '%{text}%'" if text else None


def _token_of(found: Any) -> str | None:
    token = found.token  # bytes or text, as the store likes
    return (token.decode() if isinstance(token, bytes) else str(token)) if token else None


def _latest_of(model: Any) -> int | None:
    return max((int(version.version) for version in model.latest_versions or ()), default=None)


def _version_entry(version: Any, aliases: Sequence[str]) -> VersionEntry:
    return VersionEntry(
        prompt=to_prompt(version),
        version=int(version.version),
        aliases=tuple(aliases),
        commit_message=version.commit_message or "",
        creation_timestamp_ms=version.creation_timestamp,
    )


def _dataset_entry(entity: Any) -> DatasetEntry:
    try:
        counted = json.loads(entity.profile or "{}").get("num_records")
    except ValueError:
        counted = None
    return DatasetEntry(
        dataset_id=entity.dataset_id,
        name=entity.name,
        records=counted if isinstance(counted, int) else None,
        last_update_timestamp_ms=entity.last_update_time,
    )

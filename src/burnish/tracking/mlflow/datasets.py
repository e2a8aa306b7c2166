"""MLflow's evaluation datasets, as ours and back, with nothing lost on the way.

MLflow keeps one record for each distinct ``inputs`` and forgets the order of the rest. Records
written here carry two tags: their position, and the expectations of further rows with the same
inputs. Reading undoes both, so that a dataset comes back as it went in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from burnish.domain.dataset import Dataset, Example
from burnish.errors import NotFound
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.names import check_dataset_name

DIGEST_TAG = "burnish.digest"
_POSITION = "burnish.position"  # of the record's first row, from 0
_REPEATS = "burnish.repeats"  # JSON: [[position, expectations, source], ...] of further rows, same inputs
_SOURCE = "burnish.source"  # FILE:LINE of the record's first row
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PAGE = 100
_PIECE = 500  # records read at once


class Datasets:
    """Evaluation datasets over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, dataset_id: str) -> Dataset:
        """
        Raises:
            NotFound
        """
        return self._read(self.entity(dataset_id))

    def entity(self, dataset_id: str) -> Any:
        """MLflow's object, without records.

        Raises:
            NotFound
        """
        if not _ID.fullmatch(dataset_id):
            raise NotFound("dataset", dataset_id)
        with self._connection.tracking("dataset", dataset_id) as store:
            return store.get_dataset(dataset_id)

    def ensure(self, dataset: Dataset, experiment_id: str) -> Dataset:
        """Find the experiment's dataset with this name and these examples in this order, or make it.

        One that was edited since is left alone, and another is made; one whose making was
        interrupted is completed. Another experiment's is not taken: who may read that one may be others.

        Raises:
            InvalidInput: the name is too long, or the experiment does not exist.
        """
        check_dataset_name(dataset.name)
        for entity in self._with_digest(dataset, experiment_id):
            found = self._read(entity)
            if not found.examples:
                return self._fill(entity, dataset, experiment_id)
            if found.digest == dataset.digest:
                self._link(entity, experiment_id)
                return found
        with self._connection.tracking("experiment", experiment_id) as store:
            entity = store.create_dataset(
                dataset.name, tags={DIGEST_TAG: dataset.digest}, experiment_ids=[experiment_id]
            )
        return self._fill(entity, dataset, experiment_id)

    def _with_digest(self, dataset: Dataset, experiment_id: str) -> list[Any]:
        with self._connection.tracking("dataset", dataset.name) as store:
            found = store.search_datasets(
                filter_string=f"tags.{DIGEST_TAG} = '{dataset.digest}'",
                max_results=_PAGE,
                order_by=["created_time ASC"],
            )
            return [
                entity
                for entity in found
                if entity.name == dataset.name
                and experiment_id in (store.get_dataset_experiment_ids(entity.dataset_id) or [experiment_id])
            ]

    def experiment_ids(self, dataset_id: str) -> list[str]:
        """Those it belongs to.

        Raises:
            NotFound
        """
        self.entity(dataset_id)
        with self._connection.tracking("dataset", dataset_id) as store:
            return [str(experiment_id) for experiment_id in store.get_dataset_experiment_ids(dataset_id)]

    def _fill(self, entity: Any, dataset: Dataset, experiment_id: str) -> Dataset:
        with self._connection.tracking("dataset", entity.dataset_id) as store:
            store.upsert_dataset_records(entity.dataset_id, _to_records(dataset))
        self._link(entity, experiment_id)
        return Dataset(dataset.name, dataset.examples, entity.dataset_id)

    def _link(self, entity: Any, experiment_id: str) -> None:
        with self._connection.tracking("dataset", entity.dataset_id) as store:
            if experiment_id not in store.get_dataset_experiment_ids(entity.dataset_id):
                store.add_dataset_to_experiments(entity.dataset_id, [experiment_id])

    def _read(self, entity: Any) -> Dataset:
        rows = stored_rows(self._records(entity.dataset_id))
        return Dataset.of(
            ((row.inputs, row.expectations) for row in rows),
            entity.name,
            entity.dataset_id,
            sources=(row.source for row in rows),
        )

    def _records(self, dataset_id: str) -> list[Any]:
        """All records, with ``inputs``, ``outputs``, ``expectations`` and ``tags``.

        MLflow's own database is read column by column, since its objects take thirty times as long, and
        piece by piece, so that other calls get their turn between two pieces.
        """
        with self._connection.tracking("dataset", dataset_id) as store:
            if not hasattr(store, "ManagedSessionMaker"):  # over HTTP
                records: list[Any] = store._load_dataset_records(dataset_id, max_results=None)[0]
                return records
            from mlflow.store.tracking.dbmodels.models import SqlEvaluationDatasetRecord as Stored

            with store.ManagedSessionMaker() as session:
                ids = session.query(Stored.dataset_record_id).filter(Stored.dataset_id == dataset_id)
                found = [row[0] for row in ids.order_by(Stored.created_time, Stored.dataset_record_id)]
        pieces = (found[start : start + _PIECE] for start in range(0, len(found), _PIECE))
        return [record for piece in pieces for record in self._piece(dataset_id, piece)]

    def _piece(self, dataset_id: str, record_ids: Sequence[str]) -> list[_Record]:
        """Those of the records that are still there, in the order of the ids."""
        with self._connection.tracking("dataset", dataset_id) as store:
            from mlflow.entities.dataset_record import DATASET_RECORD_WRAPPED_OUTPUT_KEY as WRAPPED
            from mlflow.store.tracking.dbmodels.models import SqlEvaluationDatasetRecord as Stored

            with store.ManagedSessionMaker() as session:
                columns = (Stored.dataset_record_id, Stored.inputs, Stored.outputs, Stored.expectations)
                query = session.query(*columns, Stored.tags)
                rows = {row[0]: row for row in query.filter(Stored.dataset_record_id.in_(record_ids))}
        return [
            _Record(row.inputs, row.outputs and row.outputs.get(WRAPPED), row.expectations, row.tags)
            for row in (rows[record_id] for record_id in record_ids if record_id in rows)
        ]


class _Record(NamedTuple):
    """One record of MLflow's database."""

    inputs: Mapping[str, Any]
    outputs: Any
    expectations: Mapping[str, Any] | None
    tags: Mapping[str, str] | None


def _to_records(dataset: Dataset) -> list[dict[str, Any]]:
    rows: dict[str, list[tuple[int, Example]]] = {}
    for position, example in enumerate(dataset.examples):
        rows.setdefault(example.identity, []).append((position, example))
    records = []
    for (position, first), *others in rows.values():
        tags = {_POSITION: str(position)}
        if others:
            repeats = [[n, dict(other.expectations), other.source] for n, other in others]
            tags[_REPEATS] = json.dumps(repeats, default=str)
        if first.source:
            tags[_SOURCE] = first.source
        record = {"inputs": dict(first.inputs), "expectations": dict(first.expectations)}
        records.append(
            {
                **json.loads(json.dumps(record, default=str)),
                "tags": tags,
                "source": {"source_type": "HUMAN", "source_data": {}},
            }
        )
    return records


class StoredRow(NamedTuple):
    """A row of a dataset. ``source`` is where it was read (``FILE:LINE``), where that is known."""

    inputs: Mapping[str, Any]
    expectations: Mapping[str, Any]
    source: str


def stored_rows(records: Iterable[Any]) -> list[StoredRow]:
    """In the order of the data: by our position, else as MLflow lists the records."""
    rows: list[tuple[tuple[int, int], StoredRow]] = []
    for listed, record in enumerate(records):
        tags = record.tags or {}
        position = tags.get(_POSITION, "")
        key = (0, int(position)) if position.isdigit() else (1, listed)
        rows.append((key, StoredRow(record.inputs, _expectations(record), tags.get(_SOURCE, ""))))
        for repeat, expectations, *source in json.loads(tags.get(_REPEATS, "[]")):
            rows.append(((0, repeat), StoredRow(record.inputs, expectations, "".join(source))))
    rows.sort(key=lambda row: row[0])
    return [row for _, row in rows]


def _expectations(record: Any) -> Mapping[str, Any]:
    """As MLflow's own optimizer reads them: ``outputs`` stand in where there are no expectations."""
    if record.expectations:
        return dict(record.expectations)
    if record.outputs in (None, {}, ""):
        return {}
    return {"expected_response": record.outputs}

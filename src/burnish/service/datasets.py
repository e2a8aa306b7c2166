"""Data that is sent, or that apps have logged, becomes an MLflow dataset."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from burnish.domain.dataset import Dataset
from burnish.errors import InvalidInput, NotFound, Problem
from burnish.files import read_records
from burnish.service.trace_dataset import DatasetResult, TraceRequest, read_traces
from burnish.tracking.names import check_dataset_name
from burnish.tracking.protocol import Tracker


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was sent, and how it is meant.

    Attributes:
        file_name: its suffix names the format.
        name: of the dataset; empty: the file's.
        columns: variable → column; empty: every column but the answer's is a variable of its name.
        target: column with the expected answer; ``None``: the one that is called like an answer.
    """

    data: bytes
    file_name: str
    experiment_id: str
    name: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None


class Datasets:
    """Upload, and from traces."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    async def upload(
        self, upload: Upload, found: Sequence[Problem] = (), dry_run: bool = False
    ) -> DatasetResult:
        """Read the file as ``burnish optimize --data`` does, and keep it in MLflow. The same data under the
        same name is the same dataset.

        Args:
            found: what is wrong with the request already.
            dry_run: only read and check it.

        Raises:
            InvalidInput: every problem, with file, line and column; nothing was written.
            TrackingUnavailable
        """
        return await asyncio.to_thread(self._upload, upload, found, dry_run)

    def _upload(self, upload: Upload, found: Sequence[Problem], dry_run: bool) -> DatasetResult:
        problems = [*found]
        file_name = _base_name(upload.file_name)
        if not file_name:
            problems.append(Problem("file_name", upload.file_name, "name the file, such as reviews.csv"))
        if not dry_run and not self._tracker.experiment_exists(upload.experiment_id):
            remedy = "there is no such experiment; name one that there is"
            problems.append(Problem("experiment_id", upload.experiment_id, remedy))
        notes: list[str] = []
        dataset = None
        try:
            if file_name:
                dataset = read_records(
                    Path(file_name),
                    None,
                    upload.target,
                    notes.append,
                    sent=upload.data,
                    columns=upload.columns,
                )
            if upload.name:
                check_dataset_name(upload.name)
        except InvalidInput as error:
            problems += [_at_its_field(problem, file_name, upload.target) for problem in error.problems]
        if problems or dataset is None:
            raise InvalidInput(*problems)
        if upload.name:
            dataset = Dataset(upload.name, dataset.examples)
        if not dry_run:
            try:
                dataset = self._tracker.ensure_dataset(dataset, upload.experiment_id)
            except NotFound:
                raise InvalidInput.of("experiment_id", upload.experiment_id, "was deleted just now") from None
        return DatasetResult(dataset, notes)

    async def from_traces(
        self, request: TraceRequest, found: Sequence[Problem] = (), dry_run: bool = False
    ) -> DatasetResult:
        """Make a dataset of what an app has logged. The same traces under the same name are the same dataset.

        Args:
            found: what is wrong with the request already.
            dry_run: only read and check them.

        Raises:
            InvalidInput: every problem; personal data that is neither masked nor allowed is one. Nothing was
                written.
            TrackingUnavailable
        """
        return await asyncio.to_thread(self._from_traces, request, found, dry_run)

    def _from_traces(self, request: TraceRequest, found: Sequence[Problem], dry_run: bool) -> DatasetResult:
        result = read_traces(self._tracker, request, found)
        if dry_run:
            return result
        if result.personal_data and not (request.mask or request.allow_personal_data):
            raise InvalidInput(*result.personal_data)
        return replace(result, dataset=self._tracker.ensure_dataset(result.dataset, request.experiment_id))


def _base_name(file_name: str) -> str:
    """Without folders, however the sender writes them."""
    return PurePosixPath(PureWindowsPath(file_name).as_posix()).name


def _at_its_field(problem: Problem, file_name: str, target: str | None) -> Problem:
    """What is wrong with the target is said at the target."""
    if target and problem.field == f"{file_name} {target}":
        return Problem("target", target, problem.remedy)
    return problem

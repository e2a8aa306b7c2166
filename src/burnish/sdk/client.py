"""``AsyncClient``: every verb of the API, once. ``sdk.blocking`` makes the same of it without await."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack

from burnish.domain.job import JobConfig, JobOptions
from burnish.domain.optimizer_type import OptimizerType
from burnish.domain.records import JobComparison
from burnish.errors import InvalidInput, did_you_mean
from burnish.proto import catalog_pb2 as catalog
from burnish.proto import prompt_optimization_pb2 as messages
from burnish.proto import service_pb2 as wire
from burnish.proto.convert import comparison_from_proto, config_to_proto, job_from_proto
from burnish.proto.message import read_message
from burnish.sdk.catalog import (
    DatasetName,
    DatasetPreview,
    Experiment,
    OptimizerListing,
    PromptName,
    PromptVersion,
    ProviderListing,
    ScorerListing,
    listing_from_proto,
    preview_from_proto,
)
from burnish.sdk.job import AsyncJob
from burnish.sdk.results import Estimate, JobListEvent, estimate_from_proto, job_list_event_from_proto
from burnish.sdk.transport import Transport


class AsyncClient:
    """Talks to one Burnish server. Use it as a context manager, or call :meth:`close`.

    Args:
        url: such as ``http://127.0.0.1:5000``.
        token: bearer token, where the server asks for one; default: ``BURNISH_TOKEN``.
        timeout_seconds: for one request.

    Every verb raises what the server raised (``burnish.errors``), and
    :class:`~burnish.sdk.errors.ServerUnavailable` where it cannot be reached.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout_seconds: float = 60.0) -> None:
        self._transport = Transport(url, token, timeout_seconds)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back. May be called twice."""
        await self._transport.close()

    async def create_job(
        self,
        source_prompt_uri: str,
        *,
        experiment_id: str,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        **config: Unpack[JobOptions],
    ) -> AsyncJob:
        """Create a job; the server checks everything first, and names every problem at once.

        Args:
            source_prompt_uri: ``prompts:/NAME/VERSION`` or ``prompts:/NAME@ALIAS``.
            experiment_id: MLflow's experiment of the job's run.
            idempotency_key: the same key with the same request gives the same job. One is made up where
                none is given, so that a request whose answer was lost can be sent again.

        Raises:
            InvalidInput: the request cannot be carried out.
            Conflict: the key was used with another request.
        """
        request = wire.CreatePromptOptimizationJob(
            experiment_id=experiment_id,
            source_prompt_uri=source_prompt_uri,
            config=_config(source_prompt_uri, config),
            tags=_tags(tags),
        )
        return await self._create(request, idempotency_key)

    async def repeat_job(
        self,
        job_id: str,
        *,
        source_prompt_uri: str = "",
        refresh_inputs: bool = False,
        experiment_id: str = "",
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        **changes: Unpack[JobOptions],
    ) -> AsyncJob:
        """Make the same job again, with its config and its tags.

        Options given here replace its own, a budget's limits one by one. Those that decide what it runs on
        (all but :data:`~burnish.domain.job.FREE_BESIDE_INPUTS`) go with ``refresh_inputs`` alone.

        Args:
            refresh_inputs: look prompts, records, judges and models up anew; else the new job runs on
                exactly what the other one ran on, whatever has become of it.
            experiment_id: empty: the other job's.
            tags: besides the other job's.
            idempotency_key: as in :meth:`create_job`.

        Raises:
            NotFound: there is no such job.
            InvalidState: an earlier version made the job, and it has kept no inputs.
            InvalidInput: a change decides what the job runs on, or the new job cannot be carried out.
        """
        request = wire.CreatePromptOptimizationJob(
            like_job_id=job_id,
            source_prompt_uri=source_prompt_uri or None,
            config=_changes(changes) if changes else None,
            refresh_inputs=refresh_inputs or None,
            experiment_id=experiment_id or None,
            tags=_tags(tags),
        )
        return await self._create(request, idempotency_key)

    async def _create(
        self, request: wire.CreatePromptOptimizationJob, idempotency_key: str | None
    ) -> AsyncJob:
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        answer = wire.CreatePromptOptimizationJob.Response()
        await self._transport.call("POST", (), answer, request, headers)
        return AsyncJob(self._transport, job_from_proto(answer.job))

    async def estimate_job(
        self, source_prompt_uri: str, *, experiment_id: str, **config: Unpack[JobOptions]
    ) -> Estimate:
        """What such a job would take. Nothing is written and no model is called.

        Raises:
            InvalidInput: it could not be carried out.
        """
        request = wire.EstimatePromptOptimizationJob(
            experiment_id=experiment_id,
            source_prompt_uri=source_prompt_uri,
            config=_config(source_prompt_uri, config),
        )
        answer = wire.EstimatePromptOptimizationJob.Response()
        await self._transport.call("POST", ("estimate",), answer, request)
        return estimate_from_proto(answer.estimate)

    async def start_demo(self) -> AsyncJob:
        """The job of ``burnish demo`` on this server: shipped samples, the model in its own process.

        Raises:
            InvalidInput: the server lacks the local model.
        """
        answer = wire.StartDemoJob.Response()
        await self._transport.call("POST", ("demo",), answer, repeatable=False)
        return AsyncJob(self._transport, job_from_proto(answer.job))

    async def get_job(self, job_id: str) -> AsyncJob:
        """
        Raises:
            NotFound
        """
        answer = await self._transport.call("GET", (job_id,), wire.GetPromptOptimizationJob.Response())
        return AsyncJob(self._transport, job_from_proto(answer.job))

    async def search_jobs(
        self,
        filter: str = "",
        *,
        experiment_ids: Sequence[str] = (),
        order_by: Sequence[str] = (),
        page_size: int = 100,
    ) -> AsyncIterator[AsyncJob]:
        """Every job that matches, page by page, newest first unless ``order_by`` says otherwise.

        Args:
            filter: such as ``status = 'COMPLETED' AND tags.team = 'search'``; empty: all.
            experiment_ids: empty: all.

        Raises:
            InvalidInput: the filter or an order cannot be read.
        """
        request = wire.SearchPromptOptimizationJobs(
            filter=filter, experiment_ids=experiment_ids, order_by=order_by, max_results=page_size
        )
        new_answer = wire.SearchPromptOptimizationJobs.Response
        async for page in self._transport.pages("POST", ("search",), new_answer, request):
            for job in page.jobs:
                yield AsyncJob(self._transport, job_from_proto(job))

    async def compare_jobs(self, job_ids: Sequence[str]) -> list[JobComparison]:
        """The winners of jobs against the winner of the first, on the sealed test examples that both have.

        Args:
            job_ids: two to six.

        Raises:
            InvalidInput: too few, too many, or one twice.
            NotFound
        """
        request = wire.ComparePromptOptimizationJobs(job_ids=job_ids)
        answer = wire.ComparePromptOptimizationJobs.Response()
        await self._transport.call("GET", ("compare",), answer, request)
        return [comparison_from_proto(entry) for entry in answer.comparisons]

    async def watch_jobs(self, *, experiment_ids: Sequence[str] = ()) -> AsyncIterator[JobListEvent]:
        """The list of jobs as it changes, for ever. It begins with RESET: search, and apply what follows.

        A lost connection is taken up again; where something may have been missed, RESET comes again.

        Args:
            experiment_ids: only jobs of these; empty: all.

        Raises:
            ServerUnavailable: the server stayed away.
        """

        async def goes_on() -> bool:
            return False

        request = wire.WatchPromptOptimizationJobs(experiment_ids=experiment_ids)
        async for part in self._transport.stream(("events",), goes_on, request=request):
            message = messages.JobListEvent()
            read_message(json.loads(part.data), message)
            yield job_list_event_from_proto(message)

    # --- what a job can be made of

    async def list_experiments(self, name_contains: str = "") -> AsyncIterator[Experiment]:
        """Experiments of the tracking server, the one that was changed last first."""
        request = catalog.ListCatalogExperiments(name_contains=name_contains)
        new_answer = catalog.ListCatalogExperiments.Response
        async for page in self._transport.pages("GET", ("catalog", "experiments"), new_answer, request):
            for entry in page.experiments:
                yield listing_from_proto(entry, Experiment)

    async def list_prompts(self, name_contains: str = "") -> AsyncIterator[PromptName]:
        """Prompts of the registry, by name."""
        request = catalog.ListCatalogPrompts(name_contains=name_contains)
        new_answer = catalog.ListCatalogPrompts.Response
        async for page in self._transport.pages("GET", ("catalog", "prompts"), new_answer, request):
            for entry in page.prompts:
                yield listing_from_proto(entry, PromptName)

    async def prompt_versions(self, name: str) -> list[PromptVersion]:
        """The versions of a prompt, newest first, at most 100.

        Raises:
            NotFound
        """
        answer = catalog.GetCatalogPrompt.Response()
        await self._transport.call("GET", ("catalog", "prompts", name), answer)
        return [listing_from_proto(entry, PromptVersion) for entry in answer.versions]

    async def list_datasets(
        self, name_contains: str = "", *, experiment_id: str = ""
    ) -> AsyncIterator[DatasetName]:
        """MLflow's evaluation datasets, the one that was changed last first."""
        request = catalog.ListCatalogDatasets(name_contains=name_contains, experiment_id=experiment_id)
        new_answer = catalog.ListCatalogDatasets.Response
        async for page in self._transport.pages("GET", ("catalog", "datasets"), new_answer, request):
            for entry in page.datasets:
                yield listing_from_proto(entry, DatasetName)

    async def preview_dataset(self, dataset_id: str, max_records: int = 20) -> DatasetPreview:
        """A dataset's columns and some of its records.

        Raises:
            NotFound
        """
        request = catalog.GetCatalogDataset(max_results=max_records)
        answer = catalog.GetCatalogDataset.Response()
        await self._transport.call("GET", ("catalog", "datasets", dataset_id), answer, request)
        return preview_from_proto(answer)

    async def upload_dataset(
        self,
        file: str | Path,
        *,
        experiment_id: str,
        name: str = "",
        columns: Mapping[str, str] | None = None,
        target: str = "",
        dry_run: bool = False,
    ) -> DatasetPreview:
        """A CSV, JSON Lines or Parquet file becomes an MLflow dataset.

        Args:
            experiment_id: where the dataset belongs.
            name: of the dataset; default: the file's.
            columns: variable of the prompt → column; default: every column but the answer's is a variable.
            target: column that holds the expected answer; default: the one that is called like one.
            dry_run: only read and check the file; the dataset has no id then.

        Raises:
            InvalidInput: every problem, with its line and column.
            OSError: the file cannot be read.
        """
        path = Path(file)
        request = catalog.UploadDataset(
            file_name=path.name,
            experiment_id=experiment_id,
            name=name,
            columns=[f"{variable}={column}" for variable, column in (columns or {}).items()],
            target=target,
            dry_run=dry_run,
        )
        sent = await asyncio.to_thread(path.read_bytes)
        answer = catalog.UploadDataset.Response()
        await self._transport.upload(("catalog", "datasets"), sent, answer, request)
        return preview_from_proto(answer)

    async def make_dataset_from_traces(
        self,
        experiment_id: str,
        *,
        filter: str = "",
        feedback: str = "",
        sample: int | None = None,
        name: str = "",
        mask: bool = False,
        allow_personal_data: bool = False,
        dry_run: bool = False,
    ) -> DatasetPreview:
        """The traces that an app has logged become an MLflow dataset of the same experiment.

        Args:
            filter: in MLflow's grammar for traces; default: all.
            feedback: name of what people said of them; only traces that have it are taken. A yes makes the
                app's own output the expected response, a text becomes it.
            sample: so many of them, always the same ones.
            name: of the dataset; default: ``traces-EXPERIMENT``.
            mask: replace personal data.
            allow_personal_data: keep it.
            dry_run: only read and check the traces; the dataset has no id then.

        Raises:
            InvalidInput: every problem; personal data that is neither masked nor allowed is one.
        """
        request = catalog.MakeDatasetFromTraces(
            experiment_id=experiment_id,
            filter=filter,
            feedback=feedback,
            sample=sample,
            name=name,
            mask=mask,
            allow_personal_data=allow_personal_data,
            dry_run=dry_run,
        )
        answer = catalog.MakeDatasetFromTraces.Response()
        path = ("catalog", "datasets", "from-traces")
        await self._transport.call("POST", path, answer, request)
        return preview_from_proto(answer)

    async def list_scorers(self, experiment_id: str = "") -> list[ScorerListing]:
        """Every scorer that a job can name; with those registered in the experiment, where one is named."""
        request = catalog.ListCatalogScorers(experiment_id=experiment_id)
        answer = catalog.ListCatalogScorers.Response()
        await self._transport.call("GET", ("catalog", "scorers"), answer, request)
        return [listing_from_proto(entry, ScorerListing) for entry in answer.scorers]

    async def list_optimizers(self) -> list[OptimizerListing]:
        """Every optimizer with the schema of its settings."""
        answer = catalog.ListCatalogOptimizers.Response()
        await self._transport.call("GET", ("catalog", "optimizers"), answer)
        return [listing_from_proto(entry, OptimizerListing) for entry in answer.optimizers]

    async def list_providers(self) -> list[ProviderListing]:
        """Which models the server can ask."""
        answer = catalog.ListCatalogProviders.Response()
        await self._transport.call("GET", ("catalog", "providers"), answer)
        return [listing_from_proto(entry, ProviderListing) for entry in answer.providers]


def _tags(tags: Mapping[str, str] | None) -> list[messages.PromptOptimizationJobTag]:
    return [messages.PromptOptimizationJobTag(key=key, value=value) for key, value in (tags or {}).items()]


def _config(source_prompt_uri: str, options: JobOptions) -> messages.PromptOptimizationJobConfig:
    known: dict[str, Any] = dict(options)
    further = known.pop("further_source_prompt_uris", ())
    names = [entry.name for entry in fields(JobConfig)]
    if unknown := [name for name in known if name not in names]:
        remedy = f"there is no such option of a job{did_you_mean(unknown[0], names)}"
        raise InvalidInput.of(unknown[0], "", remedy)
    if isinstance(kind := known.get("optimizer_type"), str):
        known["optimizer_type"] = OptimizerType.parse(kind)
    known["scorers"] = tuple(known.get("scorers", ()))
    return config_to_proto(JobConfig(source_prompt_uris=(source_prompt_uri, *further), **known))


def _changes(options: JobOptions) -> messages.PromptOptimizationJobConfig:
    """A config in which nothing is set but what is given."""
    config = _config("", options)
    given = {"optimizer_config_json" if name == "optimizer_config" else name for name in options}
    for field, _ in config.ListFields():
        if field.name not in given:
            config.ClearField(field.name)
    return config

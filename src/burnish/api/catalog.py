"""What a job can be made of, for a form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from burnish.api.routes import Call
from burnish.api.services import Services
from burnish.api.wire import MAX_PAGE, page_size
from burnish.domain.jinja import printed_names
from burnish.domain.optimizer_type import OptimizerType
from burnish.domain.prompt import Template, is_jinja, text_of, variables_in_order
from burnish.domain.text import well_formed, well_formed_values
from burnish.errors import InvalidInput, Problem
from burnish.evaluation.scorers.listing import ScorerInfo
from burnish.evaluation.scorers.text import Takes
from burnish.proto import catalog_pb2 as wire
from burnish.proto.inputs import template_to_proto
from burnish.service.catalog import Column, ModelProvider, Record, columns_of, model_of
from burnish.service.datasets import Upload
from burnish.service.trace_dataset import DatasetResult, TraceRequest
from burnish.tracking.catalog import DatasetEntry, Page, PageRequest, VersionEntry

DEFAULT_PAGE = 100
MOST_RECORDS, DEFAULT_RECORDS = 100, 20

T = TypeVar("T")
Made = TypeVar("Made", wire.UploadDataset.Response, wire.MakeDatasetFromTraces.Response)

_ARGUMENTS = {
    Takes.NOTHING: wire.CatalogScorer.NONE,
    Takes.OPTIONAL: wire.CatalogScorer.OPTIONAL,
    Takes.REQUIRED: wire.CatalogScorer.REQUIRED,
}


async def list_experiments(services: Services, call: Call) -> wire.ListCatalogExperiments.Response:
    page = await _visible_page(services.catalog.experiments, call, lambda entry: entry.experiment_id)
    return wire.ListCatalogExperiments.Response(
        experiments=[
            wire.CatalogExperiment(experiment_id=entry.experiment_id, name=well_formed(entry.name))
            for entry in page.entries
        ],
        next_page_token=page.next_page_token,
    )


async def list_prompts(services: Services, call: Call) -> wire.ListCatalogPrompts.Response:
    page = await _visible_page(services.catalog.prompts, call, lambda entry: entry.name)
    return wire.ListCatalogPrompts.Response(
        prompts=[
            wire.CatalogPrompt(
                name=well_formed(entry.name),
                description=well_formed(entry.description) or None,
                latest_version=entry.latest_version,
            )
            for entry in page.entries
        ],
        next_page_token=page.next_page_token,
    )


async def get_prompt(services: Services, call: Call) -> wire.GetCatalogPrompt.Response:
    call.check()
    name = call.message.name
    versions = await services.catalog.versions(name)
    return wire.GetCatalogPrompt.Response(
        name=name, versions=[_version_to_proto(entry) for entry in versions]
    )


async def list_datasets(services: Services, call: Call) -> wire.ListCatalogDatasets.Response:
    experiment_id = call.message.experiment_id or None

    async def listed(request: PageRequest) -> Page[DatasetEntry]:
        return await services.catalog.datasets(request, experiment_id)

    page = await _visible_page(listed, call, lambda entry: entry.dataset_id)
    return wire.ListCatalogDatasets.Response(
        datasets=[_dataset_to_proto(entry) for entry in page.entries],
        next_page_token=page.next_page_token,
    )


async def get_dataset(services: Services, call: Call) -> wire.GetCatalogDataset.Response:
    call.check()
    limit = page_size(call.message, DEFAULT_RECORDS)
    if limit > MOST_RECORDS:
        raise InvalidInput.of("max_results", limit, f"must be from 1 to {MOST_RECORDS}")
    entry, columns, records = await services.catalog.dataset(call.message.dataset_id, limit)
    answer = wire.GetCatalogDataset.Response(
        dataset=_dataset_to_proto(entry),
        columns=[_column_to_proto(column) for column in columns],
    )
    _add_records(answer, records)
    return answer


async def upload_dataset(services: Services, call: Call) -> wire.UploadDataset.Response:
    message, problems = call.message, list(call.problems)
    upload = Upload(
        data=call.body,
        file_name=message.file_name,
        experiment_id=message.experiment_id,
        name=message.name.strip(),
        columns=_columns_in(message, problems),
        target=message.target or None,
    )
    done = await services.datasets.upload(upload, problems, message.dry_run)
    return _made_to_proto(done, wire.UploadDataset.Response())


async def make_dataset_from_traces(services: Services, call: Call) -> wire.MakeDatasetFromTraces.Response:
    message = call.message
    request = TraceRequest(
        experiment_id=message.experiment_id.strip(),
        filter=message.filter.strip(),
        feedback=message.feedback.strip(),
        sample=message.sample if message.HasField("sample") else None,
        name=message.name.strip(),
        mask=message.mask,
        allow_personal_data=message.allow_personal_data,
    )
    done = await services.datasets.from_traces(request, call.problems, message.dry_run)
    answer = _made_to_proto(done, wire.MakeDatasetFromTraces.Response())
    for find in done.personal_data:
        answer.personal_data.add(field=well_formed(find.field), value=find.value, message=find.remedy)
    return answer


def _made_to_proto(done: DatasetResult, answer: Made) -> Made:
    examples = done.dataset.examples
    records = [(example.inputs, example.expectations) for example in examples[:DEFAULT_RECORDS]]
    answer.dataset.CopyFrom(
        wire.CatalogDataset(
            dataset_id=done.dataset.dataset_id, name=well_formed(done.dataset.name), records=len(examples)
        )
    )
    answer.columns.extend(_column_to_proto(column) for column in columns_of(records))
    answer.notes.extend(done.notes)
    _add_records(answer, records)
    return answer


def _columns_in(message: wire.UploadDataset, problems: list[Problem]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for position, text in enumerate(message.columns):
        variable, separator, column = (part.strip() for part in text.partition("="))
        if not separator or not variable or not column:
            problems.append(Problem(f"columns[{position}]", text, "write VARIABLE=COLUMN"))
        elif variable in columns:
            problems.append(Problem(f"columns.{variable}", column, "this variable has a column already"))
        else:
            columns[variable] = column
    return columns


async def list_scorers(services: Services, call: Call) -> wire.ListCatalogScorers.Response:
    call.check()
    found = await services.catalog.scorers(call.message.experiment_id)
    return wire.ListCatalogScorers.Response(scorers=[_scorer_to_proto(entry) for entry in found])


async def list_optimizers(services: Services, call: Call) -> wire.ListCatalogOptimizers.Response:
    call.check()
    found = await services.catalog.optimizers()
    return wire.ListCatalogOptimizers.Response(
        optimizers=[_optimizer_to_proto(kind, schema) for kind, schema in found]
    )


async def list_providers(services: Services, call: Call) -> wire.ListCatalogProviders.Response:
    call.check()
    return wire.ListCatalogProviders.Response(
        providers=[_provider_to_proto(entry) for entry in services.catalog.providers()],
        judge_model=services.catalog.judge_model,
    )


async def _visible_page(
    listing: Callable[[PageRequest], Awaitable[Page[T]]], call: Call, name_of: Callable[[T], str]
) -> Page[T]:
    """A page of what the caller may see. Where that is not all, the list is read from its beginning, and a
    token counts what was shown: MLflow's own would count what is hidden."""
    call.check()
    message = call.message
    size = page_size(message, DEFAULT_PAGE)
    request = PageRequest(message.name_contains, size, message.page_token or None)
    if call.visible.names is None:
        return await listing(request)
    begin = _place_of(message.page_token)
    seen: list[T] = []
    request = replace(request, max_results=MAX_PAGE, page_token=None)
    while len(seen) <= begin + size:
        page = await listing(request)
        seen += [entry for entry in page.entries if call.visible.shows(name_of(entry))]
        if page.next_page_token is None:
            break
        request = replace(request, page_token=page.next_page_token)
    end = begin + size
    return Page(seen[begin:end], str(end) if len(seen) > end else None)


def _place_of(page_token: str) -> int:
    if not page_token:
        return 0
    if not (page_token.isascii() and page_token.isdigit() and len(page_token) < 10):
        raise InvalidInput.of("page_token", page_token, "is none of this list; start again without it")
    return int(page_token)


def _version_to_proto(entry: VersionEntry) -> wire.CatalogPromptVersion:
    template = entry.prompt.template
    return wire.CatalogPromptVersion(
        uri=entry.prompt.uri,
        version=entry.version,
        template=template_to_proto(template),
        variables=[well_formed(name) for name in _variables(template)],
        aliases=entry.aliases,
        model=model_of(entry),
        commit_message=well_formed(entry.commit_message) or None,
        creation_timestamp_ms=entry.creation_timestamp_ms,
    )


def _dataset_to_proto(entry: DatasetEntry) -> wire.CatalogDataset:
    return wire.CatalogDataset(
        dataset_id=entry.dataset_id,
        name=well_formed(entry.name),
        records=entry.records,
        last_update_timestamp_ms=entry.last_update_timestamp_ms,
    )


def _column_to_proto(column: Column) -> wire.DatasetColumn:
    return wire.DatasetColumn(
        name=well_formed(column.name), kind=column.kind, type=column.type, filled=column.filled
    )


def _add_records(answer: Any, records: Sequence[Record]) -> None:
    for inputs, expectations in records:
        shown = answer.records.add()
        _fill(shown.inputs, inputs)
        _fill(shown.expectations, expectations)


def _scorer_to_proto(entry: ScorerInfo) -> wire.CatalogScorer:
    return wire.CatalogScorer(
        name=well_formed(entry.name),
        kind=entry.kind.value,
        description=well_formed(entry.description) or None,
        argument=_ARGUMENTS[entry.takes],
        argument_description=entry.argument_is or None,
        requires=entry.requires,
        asks_model=entry.asks_model,
        model=entry.model,
    )


def _optimizer_to_proto(kind: OptimizerType, schema: Mapping[str, Any]) -> wire.CatalogOptimizer:
    message = wire.CatalogOptimizer(
        type=kind.wire_name,
        name=kind.cli_name,
        changes=kind.info.changes,
        second_model=kind.info.second_model,
        choose_when=kind.info.choose_when,
        needs_data=kind.info.needs_data,
    )
    _fill(message.settings_schema, schema)
    return message


def _provider_to_proto(entry: ModelProvider) -> wire.CatalogProvider:
    return wire.CatalogProvider(
        scheme=entry.scheme,
        usable=entry.usable,
        remedy=entry.remedy or None,
        key_variables=entry.key_variables,
        has_key=entry.has_key,
        models=entry.models,
    )


def _fill(struct: Any, values: Mapping[str, Any]) -> None:
    struct.update(well_formed_values(dict(values)))


def _variables(template: Template) -> tuple[str, ...]:
    text = text_of(template)
    return printed_names(text) if is_jinja(template) else variables_in_order(text)

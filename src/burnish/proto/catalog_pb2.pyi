from burnish.proto import prompt_optimization_pb2 as _prompt_optimization_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CatalogExperiment(_message.Message):
    __slots__ = ("experiment_id", "name")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    name: str
    def __init__(self, experiment_id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class CatalogPrompt(_message.Message):
    __slots__ = ("name", "description", "latest_version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    LATEST_VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    latest_version: int
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., latest_version: _Optional[int] = ...) -> None: ...

class CatalogPromptVersion(_message.Message):
    __slots__ = ("uri", "version", "template", "variables", "aliases", "model", "commit_message", "creation_timestamp_ms")
    URI_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    COMMIT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CREATION_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    uri: str
    version: int
    template: _prompt_optimization_pb2.PromptTemplate
    variables: _containers.RepeatedScalarFieldContainer[str]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    model: str
    commit_message: str
    creation_timestamp_ms: int
    def __init__(self, uri: _Optional[str] = ..., version: _Optional[int] = ..., template: _Optional[_Union[_prompt_optimization_pb2.PromptTemplate, _Mapping]] = ..., variables: _Optional[_Iterable[str]] = ..., aliases: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ..., commit_message: _Optional[str] = ..., creation_timestamp_ms: _Optional[int] = ...) -> None: ...

class CatalogDataset(_message.Message):
    __slots__ = ("dataset_id", "name", "records", "last_update_timestamp_ms")
    DATASET_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    LAST_UPDATE_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    dataset_id: str
    name: str
    records: int
    last_update_timestamp_ms: int
    def __init__(self, dataset_id: _Optional[str] = ..., name: _Optional[str] = ..., records: _Optional[int] = ..., last_update_timestamp_ms: _Optional[int] = ...) -> None: ...

class DatasetColumn(_message.Message):
    __slots__ = ("name", "kind", "type", "filled")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FILLED_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    type: str
    filled: int
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., type: _Optional[str] = ..., filled: _Optional[int] = ...) -> None: ...

class DatasetRecord(_message.Message):
    __slots__ = ("inputs", "expectations")
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    EXPECTATIONS_FIELD_NUMBER: _ClassVar[int]
    inputs: _struct_pb2.Struct
    expectations: _struct_pb2.Struct
    def __init__(self, inputs: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., expectations: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class CatalogScorer(_message.Message):
    __slots__ = ("name", "kind", "description", "argument", "argument_description", "requires", "asks_model", "model")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[CatalogScorer.Kind]
        BUILT_IN: _ClassVar[CatalogScorer.Kind]
        INSTALLED: _ClassVar[CatalogScorer.Kind]
        JUDGE: _ClassVar[CatalogScorer.Kind]
        REGISTERED: _ClassVar[CatalogScorer.Kind]
    KIND_UNSPECIFIED: CatalogScorer.Kind
    BUILT_IN: CatalogScorer.Kind
    INSTALLED: CatalogScorer.Kind
    JUDGE: CatalogScorer.Kind
    REGISTERED: CatalogScorer.Kind
    class Argument(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ARGUMENT_UNSPECIFIED: _ClassVar[CatalogScorer.Argument]
        NONE: _ClassVar[CatalogScorer.Argument]
        OPTIONAL: _ClassVar[CatalogScorer.Argument]
        REQUIRED: _ClassVar[CatalogScorer.Argument]
    ARGUMENT_UNSPECIFIED: CatalogScorer.Argument
    NONE: CatalogScorer.Argument
    OPTIONAL: CatalogScorer.Argument
    REQUIRED: CatalogScorer.Argument
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ARGUMENT_FIELD_NUMBER: _ClassVar[int]
    ARGUMENT_DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REQUIRES_FIELD_NUMBER: _ClassVar[int]
    ASKS_MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: CatalogScorer.Kind
    description: str
    argument: CatalogScorer.Argument
    argument_description: str
    requires: _containers.RepeatedScalarFieldContainer[str]
    asks_model: bool
    model: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[CatalogScorer.Kind, str]] = ..., description: _Optional[str] = ..., argument: _Optional[_Union[CatalogScorer.Argument, str]] = ..., argument_description: _Optional[str] = ..., requires: _Optional[_Iterable[str]] = ..., asks_model: _Optional[bool] = ..., model: _Optional[str] = ...) -> None: ...

class CatalogOptimizer(_message.Message):
    __slots__ = ("type", "name", "changes", "second_model", "choose_when", "needs_data", "settings_schema")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    SECOND_MODEL_FIELD_NUMBER: _ClassVar[int]
    CHOOSE_WHEN_FIELD_NUMBER: _ClassVar[int]
    NEEDS_DATA_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    type: _prompt_optimization_pb2.OptimizerType
    name: str
    changes: str
    second_model: str
    choose_when: str
    needs_data: bool
    settings_schema: _struct_pb2.Struct
    def __init__(self, type: _Optional[_Union[_prompt_optimization_pb2.OptimizerType, str]] = ..., name: _Optional[str] = ..., changes: _Optional[str] = ..., second_model: _Optional[str] = ..., choose_when: _Optional[str] = ..., needs_data: _Optional[bool] = ..., settings_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class CatalogProvider(_message.Message):
    __slots__ = ("scheme", "usable", "remedy", "key_variables", "has_key", "models")
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    USABLE_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    KEY_VARIABLES_FIELD_NUMBER: _ClassVar[int]
    HAS_KEY_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    scheme: str
    usable: bool
    remedy: str
    key_variables: _containers.RepeatedScalarFieldContainer[str]
    has_key: bool
    models: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, scheme: _Optional[str] = ..., usable: _Optional[bool] = ..., remedy: _Optional[str] = ..., key_variables: _Optional[_Iterable[str]] = ..., has_key: _Optional[bool] = ..., models: _Optional[_Iterable[str]] = ...) -> None: ...

class ListCatalogExperiments(_message.Message):
    __slots__ = ("name_contains", "max_results", "page_token")
    class Response(_message.Message):
        __slots__ = ("experiments", "next_page_token")
        EXPERIMENTS_FIELD_NUMBER: _ClassVar[int]
        NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
        experiments: _containers.RepeatedCompositeFieldContainer[CatalogExperiment]
        next_page_token: str
        def __init__(self, experiments: _Optional[_Iterable[_Union[CatalogExperiment, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
    NAME_CONTAINS_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name_contains: str
    max_results: int
    page_token: str
    def __init__(self, name_contains: _Optional[str] = ..., max_results: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCatalogPrompts(_message.Message):
    __slots__ = ("name_contains", "max_results", "page_token")
    class Response(_message.Message):
        __slots__ = ("prompts", "next_page_token")
        PROMPTS_FIELD_NUMBER: _ClassVar[int]
        NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
        prompts: _containers.RepeatedCompositeFieldContainer[CatalogPrompt]
        next_page_token: str
        def __init__(self, prompts: _Optional[_Iterable[_Union[CatalogPrompt, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
    NAME_CONTAINS_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name_contains: str
    max_results: int
    page_token: str
    def __init__(self, name_contains: _Optional[str] = ..., max_results: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetCatalogPrompt(_message.Message):
    __slots__ = ("name",)
    class Response(_message.Message):
        __slots__ = ("name", "versions")
        NAME_FIELD_NUMBER: _ClassVar[int]
        VERSIONS_FIELD_NUMBER: _ClassVar[int]
        name: str
        versions: _containers.RepeatedCompositeFieldContainer[CatalogPromptVersion]
        def __init__(self, name: _Optional[str] = ..., versions: _Optional[_Iterable[_Union[CatalogPromptVersion, _Mapping]]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListCatalogDatasets(_message.Message):
    __slots__ = ("experiment_id", "name_contains", "max_results", "page_token")
    class Response(_message.Message):
        __slots__ = ("datasets", "next_page_token")
        DATASETS_FIELD_NUMBER: _ClassVar[int]
        NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
        datasets: _containers.RepeatedCompositeFieldContainer[CatalogDataset]
        next_page_token: str
        def __init__(self, datasets: _Optional[_Iterable[_Union[CatalogDataset, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_CONTAINS_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    name_contains: str
    max_results: int
    page_token: str
    def __init__(self, experiment_id: _Optional[str] = ..., name_contains: _Optional[str] = ..., max_results: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetCatalogDataset(_message.Message):
    __slots__ = ("dataset_id", "max_results")
    class Response(_message.Message):
        __slots__ = ("dataset", "columns", "records")
        DATASET_FIELD_NUMBER: _ClassVar[int]
        COLUMNS_FIELD_NUMBER: _ClassVar[int]
        RECORDS_FIELD_NUMBER: _ClassVar[int]
        dataset: CatalogDataset
        columns: _containers.RepeatedCompositeFieldContainer[DatasetColumn]
        records: _containers.RepeatedCompositeFieldContainer[DatasetRecord]
        def __init__(self, dataset: _Optional[_Union[CatalogDataset, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[DatasetColumn, _Mapping]]] = ..., records: _Optional[_Iterable[_Union[DatasetRecord, _Mapping]]] = ...) -> None: ...
    DATASET_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULTS_FIELD_NUMBER: _ClassVar[int]
    dataset_id: str
    max_results: int
    def __init__(self, dataset_id: _Optional[str] = ..., max_results: _Optional[int] = ...) -> None: ...

class ListCatalogScorers(_message.Message):
    __slots__ = ("experiment_id",)
    class Response(_message.Message):
        __slots__ = ("scorers",)
        SCORERS_FIELD_NUMBER: _ClassVar[int]
        scorers: _containers.RepeatedCompositeFieldContainer[CatalogScorer]
        def __init__(self, scorers: _Optional[_Iterable[_Union[CatalogScorer, _Mapping]]] = ...) -> None: ...
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    def __init__(self, experiment_id: _Optional[str] = ...) -> None: ...

class ListCatalogOptimizers(_message.Message):
    __slots__ = ()
    class Response(_message.Message):
        __slots__ = ("optimizers",)
        OPTIMIZERS_FIELD_NUMBER: _ClassVar[int]
        optimizers: _containers.RepeatedCompositeFieldContainer[CatalogOptimizer]
        def __init__(self, optimizers: _Optional[_Iterable[_Union[CatalogOptimizer, _Mapping]]] = ...) -> None: ...
    def __init__(self) -> None: ...

class ListCatalogProviders(_message.Message):
    __slots__ = ()
    class Response(_message.Message):
        __slots__ = ("providers", "judge_model")
        PROVIDERS_FIELD_NUMBER: _ClassVar[int]
        JUDGE_MODEL_FIELD_NUMBER: _ClassVar[int]
        providers: _containers.RepeatedCompositeFieldContainer[CatalogProvider]
        judge_model: str
        def __init__(self, providers: _Optional[_Iterable[_Union[CatalogProvider, _Mapping]]] = ..., judge_model: _Optional[str] = ...) -> None: ...
    def __init__(self) -> None: ...

class UploadDataset(_message.Message):
    __slots__ = ("file_name", "experiment_id", "name", "columns", "target", "dry_run")
    class Response(_message.Message):
        __slots__ = ("dataset", "columns", "records", "notes")
        DATASET_FIELD_NUMBER: _ClassVar[int]
        COLUMNS_FIELD_NUMBER: _ClassVar[int]
        RECORDS_FIELD_NUMBER: _ClassVar[int]
        NOTES_FIELD_NUMBER: _ClassVar[int]
        dataset: CatalogDataset
        columns: _containers.RepeatedCompositeFieldContainer[DatasetColumn]
        records: _containers.RepeatedCompositeFieldContainer[DatasetRecord]
        notes: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, dataset: _Optional[_Union[CatalogDataset, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[DatasetColumn, _Mapping]]] = ..., records: _Optional[_Iterable[_Union[DatasetRecord, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    file_name: str
    experiment_id: str
    name: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    target: str
    dry_run: bool
    def __init__(self, file_name: _Optional[str] = ..., experiment_id: _Optional[str] = ..., name: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., target: _Optional[str] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class PersonalDataFind(_message.Message):
    __slots__ = ("field", "value", "message")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    field: str
    value: str
    message: str
    def __init__(self, field: _Optional[str] = ..., value: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class MakeDatasetFromTraces(_message.Message):
    __slots__ = ("experiment_id", "filter", "feedback", "sample", "name", "mask", "allow_personal_data", "dry_run")
    class Response(_message.Message):
        __slots__ = ("dataset", "columns", "records", "notes", "personal_data")
        DATASET_FIELD_NUMBER: _ClassVar[int]
        COLUMNS_FIELD_NUMBER: _ClassVar[int]
        RECORDS_FIELD_NUMBER: _ClassVar[int]
        NOTES_FIELD_NUMBER: _ClassVar[int]
        PERSONAL_DATA_FIELD_NUMBER: _ClassVar[int]
        dataset: CatalogDataset
        columns: _containers.RepeatedCompositeFieldContainer[DatasetColumn]
        records: _containers.RepeatedCompositeFieldContainer[DatasetRecord]
        notes: _containers.RepeatedScalarFieldContainer[str]
        personal_data: _containers.RepeatedCompositeFieldContainer[PersonalDataFind]
        def __init__(self, dataset: _Optional[_Union[CatalogDataset, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[DatasetColumn, _Mapping]]] = ..., records: _Optional[_Iterable[_Union[DatasetRecord, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ..., personal_data: _Optional[_Iterable[_Union[PersonalDataFind, _Mapping]]] = ...) -> None: ...
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    ALLOW_PERSONAL_DATA_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    filter: str
    feedback: str
    sample: int
    name: str
    mask: bool
    allow_personal_data: bool
    dry_run: bool
    def __init__(self, experiment_id: _Optional[str] = ..., filter: _Optional[str] = ..., feedback: _Optional[str] = ..., sample: _Optional[int] = ..., name: _Optional[str] = ..., mask: _Optional[bool] = ..., allow_personal_data: _Optional[bool] = ..., dry_run: _Optional[bool] = ...) -> None: ...

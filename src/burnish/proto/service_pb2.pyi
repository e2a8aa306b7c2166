from burnish.proto import catalog_pb2 as _catalog_pb2
from burnish.proto import http_pb2 as _http_pb2
from burnish.proto import prompt_optimization_pb2 as _prompt_optimization_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreatePromptOptimizationJob(_message.Message):
    __slots__ = ("experiment_id", "source_prompt_uri", "config", "tags", "like_job_id", "refresh_inputs")
    class Response(_message.Message):
        __slots__ = ("job",)
        JOB_FIELD_NUMBER: _ClassVar[int]
        job: _prompt_optimization_pb2.PromptOptimizationJob
        def __init__(self, job: _Optional[_Union[_prompt_optimization_pb2.PromptOptimizationJob, _Mapping]] = ...) -> None: ...
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PROMPT_URI_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    LIKE_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    REFRESH_INPUTS_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    source_prompt_uri: str
    config: _prompt_optimization_pb2.PromptOptimizationJobConfig
    tags: _containers.RepeatedCompositeFieldContainer[_prompt_optimization_pb2.PromptOptimizationJobTag]
    like_job_id: str
    refresh_inputs: bool
    def __init__(self, experiment_id: _Optional[str] = ..., source_prompt_uri: _Optional[str] = ..., config: _Optional[_Union[_prompt_optimization_pb2.PromptOptimizationJobConfig, _Mapping]] = ..., tags: _Optional[_Iterable[_Union[_prompt_optimization_pb2.PromptOptimizationJobTag, _Mapping]]] = ..., like_job_id: _Optional[str] = ..., refresh_inputs: _Optional[bool] = ...) -> None: ...

class GetPromptOptimizationJob(_message.Message):
    __slots__ = ("job_id",)
    class Response(_message.Message):
        __slots__ = ("job",)
        JOB_FIELD_NUMBER: _ClassVar[int]
        job: _prompt_optimization_pb2.PromptOptimizationJob
        def __init__(self, job: _Optional[_Union[_prompt_optimization_pb2.PromptOptimizationJob, _Mapping]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class SearchPromptOptimizationJobs(_message.Message):
    __slots__ = ("experiment_id", "experiment_ids", "filter", "order_by", "max_results", "page_token")
    class Response(_message.Message):
        __slots__ = ("jobs", "next_page_token")
        JOBS_FIELD_NUMBER: _ClassVar[int]
        NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
        jobs: _containers.RepeatedCompositeFieldContainer[_prompt_optimization_pb2.PromptOptimizationJob]
        next_page_token: str
        def __init__(self, jobs: _Optional[_Iterable[_Union[_prompt_optimization_pb2.PromptOptimizationJob, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    experiment_ids: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    order_by: _containers.RepeatedScalarFieldContainer[str]
    max_results: int
    page_token: str
    def __init__(self, experiment_id: _Optional[str] = ..., experiment_ids: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., order_by: _Optional[_Iterable[str]] = ..., max_results: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetDemoJob(_message.Message):
    __slots__ = ()
    class Response(_message.Message):
        __slots__ = ("model", "max_calls")
        MODEL_FIELD_NUMBER: _ClassVar[int]
        MAX_CALLS_FIELD_NUMBER: _ClassVar[int]
        model: str
        max_calls: int
        def __init__(self, model: _Optional[str] = ..., max_calls: _Optional[int] = ...) -> None: ...
    def __init__(self) -> None: ...

class StartDemoJob(_message.Message):
    __slots__ = ()
    class Response(_message.Message):
        __slots__ = ("job",)
        JOB_FIELD_NUMBER: _ClassVar[int]
        job: _prompt_optimization_pb2.PromptOptimizationJob
        def __init__(self, job: _Optional[_Union[_prompt_optimization_pb2.PromptOptimizationJob, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class WatchPromptOptimizationJobs(_message.Message):
    __slots__ = ("experiment_ids",)
    EXPERIMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    experiment_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, experiment_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class CancelPromptOptimizationJob(_message.Message):
    __slots__ = ("job_id",)
    class Response(_message.Message):
        __slots__ = ("job",)
        JOB_FIELD_NUMBER: _ClassVar[int]
        job: _prompt_optimization_pb2.PromptOptimizationJob
        def __init__(self, job: _Optional[_Union[_prompt_optimization_pb2.PromptOptimizationJob, _Mapping]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class DeletePromptOptimizationJob(_message.Message):
    __slots__ = ("job_id",)
    class Response(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class ResumePromptOptimizationJob(_message.Message):
    __slots__ = ("job_id",)
    class Response(_message.Message):
        __slots__ = ("job",)
        JOB_FIELD_NUMBER: _ClassVar[int]
        job: _prompt_optimization_pb2.PromptOptimizationJob
        def __init__(self, job: _Optional[_Union[_prompt_optimization_pb2.PromptOptimizationJob, _Mapping]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class EstimatePromptOptimizationJob(_message.Message):
    __slots__ = ("experiment_id", "source_prompt_uri", "config", "tags")
    class Response(_message.Message):
        __slots__ = ("estimate",)
        ESTIMATE_FIELD_NUMBER: _ClassVar[int]
        estimate: _prompt_optimization_pb2.JobEstimate
        def __init__(self, estimate: _Optional[_Union[_prompt_optimization_pb2.JobEstimate, _Mapping]] = ...) -> None: ...
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PROMPT_URI_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    source_prompt_uri: str
    config: _prompt_optimization_pb2.PromptOptimizationJobConfig
    tags: _containers.RepeatedCompositeFieldContainer[_prompt_optimization_pb2.PromptOptimizationJobTag]
    def __init__(self, experiment_id: _Optional[str] = ..., source_prompt_uri: _Optional[str] = ..., config: _Optional[_Union[_prompt_optimization_pb2.PromptOptimizationJobConfig, _Mapping]] = ..., tags: _Optional[_Iterable[_Union[_prompt_optimization_pb2.PromptOptimizationJobTag, _Mapping]]] = ...) -> None: ...

class ListPromptOptimizationJobEvents(_message.Message):
    __slots__ = ("job_id", "after", "max_results")
    class Response(_message.Message):
        __slots__ = ("events", "next_after")
        EVENTS_FIELD_NUMBER: _ClassVar[int]
        NEXT_AFTER_FIELD_NUMBER: _ClassVar[int]
        events: _containers.RepeatedCompositeFieldContainer[_prompt_optimization_pb2.JobEvent]
        next_after: int
        def __init__(self, events: _Optional[_Iterable[_Union[_prompt_optimization_pb2.JobEvent, _Mapping]]] = ..., next_after: _Optional[int] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULTS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    after: int
    max_results: int
    def __init__(self, job_id: _Optional[str] = ..., after: _Optional[int] = ..., max_results: _Optional[int] = ...) -> None: ...

class ListPromptOptimizationCandidates(_message.Message):
    __slots__ = ("job_id", "max_results", "page_token")
    class Response(_message.Message):
        __slots__ = ("candidates", "next_page_token")
        CANDIDATES_FIELD_NUMBER: _ClassVar[int]
        NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
        candidates: _containers.RepeatedCompositeFieldContainer[_prompt_optimization_pb2.PromptCandidate]
        next_page_token: str
        def __init__(self, candidates: _Optional[_Iterable[_Union[_prompt_optimization_pb2.PromptCandidate, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    max_results: int
    page_token: str
    def __init__(self, job_id: _Optional[str] = ..., max_results: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPromptOptimizationEdits(_message.Message):
    __slots__ = ("job_id",)
    class Response(_message.Message):
        __slots__ = ("edits",)
        EDITS_FIELD_NUMBER: _ClassVar[int]
        edits: _containers.RepeatedCompositeFieldContainer[_prompt_optimization_pb2.PromptEdit]
        def __init__(self, edits: _Optional[_Iterable[_Union[_prompt_optimization_pb2.PromptEdit, _Mapping]]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class GetPromptOptimizationJobInputs(_message.Message):
    __slots__ = ("job_id",)
    class Response(_message.Message):
        __slots__ = ("inputs",)
        INPUTS_FIELD_NUMBER: _ClassVar[int]
        inputs: _prompt_optimization_pb2.JobInputs
        def __init__(self, inputs: _Optional[_Union[_prompt_optimization_pb2.JobInputs, _Mapping]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class ListPromptOptimizationExamples(_message.Message):
    __slots__ = ("job_id", "split", "max_results", "page_token", "example_ids")
    class Response(_message.Message):
        __slots__ = ("examples", "next_page_token")
        EXAMPLES_FIELD_NUMBER: _ClassVar[int]
        NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
        examples: _containers.RepeatedCompositeFieldContainer[_prompt_optimization_pb2.JobExample]
        next_page_token: str
        def __init__(self, examples: _Optional[_Iterable[_Union[_prompt_optimization_pb2.JobExample, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_IDS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    split: str
    max_results: int
    page_token: str
    example_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, job_id: _Optional[str] = ..., split: _Optional[str] = ..., max_results: _Optional[int] = ..., page_token: _Optional[str] = ..., example_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class GetPromptOptimizationCandidate(_message.Message):
    __slots__ = ("job_id", "candidate_id", "max_results", "page_token")
    class Response(_message.Message):
        __slots__ = ("candidate", "evaluations", "next_page_token")
        CANDIDATE_FIELD_NUMBER: _ClassVar[int]
        EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
        NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
        candidate: _prompt_optimization_pb2.PromptCandidate
        evaluations: _containers.RepeatedCompositeFieldContainer[_prompt_optimization_pb2.ExampleResult]
        next_page_token: str
        def __init__(self, candidate: _Optional[_Union[_prompt_optimization_pb2.PromptCandidate, _Mapping]] = ..., evaluations: _Optional[_Iterable[_Union[_prompt_optimization_pb2.ExampleResult, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    candidate_id: str
    max_results: int
    page_token: str
    def __init__(self, job_id: _Optional[str] = ..., candidate_id: _Optional[str] = ..., max_results: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class RegisterPromptOptimizationCandidate(_message.Message):
    __slots__ = ("job_id", "candidate_id")
    class Response(_message.Message):
        __slots__ = ("prompt_uris",)
        PROMPT_URIS_FIELD_NUMBER: _ClassVar[int]
        prompt_uris: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, prompt_uris: _Optional[_Iterable[str]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    candidate_id: str
    def __init__(self, job_id: _Optional[str] = ..., candidate_id: _Optional[str] = ...) -> None: ...

class ListPromptOptimizationEvaluations(_message.Message):
    __slots__ = ("job_id", "split", "scorer")
    class Response(_message.Message):
        __slots__ = ("example_ids", "rows")
        EXAMPLE_IDS_FIELD_NUMBER: _ClassVar[int]
        ROWS_FIELD_NUMBER: _ClassVar[int]
        example_ids: _containers.RepeatedScalarFieldContainer[str]
        rows: _containers.RepeatedCompositeFieldContainer[_prompt_optimization_pb2.ScoreRow]
        def __init__(self, example_ids: _Optional[_Iterable[str]] = ..., rows: _Optional[_Iterable[_Union[_prompt_optimization_pb2.ScoreRow, _Mapping]]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    SCORER_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    split: str
    scorer: str
    def __init__(self, job_id: _Optional[str] = ..., split: _Optional[str] = ..., scorer: _Optional[str] = ...) -> None: ...

class ComparePromptOptimizationJobs(_message.Message):
    __slots__ = ("job_ids",)
    class Response(_message.Message):
        __slots__ = ("comparisons",)
        COMPARISONS_FIELD_NUMBER: _ClassVar[int]
        comparisons: _containers.RepeatedCompositeFieldContainer[_prompt_optimization_pb2.JobComparison]
        def __init__(self, comparisons: _Optional[_Iterable[_Union[_prompt_optimization_pb2.JobComparison, _Mapping]]] = ...) -> None: ...
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    job_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, job_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class PromoteOptimizedPrompt(_message.Message):
    __slots__ = ("job_id", "alias")
    class Response(_message.Message):
        __slots__ = ("promotion",)
        PROMOTION_FIELD_NUMBER: _ClassVar[int]
        promotion: _prompt_optimization_pb2.Promotion
        def __init__(self, promotion: _Optional[_Union[_prompt_optimization_pb2.Promotion, _Mapping]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    alias: str
    def __init__(self, job_id: _Optional[str] = ..., alias: _Optional[str] = ...) -> None: ...

class RollbackOptimizedPrompt(_message.Message):
    __slots__ = ("job_id", "alias")
    class Response(_message.Message):
        __slots__ = ("promotion",)
        PROMOTION_FIELD_NUMBER: _ClassVar[int]
        promotion: _prompt_optimization_pb2.Promotion
        def __init__(self, promotion: _Optional[_Union[_prompt_optimization_pb2.Promotion, _Mapping]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    alias: str
    def __init__(self, job_id: _Optional[str] = ..., alias: _Optional[str] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("error_code", "message", "problems", "what", "name")
    class Problem(_message.Message):
        __slots__ = ("field", "value", "remedy")
        FIELD_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        REMEDY_FIELD_NUMBER: _ClassVar[int]
        field: str
        value: str
        remedy: str
        def __init__(self, field: _Optional[str] = ..., value: _Optional[str] = ..., remedy: _Optional[str] = ...) -> None: ...
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    error_code: str
    message: str
    problems: _containers.RepeatedCompositeFieldContainer[Error.Problem]
    what: str
    name: str
    def __init__(self, error_code: _Optional[str] = ..., message: _Optional[str] = ..., problems: _Optional[_Iterable[_Union[Error.Problem, _Mapping]]] = ..., what: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

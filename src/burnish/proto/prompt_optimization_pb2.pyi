from burnish.proto import jobs_pb2 as _jobs_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OptimizerType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPTIMIZER_TYPE_UNSPECIFIED: _ClassVar[OptimizerType]
    OPTIMIZER_TYPE_GEPA: _ClassVar[OptimizerType]
    OPTIMIZER_TYPE_METAPROMPT: _ClassVar[OptimizerType]
    OPTIMIZER_TYPE_DISTILLATION: _ClassVar[OptimizerType]
    OPTIMIZER_TYPE_DISTILLATION_100: _ClassVar[OptimizerType]
    OPTIMIZER_TYPE_FEW_SHOT: _ClassVar[OptimizerType]
    OPTIMIZER_TYPE_JOINT_SEARCH: _ClassVar[OptimizerType]
    OPTIMIZER_TYPE_FACTORIAL: _ClassVar[OptimizerType]
    OPTIMIZER_TYPE_AUTO: _ClassVar[OptimizerType]
OPTIMIZER_TYPE_UNSPECIFIED: OptimizerType
OPTIMIZER_TYPE_GEPA: OptimizerType
OPTIMIZER_TYPE_METAPROMPT: OptimizerType
OPTIMIZER_TYPE_DISTILLATION: OptimizerType
OPTIMIZER_TYPE_DISTILLATION_100: OptimizerType
OPTIMIZER_TYPE_FEW_SHOT: OptimizerType
OPTIMIZER_TYPE_JOINT_SEARCH: OptimizerType
OPTIMIZER_TYPE_FACTORIAL: OptimizerType
OPTIMIZER_TYPE_AUTO: OptimizerType

class PromptOptimizationJobTag(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Budget(_message.Message):
    __slots__ = ("max_calls", "max_tokens", "max_usd", "max_seconds")
    MAX_CALLS_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_USD_FIELD_NUMBER: _ClassVar[int]
    MAX_SECONDS_FIELD_NUMBER: _ClassVar[int]
    max_calls: int
    max_tokens: int
    max_usd: float
    max_seconds: float
    def __init__(self, max_calls: _Optional[int] = ..., max_tokens: _Optional[int] = ..., max_usd: _Optional[float] = ..., max_seconds: _Optional[float] = ...) -> None: ...

class Split(_message.Message):
    __slots__ = ("train", "validation", "test")
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    train: float
    validation: float
    test: float
    def __init__(self, train: _Optional[float] = ..., validation: _Optional[float] = ..., test: _Optional[float] = ...) -> None: ...

class PromptOptimizationJobConfig(_message.Message):
    __slots__ = ("optimizer_type", "dataset_id", "scorers", "optimizer_config_json", "teacher_prompt_uri", "model", "reflection_model", "budget", "split", "seed", "concurrency", "max_output_tokens", "call_timeout_seconds", "failure_share", "further_source_prompt_uris", "register", "thinking", "max_unscored_share", "traces", "app", "inputs")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    OPTIMIZER_TYPE_FIELD_NUMBER: _ClassVar[int]
    DATASET_ID_FIELD_NUMBER: _ClassVar[int]
    SCORERS_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_CONFIG_JSON_FIELD_NUMBER: _ClassVar[int]
    TEACHER_PROMPT_URI_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REFLECTION_MODEL_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CALL_TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_SHARE_FIELD_NUMBER: _ClassVar[int]
    FURTHER_SOURCE_PROMPT_URIS_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    MAX_UNSCORED_SHARE_FIELD_NUMBER: _ClassVar[int]
    TRACES_FIELD_NUMBER: _ClassVar[int]
    APP_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    optimizer_type: OptimizerType
    dataset_id: str
    scorers: _containers.RepeatedScalarFieldContainer[str]
    optimizer_config_json: str
    teacher_prompt_uri: str
    model: str
    reflection_model: str
    budget: Budget
    split: Split
    seed: int
    concurrency: int
    max_output_tokens: int
    call_timeout_seconds: float
    failure_share: float
    further_source_prompt_uris: _containers.RepeatedScalarFieldContainer[str]
    register: str
    thinking: str
    max_unscored_share: float
    traces: str
    app: App
    inputs: _containers.ScalarMap[str, str]
    def __init__(self, optimizer_type: _Optional[_Union[OptimizerType, str]] = ..., dataset_id: _Optional[str] = ..., scorers: _Optional[_Iterable[str]] = ..., optimizer_config_json: _Optional[str] = ..., teacher_prompt_uri: _Optional[str] = ..., model: _Optional[str] = ..., reflection_model: _Optional[str] = ..., budget: _Optional[_Union[Budget, _Mapping]] = ..., split: _Optional[_Union[Split, _Mapping]] = ..., seed: _Optional[int] = ..., concurrency: _Optional[int] = ..., max_output_tokens: _Optional[int] = ..., call_timeout_seconds: _Optional[float] = ..., failure_share: _Optional[float] = ..., further_source_prompt_uris: _Optional[_Iterable[str]] = ..., register: _Optional[str] = ..., thinking: _Optional[str] = ..., max_unscored_share: _Optional[float] = ..., traces: _Optional[str] = ..., app: _Optional[_Union[App, _Mapping]] = ..., inputs: _Optional[_Mapping[str, str]] = ...) -> None: ...

class App(_message.Message):
    __slots__ = ("function", "url", "timeout_seconds", "headers_from_env")
    class HeadersFromEnvEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FROM_ENV_FIELD_NUMBER: _ClassVar[int]
    function: str
    url: str
    timeout_seconds: float
    headers_from_env: _containers.ScalarMap[str, str]
    def __init__(self, function: _Optional[str] = ..., url: _Optional[str] = ..., timeout_seconds: _Optional[float] = ..., headers_from_env: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ResolvedModels(_message.Message):
    __slots__ = ("target", "reflection", "teacher", "judges")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REFLECTION_FIELD_NUMBER: _ClassVar[int]
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    JUDGES_FIELD_NUMBER: _ClassVar[int]
    target: str
    reflection: str
    teacher: str
    judges: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, target: _Optional[str] = ..., reflection: _Optional[str] = ..., teacher: _Optional[str] = ..., judges: _Optional[_Iterable[str]] = ...) -> None: ...

class DatasetSummary(_message.Message):
    __slots__ = ("dataset_id", "name", "digest", "train", "validation", "test")
    DATASET_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    dataset_id: str
    name: str
    digest: str
    train: int
    validation: int
    test: int
    def __init__(self, dataset_id: _Optional[str] = ..., name: _Optional[str] = ..., digest: _Optional[str] = ..., train: _Optional[int] = ..., validation: _Optional[int] = ..., test: _Optional[int] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("calls", "prompt_tokens", "completion_tokens", "usd", "unmetered_calls")
    CALLS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    USD_FIELD_NUMBER: _ClassVar[int]
    UNMETERED_CALLS_FIELD_NUMBER: _ClassVar[int]
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: float
    unmetered_calls: int
    def __init__(self, calls: _Optional[int] = ..., prompt_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ..., usd: _Optional[float] = ..., unmetered_calls: _Optional[int] = ...) -> None: ...

class UsageByRole(_message.Message):
    __slots__ = ("calls", "prompt_tokens", "completion_tokens", "usd", "roles", "unmetered_calls")
    class RolesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Usage
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Usage, _Mapping]] = ...) -> None: ...
    CALLS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    USD_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    UNMETERED_CALLS_FIELD_NUMBER: _ClassVar[int]
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: float
    roles: _containers.MessageMap[str, Usage]
    unmetered_calls: int
    def __init__(self, calls: _Optional[int] = ..., prompt_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ..., usd: _Optional[float] = ..., roles: _Optional[_Mapping[str, Usage]] = ..., unmetered_calls: _Optional[int] = ...) -> None: ...

class ScorerNotes(_message.Message):
    __slots__ = ("range", "initial_raw", "final_raw", "unscored_answers")
    RANGE_FIELD_NUMBER: _ClassVar[int]
    INITIAL_RAW_FIELD_NUMBER: _ClassVar[int]
    FINAL_RAW_FIELD_NUMBER: _ClassVar[int]
    UNSCORED_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    range: str
    initial_raw: float
    final_raw: float
    unscored_answers: int
    def __init__(self, range: _Optional[str] = ..., initial_raw: _Optional[float] = ..., final_raw: _Optional[float] = ..., unscored_answers: _Optional[int] = ...) -> None: ...

class TestScores(_message.Message):
    __slots__ = ("initial", "final", "difference", "ci_low", "ci_high", "examples", "detectable")
    INITIAL_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    CI_LOW_FIELD_NUMBER: _ClassVar[int]
    CI_HIGH_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    DETECTABLE_FIELD_NUMBER: _ClassVar[int]
    initial: float
    final: float
    difference: float
    ci_low: float
    ci_high: float
    examples: int
    detectable: float
    def __init__(self, initial: _Optional[float] = ..., final: _Optional[float] = ..., difference: _Optional[float] = ..., ci_low: _Optional[float] = ..., ci_high: _Optional[float] = ..., examples: _Optional[int] = ..., detectable: _Optional[float] = ...) -> None: ...

class JobComparison(_message.Message):
    __slots__ = ("job_id", "same_dataset", "same_test_split", "scores", "verdict", "reason")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SAME_DATASET_FIELD_NUMBER: _ClassVar[int]
    SAME_TEST_SPLIT_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    same_dataset: bool
    same_test_split: bool
    scores: TestScores
    verdict: PromptOptimizationJob.Verdict
    reason: str
    def __init__(self, job_id: _Optional[str] = ..., same_dataset: _Optional[bool] = ..., same_test_split: _Optional[bool] = ..., scores: _Optional[_Union[TestScores, _Mapping]] = ..., verdict: _Optional[_Union[PromptOptimizationJob.Verdict, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class PromptOptimizationJob(_message.Message):
    __slots__ = ("job_id", "run_id", "state", "experiment_id", "source_prompt_uri", "optimized_prompt_uri", "config", "creation_timestamp_ms", "completion_timestamp_ms", "tags", "initial_eval_scores", "final_eval_scores", "test_scores", "verdict", "stop_reason", "usage", "warnings", "attempt", "best_candidate_id", "start_timestamp_ms", "heartbeat_timestamp_ms", "worker_id", "cancel_requested", "seconds_spent", "further_optimized_prompt_uris", "answers", "scorer_notes", "requested_source_prompt_uri", "further_source_prompt_uris", "models", "dataset", "workspace", "created_by", "canceled_by", "resumed_by", "registered_by", "promoted_by", "best_score", "kind", "origin")
    class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        VERDICT_UNSPECIFIED: _ClassVar[PromptOptimizationJob.Verdict]
        IMPROVED: _ClassVar[PromptOptimizationJob.Verdict]
        NO_DIFFERENCE: _ClassVar[PromptOptimizationJob.Verdict]
        WORSE: _ClassVar[PromptOptimizationJob.Verdict]
    VERDICT_UNSPECIFIED: PromptOptimizationJob.Verdict
    IMPROVED: PromptOptimizationJob.Verdict
    NO_DIFFERENCE: PromptOptimizationJob.Verdict
    WORSE: PromptOptimizationJob.Verdict
    class StopReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STOP_REASON_UNSPECIFIED: _ClassVar[PromptOptimizationJob.StopReason]
        FINISHED: _ClassVar[PromptOptimizationJob.StopReason]
        BUDGET: _ClassVar[PromptOptimizationJob.StopReason]
        TARGET_REACHED: _ClassVar[PromptOptimizationJob.StopReason]
        PATIENCE: _ClassVar[PromptOptimizationJob.StopReason]
        NO_HEADROOM: _ClassVar[PromptOptimizationJob.StopReason]
        CANCELED: _ClassVar[PromptOptimizationJob.StopReason]
        ERROR: _ClassVar[PromptOptimizationJob.StopReason]
        NO_NEW_IDEAS: _ClassVar[PromptOptimizationJob.StopReason]
        LITTLE_TO_GAIN: _ClassVar[PromptOptimizationJob.StopReason]
    STOP_REASON_UNSPECIFIED: PromptOptimizationJob.StopReason
    FINISHED: PromptOptimizationJob.StopReason
    BUDGET: PromptOptimizationJob.StopReason
    TARGET_REACHED: PromptOptimizationJob.StopReason
    PATIENCE: PromptOptimizationJob.StopReason
    NO_HEADROOM: PromptOptimizationJob.StopReason
    CANCELED: PromptOptimizationJob.StopReason
    ERROR: PromptOptimizationJob.StopReason
    NO_NEW_IDEAS: PromptOptimizationJob.StopReason
    LITTLE_TO_GAIN: PromptOptimizationJob.StopReason
    class InitialEvalScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class FinalEvalScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class AnswersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ScorerNotesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: ScorerNotes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[ScorerNotes, _Mapping]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PROMPT_URI_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZED_PROMPT_URI_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    CREATION_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    INITIAL_EVAL_SCORES_FIELD_NUMBER: _ClassVar[int]
    FINAL_EVAL_SCORES_FIELD_NUMBER: _ClassVar[int]
    TEST_SCORES_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    BEST_CANDIDATE_ID_FIELD_NUMBER: _ClassVar[int]
    START_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    SECONDS_SPENT_FIELD_NUMBER: _ClassVar[int]
    FURTHER_OPTIMIZED_PROMPT_URIS_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    SCORER_NOTES_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_SOURCE_PROMPT_URI_FIELD_NUMBER: _ClassVar[int]
    FURTHER_SOURCE_PROMPT_URIS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CANCELED_BY_FIELD_NUMBER: _ClassVar[int]
    RESUMED_BY_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_BY_FIELD_NUMBER: _ClassVar[int]
    PROMOTED_BY_FIELD_NUMBER: _ClassVar[int]
    BEST_SCORE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    run_id: str
    state: _jobs_pb2.JobState
    experiment_id: str
    source_prompt_uri: str
    optimized_prompt_uri: str
    config: PromptOptimizationJobConfig
    creation_timestamp_ms: int
    completion_timestamp_ms: int
    tags: _containers.RepeatedCompositeFieldContainer[PromptOptimizationJobTag]
    initial_eval_scores: _containers.ScalarMap[str, float]
    final_eval_scores: _containers.ScalarMap[str, float]
    test_scores: TestScores
    verdict: PromptOptimizationJob.Verdict
    stop_reason: PromptOptimizationJob.StopReason
    usage: UsageByRole
    warnings: _containers.RepeatedScalarFieldContainer[str]
    attempt: int
    best_candidate_id: str
    start_timestamp_ms: int
    heartbeat_timestamp_ms: int
    worker_id: str
    cancel_requested: bool
    seconds_spent: float
    further_optimized_prompt_uris: _containers.RepeatedScalarFieldContainer[str]
    answers: _containers.ScalarMap[str, int]
    scorer_notes: _containers.MessageMap[str, ScorerNotes]
    requested_source_prompt_uri: str
    further_source_prompt_uris: _containers.RepeatedScalarFieldContainer[str]
    models: ResolvedModels
    dataset: DatasetSummary
    workspace: str
    created_by: str
    canceled_by: str
    resumed_by: str
    registered_by: str
    promoted_by: str
    best_score: float
    kind: str
    origin: str
    def __init__(self, job_id: _Optional[str] = ..., run_id: _Optional[str] = ..., state: _Optional[_Union[_jobs_pb2.JobState, _Mapping]] = ..., experiment_id: _Optional[str] = ..., source_prompt_uri: _Optional[str] = ..., optimized_prompt_uri: _Optional[str] = ..., config: _Optional[_Union[PromptOptimizationJobConfig, _Mapping]] = ..., creation_timestamp_ms: _Optional[int] = ..., completion_timestamp_ms: _Optional[int] = ..., tags: _Optional[_Iterable[_Union[PromptOptimizationJobTag, _Mapping]]] = ..., initial_eval_scores: _Optional[_Mapping[str, float]] = ..., final_eval_scores: _Optional[_Mapping[str, float]] = ..., test_scores: _Optional[_Union[TestScores, _Mapping]] = ..., verdict: _Optional[_Union[PromptOptimizationJob.Verdict, str]] = ..., stop_reason: _Optional[_Union[PromptOptimizationJob.StopReason, str]] = ..., usage: _Optional[_Union[UsageByRole, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ..., attempt: _Optional[int] = ..., best_candidate_id: _Optional[str] = ..., start_timestamp_ms: _Optional[int] = ..., heartbeat_timestamp_ms: _Optional[int] = ..., worker_id: _Optional[str] = ..., cancel_requested: _Optional[bool] = ..., seconds_spent: _Optional[float] = ..., further_optimized_prompt_uris: _Optional[_Iterable[str]] = ..., answers: _Optional[_Mapping[str, int]] = ..., scorer_notes: _Optional[_Mapping[str, ScorerNotes]] = ..., requested_source_prompt_uri: _Optional[str] = ..., further_source_prompt_uris: _Optional[_Iterable[str]] = ..., models: _Optional[_Union[ResolvedModels, _Mapping]] = ..., dataset: _Optional[_Union[DatasetSummary, _Mapping]] = ..., workspace: _Optional[str] = ..., created_by: _Optional[str] = ..., canceled_by: _Optional[str] = ..., resumed_by: _Optional[str] = ..., registered_by: _Optional[str] = ..., promoted_by: _Optional[str] = ..., best_score: _Optional[float] = ..., kind: _Optional[str] = ..., origin: _Optional[str] = ...) -> None: ...

class JobEvent(_message.Message):
    __slots__ = ("sequence", "attempt", "timestamp_ms", "kind", "data", "actor")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[JobEvent.Kind]
        CREATED: _ClassVar[JobEvent.Kind]
        STARTED: _ClassVar[JobEvent.Kind]
        SPLIT: _ClassVar[JobEvent.Kind]
        PHASE: _ClassVar[JobEvent.Kind]
        PROGRESS: _ClassVar[JobEvent.Kind]
        CANDIDATE: _ClassVar[JobEvent.Kind]
        BEST: _ClassVar[JobEvent.Kind]
        WARNING: _ClassVar[JobEvent.Kind]
        RETRY: _ClassVar[JobEvent.Kind]
        CANCEL_REQUESTED: _ClassVar[JobEvent.Kind]
        RESUMED: _ClassVar[JobEvent.Kind]
        TESTED: _ClassVar[JobEvent.Kind]
        REGISTERED: _ClassVar[JobEvent.Kind]
        ENDED: _ClassVar[JobEvent.Kind]
        EDIT: _ClassVar[JobEvent.Kind]
        FORECAST: _ClassVar[JobEvent.Kind]
        PROMOTED: _ClassVar[JobEvent.Kind]
        ROLLED_BACK: _ClassVar[JobEvent.Kind]
        PROPOSAL: _ClassVar[JobEvent.Kind]
    KIND_UNSPECIFIED: JobEvent.Kind
    CREATED: JobEvent.Kind
    STARTED: JobEvent.Kind
    SPLIT: JobEvent.Kind
    PHASE: JobEvent.Kind
    PROGRESS: JobEvent.Kind
    CANDIDATE: JobEvent.Kind
    BEST: JobEvent.Kind
    WARNING: JobEvent.Kind
    RETRY: JobEvent.Kind
    CANCEL_REQUESTED: JobEvent.Kind
    RESUMED: JobEvent.Kind
    TESTED: JobEvent.Kind
    REGISTERED: JobEvent.Kind
    ENDED: JobEvent.Kind
    EDIT: JobEvent.Kind
    FORECAST: JobEvent.Kind
    PROMOTED: JobEvent.Kind
    ROLLED_BACK: JobEvent.Kind
    PROPOSAL: JobEvent.Kind
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    attempt: int
    timestamp_ms: int
    kind: JobEvent.Kind
    data: _struct_pb2.Struct
    actor: str
    def __init__(self, sequence: _Optional[int] = ..., attempt: _Optional[int] = ..., timestamp_ms: _Optional[int] = ..., kind: _Optional[_Union[JobEvent.Kind, str]] = ..., data: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., actor: _Optional[str] = ...) -> None: ...

class JobListEvent(_message.Message):
    __slots__ = ("kind", "job_id", "job")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[JobListEvent.Kind]
        RESET: _ClassVar[JobListEvent.Kind]
        CREATED: _ClassVar[JobListEvent.Kind]
        CHANGED: _ClassVar[JobListEvent.Kind]
        DELETED: _ClassVar[JobListEvent.Kind]
    KIND_UNSPECIFIED: JobListEvent.Kind
    RESET: JobListEvent.Kind
    CREATED: JobListEvent.Kind
    CHANGED: JobListEvent.Kind
    DELETED: JobListEvent.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    kind: JobListEvent.Kind
    job_id: str
    job: PromptOptimizationJob
    def __init__(self, kind: _Optional[_Union[JobListEvent.Kind, str]] = ..., job_id: _Optional[str] = ..., job: _Optional[_Union[PromptOptimizationJob, _Mapping]] = ...) -> None: ...

class ChatMessage(_message.Message):
    __slots__ = ("role", "content")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    role: str
    content: str
    def __init__(self, role: _Optional[str] = ..., content: _Optional[str] = ...) -> None: ...

class PromptTemplate(_message.Message):
    __slots__ = ("text", "messages")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    text: str
    messages: _containers.RepeatedCompositeFieldContainer[ChatMessage]
    def __init__(self, text: _Optional[str] = ..., messages: _Optional[_Iterable[_Union[ChatMessage, _Mapping]]] = ...) -> None: ...

class PromptEdit(_message.Message):
    __slots__ = ("number", "kind", "text", "prompt", "origin", "status", "effect", "low", "high", "chance", "calls", "reason")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[PromptEdit.Kind]
        INSTRUCTION: _ClassVar[PromptEdit.Kind]
        RULE: _ClassVar[PromptEdit.Kind]
        FORMAT: _ClassVar[PromptEdit.Kind]
        LAYOUT: _ClassVar[PromptEdit.Kind]
        DEMONSTRATION: _ClassVar[PromptEdit.Kind]
        REWORDING: _ClassVar[PromptEdit.Kind]
    KIND_UNSPECIFIED: PromptEdit.Kind
    INSTRUCTION: PromptEdit.Kind
    RULE: PromptEdit.Kind
    FORMAT: PromptEdit.Kind
    LAYOUT: PromptEdit.Kind
    DEMONSTRATION: PromptEdit.Kind
    REWORDING: PromptEdit.Kind
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[PromptEdit.Status]
        TESTING: _ClassVar[PromptEdit.Status]
        KEPT: _ClassVar[PromptEdit.Status]
        LEFT_OUT: _ClassVar[PromptEdit.Status]
        GIVEN_UP: _ClassVar[PromptEdit.Status]
    STATUS_UNSPECIFIED: PromptEdit.Status
    TESTING: PromptEdit.Status
    KEPT: PromptEdit.Status
    LEFT_OUT: PromptEdit.Status
    GIVEN_UP: PromptEdit.Status
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    CHANCE_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    number: int
    kind: PromptEdit.Kind
    text: str
    prompt: str
    origin: str
    status: PromptEdit.Status
    effect: float
    low: float
    high: float
    chance: float
    calls: int
    reason: str
    def __init__(self, number: _Optional[int] = ..., kind: _Optional[_Union[PromptEdit.Kind, str]] = ..., text: _Optional[str] = ..., prompt: _Optional[str] = ..., origin: _Optional[str] = ..., status: _Optional[_Union[PromptEdit.Status, str]] = ..., effect: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., chance: _Optional[float] = ..., calls: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class PromptCandidate(_message.Message):
    __slots__ = ("candidate_id", "number", "status", "parents", "origin", "reason", "scores", "objectives", "usage", "texts", "on_pareto_front")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[PromptCandidate.Status]
        SOURCE: _ClassVar[PromptCandidate.Status]
        PROPOSED: _ClassVar[PromptCandidate.Status]
        ACCEPTED: _ClassVar[PromptCandidate.Status]
        REJECTED: _ClassVar[PromptCandidate.Status]
        REFUSED: _ClassVar[PromptCandidate.Status]
    STATUS_UNSPECIFIED: PromptCandidate.Status
    SOURCE: PromptCandidate.Status
    PROPOSED: PromptCandidate.Status
    ACCEPTED: PromptCandidate.Status
    REJECTED: PromptCandidate.Status
    REFUSED: PromptCandidate.Status
    class ScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class ObjectivesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class TextsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: PromptTemplate
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[PromptTemplate, _Mapping]] = ...) -> None: ...
    CANDIDATE_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVES_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    ON_PARETO_FRONT_FIELD_NUMBER: _ClassVar[int]
    candidate_id: str
    number: int
    status: PromptCandidate.Status
    parents: _containers.RepeatedScalarFieldContainer[str]
    origin: str
    reason: str
    scores: _containers.ScalarMap[str, float]
    objectives: _containers.ScalarMap[str, float]
    usage: UsageByRole
    texts: _containers.MessageMap[str, PromptTemplate]
    on_pareto_front: bool
    def __init__(self, candidate_id: _Optional[str] = ..., number: _Optional[int] = ..., status: _Optional[_Union[PromptCandidate.Status, str]] = ..., parents: _Optional[_Iterable[str]] = ..., origin: _Optional[str] = ..., reason: _Optional[str] = ..., scores: _Optional[_Mapping[str, float]] = ..., objectives: _Optional[_Mapping[str, float]] = ..., usage: _Optional[_Union[UsageByRole, _Mapping]] = ..., texts: _Optional[_Mapping[str, PromptTemplate]] = ..., on_pareto_front: _Optional[bool] = ...) -> None: ...

class PromptVersion(_message.Message):
    __slots__ = ("name", "uri", "template", "model_config", "response_format")
    NAME_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    MODEL_CONFIG_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FORMAT_FIELD_NUMBER: _ClassVar[int]
    name: str
    uri: str
    template: PromptTemplate
    model_config: _struct_pb2.Struct
    response_format: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., uri: _Optional[str] = ..., template: _Optional[_Union[PromptTemplate, _Mapping]] = ..., model_config: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., response_format: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class ResolvedModel(_message.Message):
    __slots__ = ("uri", "parameters")
    URI_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    uri: str
    parameters: _struct_pb2.Struct
    def __init__(self, uri: _Optional[str] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class ScorerDefinition(_message.Message):
    __slots__ = ("name", "spec", "model", "registered")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    name: str
    spec: str
    model: str
    registered: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., spec: _Optional[str] = ..., model: _Optional[str] = ..., registered: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class JobInputs(_message.Message):
    __slots__ = ("prompts", "target", "reflection", "teacher_prompt", "teacher", "scorers", "judge_model", "optimizer_settings", "dataset", "versions", "warnings")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REFLECTION_FIELD_NUMBER: _ClassVar[int]
    TEACHER_PROMPT_FIELD_NUMBER: _ClassVar[int]
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    SCORERS_FIELD_NUMBER: _ClassVar[int]
    JUDGE_MODEL_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_SETTINGS_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    prompts: _containers.RepeatedCompositeFieldContainer[PromptVersion]
    target: ResolvedModel
    reflection: ResolvedModel
    teacher_prompt: PromptVersion
    teacher: ResolvedModel
    scorers: _containers.RepeatedCompositeFieldContainer[ScorerDefinition]
    judge_model: str
    optimizer_settings: _struct_pb2.Struct
    dataset: DatasetSummary
    versions: _containers.ScalarMap[str, str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, prompts: _Optional[_Iterable[_Union[PromptVersion, _Mapping]]] = ..., target: _Optional[_Union[ResolvedModel, _Mapping]] = ..., reflection: _Optional[_Union[ResolvedModel, _Mapping]] = ..., teacher_prompt: _Optional[_Union[PromptVersion, _Mapping]] = ..., teacher: _Optional[_Union[ResolvedModel, _Mapping]] = ..., scorers: _Optional[_Iterable[_Union[ScorerDefinition, _Mapping]]] = ..., judge_model: _Optional[str] = ..., optimizer_settings: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., dataset: _Optional[_Union[DatasetSummary, _Mapping]] = ..., versions: _Optional[_Mapping[str, str]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class JobExample(_message.Message):
    __slots__ = ("example_id", "position", "split", "inputs", "expectations", "source")
    EXAMPLE_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    EXPECTATIONS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    example_id: str
    position: int
    split: str
    inputs: _struct_pb2.Struct
    expectations: _struct_pb2.Struct
    source: str
    def __init__(self, example_id: _Optional[str] = ..., position: _Optional[int] = ..., split: _Optional[str] = ..., inputs: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., expectations: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., source: _Optional[str] = ...) -> None: ...

class ScorerResult(_message.Message):
    __slots__ = ("value", "rationale", "raw")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    RATIONALE_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    value: float
    rationale: str
    raw: float
    def __init__(self, value: _Optional[float] = ..., rationale: _Optional[str] = ..., raw: _Optional[float] = ...) -> None: ...

class ExampleResult(_message.Message):
    __slots__ = ("example_id", "split", "output", "scores", "aggregate", "error", "usage", "trace_id")
    class ScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: ScorerResult
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[ScorerResult, _Mapping]] = ...) -> None: ...
    EXAMPLE_ID_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    example_id: str
    split: str
    output: str
    scores: _containers.MessageMap[str, ScorerResult]
    aggregate: float
    error: str
    usage: Usage
    trace_id: str
    def __init__(self, example_id: _Optional[str] = ..., split: _Optional[str] = ..., output: _Optional[str] = ..., scores: _Optional[_Mapping[str, ScorerResult]] = ..., aggregate: _Optional[float] = ..., error: _Optional[str] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., trace_id: _Optional[str] = ...) -> None: ...

class ScoreRow(_message.Message):
    __slots__ = ("candidate_id", "columns", "scores", "errors")
    CANDIDATE_ID_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    candidate_id: str
    columns: _containers.RepeatedScalarFieldContainer[int]
    scores: _containers.RepeatedScalarFieldContainer[float]
    errors: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, candidate_id: _Optional[str] = ..., columns: _Optional[_Iterable[int]] = ..., scores: _Optional[_Iterable[float]] = ..., errors: _Optional[_Iterable[int]] = ...) -> None: ...

class Promotion(_message.Message):
    __slots__ = ("name", "alias", "version", "previous_version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    alias: str
    version: int
    previous_version: int
    def __init__(self, name: _Optional[str] = ..., alias: _Optional[str] = ..., version: _Optional[int] = ..., previous_version: _Optional[int] = ...) -> None: ...

class SplitChoice(_message.Message):
    __slots__ = ("split", "train", "validation", "test", "detectable_low", "detectable_high")
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    DETECTABLE_LOW_FIELD_NUMBER: _ClassVar[int]
    DETECTABLE_HIGH_FIELD_NUMBER: _ClassVar[int]
    split: str
    train: int
    validation: int
    test: int
    detectable_low: float
    detectable_high: float
    def __init__(self, split: _Optional[str] = ..., train: _Optional[int] = ..., validation: _Optional[int] = ..., test: _Optional[int] = ..., detectable_low: _Optional[float] = ..., detectable_high: _Optional[float] = ...) -> None: ...

class JobEstimate(_message.Message):
    __slots__ = ("calls_low", "calls_high", "tokens_low", "tokens_high", "usd_low", "usd_high", "seconds_low", "seconds_high", "warnings", "detectable_low", "detectable_high", "splits")
    CALLS_LOW_FIELD_NUMBER: _ClassVar[int]
    CALLS_HIGH_FIELD_NUMBER: _ClassVar[int]
    TOKENS_LOW_FIELD_NUMBER: _ClassVar[int]
    TOKENS_HIGH_FIELD_NUMBER: _ClassVar[int]
    USD_LOW_FIELD_NUMBER: _ClassVar[int]
    USD_HIGH_FIELD_NUMBER: _ClassVar[int]
    SECONDS_LOW_FIELD_NUMBER: _ClassVar[int]
    SECONDS_HIGH_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    DETECTABLE_LOW_FIELD_NUMBER: _ClassVar[int]
    DETECTABLE_HIGH_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    calls_low: int
    calls_high: int
    tokens_low: int
    tokens_high: int
    usd_low: float
    usd_high: float
    seconds_low: float
    seconds_high: float
    warnings: _containers.RepeatedScalarFieldContainer[str]
    detectable_low: float
    detectable_high: float
    splits: _containers.RepeatedCompositeFieldContainer[SplitChoice]
    def __init__(self, calls_low: _Optional[int] = ..., calls_high: _Optional[int] = ..., tokens_low: _Optional[int] = ..., tokens_high: _Optional[int] = ..., usd_low: _Optional[float] = ..., usd_high: _Optional[float] = ..., seconds_low: _Optional[float] = ..., seconds_high: _Optional[float] = ..., warnings: _Optional[_Iterable[str]] = ..., detectable_low: _Optional[float] = ..., detectable_high: _Optional[float] = ..., splits: _Optional[_Iterable[_Union[SplitChoice, _Mapping]]] = ...) -> None: ...

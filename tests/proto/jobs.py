"""Jobs to send over the wire: one with next to nothing known, one with everything."""

from __future__ import annotations

from burnish.domain.answer import Thinking
from burnish.domain.budget import Budget
from burnish.domain.inputs import DatasetSummary, InputSummary
from burnish.domain.job import (
    Job,
    JobConfig,
    JobStatus,
    OptimizerType,
    Progress,
    RegisterPolicy,
    SplitFractions,
    StopReason,
    TestScores,
    TracePolicy,
    Verdict,
)
from burnish.domain.usage import Role, Usage, UsageByRole

SMALL_JOB = Job(
    job_id="j1",
    experiment_id="0",
    config=JobConfig(
        source_prompt_uris=("prompts:/a/1",),
        dataset_id=None,
        scorers=(),
        optimizer_type=OptimizerType.METAPROMPT,
    ),
    creation_timestamp_ms=1_700_000_000_000,
)
FULL_JOB = Job(
    job_id="j2",
    experiment_id="7",
    config=JobConfig(
        source_prompt_uris=("prompts:/a@prod", "prompts:/b@prod"),
        dataset_id="d-1",
        scorers=("exact_match", "contains=2"),
        optimizer_type=OptimizerType.GEPA,
        optimizer_config={"max_metric_calls": 100, "nested": {"a": [1, None, "ä"]}},
        model="openai:/small",
        reflection_model="openai:/large",
        teacher_prompt_uri="prompts:/teacher/1",
        budget=Budget(max_calls=900, max_tokens=10**6, max_usd=1.5, max_seconds=60.0),
        split=SplitFractions(0.6, 0.3, 0.1),
        seed=2**32 - 1,
        concurrency=16,
        max_output_tokens=64,
        call_timeout_seconds=30.0,
        failure_share=0.25,
        max_unscored_share=0.75,
        thinking=Thinking.KEEP,
        register=RegisterPolicy.ALWAYS,
        traces=TracePolicy.ALL,
    ),
    creation_timestamp_ms=1_700_000_000_050,
    tags={"b": "1", "a": "ü"},
    status=JobStatus.COMPLETED,
    attempt=2,
    worker_id="w1",
    heartbeat_timestamp_ms=1_700_000_000_500,
    cancel_requested=True,
    status_message="testing",
    error_message="none",
    progress=Progress("search", 3, 9, "evaluations"),
    progress_updated_at_ms=1_700_000_000_400,
    start_timestamp_ms=1_700_000_000_100,
    completion_timestamp_ms=1_700_000_001_000,
    seconds_spent=0.9,
    run_id="r1",
    optimized_prompt_uris=("prompts:/a/2", "prompts:/b/3"),
    best_candidate_id="c1",
    initial_eval_scores={"aggregate": 0.0, "exact_match": 0.0},
    final_eval_scores={"aggregate": 0.7, "exact_match": 0.7},
    test_scores=TestScores(0.0, 0.7, 0.7, 0.5, 0.8, 40, 0.21),
    verdict=Verdict.IMPROVED,
    stop_reason=StopReason.BUDGET,
    usage=UsageByRole({Role.TARGET: Usage(3, 10, 5, 123_456_789), Role.REFLECTION: Usage(1, 2, 3, None)}),
    warnings=("only 40 examples",),
    answers={"ok": 2, "cut": 1, "empty": 0, "refused": 0, "error": 1},
    score_ranges={"exact_match": "1-5"},
    unscored_answers={"exact_match": 3},
    inputs=InputSummary(
        source_prompt_uris=("prompts:/a/1", "prompts:/b/2"),
        model="openai:/small",
        reflection_model="openai:/large",
        teacher_model="openai:/larger",
        judge_models=("openai:/judge",),
        dataset=DatasetSummary(dataset_id="d-1", name="ä", digest="abc", train=24, validation=12, test=4),
    ),
)

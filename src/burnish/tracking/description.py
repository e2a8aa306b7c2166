"""What a run says about its job: its name, tags and params. The same words in every tracker."""

from __future__ import annotations

import json
from typing import Any

from burnish.domain.dataset import SPLITS
from burnish.domain.inputs import InputSummary
from burnish.domain.job import MAX_TAG_VALUE_CHARACTERS, Job
from burnish.tracking.names import split_prompt_uri, tag_name

JOB_TAG = "burnish.job_id"  # on runs and on registered versions
STORE_TAG = "burnish.store_id"  # on runs: the store that has the job
ATTEMPT_TAG = "burnish.attempt"  # the attempt that made the run
SOURCE_TAG = "burnish.source_prompt_uri"  # on registered versions
MAX_PARAM_CHARACTERS = 6000
MAX_TAG_CHARACTERS = MAX_TAG_VALUE_CHARACTERS  # of a run


def run_name(job: Job) -> str:
    """As MLflow's own jobs, without the time behind it."""
    name, version = split_prompt_uri(job.source_prompt_uri)
    return f"optimize_prompt_{job.config.optimizer_type.value.lower()}_{name}_{version}"


def run_tags(job: Job) -> dict[str, str]:
    """The user's tags, and those by which MLflow and we find the run."""
    return {
        **{tag_name(key): value[:MAX_TAG_CHARACTERS] for key, value in job.tags.items()},
        "mlflow.source.name": "burnish",
        "mlflow.source.type": "JOB",
        "mlflow.run.isPromptOptimization": "true",
        JOB_TAG: job.job_id,
        ATTEMPT_TAG: str(job.attempt),
    }


def run_params(job: Job) -> dict[str, str]:
    """The job's request and what it came to: the first seven and ``num_training_samples`` as MLflow's own
    jobs log them, then ours. Long ones are cut."""
    config, inputs = job.config, job.inputs
    params = {
        "source_prompt_uri": job.source_prompt_uri,
        "optimizer_type": config.optimizer_type.value.lower(),
        "dataset_id": config.dataset_id or "",
        "scorer_names": json.dumps(list(config.scorers)),
        "optimizer_config_json": json.dumps(_settings(job), default=str),
        "optimizer": config.optimizer_type.value,
        "num_prompts": str(len(config.source_prompt_uris)),
        "split": str(config.fractions),
        "seed": str(config.seed),
        "concurrency": str(config.concurrency),
    }
    optional = {
        "inputs": json.dumps(dict(config.inputs), ensure_ascii=False) if config.inputs else None,
        "model": inputs.model if inputs else config.model,
        "reflection_model": inputs.reflection_model if inputs else config.reflection_model,
        "max_output_tokens": config.max_output_tokens,
        "budget.max_calls": config.budget.max_calls,
        "budget.max_tokens": config.budget.max_tokens,
        "budget.max_usd": config.budget.max_usd,
        "budget.max_seconds": config.budget.max_seconds,
    }
    params |= {key: str(value) for key, value in optional.items() if value is not None}
    if len(job.source_prompt_uris) > 1:
        params["source_prompt_uris"] = json.dumps(list(job.source_prompt_uris))
    if job.source_prompt_uris != config.source_prompt_uris:
        params["requested_source_prompt_uris"] = json.dumps(list(config.source_prompt_uris))
    if inputs is not None:
        params |= _input_params(inputs)
    return {
        key: value if len(value) <= MAX_PARAM_CHARACTERS else value[: MAX_PARAM_CHARACTERS - 3] + "..."
        for key, value in params.items()
    }


def _input_params(inputs: InputSummary) -> dict[str, str]:
    params = {}
    if inputs.teacher_model is not None:
        params["teacher_model"] = inputs.teacher_model
    if inputs.judge_models:
        params["judge_models"] = json.dumps(list(inputs.judge_models))
    if (dataset := inputs.dataset) is not None:
        params["dataset_digest"] = dataset.digest
        params |= {f"examples.{name}": str(getattr(dataset, name)) for name in SPLITS}
        params["num_training_samples"] = str(dataset.train)
    return params


def _settings(job: Job) -> dict[str, Any]:
    """The optimizer's settings with what MLflow has among them and we have beside them."""
    settings = dict(job.config.optimizer_settings)
    reflection_model = job.inputs.reflection_model if job.inputs else job.config.reflection_model
    return settings | ({"reflection_model": reflection_model} if reflection_model else {})

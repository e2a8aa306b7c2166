"""A candidate's files and a run's metrics, laid out as MLflow's own optimizers do it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from burnish.domain.dataset import Example
from burnish.domain.job import Job
from burnish.domain.prompt import template_to_json
from burnish.domain.records import CandidateRecord, EvaluationRecord
from burnish.domain.text import value_as_text
from burnish.domain.usage import Role, Usage, UsageByRole

CANDIDATES = "prompt_candidates"
SCORES = "scores.json"
EVALUATIONS = "eval_results.json"


def candidate_folder(record: CandidateRecord) -> str:
    return f"{CANDIDATES}/iteration_{record.number}"


def candidate_metrics(record: CandidateRecord) -> dict[str, float]:
    """``eval_score`` and ``eval_score.<scorer>``, to be logged at step ``record.number``."""
    return _score_metrics("eval_score", record.scores)


def result_metrics(job: Job) -> dict[str, float]:
    """What a completed job's run says of its scores."""
    metrics = _score_metrics("initial_eval_score", job.initial_eval_scores)
    metrics |= _score_metrics("final_eval_score", job.final_eval_scores)
    metrics |= _score_metrics("initial_eval_score_raw", job.raw_scores(job.initial_eval_scores))
    metrics |= _score_metrics("final_eval_score_raw", job.raw_scores(job.final_eval_scores))
    if job.test_scores is not None:
        known = {name: value for name, value in asdict(job.test_scores).items() if value is not None}
        metrics |= {f"test_score.{name}": float(value) for name, value in known.items()}
    return metrics


def usage_metrics(spent: UsageByRole) -> dict[str, float]:
    """``usage.calls`` and so on; no ``usage.usd`` where the price is unknown.

    ``total_metric_calls``, as MLflow has it, are the answers of the prompts that were tried.
    """
    usage = spent.total
    answers = spent.roles.get(Role.TARGET, Usage())
    metrics = {
        "total_metric_calls": float(answers.calls),
        "usage.calls": float(usage.calls),
        "usage.prompt_tokens": float(usage.prompt_tokens),
        "usage.completion_tokens": float(usage.completion_tokens),
    }
    return metrics if usage.usd is None else metrics | {"usage.usd": usage.usd}


def _score_metrics(prefix: str, scores: Mapping[str, float]) -> dict[str, float]:
    return {prefix if name == "aggregate" else f"{prefix}.{name}": value for name, value in scores.items()}


def candidate_files(
    record: CandidateRecord, evaluations: Sequence[EvaluationRecord], examples: Mapping[str, Example]
) -> dict[str, str]:
    """File name → text. ``scores.json`` is the last: where it is, the others are."""
    files = {}
    for name, template in record.candidate.texts.items():
        files[f"{name}.txt"] = value_as_text(template_to_json(template))
    files[EVALUATIONS] = _table_json(evaluation_table(evaluations, examples))
    scores = dict(record.scores)
    files[SCORES] = json.dumps({"aggregate": scores.pop("aggregate", 0.0), "per_scorer": scores}, indent=2)
    return files


def evaluation_table(
    evaluations: Sequence[EvaluationRecord], examples: Mapping[str, Example]
) -> dict[str, list[Any]]:
    """MLflow's table artifact: pandas' "split" orientation, the columns of its GEPA optimizer."""
    scorers = sorted({name for entry in evaluations for name in entry.evaluation.scores})
    rows = []
    for entry in evaluations:
        evaluation = entry.evaluation
        example = examples.get(evaluation.example_id)
        scores = [evaluation.scores[name].value if name in evaluation.scores else None for name in scorers]
        rows.append(
            [
                dict(example.inputs) if example else {"example_id": evaluation.example_id},
                evaluation.output,
                dict(example.expectations) if example else {},
                None if evaluation.unscored else evaluation.aggregate,
                *scores,
            ]
        )
    return {"columns": ["inputs", "output", "expectation", "aggregate_score", *scorers], "data": rows}


def _table_json(table: Mapping[str, list[Any]]) -> str:
    """Row by row: to encode a table of 100 MB at once would hold up every other thread for a second."""

    def encode(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, default=str)

    rows = ", ".join(encode(row) for row in table["data"])
    return f'{{"columns": {encode(table["columns"])}, "data": [{rows}]}}'

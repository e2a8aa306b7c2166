"""The files of a candidate and their metrics, laid out as MLflow's own optimizers do it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from burnish.domain.dataset import Example
from burnish.domain.prompt import template_to_json
from burnish.store.protocol import CandidateRecord, EvaluationRecord

CANDIDATES = "prompt_candidates"
SCORES = "scores.json"
EVALUATIONS = "eval_results.json"


def candidate_folder(record: CandidateRecord) -> str:
    return f"{CANDIDATES}/iteration_{record.number}"


def candidate_metrics(record: CandidateRecord) -> dict[str, float]:
    """``eval_score`` and ``eval_score.<scorer>``, to be logged at step ``record.number``."""
    return {
        "eval_score" if name == "aggregate" else f"eval_score.{name}": value
        for name, value in record.scores.items()
    }


def candidate_files(
    record: CandidateRecord, evaluations: Sequence[EvaluationRecord], examples: Mapping[str, Example]
) -> dict[str, str]:
    """File name → text. ``scores.json`` is the last: where it is, the others are."""
    files = {}
    for name, template in record.candidate.texts.items():
        stored = template_to_json(template)
        files[f"{name}.txt"] = stored if isinstance(stored, str) else json.dumps(stored, ensure_ascii=False)
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
                evaluation.aggregate,
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

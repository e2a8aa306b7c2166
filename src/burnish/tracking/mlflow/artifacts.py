"""Files of a run, laid out as MLflow's own optimizers lay them out."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from burnish.domain.dataset import Example
from burnish.domain.prompt import template_to_json
from burnish.store.protocol import CandidateRecord, EvaluationRecord
from burnish.tracking.mlflow.connection import Connection

CANDIDATES = "prompt_candidates"
SCORES = "scores.json"
EVALUATIONS = "eval_results.json"


class Artifacts:
    """Artifacts over one connection; ``artifact_uri`` is the run's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names(self, artifact_uri: str, folder: str) -> set[str]:
        """Names of the files in a folder; empty when it is not there."""
        with self._connection.artifacts(artifact_uri) as repository:
            return {PurePosixPath(entry.path).name for entry in repository.list_artifacts(folder)}

    def write(self, artifact_uri: str, folder: str, files: Mapping[str, str]) -> None:
        """Write texts as UTF-8 files, in this order, replacing what is there."""
        with tempfile.TemporaryDirectory() as scratch:
            for name, text in files.items():
                path = Path(scratch) / name
                path.write_text(text, encoding="utf-8", errors="surrogatepass")
                self.upload(artifact_uri, folder, path)

    def upload(self, artifact_uri: str, folder: str, path: Path) -> None:
        with self._connection.artifacts(artifact_uri) as repository:
            repository.log_artifact(str(path), folder or None)


def candidate_files(
    record: CandidateRecord, evaluations: Sequence[EvaluationRecord], examples: Mapping[str, Example]
) -> dict[str, str]:
    """File name → text. ``scores.json`` is the last: where it is, the others are."""
    files = {}
    for name, template in record.candidate.texts.items():
        stored = template_to_json(template)
        files[f"{name}.txt"] = stored if isinstance(stored, str) else json.dumps(stored, ensure_ascii=False)
    files[EVALUATIONS] = json.dumps(evaluation_table(evaluations, examples), ensure_ascii=False, default=str)
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


def copy_named(path: Path, name: str, scratch: Path) -> Path:
    """A copy of the file under the name it shall have as an artifact."""
    return Path(shutil.copyfile(path, scratch / name))

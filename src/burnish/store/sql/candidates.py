"""Candidates and evaluations."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, select

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.prompt import template_from_json, template_to_json
from burnish.domain.records import CandidateRecord, EvaluationRecord
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Usage
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.encoding import from_json, storable, to_json
from burnish.store.rows import usage_from_json, usage_to_json

_candidates = tables.candidates
_evaluations = tables.evaluations


class Candidates:
    """``CandidateRecords``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def candidates(self, job_id: str) -> tuple[CandidateRecord, ...]:
        if not storable(job_id):
            return ()
        query = (
            select(_candidates)
            .where(_candidates.c.job_id == job_id)
            .order_by(_candidates.c.number, _candidates.c.candidate_id)
        )
        return await self._database.read(
            lambda connection: tuple(_candidate_from_row(row) for row in connection.execute(query))
        )

    async def evaluations(
        self, job_id: str, candidate_id: str, after: str = "", limit: int = 1000
    ) -> tuple[EvaluationRecord, ...]:
        if not all(map(storable, (job_id, candidate_id, after))):
            return ()
        query = (
            select(_evaluations)
            .where(
                _evaluations.c.job_id == job_id,
                _evaluations.c.candidate_id == candidate_id,
                _evaluations.c.example_id > after,
            )
            .order_by(_evaluations.c.example_id)
            .limit(limit)
        )
        return await self._database.read(
            lambda connection: tuple(_evaluation_from_row(row) for row in connection.execute(query))
        )


def candidate_to_row(job_id: str, record: CandidateRecord) -> dict[str, Any]:
    """The row of ``tables.candidates``."""
    candidate = record.candidate
    body = {
        "texts": {name: template_to_json(text) for name, text in candidate.texts.items()},
        "parents": candidate.parents,
        "origin": candidate.origin,
        "scores": dict(record.scores),
        "reason": record.reason,
        "usage": usage_to_json(record.usage),
        "objectives": dict(record.objectives),
    }
    return {
        "job_id": job_id,
        "candidate_id": candidate.candidate_id,
        "number": record.number,
        "status": record.status,
        "body": to_json(body),
    }


def _candidate_from_row(row: Row[Any]) -> CandidateRecord:
    body = from_json(row.body)
    return CandidateRecord(
        candidate=Candidate(
            texts={name: template_from_json(text) for name, text in body["texts"].items()},
            parents=tuple(body["parents"]),
            origin=body["origin"],
        ),
        number=row.number,
        status=CandidateStatus(row.status),
        scores=body["scores"],
        reason=body["reason"],
        usage=usage_from_json(body["usage"]),
        objectives=body["objectives"],
    )


def evaluation_to_row(job_id: str, record: EvaluationRecord) -> dict[str, Any]:
    """The row of ``tables.evaluations``."""
    evaluation = record.evaluation
    body = {
        "output": evaluation.output,
        "scores": {name: [score.value, score.rationale] for name, score in evaluation.scores.items()},
        "aggregate": evaluation.aggregate,
        "error": evaluation.error,
        "usage": asdict(evaluation.usage),
    }
    return {
        "job_id": job_id,
        "candidate_id": evaluation.candidate_id,
        "example_id": evaluation.example_id,
        "split": record.split,
        "body": to_json(body),
    }


def _evaluation_from_row(row: Row[Any]) -> EvaluationRecord:
    body = from_json(row.body)
    evaluation = Evaluation(
        candidate_id=row.candidate_id,
        example_id=row.example_id,
        output=body["output"],
        scores={name: Score(value, rationale) for name, (value, rationale) in body["scores"].items()},
        aggregate=body["aggregate"],
        error=body["error"],
        usage=Usage(**body["usage"]),
    )
    return EvaluationRecord(evaluation=evaluation, split=row.split)

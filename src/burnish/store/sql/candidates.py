"""Candidates and evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, Select, select, tuple_

from burnish.domain.answer import AnswerOutcome
from burnish.domain.app import AppRun
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.prompt import template_from_json, template_to_json
from burnish.domain.records import CandidateRecord, EvaluationRecord, ScoredExample
from burnish.domain.score import Evaluation, Score, spellings_of
from burnish.domain.usage import Usage
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.encoding import from_json, from_plain_json, storable, to_json
from burnish.store.rows import usage_from_json, usage_to_json

SCORES_AT_ONCE = 5000  # evaluations in memory with their texts

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

    async def scores(self, job_id: str, split: str, scorer: str = "aggregate") -> list[ScoredExample]:
        found: list[ScoredExample] = []
        if not all(map(storable, (job_id, split))):
            return found
        columns = (_evaluations.c.candidate_id, _evaluations.c.example_id, _evaluations.c.body)
        key = tuple_(*columns[:2])
        query = select(*columns).where(_evaluations.c.job_id == job_id, _evaluations.c.split == split)
        query = query.order_by(*columns[:2]).limit(SCORES_AT_ONCE)
        after = ("", "")
        while True:
            page = query.where(key > after)
            rows, scored = await self._database.read(partial(_scored, query=page, scorer=scorer))
            found += scored
            if len(rows) < SCORES_AT_ONCE:
                return found
            after = (rows[-1].candidate_id, rows[-1].example_id)


def _scored(
    connection: Connection, query: Select[Any], scorer: str
) -> tuple[Sequence[Row[Any]], list[ScoredExample]]:
    rows, found = connection.execute(query).all(), []
    for row in rows:
        body = from_plain_json(row.body)
        failed = body["error"] is not None
        if scorer == "aggregate":
            value = None if body.get("unscored") else body["aggregate"]
        else:
            known = next(
                (body["scores"][name] for name in spellings_of(scorer) if name in body["scores"]), None
            )
            value = known[0] if known else 0.0 if failed else None
        if value is not None:
            found.append(ScoredExample(row.candidate_id, row.example_id, value, failed))
    return rows, found


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
        "scores": {name: _score_to_json(score) for name, score in evaluation.scores.items()},
        "aggregate": evaluation.aggregate,
        "error": evaluation.error,
        "usage": evaluation.usage.as_json(),
    }
    if evaluation.unscored:
        body["unscored"] = True
    if evaluation.outcome is not AnswerOutcome.OK:
        body["outcome"] = evaluation.outcome.value
    if evaluation.run is not None:
        body["run"] = evaluation.run.to_json()
    return {
        "job_id": job_id,
        "candidate_id": evaluation.candidate_id,
        "example_id": evaluation.example_id,
        "split": record.split,
        "body": to_json(body),
    }


def _score_to_json(score: Score) -> list[Any]:
    parts = [score.value, score.rationale]
    return parts if score.raw is None else [*parts, score.raw]


def _evaluation_from_row(row: Row[Any]) -> EvaluationRecord:
    body = from_json(row.body)
    evaluation = Evaluation(
        candidate_id=row.candidate_id,
        example_id=row.example_id,
        output=body["output"],
        scores={name: Score(*parts) for name, parts in body["scores"].items()},
        aggregate=body["aggregate"],
        error=body["error"],
        usage=Usage(**body["usage"]),
        unscored=body.get("unscored", False),
        outcome=AnswerOutcome(body.get("outcome", AnswerOutcome.OK)),
        run=AppRun.from_json(body["run"]) if "run" in body else None,
    )
    return EvaluationRecord(evaluation=evaluation, split=row.split)

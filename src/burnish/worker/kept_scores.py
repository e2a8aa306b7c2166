"""Scores in the journal: what a user's own scorers said of an output is not asked again."""

from __future__ import annotations

import json

from burnish.domain.hashing import digest
from burnish.domain.records import CallKey
from burnish.domain.score import Score
from burnish.domain.usage import Role, Usage
from burnish.evaluation.scorer import Sample
from burnish.evaluation.scorer_set import Scored
from burnish.llm.protocol import Completion
from burnish.worker.journal import StoreJournal


class JournaledScores:
    """Implements ``scorer_set.KeptScores``. What the scorers' model calls cost stands with those calls."""

    def __init__(self, journal: StoreJournal) -> None:
        self._journal = journal

    def find(self, sample: Sample) -> Scored | None:
        found = self._journal.find(_key(sample))
        if found is None:
            return None
        kept = json.loads(found.text)
        scores = {name: Score(*parts) for name, parts in kept["scores"].items()}
        return Scored(scores, kept["aggregate"], Usage(*kept["usage"]))

    async def keep(self, sample: Sample, scored: Scored) -> None:
        """
        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        usage = scored.usage
        kept = {
            "scores": {
                name: [score.value, score.rationale, score.raw] for name, score in scored.scores.items()
            },
            "aggregate": scored.aggregate,
            "usage": [usage.calls, usage.prompt_tokens, usage.completion_tokens, usage.usd_nanos],
        }
        await self._journal.finish(_key(sample), Completion(text=json.dumps(kept), usage=Usage()))


def _key(sample: Sample) -> CallKey:
    return CallKey(
        role=Role.TARGET,
        candidate_id=sample.candidate_id,
        example_id=sample.example.example_id,
        phase="scores",
        sample=0,
        request_hash=digest(sample.output, 32),
    )

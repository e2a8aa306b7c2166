"""Known traps of gepa 0.1.4 that a search does not step into; the tests of the others stand elsewhere.

* Budget overshoot: ``test_gepa_search.test_never_one_metric_call_over``.
* Stoppers that are asked between iterations only: ``test_a_budget_that_ends_in_the_middle_…`` and
  ``test_a_cancelled_search_leaves_nothing_behind`` there.
* Exceptions that callbacks lose: ``test_what_fails_for_all_ends_the_search_at_once`` there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from burnish.domain.candidate import CandidateStatus
from tests.optimizers.gepa.test_gepa_search import UNEQUAL, make_synthetic, search, task


async def test_training_and_validation_examples_of_one_number_are_not_mixed_up() -> None:
    """Its evaluation cache goes by numbers, which begin at 0 in either split."""
    synthetic, examples = make_synthetic(phrases=UNEQUAL), task()
    _, observer = await search(examples, synthetic, max_metric_calls=300, lookahead=8)
    validated = {entry[0]: entry[2] for entry in observer.candidates if entry[2] is not None}
    assert len(validated) >= 2
    for candidate_id, reported in validated.items():
        means = await synthetic.evaluate(observer.texts[candidate_id], examples.validation)
        assert reported == means.aggregate


def test_nothing_is_written_to_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ``run_dir`` resumes from pickles without the iteration that was under way."""
    monkeypatch.chdir(tmp_path)
    asyncio.run(search(task(), make_synthetic()))
    assert not list(tmp_path.iterdir())


async def test_whatever_was_validated_is_reported_with_its_scores() -> None:
    """Where MLflow goes by the answer_type of a call, candidates that gepa accepts are not logged."""
    synthetic, examples = make_synthetic(phrases=UNEQUAL), task()
    _, observer = await search(examples, synthetic, max_metric_calls=300, lookahead=8)
    on_validation = {example.example_id for example in examples.validation}
    calls = [call for call in synthetic.log.finished if not call.startswith("reflection")]
    measured = Counter(candidate for candidate, example in map(str.split, calls) if example in on_validation)
    validated = {candidate for candidate, count in measured.items() if count == len(on_validation)}
    reported = {
        entry[0]
        for entry in observer.candidates
        if entry[1] in (CandidateStatus.ACCEPTED, CandidateStatus.REJECTED) and entry[2] is not None
    }
    assert reported == validated - {examples.source.candidate_id}
    assert reported

"""Racing: weak candidates stop early, the best finishes, and the allowance holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example
from burnish.domain.score import Evaluation, Score
from burnish.errors import BudgetExhausted
from burnish.evaluation.protocol import Means
from burnish.optimizers.search.incumbent import Incumbent
from burnish.optimizers.search.racing import EVALUATIONS_EACH, Race, in_fair_order
from burnish.optimizers.search.rounds import FEWER_EACH, RacingBudget
from burnish.optimizers.settings import CommonSettings
from burnish.optimizers.testing.contract import RecordingObserver
from burnish.optimizers.testing.synthetic_task import means_of, reviews

EXAMPLES = reviews(60)
SOURCE = Candidate({"p": "{{review}}"}, origin="source")


class ScriptedEvaluate:
    """Candidates that get each example right below a threshold of their own."""

    def __init__(self, quality: dict[str, float], limit: int | None = None) -> None:
        self.quality = quality
        self.limit = limit
        self.measured: set[tuple[str, str]] = set()

    async def __call__(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        new = {(candidate.candidate_id, example.example_id) for example in examples} - self.measured
        if self.limit is not None and len(self.measured) + len(new) > self.limit:
            raise BudgetExhausted("max_calls", self.limit, len(self.measured))
        self.measured |= new
        return means_of([self.evaluation(candidate, example) for example in examples])

    def evaluation(self, candidate: Candidate, example: Example) -> Evaluation:
        place = EXAMPLES.index(example) * 37 % len(EXAMPLES) / len(EXAMPLES)
        value = 1.0 if place < self.quality.get(candidate.origin, 0.0) else 0.0
        scores = {"s": Score(value)}
        return Evaluation(candidate.candidate_id, example.example_id, "", scores, value)


def candidates_of(*origins: str) -> list[Candidate]:
    return [Candidate({"p": f"{origin} {{{{review}}}}"}, origin=origin) for origin in origins]


async def race(
    evaluate: ScriptedEvaluate, allowance: int = 10_000, seed: int = 0
) -> tuple[Race, Incumbent, RecordingObserver]:
    observer = RecordingObserver()
    incumbent = Incumbent(SOURCE, await evaluate(SOURCE, EXAMPLES), CommonSettings(), observer)
    return Race(EXAMPLES, evaluate, incumbent, allowance, seed), incumbent, observer


@given(st.integers(0, 5), st.integers(2, 40))
def test_a_short_prefix_has_its_share_of_each_answer(seed: int, count: int) -> None:
    examples = reviews(count)
    ordered = in_fair_order(examples, seed)
    assert sorted(e.example_id for e in ordered) == sorted(e.example_id for e in examples)
    counts = Counter(example.expected for example in ordered[: count // 2])
    assert max(counts.values()) - min(counts.values(), default=0) <= 1 or len(counts) == 1


async def test_the_best_of_many_wins_and_the_weak_stop_early() -> None:
    quality = {"good": 0.8, "fair": 0.5, **{f"weak {n}": 0.1 for n in range(6)}}
    evaluate = ScriptedEvaluate(quality)
    running, incumbent, observer = await race(evaluate)
    entries = await running.run(
        candidates_of("weak 0", "weak 1", "fair", "weak 2", "good", "weak 3", "weak 4", "weak 5")
    )
    assert incumbent.candidate.origin == "good"
    assert incumbent.means.aggregate == pytest.approx(0.8)
    assert [entry.candidate.origin for entry in entries][4] == "good"
    assert entries[4].examples == len(EXAMPLES)
    seen = Counter(candidate_id for candidate_id, _ in evaluate.measured)
    weak = [seen[entry.candidate.candidate_id] for entry in entries if "weak" in entry.candidate.origin]
    assert max(weak) <= EVALUATIONS_EACH
    assert sum(weak) < len(weak) * EVALUATIONS_EACH
    rejected = observer.with_status(CandidateStatus.REJECTED)
    assert {candidate.origin for candidate in rejected} >= {f"weak {n}" for n in range(6)}


async def test_a_dominated_candidate_is_dropped_in_its_first_round() -> None:
    evaluate = ScriptedEvaluate({"good": 0.9, "bad": 0.1})
    running, _, observer = await race(evaluate)
    await running.run(candidates_of("good"))
    [bad] = await running.run(candidates_of("bad"))
    assert bad.examples <= EVALUATIONS_EACH
    assert not bad.is_running
    reason = observer.candidates[-1][3]
    assert "of 60 validation examples" in reason
    assert "too little promise" in reason


async def test_a_candidate_that_leads_and_has_no_place_is_not_said_to_lack_promise() -> None:
    running, _, observer = await race(ScriptedEvaluate({f"good {n}": 0.9 for n in range(6)}), allowance=100)
    await running.run(candidates_of(*(f"good {n}" for n in range(6))))
    await running.final(3)
    reasons = [entry[3] for entry in observer.candidates if entry[1] is CandidateStatus.REJECTED]
    assert any("others are more promising" in reason for reason in reasons)
    assert not any("too little promise" in reason for reason in reasons)


async def test_a_hard_example_is_not_held_against_a_candidate() -> None:
    """The later one meets examples that the earlier one did not, and hardly anybody gets right."""
    evaluate = ScriptedEvaluate({"first": 0.5, "second": 0.5, "source": 0.5})
    running, _, _ = await race(evaluate)
    entries = await running.run(candidates_of("first", "second"))
    assert abs(entries[0].estimate - entries[1].estimate) < 0.2


async def test_candidates_meet_the_examples_in_one_order() -> None:
    evaluate = ScriptedEvaluate({"a": 0.5, "b": 0.5})
    running, _, _ = await race(evaluate)
    entries = await running.run(candidates_of("a", "b"))
    seen = [[evaluation.example_id for evaluation in entry.evaluations] for entry in entries]
    shorter = min(map(len, seen))
    assert seen[0][:shorter] == seen[1][:shorter]


async def test_the_runner_up_gets_a_second_chance() -> None:
    quality = {"a": 0.62, "b": 0.66, "c": 0.7, "d": 0.64}
    evaluate = ScriptedEvaluate(quality)
    running, incumbent, _ = await race(evaluate)
    await running.run(candidates_of("a", "b", "c", "d"))
    await running.final(4)
    assert incumbent.means.aggregate >= 0.66


@given(st.integers(0, 400), st.integers(1, 9))
def test_room_leaves_enough_for_one_to_finish(allowance: int, wanted: int) -> None:
    incumbent = Incumbent(SOURCE, means_of([]), CommonSettings(), RecordingObserver())
    running = Race(EXAMPLES, ScriptedEvaluate({}), incumbent, allowance, 0)
    room = running.room_for(wanted)
    first = EVALUATIONS_EACH
    assert 0 <= room <= wanted
    if room:
        assert room * first + len(EXAMPLES) - first <= allowance
    else:
        assert allowance < len(EXAMPLES)


@pytest.mark.parametrize("allowance", [60, 80, 100, 150, 300])
async def test_the_allowance_is_never_overdrawn(allowance: int) -> None:
    names = [f"{9 - n}" for n in range(9)]
    evaluate = ScriptedEvaluate({name: int(name) / 10 for name in names})
    running, incumbent, _ = await race(evaluate, allowance)
    before = len(evaluate.measured)
    while names and (room := running.room_for(len(names))):
        await running.run(candidates_of(*names[:room]))
        names = names[room:]
    await running.final(3)
    assert running.allowance >= 0
    assert len(evaluate.measured) - before <= allowance
    assert incumbent.candidate.origin != "source", "one candidate could finish"


async def test_no_race_asks_for_more_than_its_effort() -> None:
    for trials, width in ((8, 8), (20, 6), (5, 2), (1, 1)):
        evaluate = ScriptedEvaluate({f"{n}": (n * 7 % 10) / 10 for n in range(trials)})
        running, _, _ = await race(evaluate)
        before = len(evaluate.measured)
        names = [f"{n}" for n in range(trials)]
        for start in range(0, trials, width):
            await running.run(candidates_of(*names[start : start + width]))
        await running.final(3)
        assert len(evaluate.measured) - before <= RacingBudget(trials, width, len(EXAMPLES)).most_evaluations


async def test_what_finished_before_the_budget_ended_is_kept() -> None:
    evaluate = ScriptedEvaluate({"good": 0.8, "better": 0.9}, limit=60 + 130)
    running, incumbent, _ = await race(evaluate)
    await running.run(candidates_of("good"))
    with pytest.raises(BudgetExhausted):
        await running.run(candidates_of("better", *(f"weak {n}" for n in range(20))))
    assert incumbent.candidate.origin == "good"


async def test_an_answer_without_a_score_speaks_for_neither() -> None:
    """A judge with no opinion on most answers must not drop a candidate that is better where it has one."""

    class Silent(ScriptedEvaluate):
        def evaluation(self, candidate: Candidate, example: Example) -> Evaluation:
            scored = super().evaluation(candidate, example)
            source = super().evaluation(SOURCE, example)
            if candidate.origin == "silent" and source.aggregate == 1:
                return replace(scored, aggregate=0.5, unscored=True)
            return scored

    evaluate = Silent({"source": 0.5, "silent": 0.6, "worse": 0.2})
    running, _, _ = await race(evaluate)
    [silent, worse] = await running.run(candidates_of("silent", "worse"))
    await running.final(1)
    assert silent.examples == len(EXAMPLES)
    assert worse.examples < len(EXAMPLES)


def test_a_small_allowance_meets_more_candidates_with_fewer_evaluations_of_each() -> None:
    budget = RacingBudget(trials=40, width=8, validation=30)
    two_rounds = 16 * EVALUATIONS_EACH + 30 - EVALUATIONS_EACH
    assert budget.each_within(two_rounds) == EVALUATIONS_EACH
    assert budget.each_within(two_rounds - 1) == FEWER_EACH
    assert RacingBudget(trials=40, width=8, validation=2).each_within(10) == 2

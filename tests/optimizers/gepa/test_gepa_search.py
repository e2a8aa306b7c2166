"""What GEPA does with proposals in flight: budget, overtaken winners, failures, ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example
from burnish.domain.job import StopReason
from burnish.domain.prompt import Message, text_of
from burnish.domain.score import Evaluation
from burnish.errors import (
    BudgetExhausted,
    InvalidInput,
    ModelRejected,
    ModelUnavailable,
    OptimizerFailed,
    ScorerFailed,
)
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion, Parameters
from burnish.optimizers.gepa.optimizer import Gepa
from burnish.optimizers.gepa.proposals import ProposalSpec
from burnish.optimizers.gepa.reflection import ReflectiveProposer
from burnish.optimizers.gepa.settings import GepaSettings
from burnish.optimizers.prompts.components import Components
from burnish.optimizers.protocol import Outcome, Task
from burnish.optimizers.testing.contract import RecordingObserver
from burnish.optimizers.testing.reflection_scripts import answer_with, completion, seed_of, texts_in
from burnish.optimizers.testing.synthetic_task import SyntheticTask, reviews

PHRASES: Mapping[str, float] = {
    "one word": 0.16,
    "be exact": 0.16,
    "sentiment means": 0.16,
    "positive or negative": 0.16,
    "no reasons": 0.16,
}
IDEAS = (*PHRASES, "shout")
CHAT = (Message("system", "You judge."), Message("user", "Say it.\n\n{{review}}"))
SOURCE = Candidate({"reviews": "What is the sentiment of this review?\n\n{{review}}"})


def written(messages: Sequence[Message], sample: int) -> str:
    """One idea for each question, in ever new words; two texts are combined."""
    texts, seed = texts_in(messages), seed_of(messages, sample)
    lines = texts[0].splitlines()
    if "Two people have improved" in messages[0].content:
        lines += [line for line in texts[1].splitlines() if line not in lines]
    else:
        lines.append(f"{IDEAS[seed % len(IDEAS)].capitalize()}. ({seed})")
    return answer_with("\n".join(lines), messages)


def task(seed: int = 0, **changes: Any) -> Task:
    examples = reviews(60)
    made = Task(source=SOURCE, train=examples[:40], validation=examples[40:], seed=seed)
    return replace(made, **changes)


def make_synthetic(**changes: Any) -> SyntheticTask:
    return SyntheticTask(**{"phrases": PHRASES, "write": written, **changes})


async def search(
    task: Task, synthetic: SyntheticTask, observer: RecordingObserver | None = None, **given: Any
) -> tuple[Outcome, RecordingObserver]:
    observer = observer or RecordingObserver()
    optimizer = Gepa.from_settings({"max_metric_calls": 200, "lookahead": 4, **given})
    return await optimizer.optimize(task, synthetic.evaluate, synthetic.reflect, observer), observer


def no_thread_is_left() -> bool:
    return not [thread for thread in threading.enumerate() if thread.name.startswith("burnish-gepa")]


# --- the budget


@settings(max_examples=25, deadline=None)
@given(
    budget=st.integers(46, 260),
    lookahead=st.integers(1, 9),
    minibatch=st.integers(1, 5),
    validation=st.integers(1, 25),
    latency=st.integers(0, 9),
)
def test_never_one_metric_call_over(
    budget: int, lookahead: int, minibatch: int, validation: int, latency: int
) -> None:
    synthetic = make_synthetic(latency_seed=latency)
    given: dict[str, Any] = {
        "lookahead": lookahead,
        "minibatch_size": minibatch,
        "validation_size": validation,
    }
    outcome, _ = asyncio.run(search(task(), synthetic, max_metric_calls=budget, **given))
    assert synthetic.target_calls <= budget
    if outcome.stop_reason is StopReason.BUDGET and budget >= 50:
        assert synthetic.target_calls > budget - 20 - 3 * minibatch * (lookahead + 1)


@pytest.mark.parametrize("lookahead", [1, 4, 8])
@pytest.mark.parametrize("limit", [47, 60, 85, 120, 190])
async def test_the_jobs_own_limit_holds_reflections_too(limit: int, lookahead: int) -> None:
    synthetic = make_synthetic()  # which would not stop it
    given: dict[str, Any] = {"lookahead": lookahead, "max_metric_calls": None}
    outcome, _ = await search(task(max_calls=limit), synthetic, **given)
    assert synthetic.paid_calls <= limit
    assert outcome.stop_reason is StopReason.BUDGET


async def test_without_any_limit_it_ends_by_itself() -> None:
    examples = reviews(400)
    large = task(train=examples[:300], validation=examples[300:312])
    outcome, _ = await search(large, make_synthetic(), max_metric_calls=None)
    assert outcome.stop_reason is StopReason.FINISHED


async def test_a_budget_without_room_for_a_proposal_keeps_the_source_and_says_so() -> None:
    synthetic = make_synthetic()
    outcome, observer = await search(task(max_calls=45), synthetic, max_metric_calls=None)
    assert outcome.best == SOURCE
    assert outcome.stop_reason is StopReason.BUDGET
    assert synthetic.paid_calls == 20
    assert "no room for a proposal" in observer.warnings[0]


async def test_a_budget_that_ends_in_the_middle_keeps_what_was_committed() -> None:
    whole = make_synthetic()
    _, expected = await search(task(), whole)
    cut, observer = make_synthetic(max_calls=whole.paid_calls * 2 // 3), RecordingObserver()
    with pytest.raises(BudgetExhausted):
        await search(task(), cut, observer)
    assert observer.candidates == expected.candidates[: len(observer.candidates)]
    assert observer.with_status(CandidateStatus.ACCEPTED)
    assert no_thread_is_left()


# --- proposals that were overtaken


async def test_a_winner_that_was_overtaken_is_carried_over() -> None:
    rebased = []
    for seed in range(4):
        _, observer = await search(task(seed), make_synthetic(), lookahead=8)
        for candidate in observer.texts.values():
            if candidate.origin.endswith("rebased"):
                newer, own = (text_of(observer.texts[p].texts["reviews"]) for p in candidate.parents)
                text = text_of(candidate.texts["reviews"])
                assert set(newer.splitlines()) | set(own.splitlines()) == set(text.splitlines())
                rebased.append(candidate)
                reasons = [entry[3] for entry in observer.candidates if entry[0] == candidate.parents[1]]
                assert "rebased" in reasons[-1] or "does as well" in reasons[-1]
    assert len(rebased) >= 4


UNEQUAL = dict(zip(PHRASES, (0.05, 0.1, 0.3, 0.2, 0.15), strict=True))


async def test_a_winner_that_was_taken_up_is_not_validated() -> None:
    taken_up = 0
    for seed in range(6):
        synthetic = make_synthetic(phrases=UNEQUAL)
        _, observer = await search(task(seed), synthetic, lookahead=8)
        children = {p: c for c in observer.texts.values() for p in c.parents}
        for candidate_id, status, _, reason in observer.candidates:
            if "taken up" in reason:
                taken_up += 1
                assert status is CandidateStatus.REJECTED
                assert children[candidate_id].origin.endswith("rebased")
                calls = [call for call in synthetic.log.finished if call.startswith(candidate_id)]
                assert len(calls) < len(task().validation)
    assert taken_up


@pytest.mark.parametrize("lookahead", [2, 4, 8])
async def test_the_last_winner_is_always_validated(lookahead: int) -> None:
    """However little the budget: what was found last is not lost for want of a validation."""
    for budget in range(58, 120, 3):
        synthetic = make_synthetic(phrases=UNEQUAL)
        _, observer = await search(task(), synthetic, lookahead=lookahead, max_metric_calls=budget)
        fates = {entry[0]: entry for entry in observer.candidates}
        won = [e for e in fates.values() if e[2] is not None or "taken up" in e[3]]
        assert not won or won[-1][2] is not None


async def test_one_proposal_at_a_time_is_never_overtaken() -> None:
    _, observer = await search(task(), make_synthetic(), lookahead=1)
    assert not [c for c in observer.texts.values() if "rebased" in c.origin]


async def test_changes_of_different_components_are_carried_over_without_a_question() -> None:
    chat = Candidate({"reviews": CHAT})
    combined = 0

    def counting(messages: Sequence[Message], sample: int) -> str:
        nonlocal combined
        combined += "Two people have improved" in messages[0].content
        return written(messages, sample)

    rebased = 0
    for seed in range(4):
        _, observer = await search(task(seed, source=chat), make_synthetic(write=counting), lookahead=8)
        rebased += sum("rebased" in c.origin for c in observer.texts.values())
    assert rebased > combined


async def test_two_proposals_of_the_same_text_are_not_combined() -> None:
    """Nobody is paid to make one text of two that are equal."""
    chat = task(source=Candidate({"reviews": CHAT}))
    components = Components(chat.source)
    parent = chat.source
    child = Candidate(components.templates(parent, {0: "You judge. Be exact."}))
    newer = Candidate(components.templates(child, {1: "Say it in one word.\n\n{{review}}"}))

    async def never(*_: Any, **__: Any) -> Completion:
        raise AssertionError("asked to combine equal texts")

    proposer = ReflectiveProposer(chat, GepaSettings(), components, never)
    spec = ProposalSpec(number=0, parent=parent, minibatch_ids=(), minibatch=(), components=(0, 1))
    result = await proposer.rebase(spec, child, newer)
    assert result.reflections == 0
    assert result.child is None or result.child.texts == newer.texts


# --- several prompts


async def test_every_prompt_and_message_is_a_component() -> None:
    source = Candidate(
        {
            "reviews": (Message("system", "You judge."), Message("user", "Say it.\n\n{{review}}")),
            "style": "Be brief.",
        }
    )
    asked: list[str] = []

    def naming(messages: Sequence[Message], sample: int) -> str:
        asked.append(messages[0].content)
        return written(messages, sample)

    _, observer = await search(task(source=source), make_synthetic(write=naming))
    origins = {c.origin.split(" on ")[-1] for c in observer.texts.values() if " on " in c.origin}
    assert origins == {"reviews#0", "reviews#1", "style"}
    assert all("as it is now" not in text or "stays as it is" in text for text in asked)
    for candidate in observer.texts.values():
        messages = candidate.texts["reviews"]
        assert not isinstance(messages, str)
        assert [message.role for message in messages] == ["system", "user"]
        assert isinstance(candidate.texts["style"], str)


async def test_all_components_can_be_rewritten_at_once() -> None:
    source = Candidate(
        {"reviews": (Message("system", "You judge."), Message("user", "Say it.\n\n{{review}}"))}
    )
    _, observer = await search(task(source=source), make_synthetic(), gepa_kwargs={"module_selector": "all"})
    first = next(c for c in observer.texts.values() if c.origin.startswith("reflection"))
    assert first.origin.endswith("on reviews#0, reviews#1")
    old, new = source.texts["reviews"], first.texts["reviews"]
    assert all(a != b for a, b in zip(old, new, strict=True))


@pytest.mark.parametrize("frontier", ["instance", "objective", "hybrid", "cartesian"])
async def test_every_frontier_works(frontier: str) -> None:
    outcome, _ = await search(task(), make_synthetic(), frontier=frontier)
    assert outcome.means.aggregate > 0


async def test_a_reflection_prompt_of_ones_own_is_used() -> None:
    asked = []

    def keeping(messages: Sequence[Message], sample: int) -> str:
        asked.append(messages[0].content)
        return "```\nNothing new. {{review}}\n```"

    template = "My prompt is <curr_param>, my data is <side_info>."
    given: dict[str, Any] = {"gepa_kwargs": {"reflection_prompt_template": template}}
    await search(task(), make_synthetic(write=keeping), lookahead=1, **given)
    assert asked[0].startswith("My prompt is What is the sentiment")
    assert "my data is # Example 1" in asked[0]
    assert "and add no other: {{review}}" in asked[0]
    assert asked[0].endswith("between <prompt> and </prompt>.")


# --- what the checks refuse


async def test_a_refused_proposal_is_asked_for_again_with_the_reason() -> None:
    asked: list[Sequence[Message]] = []

    def stubborn(messages: Sequence[Message], sample: int) -> str:
        asked.append(messages)
        return answer_with("The film is {{film}}. {{review}}")

    synthetic = make_synthetic(write=stubborn)
    outcome, observer = await search(task(), synthetic)
    assert outcome.best == SOURCE
    assert synthetic.target_calls <= 20 + 40  # validation and minibatches of the source, nothing else
    again = [messages for messages in asked if len(messages) == 3]
    assert again
    assert all("uses {{film}}" in messages[2].content for messages in again)
    statuses = {entry[1] for entry in observer.candidates}
    assert statuses == {CandidateStatus.REFUSED}
    assert all("{{film}}" in entry[3] for entry in observer.candidates)


UNUSABLE: dict[str, Callable[[str], str]] = {
    "the same again": lambda text: answer_with(text),
    "one and the same": lambda text: answer_with("Shout. {{review}}"),
    "empty": lambda text: "",
    "only thinking": lambda text: f"<think>I could write {answer_with('One word. {{review}}')}",
    "a monologue": lambda text: "First, let us look at what went wrong. One word would help.",
    "without an end": lambda text: f"<prompt>\n{text} One word.",
    "fenced": lambda text: f"```\n{text} One word.\n```",
}


@pytest.mark.parametrize("kind", UNUSABLE)
@pytest.mark.parametrize("lookahead", [1, 4, 12])
async def test_a_reflection_model_without_ideas_ends_the_search_after_a_handful(
    kind: str, lookahead: int
) -> None:
    def idle(messages: Sequence[Message], sample: int) -> str:
        return UNUSABLE[kind](texts_in(messages)[0])

    synthetic = make_synthetic(write=idle)
    outcome, observer = await search(task(), synthetic, max_metric_calls=10_000, lookahead=lookahead)
    assert outcome.best == SOURCE
    assert outcome.stop_reason is StopReason.NO_NEW_IDEAS
    assert synthetic.reflection_calls <= 2 * max(9, lookahead)
    assert any("the search ends" in warning for warning in observer.warnings)
    proposed = observer.with_status(CandidateStatus.PROPOSED)
    assert len(proposed) == (kind == "one and the same")


@pytest.mark.parametrize("finish_reason", ["length", "max_tokens"])
async def test_an_answer_that_was_cut_off_is_asked_for_again_and_then_given_up(finish_reason: str) -> None:
    asked: list[Sequence[Message]] = []

    async def reflect(
        messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        asked.append(messages)
        whole = len(messages) > 1 and len(asked) < 5
        text = f"{texts_in(messages)[0]} One word. {sample}"
        return completion(answer_with(text), "stop" if whole else finish_reason)

    synthetic, observer = make_synthetic(), RecordingObserver()
    optimizer = Gepa.from_settings({"max_metric_calls": 200, "lookahead": 1})
    outcome = await optimizer.optimize(task(), synthetic.evaluate, reflect, observer)
    assert outcome.stop_reason is StopReason.NO_NEW_IDEAS
    again = [messages[2].content for messages in asked if len(messages) == 3]
    assert again
    assert all(f"cut off by the cap on its length (finish_reason {finish_reason})" in text for text in again)
    assert len(observer.with_status(CandidateStatus.PROPOSED)) in (1, 2), "the whole ones alone"
    given_up = [warning for warning in observer.warnings if "was given up" in warning]
    assert given_up
    assert all("cut off" in warning for warning in given_up)


@pytest.mark.parametrize(
    "text",
    [
        "Reply inside `<prompt>...</prompt>` tags. Never mention prices. {{review}}",
        "Judge this:\n```\n{{review}}\n```\nReply with ```positive``` or ```negative```.",
    ],
)
async def test_what_a_prompt_says_of_delimiters_stays_in_its_descendants(text: str) -> None:
    _, observer = await search(task(source=Candidate({"reviews": text})), make_synthetic())
    proposed = observer.with_status(CandidateStatus.PROPOSED)
    assert proposed
    assert all(str(candidate.texts["reviews"]).startswith(text) for candidate in proposed)


async def test_tool_results_and_example_turns_are_never_rewritten() -> None:
    turns = (
        Message("system", "Use the tool."),
        Message("user", "What is 6 times 7?"),
        Message("assistant", "multiply(6, 7)"),
        Message("tool", "42"),
        Message("user", "Judge it.\n\n{{review}}"),
    )
    _, observer = await search(task(source=Candidate({"reviews": turns})), make_synthetic(), lookahead=8)
    proposed = observer.with_status(CandidateStatus.PROPOSED)
    assert len(proposed) > 4
    changed = set()
    for candidate in proposed:
        template = candidate.texts["reviews"]
        assert isinstance(template, tuple)
        changed |= {at for at, message in enumerate(template) if message != turns[at]}
    assert changed == {0, 4}


# --- few ideas, said again


def repeating(messages: Sequence[Message], sample: int) -> str:
    """A reflection model that knows six sentences, five of them good, and says them in the same words."""
    texts = texts_in(messages)
    lines = texts[0].splitlines()
    if "Two people have improved" in messages[0].content:
        lines += [line for line in texts[1].splitlines() if line not in lines]
    else:
        idea = f"{IDEAS[seed_of(messages, sample) % len(IDEAS)].capitalize()}."
        lines += [] if idea in lines else [idea]
    return answer_with("\n".join(lines))


async def test_a_text_that_lost_is_measured_on_another_minibatch_when_it_is_proposed_again() -> None:
    synthetic = make_synthetic(write=repeating)
    _, observer = await search(task(), synthetic, max_metric_calls=300, lookahead=1)
    lost = [
        entry[0] for entry in observer.candidates if entry[1] is CandidateStatus.REJECTED and "→" in entry[3]
    ]
    again = [candidate_id for candidate_id in set(lost) if lost.count(candidate_id) > 1]
    won = {entry[0] for entry in observer.candidates if entry[1] is CandidateStatus.ACCEPTED}
    assert again
    assert won & set(lost), "bad luck on three examples is not the end"
    for candidate_id in again:
        calls = [key for key in synthetic.log.finished if key.startswith(candidate_id)]
        assert len(calls) > 3, "other examples each time"


@pytest.mark.parametrize("criterion", ["strict_improvement", "improvement_or_equal"])
@pytest.mark.parametrize("lookahead", [1, 8])
async def test_what_was_validated_stays_so_when_it_is_proposed_again(criterion: str, lookahead: int) -> None:
    repeated = 0
    for seed in range(12):
        _, observer = await search(
            task(seed),
            make_synthetic(write=repeating),
            lookahead=lookahead,
            gepa_kwargs={"acceptance_criterion": criterion},
        )
        validated: set[str] = set()
        for candidate_id, status, score, _ in observer.candidates:
            repeated += candidate_id in validated
            assert candidate_id not in validated or status is CandidateStatus.REFUSED
            validated |= {candidate_id} if score is not None else set()
    assert repeated or lookahead == 1


@pytest.mark.parametrize(("lookahead", "refusing_repetitions"), [(1, 0.526), (4, 0.526), (8, 0.524)])
async def test_repetitions_as_new_evidence_find_better_prompts(
    lookahead: int, refusing_repetitions: float
) -> None:
    """Mean true score of 60 seeds while repeated texts were refused (0102), against that of 20 now."""
    scores = []
    for seed in range(20):
        synthetic = make_synthetic(write=repeating)
        outcome, _ = await search(task(seed), synthetic, max_metric_calls=300, lookahead=lookahead)
        scores.append(synthetic.truth(outcome.best, reviews(400)))
    assert sum(scores) / len(scores) >= refusing_repetitions


# --- failures


async def test_a_reflection_that_fails_costs_one_proposal() -> None:
    calls = 0

    def failing(messages: Sequence[Message], sample: int) -> str:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ModelUnavailable("test:/model", "busy")
        return written(messages, sample)

    outcome, observer = await search(task(), make_synthetic(write=failing))
    assert outcome.best != SOURCE
    assert [w for w in observer.warnings if "busy" in w]


@pytest.mark.parametrize("lookahead", [1, 4, 8])
async def test_a_reflection_model_that_is_away_stops_the_search(lookahead: int) -> None:
    def away(messages: Sequence[Message], sample: int) -> str:
        raise ModelUnavailable("test:/model", "away")

    with pytest.raises(ModelUnavailable):
        await search(task(), make_synthetic(write=away), lookahead=lookahead)
    assert no_thread_is_left()


@pytest.mark.parametrize("lookahead", [1, 4, 8])
@pytest.mark.parametrize(
    "error", [ModelRejected("test:/model", "wrong key"), ScorerFailed("s", "e", "no number")], ids=repr
)
async def test_what_fails_for_all_ends_the_search_at_once(lookahead: int, error: Exception) -> None:
    calls = 0

    def failing(messages: Sequence[Message], sample: int) -> str:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise error
        return written(messages, sample)

    synthetic = make_synthetic(write=failing)
    with pytest.raises(type(error)) as raised:
        await search(task(), synthetic, lookahead=lookahead)
    assert raised.value is error
    assert calls <= 5 + lookahead
    assert synthetic.in_flight == 0
    assert no_thread_is_left()


async def test_a_cancelled_search_leaves_nothing_behind() -> None:
    synthetic = make_synthetic()
    running = asyncio.create_task(search(task(), synthetic))
    synthetic.running, synthetic.cancel_at = running, 60
    with pytest.raises(asyncio.CancelledError):
        await running
    assert synthetic.in_flight == 0
    assert no_thread_is_left()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_many_searches_share_a_loop() -> None:
    outcomes = await asyncio.gather(
        *(search(task(seed), make_synthetic(latency_seed=seed), max_metric_calls=80) for seed in range(40))
    )
    alone = await search(task(7), make_synthetic(), max_metric_calls=80)
    assert outcomes[7][0] == alone[0]
    assert outcomes[7][1].candidates == alone[1].candidates
    assert no_thread_is_left()


@pytest.mark.parametrize("lacking", ["train", "validation"])
async def test_it_needs_examples_on_both_sides(lacking: str) -> None:
    without: dict[str, Any] = {lacking: ()}
    with pytest.raises(OptimizerFailed):
        await search(task(**without), make_synthetic())


async def test_a_seed_of_ones_own_counts_instead_of_the_jobs() -> None:
    _, as_set = await search(task(1), make_synthetic(), seed=7)
    _, as_given = await search(task(7), make_synthetic())
    _, other = await search(task(1), make_synthetic())
    assert as_set.candidates == as_given.candidates != other.candidates


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_no_more_evaluations_are_in_flight_than_was_set(concurrency: int) -> None:
    synthetic, in_flight, most = make_synthetic(), 0, 0

    async def evaluate(candidate: Candidate, examples: Sequence[Example]) -> Means:
        nonlocal in_flight, most
        asked = len(examples) if len(examples) == 1 else 0  # several: the source, or what was measured
        in_flight += asked
        most = max(most, in_flight)
        means = await synthetic.evaluate(candidate, examples)
        in_flight -= asked
        return means

    given = {"max_metric_calls": 200, "lookahead": 8, "concurrency": concurrency}
    await Gepa.from_settings(given).optimize(task(), evaluate, synthetic.reflect, RecordingObserver())
    assert most == concurrency


async def test_the_minibatch_has_the_size_that_was_set() -> None:
    _, observer = await search(task(), make_synthetic(), minibatch_size=5)
    assert {entry[3].rpartition(" on ")[2] for entry in observer.candidates if "→" in entry[3]} == {
        "5 examples"
    }


async def test_it_needs_a_reflection_model() -> None:
    with pytest.raises(InvalidInput):
        await Gepa.from_settings({}).optimize(task(), make_synthetic().evaluate, None, RecordingObserver())


# --- ends


async def test_it_ends_when_patience_does() -> None:
    def useless(messages: Sequence[Message], sample: int) -> str:
        return answer_with(f"{texts_in(messages)[0]}\nShout. ({seed_of(messages, sample)})")

    synthetic = make_synthetic(write=useless)
    outcome, observer = await search(task(), synthetic, patience=5)
    assert outcome.stop_reason is StopReason.PATIENCE
    assert len(observer.with_status(CandidateStatus.REJECTED)) == 5


async def test_the_parents_of_a_candidate_are_told_before_it() -> None:
    _, observer = await search(task(), make_synthetic(), lookahead=8)
    known = {SOURCE.candidate_id}
    for candidate_id, status, _, _ in observer.candidates:
        if status is CandidateStatus.PROPOSED:
            assert set(observer.texts[candidate_id].parents) <= known
            known.add(candidate_id)


async def test_a_minibatch_may_be_larger_than_the_training_split() -> None:
    outcome, _ = await search(task(train=reviews(2)), make_synthetic(), minibatch_size=5)
    assert outcome.means.aggregate > 0


async def test_examples_of_both_splits_are_measured_once() -> None:
    examples = reviews(30)
    synthetic = make_synthetic()
    await search(task(train=examples, validation=examples), synthetic, max_metric_calls=300)
    assert len(synthetic.log.begun) == len(set(synthetic.log.begun))
    assert synthetic.target_calls <= 300


class ReflectsLate:
    """The reflection model answers the first question last of all."""

    def __init__(self, synthetic: SyntheticTask) -> None:
        self._world = synthetic
        self._first = True

    async def __call__(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        late, self._first = self._first, False
        for _ in range(2000 if late else 0):
            await asyncio.sleep(0)
        return await self._world.reflect(messages, sample=sample, parameters=parameters)


async def test_a_straggler_changes_nothing() -> None:
    expected, sequential = await search(task(), make_synthetic(), lookahead=8)
    synthetic, observer = make_synthetic(), RecordingObserver()
    optimizer = Gepa.from_settings({"max_metric_calls": 200, "lookahead": 8})
    outcome = await optimizer.optimize(task(), synthetic.evaluate, ReflectsLate(synthetic), observer)
    assert outcome == expected
    assert observer.candidates == sequential.candidates


async def test_an_answer_without_a_score_speaks_for_neither() -> None:
    """The judge has no opinion on any new candidate where the source is right; it is better elsewhere."""

    class Silent(SyntheticTask):
        async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
            means = await SyntheticTask.evaluate(self, candidate, examples)
            made = [self.judged(candidate, e) for e in means.evaluations]
            scored = [e.aggregate for e in made if not e.unscored]
            return Means(evaluations=tuple(made), scores={"aggregate": sum(scored) / max(1, len(scored))})

        def judged(self, candidate: Candidate, evaluation: Evaluation) -> Evaluation:
            if int(evaluation.example_id, 16) % 3 == 0:
                return replace(evaluation, aggregate=float("one word" in str(candidate.texts).lower()))
            if candidate == SOURCE:
                return replace(evaluation, aggregate=1.0)
            return replace(evaluation, aggregate=0.5, unscored=True)

    def better(messages: Sequence[Message], sample: int) -> str:
        return answer_with(f"{texts_in(messages)[0]} One word. ({seed_of(messages, sample)})")

    outcome, observer = await search(task(), Silent(phrases=PHRASES, write=better), lookahead=1)
    won = [entry for entry in observer.candidates if entry[1] is CandidateStatus.ACCEPTED]
    assert won
    assert "One word" in str(outcome.best.texts["reviews"])
    first = next(entry for entry in observer.candidates if entry[1] is not CandidateStatus.PROPOSED)
    assert first[1] is CandidateStatus.ACCEPTED, "the first proposal was better on all that was judged"

"""The small parts of a search: the incumbent, the Pareto front, side by side, demonstrations, rewrites."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Dataset, Example
from burnish.domain.job import StopReason
from burnish.domain.prompt import Message
from burnish.errors import InvalidInput
from burnish.evaluation.protocol import Means
from burnish.optimizers.prompts.demonstrations import Demonstration, as_block, as_turns, labelled, pick
from burnish.optimizers.prompts.rewriting import Rewrite, read_prompts, tagged
from burnish.optimizers.search.incumbent import Incumbent
from burnish.optimizers.search.pareto import dominates, front
from burnish.optimizers.settings import CommonSettings
from burnish.optimizers.testing.contract import RecordingObserver

# --- the incumbent


def scored(value: float) -> Means:
    return Means(evaluations=(), scores={"aggregate": value})


def candidate(text: str) -> Candidate:
    return Candidate({"p": text})


def incumbent(source: float = 0.5, **settings: float) -> tuple[Incumbent, RecordingObserver]:
    observer = RecordingObserver()
    made = CommonSettings.model_validate(settings)
    return Incumbent(candidate("source"), scored(source), made, observer), observer


def test_only_a_better_candidate_is_accepted() -> None:
    best, observer = incumbent()
    assert not best.consider(candidate("equal"), scored(0.5))
    assert best.consider(candidate("better"), scored(0.6))
    assert not best.consider(candidate("worse"), scored(0.55))
    assert best.outcome().best == candidate("better")
    assert [entry[1] for entry in observer.candidates] == [
        CandidateStatus.REJECTED,
        CandidateStatus.ACCEPTED,
        CandidateStatus.REJECTED,
    ]
    assert "the best has 0.600" in observer.candidates[2][3]


def test_of_equals_the_shorter_wins_but_never_against_the_source() -> None:
    best, _ = incumbent()
    assert not best.consider(candidate("a"), scored(0.5)), "the source is shorter than nothing it must prove"
    best.consider(candidate("a rather long prompt, with many words in it"), scored(0.7))
    assert best.consider(candidate("a short prompt"), scored(0.7))
    assert not best.consider(candidate("a prompt of about the same length"), scored(0.7))


def test_a_gain_below_the_minimum_is_no_gain() -> None:
    best, _ = incumbent(minimum_gain=0.1)
    assert not best.consider(candidate("a bit better"), scored(0.59))
    assert best.consider(candidate("better"), scored(0.61))


@pytest.mark.parametrize(
    ("source", "settings", "reason"),
    [
        (1.0, {}, StopReason.NO_HEADROOM),
        (0.99, {}, None),
        (0.8, {"target_score": 0.8}, StopReason.TARGET_REACHED),
        (0.79, {"target_score": 0.8}, None),
    ],
)
def test_knows_when_to_stop_at_once(
    source: float, settings: dict[str, float], reason: StopReason | None
) -> None:
    assert incumbent(source, **settings)[0].stop_reason() is reason


def test_patience_counts_candidates_without_a_gain() -> None:
    best, _ = incumbent(patience=2)
    best.consider(candidate("a"), scored(0.1))
    assert best.stop_reason() is None
    best.consider(candidate("b"), scored(0.6))
    best.reject(candidate("c"), scored(0.1), "weak")
    assert best.stop_reason() is None
    best.reject(candidate("d"), scored(0.1), "weak")
    assert best.stop_reason() is StopReason.PATIENCE


# --- the Pareto front

objectives = st.fixed_dictionaries(
    {"aggregate": st.integers(0, 4).map(float), "prompt_tokens": st.integers(0, 4).map(float)}
)


def test_a_shorter_prompt_with_the_same_score_dominates() -> None:
    assert dominates({"aggregate": 0.7, "prompt_tokens": 20}, {"aggregate": 0.7, "prompt_tokens": 30})
    assert not dominates({"aggregate": 0.7, "prompt_tokens": 40}, {"aggregate": 0.6, "prompt_tokens": 30})
    assert not dominates({"aggregate": 0.7}, {"aggregate": 0.7})
    assert not dominates({"aggregate": 0.7}, {"other": 0.1})


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=2), objectives, max_size=8))
def test_the_front_is_what_nobody_dominates(points: dict[str, dict[str, float]]) -> None:
    best = front(points)
    assert bool(best) == bool(points)
    for name, point in points.items():
        beaten = [other for other in points.values() if dominates(other, point)]
        assert (name in best) == (not beaten)


def test_candidates_without_objectives_are_not_on_the_front() -> None:
    assert front({"a": {}, "b": {"aggregate": 0.1}}) == {"b"}


# --- demonstrations


def examples(*answers: str) -> tuple[Example, ...]:
    records = [({"text": f"Text {n}"}, {"expected_response": a}) for n, a in enumerate(answers)]
    return Dataset.of(records).examples


@given(st.integers(0, 20), st.integers(0, 5))
def test_a_selection_has_every_answer_before_any_twice(seed: int, draw: int) -> None:
    pool = labelled(examples(*"aaaaaaaabbc"))
    assert {shown.answer for shown in pick(pool, 3, seed, draw)} == {"a", "b", "c"}
    assert pick(pool, 3, seed, draw) == pick(pool, 3, seed, draw)
    assert len({shown.example.example_id for shown in pick(pool, 99, seed, draw)}) == len(pool)


def test_another_draw_is_another_selection() -> None:
    pool = labelled(examples(*"abababababab"))
    draws = [{shown.example.example_id for shown in pick(pool, 4, 0, draw)} for draw in range(6)]
    assert len({frozenset(ids) for ids in draws}) > 3


def test_what_would_read_as_a_variable_is_not_shown() -> None:
    found = labelled(examples("fine", "{{ name }}", "{% if %}", "x" * 2000, "", "also fine"))
    assert [demonstration.answer for demonstration in found] == ["fine", "also fine"]


def test_blocks_and_turns() -> None:
    shown = [Demonstration(example, example.expected) for example in examples("yes", "no")]
    block = as_block(shown, ["text"], lambda name, value: f"{name}={value}", "Answer:", "Examples:")
    assert block == "Examples:\n\ntext=Text 0\nAnswer: yes\n\ntext=Text 1\nAnswer: no"
    turns = as_turns(shown, lambda example: f"Q: {example.inputs['text']}")
    assert turns[:2] == (Message("user", "Q: Text 0"), Message("assistant", "yes"))


# --- rewrites


TEXTS = Candidate({"a": "Hello {{x}}", "b": (Message("system", "Be kind."), Message("user", "{{y}}"))})


def test_prompts_are_read_as_they_were_written() -> None:
    assert read_prompts(f"Sure!\n{tagged(TEXTS.texts)}\nDone.", TEXTS) == dict(TEXTS.texts)


@given(st.text(alphabet=st.characters(exclude_characters="\r<>", codec="utf-8"), max_size=60))
def test_any_text_survives_the_tags(text: str) -> None:
    parent = Candidate({"a": "x"})
    assert read_prompts(tagged({"a": text}), parent) == {"a": text.strip("\n")}


def test_one_prompt_needs_no_name() -> None:
    assert read_prompts("<prompt>\nNew {{x}}\n</prompt>", Candidate({"a": "Old {{x}}"})) == {"a": "New {{x}}"}


def test_a_prompt_left_out_stays() -> None:
    read = read_prompts('<prompt name="a">Hi {{x}}</prompt>', TEXTS)
    assert read == {"a": "Hi {{x}}", "b": TEXTS.texts["b"]}


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("I would not change it.", "<prompt>"),
        ('<prompt name="c">x</prompt>', "'c'"),
        ('<prompt name="b">just text</prompt>', "<message"),
    ],
)
def test_an_answer_without_prompts_says_what_is_missing(answer: str, word: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_prompts(answer, TEXTS)
    assert word in caught.value.problems[0].remedy


def test_the_request_shows_prompts_results_and_rules() -> None:
    text = (
        Rewrite(parent=TEXTS, feedback="It said no.", guidelines="For bankers.", number=2)
        .messages()[0]
        .content
    )
    for part in ("Hello {{x}}", '<message role="system">', "It said no.", "For bankers.", "{{y}}", "roles"):
        assert part in text
    assert Rewrite(parent=TEXTS, number=0).messages() != Rewrite(parent=TEXTS, number=1).messages()

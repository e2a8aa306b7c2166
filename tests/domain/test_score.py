"""What a user's scorer text means, and what a scorer's answer means as a number."""

from __future__ import annotations

import math
from enum import StrEnum
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from burnish.domain.dataset import Example
from burnish.domain.score import ScoreRange, ScorerSpec, read_score, snake_case, spellings_of
from burnish.errors import InvalidInput, ScoreOutOfRange, ScorerFailed

EXAMPLE = Example("e1", {"review": "so so"}, {}, "e1", source="films.csv:7")


class TestScorerSpec:
    @pytest.mark.parametrize(
        ("text", "spec"),
        [
            ("exact_match", ScorerSpec("exact_match")),
            (" exact_match =0.5", ScorerSpec("exact_match", weight=0.5)),
            ("max_length:200=must", ScorerSpec("max_length", "200", 0.0, True)),
            ("json_valid=MUST", ScorerSpec("json_valid", None, 0.0, True)),
            (r"regex_match:^\d+:\d+$", ScorerSpec("regex_match", r"^\d+:\d+$")),
            ("contains:a=b", ScorerSpec("contains", "a=b")),
            ("contains:a=b=2", ScorerSpec("contains", "a=b", 2.0)),
            ("contains:x=5", ScorerSpec("contains", "x", 5.0)),
            ("contains:x=5=1", ScorerSpec("contains", "x=5")),
            ("json_match:answer=2", ScorerSpec("json_match", "answer", 2.0)),
            ("Correctness:repeats=3", ScorerSpec("Correctness", "repeats=3")),
            ("Correctness:repeats=3=2", ScorerSpec("Correctness", "repeats=3", 2.0)),
            (
                "Safety:model=openai:/m,repeats=3=must",
                ScorerSpec("Safety", "model=openai:/m,repeats=3", 0.0, True),
            ),
            ("Safety:model=openai:/gpt-4o-mini", ScorerSpec("Safety", "model=openai:/gpt-4o-mini")),
            ("stars:1-5", ScorerSpec("stars", "1-5")),
            ("stars:1-5=must", ScorerSpec("stars", "1-5", 0.0, True)),
            ("stars:range=1-5,repeats=3=2", ScorerSpec("stars", "range=1-5,repeats=3", 2.0)),
            ('"tone:style"', ScorerSpec("tone:style")),
            ('"a=b":1-5=2', ScorerSpec("a=b", "1-5", 2.0)),
            ('"a=1"', ScorerSpec("a=1")),
            ('"say ""hi"""=must', ScorerSpec('say "hi"', None, 0.0, True)),
            ("team/tone of voice", ScorerSpec("team/tone of voice")),
            ("builtin:contains:x", ScorerSpec("contains", "x", source="builtin")),
            ('registered:"tone:style"=2', ScorerSpec("tone:style", None, 2.0, source="registered")),
            ('"builtin":x', ScorerSpec("builtin", "x")),
        ],
    )
    def test_reads_name_argument_and_weight(self, text: str, spec: ScorerSpec) -> None:
        assert ScorerSpec.parse(text) == spec

    @pytest.mark.parametrize(
        "text", ["", "  ", "=2", ":x", "a=0", "a=-1", "a=nan", "a=inf", "a=heavy", "a=", "a=b=2", '""']
    )
    def test_refuses_what_it_cannot_read_and_says_how_to_write_it(self, text: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            ScorerSpec.parse(text)
        (problem,) = refusal.value.problems
        assert problem.field == "scorers"
        assert problem.value == text

    @given(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True) | st.text(min_size=1).filter(str.strip),
        st.none() | st.text(min_size=1),
        st.floats(min_value=1e-3, max_value=1e6),
        st.booleans(),
        st.none() | st.sampled_from(["builtin", "registered"]),
    )
    def test_is_written_as_it_is_read(
        self, name: str, argument: str | None, weight: float, must_pass: bool, source: str | None
    ) -> None:
        spec = ScorerSpec(name, argument, 0.0 if must_pass else weight, must_pass, source)
        assume((argument or "").rpartition(",")[2].strip() not in ("repeats", "model", "range", "guidelines"))
        assert ScorerSpec.parse(str(spec)) == spec


def test_a_spec_is_shown_without_what_goes_without_saying() -> None:
    for text in ("exact_match", "contains:a", "Correctness:repeats=3", "max_length:5=must", "exact_match=2"):
        assert str(ScorerSpec.parse(text)) == text


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("Correctness", "correctness"),
        ("RelevanceToQuery", "relevance_to_query"),
        ("PIIDetection", "pii_detection"),
        ("tone:Style", "tone:Style"),
    ],
)
def test_mlflow_s_scorers_are_found_by_either_name(class_name: str, name: str) -> None:
    assert snake_case(class_name) == name
    assert name in spellings_of(class_name)
    assert spellings_of("exact_match") == ("exact_match",)
    assert "RelevanceToQuery" in spellings_of("relevance_to_query")


class Rating(StrEnum):
    YES = "yes"


class Assessment:
    def __init__(self, value: object) -> None:
        self.value = value


def value_of(raw: object, span: ScoreRange | None = None) -> float | None:
    score = read_score(raw, "", scorer="mine", example=EXAMPLE, range=span)
    return None if score is None else score.value


ONE_TO_FIVE = ScoreRange(1, 5)


class TestReadScore:
    @pytest.mark.parametrize(
        ("raw", "number"),
        [
            (True, 1.0),
            (False, 0.0),
            (0.25, 0.25),
            (1, 1.0),
            (Fraction(1, 4), 0.25),
            ("yes", 1.0),
            (" No ", 0.0),
            ("true", 1.0),
            ("0.5", 0.5),
            (1.0000000001, 1.0),
            (Rating.YES, 1.0),
            (Assessment(Rating.YES), 1.0),
            (Assessment(0.5), 0.5),
            (None, None),
            (Assessment(None), None),
            ("N/A", None),
            (" unknown", None),
        ],
    )
    def test_numbers_bools_and_yes_no_are_scores(self, raw: object, number: float | None) -> None:
        assert value_of(raw) == number

    def test_numpy_scalars_are_scores(self) -> None:
        import numpy as np

        assert [value_of(raw) for raw in (np.bool_(True), np.float32(0.5), np.int64(1))] == [1.0, 0.5, 1.0]

    @pytest.mark.parametrize(
        ("span", "raw", "value", "kept"),
        [
            (ONE_TO_FIVE, 1, 0.0, 1.0),
            (ONE_TO_FIVE, 4, 0.75, 4.0),
            (ONE_TO_FIVE, "5", 1.0, 5.0),
            (ONE_TO_FIVE, 2.5, 0.375, 2.5),
            (ONE_TO_FIVE, "yes", 1.0, 5.0),
            (ONE_TO_FIVE, False, 0.0, 1.0),
            (ScoreRange(0, 10), "10", 1.0, 10.0),
            (ScoreRange(6, 1), 2, 0.8, 2.0),  # German marks: 1 is best
            (ScoreRange(-1, 1), 0, 0.5, 0.0),
        ],
    )
    def test_a_declared_range_is_scaled_and_the_raw_number_kept(
        self, span: ScoreRange, raw: object, value: float, kept: float
    ) -> None:
        score = read_score(raw, "so", scorer="mine", example=EXAMPLE, range=span)
        assert score is not None
        assert (score.value, score.raw, score.rationale) == (value, kept, "so")
        assert span.raw(value) == pytest.approx(kept)

    @pytest.mark.parametrize("raw", [5, 1.01, -0.2, "10", "3"])
    def test_a_number_outside_0_to_1_is_refused_with_the_remedy(self, raw: object) -> None:
        with pytest.raises(ScoreOutOfRange, match=r"mine:1-5"):
            value_of(raw)

    @pytest.mark.parametrize("raw", [0, 6, "5.5"])
    def test_a_number_outside_the_declared_range_is_refused(self, raw: object) -> None:
        with pytest.raises(ScoreOutOfRange, match="its declared range is 1-5"):
            value_of(raw, ONE_TO_FIVE)

    @pytest.mark.parametrize("raw", ["good", [1.0], {"value": 1}, 1j, b"yes"])
    def test_anything_else_is_refused_with_scorer_type_and_example(self, raw: object) -> None:
        with pytest.raises(ScorerFailed) as failure:
            value_of(raw)
        for named in ("mine", "record films.csv:7 (review: so so)", type(raw).__name__):
            assert named in str(failure.value)

    @pytest.mark.parametrize("raw", [math.nan, math.inf, -math.inf, 10**400, "nan", "inf"])
    @pytest.mark.parametrize("span", [None, ONE_TO_FIVE])
    def test_a_score_is_finite(self, raw: object, span: ScoreRange | None) -> None:
        with pytest.raises(ScorerFailed, match="finite"):
            value_of(raw, span)

    @pytest.mark.parametrize(
        ("text", "span"),
        [
            ("1-5", ScoreRange(1, 5)),
            (" 0.5 - 2.5 ", ScoreRange(0.5, 2.5)),
            ("-1-1", ScoreRange(-1, 1)),
            ("-10--5", ScoreRange(-10, -5)),
            ("5-1", ScoreRange(5, 1)),
            ("3-3", None),
            ("1", None),
            ("a-b", None),
            ("2024-01-02", None),
        ],
    )
    def test_a_range_is_worst_and_best(self, text: str, span: ScoreRange | None) -> None:
        assert ScoreRange.find(text) == span
        if span is not None:
            assert ScoreRange.find(str(span)) == span

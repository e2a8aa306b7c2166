"""What a user's scorer text means, and what a scorer's answer means as a number."""

from __future__ import annotations

import math
from enum import StrEnum
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from burnish.domain.score import ScorerSpec, to_number
from burnish.errors import InvalidInput, ScorerFailed


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
        ],
    )
    def test_reads_name_argument_and_weight(self, text: str, spec: ScorerSpec) -> None:
        assert ScorerSpec.parse(text) == spec

    @pytest.mark.parametrize("text", ["", "  ", "=2", ":x", "a=0", "a=-1", "a=nan", "a=inf", "a=heavy", "a="])
    def test_refuses_what_it_cannot_read_and_says_how_to_write_it(self, text: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            ScorerSpec.parse(text)
        (problem,) = refusal.value.problems
        assert problem.field == "scorers"
        assert problem.value == text

    @given(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
        st.none() | st.text(min_size=1),
        st.floats(min_value=1e-3, max_value=1e6),
        st.booleans(),
    )
    def test_is_written_as_it_is_read(
        self, name: str, argument: str | None, weight: float, must_pass: bool
    ) -> None:
        spec = ScorerSpec(name, argument, 0.0 if must_pass else weight, must_pass)
        assume((argument or "").rpartition(",")[2].strip() not in ("repeats", "model", "guidelines"))
        assert ScorerSpec.parse(str(spec)) == spec


def test_a_spec_is_shown_without_what_goes_without_saying() -> None:
    for text in ("exact_match", "contains:a", "Correctness:repeats=3", "max_length:5=must", "exact_match=2"):
        assert str(ScorerSpec.parse(text)) == text


class Rating(StrEnum):
    YES = "yes"


class Assessment:
    def __init__(self, value: object) -> None:
        self.value = value


class TestToNumber:
    @pytest.mark.parametrize(
        ("raw", "number"),
        [
            (True, 1.0),
            (False, 0.0),
            (0.25, 0.25),
            (3, 3.0),
            (Fraction(1, 4), 0.25),
            ("yes", 1.0),
            (" No ", 0.0),
            (Rating.YES, 1.0),
            (Assessment(Rating.YES), 1.0),
            (Assessment(0.5), 0.5),
        ],
    )
    def test_numbers_bools_and_yes_no_are_scores(self, raw: object, number: float) -> None:
        assert to_number(raw, "mine", "e1") == number

    def test_numpy_scalars_are_scores(self) -> None:
        import numpy as np

        assert [to_number(raw, "mine", "e1") for raw in (np.bool_(True), np.float32(0.5), np.int64(1))] == [
            1.0,
            0.5,
            1.0,
        ]

    @pytest.mark.parametrize("raw", [None, "good", [1.0], {"value": 1}, 1j, b"yes"])
    def test_anything_else_is_refused_with_scorer_type_and_example(self, raw: object) -> None:
        with pytest.raises(ScorerFailed) as failure:
            to_number(raw, "mine", "e1")
        for named in ("mine", "e1", type(raw).__name__):
            assert named in str(failure.value)

    @pytest.mark.parametrize("raw", [math.nan, math.inf, -math.inf, 10**400])
    def test_a_score_is_finite(self, raw: float) -> None:
        with pytest.raises(ScorerFailed, match="finite"):
            to_number(raw, "mine", "e1")

"""The scorers without a model: each keeps the contract, and gives what its docstring says."""

from __future__ import annotations

import unicodedata
from typing import Any, ClassVar

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from burnish.errors import InvalidInput
from burnish.evaluation.scorer import Feedback, Scorer
from burnish.evaluation.scorers.contains import Contains
from burnish.evaluation.scorers.exact_match import exact_match
from burnish.evaluation.scorers.json_answer import JsonMatch, JsonValid, find_difference
from burnish.evaluation.scorers.label_match import LabelMatch, first_label
from burnish.evaluation.scorers.max_length import MaxLength
from burnish.evaluation.scorers.numeric_match import NumericMatch, last_number
from burnish.evaluation.scorers.regex_match import RegexMatch
from burnish.evaluation.scorers.similarity import similarity
from burnish.evaluation.scorers.text import TextScorer, normalize, text_scorer
from burnish.evaluation.testing import ScorerContract


def expect(answer: Any) -> dict[str, Any]:
    return {"expected_response": answer}


def score(scorer: TextScorer, output: str, expected: Any) -> float:
    return float(scorer.compare(output, expected).value)


class TestExactMatch(ScorerContract):
    cases: ClassVar = [
        ("positive", expect("positive"), 1.0),
        ("  Positive.\n", expect("positive"), 1.0),
        ('"Positive."', expect("positive"), 1.0),
        ("“positive”!", expect("Positive"), 1.0),
        ("The answer is positive", expect("positive"), 0.0),
        ("STRASSE", expect("straße"), 1.0),
        (unicodedata.normalize("NFD", "café"), expect("CAFÉ"), 1.0),
        ("(A)", expect("(A)"), 1.0),
        ("A", expect("(A)"), 0.0),
        ("8", expect(8), 1.0),
        ("8", expect(8.0), 1.0),
        ("true", expect(True), 1.0),
        ("", expect("..."), 0.0),
        ("?", expect("!"), 0.0),
    ]

    def make(self) -> Scorer:
        return exact_match("exact_match")

    @given(st.text(), st.sampled_from(["{}", " {} ", '"{}"', "{}.", "{}!\n", "'{}.'"]))
    def test_decoration_does_not_matter(self, text: str, decoration: str) -> None:
        assume(any(character.isalnum() for character in text))
        assert score(exact_match("exact_match"), decoration.format(text), text) == 1.0

    @given(st.text())
    def test_normalizing_twice_changes_nothing(self, text: str) -> None:
        assert normalize(normalize(text)) == normalize(text)


class TestLabelMatch(ScorerContract):
    cases: ClassVar = [
        ("The review is positive.", expect("positive"), 1.0),
        ("negative", expect("Negative"), 1.0),
        ("NEUTRAL, not positive", expect("neutral"), 1.0),
        ("positive rather than negative", expect("negative"), 0.0),
        ("I cannot say", expect("positive"), 0.0),
        ("unpositive", expect("positive"), 0.0),
        ("**Order_Card**", expect("order_card"), 1.0),
        ("order_card_now", expect("order_card"), 0.0),
        ("这是正面的评价", expect("正面"), 1.0),
        ("very good", expect("very good"), 1.0),
        ("very good", expect("good"), 0.0),
        ("Answer: (B).", expect("(B)"), 1.0),
        ("yes", expect(True), 0.0),
        ("It is true", expect(True), 1.0),
    ]

    def make(self) -> Scorer:
        return LabelMatch("label_match")

    @given(
        st.lists(st.text("ab ", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=5),
        st.text("abc ."),
    )
    def test_finds_the_first_whole_word_label_the_longest_if_two_begin_there(
        self, labels: list[str], text: str
    ) -> None:
        import re

        longest_first = "|".join(map(re.escape, sorted(labels, key=len, reverse=True)))
        found = re.search(rf"(?<!\w)(?:{longest_first})(?!\w)", text)
        assert first_label(text, labels) == (found.group() if found else None)


class TestContains(ScorerContract):
    cases: ClassVar = [
        ("The capital is PARIS, of course", expect("Paris"), 1.0),
        ("Lyon", expect("Paris"), 0.0),
        ("18", expect(8), 1.0),
    ]

    def make(self) -> Scorer:
        return Contains("contains")


class TestContainsText(ScorerContract):
    cases: ClassVar = [("Yours Sincerely", {}, 1.0), ("Bye", {}, 0.0)]

    def make(self) -> Scorer:
        return Contains("contains", "sincerely")


class TestRegexMatch(ScorerContract):
    cases: ClassVar = [("Order 2024-11-05", {}, 1.0), ("Order 5", {}, 0.0), ("Größe 2024-01-01", {}, 1.0)]

    def make(self) -> Scorer:
        return RegexMatch("regex_match", r"\b\d{4}-\d\d-\d\d$")

    def test_a_pattern_that_would_take_for_ever_elsewhere_takes_no_time(self) -> None:
        assert score(RegexMatch("regex_match", r"^(a+)+$"), "a" * 100_000 + "b", None) == 0.0

    @pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "((a{1000}){1000}){1000}", "[z-a]"])
    def test_refuses_what_re2_cannot_do(self, pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(InvalidInput, match="RE2"):
            RegexMatch("regex_match", pattern)
        assert capfd.readouterr() == ("", "")


class TestNumericMatch(ScorerContract):
    cases: ClassVar = [
        ("The total is 8.", expect("8"), 1.0),
        ("3 + 5 = 8", expect(8), 1.0),
        ("8 is not 9", expect(8), 0.0),
        ("$1,234.50", expect(1234.5), 1.0),
        ("-3", expect("3"), 0.0),
        ("x=−3", expect(-3), 1.0),
        ("eight", expect(8), 0.0),
        ("#### 72", expect("so she has\n#### 72"), 1.0),
        ("12345678901234567891", expect("12345678901234567890"), 0.0),
        ("0.30000000000000004", expect("0.3"), 0.0),
        ("１２", expect(12), 1.0),
    ]

    def make(self) -> Scorer:
        return NumericMatch("numeric_match")

    def test_the_argument_is_a_tolerance(self) -> None:
        scorer = NumericMatch("numeric_match", "0.01")
        assert score(scorer, "3.15", 3.14) == 1.0
        assert score(scorer, "3.151", 3.14) == 0.0

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("between 3-5", "5"),
            ("H2O", None),
            ("v1.5", None),
            ("1,2,3", "3"),
            (".5", "0.5"),
            ("6e3", "6000"),
            ("7%", "7"),
            ("1,234,567.8 euros", "1234567.8"),
            ("12,34", "34"),
            ("6e9999999999999999999999", None),
            ("9" * 500, None),
        ],
    )
    def test_reads_numbers_as_people_write_them(self, text: str, number: str | None) -> None:
        from decimal import Decimal

        assert last_number(text) == (None if number is None else Decimal(number))

    @given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
    def test_finds_every_number_that_python_writes(self, number: Any) -> None:
        assert last_number(f"There are 7, so the answer is {number:,}.") == number
        assert last_number(f"({number})") == number

    @pytest.mark.parametrize("tolerance", ["-1", "nan", "inf", "much"])
    def test_refuses_a_tolerance_that_is_none(self, tolerance: str) -> None:
        with pytest.raises(InvalidInput, match="tolerance"):
            NumericMatch("numeric_match", tolerance)


class TestJsonValid(ScorerContract):
    cases: ClassVar = [
        ('{"a": [1, null]}', {}, 1.0),
        (' "text"\n', {}, 1.0),
        ("{'a': 1}", {}, 0.0),
        ('```json\n{"a": 1}\n```', {}, 0.0),
        ("NaN", {}, 0.0),
        ('{"a": 1} {"b": 2}', {}, 0.0),
    ]

    def make(self) -> Scorer:
        return JsonValid("json_valid")

    def test_says_where_it_is_broken(self) -> None:
        assert "line 2 column 1" in JsonValid("json_valid").compare('{"a":\n}', None).rationale
        assert "code fence" in JsonValid("json_valid").compare("```json\n{}\n```", None).rationale


class TestJsonMatch(ScorerContract):
    cases: ClassVar = [
        ('{"b": 2.0, "a": [1, "x"]}', expect({"a": [1, "x"], "b": 2}), 1.0),
        ('{"a": 1}', expect('{"a": 1}'), 1.0),
        ('{"a": 1, "b": 2}', expect({"a": 1}), 0.0),
        ('{"a": true}', expect({"a": 1}), 0.0),
        ("[1, 2]", expect([2, 1]), 0.0),
        ('{"a": null}', expect({}), 0.0),
        ("not JSON", expect({}), 0.0),
    ]

    def make(self) -> Scorer:
        return JsonMatch("json_match")

    def test_the_argument_names_the_keys_to_compare(self) -> None:
        scorer = JsonMatch("json_match", "name, age")
        wanted = {"name": "Ada", "age": 36, "note": "x"}
        assert score(scorer, '{"age": 36, "name": "Ada"}', wanted) == 1.0
        assert score(scorer, '{"age": 37, "name": "Ada"}', wanted) == 0.0
        assert score(scorer, '{"age": 36}', wanted) == 0.0
        assert score(scorer, "[]", wanted) == 0.0

    @pytest.mark.parametrize(
        ("answer", "difference"),
        [
            ({"a": {"b": [1, 3]}}, "$.a.b[1]: expected '2', got '3'"),
            ({"a": {"b": [1]}}, "$.a.b: 1 elements where 2 are expected"),
            ({"a": {"c": 1}}, "$.a: lacks b; has c"),
        ],
    )
    def test_names_the_first_difference(self, answer: Any, difference: str) -> None:
        assert find_difference({"a": {"b": [1, 2]}}, answer) == difference

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda s: st.lists(s) | st.dictionaries(st.text(), s),
        )
    )
    def test_every_value_equals_its_own_json(self, value: Any) -> None:
        import json

        assert score(JsonMatch("json_match"), json.dumps(value), json.dumps(value)) == 1.0

    def test_refuses_a_list_of_keys_with_a_hole(self) -> None:
        with pytest.raises(InvalidInput, match="keys"):
            JsonMatch("json_match", "a,,b")


class TestSimilarity(ScorerContract):
    cases: ClassVar = [
        ("Kitten.", expect("kitten"), 1.0),
        ("", expect("kitten"), 0.0),
        ("ab", expect("ac"), 0.5),
    ]

    def make(self) -> Scorer:
        return similarity("similarity")

    @given(st.text(max_size=50), st.text(max_size=50))
    def test_is_rapidfuzz_ratio_of_the_normalized_texts(self, left: str, right: str) -> None:
        from rapidfuzz.fuzz import ratio

        found = score(similarity("similarity"), left, right)
        assert found == pytest.approx(ratio(normalize(left), normalize(right)) / 100)

    def test_what_lies_beyond_the_limit_counts_as_different(self) -> None:
        long = "word " * 10_000
        assert score(similarity("similarity"), long, long) == 1.0
        assert 0 < score(similarity("similarity"), long, long + "more") < 1


class TestMaxLength(ScorerContract):
    cases: ClassVar = [("12345", {}, 1.0), ("123456", {}, 0.0), ("", {}, 1.0)]

    def make(self) -> Scorer:
        return MaxLength("max_length", "5")

    @pytest.mark.parametrize("limit", ["0", "-1", "5.5", "many", "", "٣"])
    def test_refuses_a_limit_that_is_none(self, limit: str) -> None:
        with pytest.raises(InvalidInput, match="whole number"):
            MaxLength("max_length", limit)


@text_scorer
def even_words(output: str) -> Feedback:
    """1 when the answer has an even number of words."""
    return Feedback(len(output.split()) % 2 == 0)


class TestAFunctionOfTheAnswerAlone(ScorerContract):
    """It needs no expected response."""

    cases: ClassVar = [("two words", {}, 1.0), ("one", {}, 0.0), ("", {}, 1.0)]

    def make(self) -> Scorer:
        return even_words("even_words")

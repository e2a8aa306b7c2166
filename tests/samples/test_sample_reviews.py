"""The shipped reviews are what the demo needs: enough, balanced, all different, short and mixed."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from rapidfuzz import fuzz

from burnish.domain.prompt import variables_of
from burnish.samples import SAMPLE_PROMPT, sample_reviews_path


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    text = sample_reviews_path().read_bytes().decode("utf-8", errors="strict")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def reviews(records: list[dict[str, Any]]) -> list[str]:
    return [record["inputs"]["review"] for record in records]


def labels_of(records: list[dict[str, Any]]) -> Counter[str]:
    return Counter(record["expectations"]["expected_response"] for record in records)


def test_every_record_has_the_form_of_mlflow(records: list[dict[str, Any]]) -> None:
    for record in records:
        assert record.keys() == {"inputs", "expectations"}
        assert record["inputs"].keys() == {"review"}
        assert record["expectations"].keys() == {"expected_response"}


def test_there_are_208_and_half_are_positive(records: list[dict[str, Any]]) -> None:
    assert labels_of(records) == {"positive": 104, "negative": 104}


def test_the_first_twenty_are_mixed(records: list[dict[str, Any]]) -> None:
    first = labels_of(records[:20])
    assert min(first["positive"], first["negative"]) >= 6


def test_reviews_are_short_and_tidy(reviews: list[str]) -> None:
    for review in reviews:
        assert 8 <= len(review.split()) <= 30, review
        assert review == review.strip()
        assert "\n" not in review
        assert "{{" not in review


def test_no_two_reviews_are_nearly_the_same(reviews: list[str]) -> None:
    lowered = [review.lower() for review in reviews]
    alike = [pair for pair in combinations(lowered, 2) if fuzz.ratio(*pair, score_cutoff=85) >= 85]
    assert alike == []


def test_openings_vary(reviews: list[str]) -> None:
    openings = Counter(" ".join(review.lower().split()[:2]) for review in reviews)
    assert max(openings.values()) <= 5, openings.most_common(3)


def test_no_review_says_its_own_label(reviews: list[str]) -> None:
    for review in reviews:
        assert "positive" not in review.lower()
        assert "negative" not in review.lower()


def test_the_prompt_asks_for_the_review() -> None:
    assert variables_of(SAMPLE_PROMPT) == {"review"}

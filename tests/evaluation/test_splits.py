"""Splits: sealed, deterministic, as large as asked for."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from burnish.domain.dataset import Dataset, Example
from burnish.domain.job import SplitFractions
from burnish.errors import InvalidInput
from burnish.evaluation.splits import FEW, Splits, check_fractions, split, workable

HALF = SplitFractions()

fractions = st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(0, 20)).map(
    lambda parts: SplitFractions(*(part / sum(parts) for part in parts))
)


def dataset_of(inputs: list[int], labels: int = 0, shuffle: int | None = None) -> Dataset:
    """Equal numbers are duplicates; with ``labels`` the expectation is one of so many."""
    records = [
        ({"text": str(i)}, {"expected_response": f"label {i % labels}" if labels else f"answer {i}"})
        for i in inputs
    ]
    if shuffle is not None:
        random.Random(shuffle).shuffle(records)
    return Dataset.of(records)


def parts(splits: Splits) -> tuple[tuple[Example, ...], ...]:
    return splits.train, splits.validation, splits.test


@given(st.lists(st.integers(0, 40), min_size=1), fractions, st.integers())
def test_every_example_is_in_exactly_one_split_and_duplicates_stay_together(
    inputs: list[int], shares: SplitFractions, seed: int
) -> None:
    dataset = workable(dataset_of(inputs))
    splits = split(dataset, shares, seed)
    ids = [example.example_id for part in parts(splits) for example in part]
    assert sorted(ids) == sorted(example.example_id for example in dataset.examples)
    assert splits.train and splits.validation
    identities = [{example.identity for example in part} for part in parts(splits)]
    if len(set(inputs)) == 1:
        assert "both teaches and chooses" in splits.warnings[0]
        return
    assert sum(map(len, identities)) == len(set(inputs))
    if len(set(inputs)) == 2 and shares.test:
        assert "no sealed test" in splits.warnings[0]
    else:
        assert bool(splits.test) == (shares.test > 0)


@given(st.integers(3, 300), fractions, st.integers(0, 5), st.integers(0, 3))
def test_sizes_are_exact_without_duplicates(
    count: int, shares: SplitFractions, seed: int, labels: int
) -> None:
    splits = split(dataset_of(list(range(count)), labels), shares, seed)
    wanted = [share * count for share in (shares.train, shares.validation, shares.test)]
    off_by = [abs(len(part) - size) for part, size in zip(parts(splits), wanted, strict=True)]
    if all(size == 0 or size >= 1 for size in wanted):
        assert max(off_by) < 1
    else:  # "at least one for each split" takes from its neighbour
        assert max(off_by) < 3


@given(st.lists(st.integers(0, 40), min_size=30), st.integers(0, 2), st.integers(), st.integers())
def test_the_order_of_the_rows_does_not_matter(
    inputs: list[int], labels: int, seed: int, shuffle: int
) -> None:
    assume(len(set(inputs)) >= 3)
    assert split(dataset_of(inputs, labels), HALF, seed) == split(
        dataset_of(inputs, labels, shuffle), HALF, seed
    )


def test_another_seed_makes_another_split() -> None:
    dataset = dataset_of(list(range(40)))
    assert split(dataset, HALF, 0) == split(dataset, HALF, 0)
    assert split(dataset, HALF, 0) != split(dataset, HALF, 1)


@given(st.integers(40, 200), st.integers(2, 5), st.integers())
def test_each_split_has_its_share_of_each_label(count: int, labels: int, seed: int) -> None:
    dataset = dataset_of(list(range(count)), labels)
    whole = Counter(example.expected for example in dataset.examples)
    splits = split(dataset, HALF, seed)
    for part, share in zip(parts(splits), (0.5, 0.25, 0.25), strict=True):
        found = Counter(example.expected for example in part)
        for label, size in whole.items():
            assert abs(found[label] - share * size) <= 2


def test_a_label_that_occurs_once_can_fall_into_any_split() -> None:
    records = [({"text": str(i)}, {"expected_response": "rare" if i == 0 else "common"}) for i in range(40)]
    found = {
        name
        for seed in range(40)
        for name, part in zip("abc", parts(split(Dataset.of(records), HALF, seed)), strict=True)
        if any(example.expected == "rare" for example in part)
    }
    assert found == set("abc")


def test_split_of_says_where_each_example_is() -> None:
    splits = split(dataset_of(list(range(12))), HALF, 0)
    where = splits.split_of()
    assert len(where) == 12
    assert {where[example.example_id] for example in splits.test} == {"test"}


def test_few_examples_and_a_missing_or_small_test_are_warned_of() -> None:
    assert split(dataset_of(list(range(32))), HALF, 0).warnings == ()
    few, _ = split(dataset_of(list(range(FEW - 1))), HALF, 0).warnings
    assert "19 examples" in few
    (small,) = split(dataset_of(list(range(28))), HALF, 0).warnings
    assert "7 of 28 examples are in the test split" in small
    (no_test,) = split(dataset_of(list(range(FEW))), SplitFractions(0.6, 0.4, 0), 0).warnings
    assert "no test split" in no_test


@pytest.mark.parametrize(
    ("text", "shares"),
    [("0.5/0.25/0.25", HALF), (" 0.6 / .4 / 0 ", SplitFractions(0.6, 0.4, 0.0))],
)
def test_fractions_are_read(text: str, shares: SplitFractions) -> None:
    assert SplitFractions.parse(text) == shares
    assert SplitFractions.parse(str(shares)) == shares


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("", "three fractions"),
        ("0.5/0.5", "three fractions"),
        ("a/b/c", "three fractions"),
        ("50/25/25", "sum to 1"),
        ("0.5/0.3/0.1", "sum to 1"),
        ("1.5/-0.25/-0.25", "at least 0"),
        ("nan/0.5/0.5", "at least 0"),
        ("0/0.5/0.5", "train and validation"),
        ("0.5/0/0.5", "train and validation"),
    ],
)
def test_fractions_that_make_no_split_are_refused(text: str, phrase: str) -> None:
    with pytest.raises(InvalidInput, match=phrase) as refusal:
        check_fractions(SplitFractions.parse(text))
    assert refusal.value.problems[0].field == "split"

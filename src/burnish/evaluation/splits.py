"""Splits: which examples the search learns from, chooses by, and never sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, isfinite

from burnish.domain.dataset import Dataset, Example
from burnish.domain.hashing import uniform_draw
from burnish.domain.job import SplitFractions
from burnish.errors import InvalidInput
from burnish.evaluation.statistics import FEWEST_PAIRS

FEWEST_FOR_A_TEST = 3  # different records: one for each split
FEW = 20
"""Below so many examples a search is a gamble."""

_LONGEST_LABEL = 60  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Disjoint parts of a dataset. Their order depends on the seed, never on the order of the rows.

    Attributes:
        warnings: what a person should know before trusting the outcome.
    """

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    warnings: tuple[str, ...] = ()

    def split_of(self) -> dict[str, str]:
        """Example id → ``train``, ``validation`` or ``test``."""
        parts = (("train", self.train), ("validation", self.validation), ("test", self.test))
        return {example.example_id: name for name, part in parts for example in part}


def check_fractions(fractions: SplitFractions) -> None:
    """
    Raises:
        InvalidInput: a share is negative, train or validation is 0, or they do not sum to 1.
    """
    shares = (fractions.train, fractions.validation, fractions.test)
    if not all(isfinite(share) and share >= 0 for share in shares):
        raise InvalidInput.of("split", fractions, "each share must be a number of at least 0")
    if abs(sum(shares) - 1) > 1e-6:
        raise InvalidInput.of(
            "split", fractions, f"the shares must sum to 1 (these: {sum(shares):g}), such as 0.5/0.25/0.25"
        )
    if fractions.train == 0 or fractions.validation == 0:
        raise InvalidInput.of("split", fractions, "train and validation must be above 0; only test may be 0")


def split(dataset: Dataset, fractions: SplitFractions, seed: int) -> Splits:
    """Divide a dataset.

    One or two different examples are too few for a test: of two one teaches and the other chooses; a single
    one does both, for which it must be there twice (see :func:`workable`).

    Examples with the same inputs stay together. Where the expected responses are a few short labels,
    each split gets its share of each label. Sizes are the fractions to the nearest example (as near
    as duplicates allow), and no wanted split is empty. The same seed and records give the same
    splits, whatever the order of the rows.

    Raises:
        InvalidInput: the fractions, or no records at all.
    """
    check_fractions(fractions)
    groups = _in_drawing_order(dataset, seed)
    if not groups:
        raise InvalidInput.of("dataset", dataset.name, "the dataset has no records; add some")
    if len(groups) < FEWEST_FOR_A_TEST and (fractions.test or len(groups) == 1):
        return _tiny(groups)
    first, second = _cuts([len(group) for group in groups], fractions)
    train, validation, test = (
        tuple(example for group in part for example in group)
        for part in (groups[:first], groups[first:second], groups[second:])
    )
    return Splits(
        train=train, validation=validation, test=test, warnings=_warnings(len(dataset.examples), len(test))
    )


def workable(dataset: Dataset) -> Dataset:
    """The dataset itself, or with its only record twice: once to learn from and once to choose by."""
    if len(dataset.examples) != 1:
        return dataset
    (only,) = dataset.examples
    records = [(only.inputs, only.expectations)] * 2
    return Dataset.of(records, dataset.name, dataset.dataset_id, [only.source] * 2)


def _tiny(groups: Sequence[Sequence[Example]]) -> Splits:
    rows = tuple(example for group in groups for example in group)
    first = len(groups[0]) if len(groups) > 1 else len(rows) // 2
    what = "teaches, and the other chooses" if len(groups) > 1 else "both teaches and chooses"
    warning = (
        f"the dataset has {len(groups)} different record{'s' * (len(groups) > 1)}: one {what}, and there is "
        "no sealed test, so no verdict; three or more are needed for one"
    )
    return Splits(train=rows[:first], validation=rows[first:], test=(), warnings=(warning,))


def _in_drawing_order(dataset: Dataset, seed: int) -> list[list[Example]]:
    """Groups of equal inputs in an order of which every stretch has its share of every label.

    Systematic sampling: within a label the groups stand in hash order at evenly spaced points of
    [0, 1), from a start that is drawn for each label; all groups are then sorted by their point.
    """
    by_identity: dict[str, list[Example]] = {}
    for example in dataset.examples:
        by_identity.setdefault(example.identity, []).append(example)
    labels = _labels(by_identity)
    strata: dict[str, list[str]] = {}
    for identity in sorted(by_identity, key=lambda identity: uniform_draw(seed, "example", identity)):
        strata.setdefault(labels.get(identity, ""), []).append(identity)
    points: dict[str, tuple[float, str]] = {}
    for label, identities in strata.items():
        start = uniform_draw(seed, "label", label)
        for rank, identity in enumerate(identities):
            points[identity] = ((rank + start) / len(identities), identity)
    return [
        sorted(by_identity[identity], key=lambda example: example.example_id)
        for identity in sorted(points, key=points.__getitem__)
    ]


def _labels(by_identity: Mapping[str, Sequence[Example]]) -> dict[str, str]:
    """Identity → label, or nothing when the expected responses are not labels."""
    labels: dict[str, str] = {}
    for identity, examples in by_identity.items():
        expected = [example.expected for example in examples]
        if not all(isinstance(value, (str, int, bool)) for value in expected):
            return {}
        labels[identity] = min(str(value).strip().casefold() for value in expected)
    few = len(set(labels.values())) <= len(labels) / 2
    short = all(len(label) <= _LONGEST_LABEL for label in labels.values())
    return labels if few and short else {}


def _cuts(weights: Sequence[int], fractions: SplitFractions) -> tuple[int, int]:
    """Where validation and test begin among groups of so many examples each."""
    test_groups = 1 if fractions.test else 0
    train_size, validation_size = _sizes(sum(weights), fractions)
    first = _groups_before(weights, train_size)
    second = _groups_before(weights, train_size + validation_size)
    first = min(max(first, 1), len(weights) - 1 - test_groups)
    second = min(max(second, first + 1), len(weights) - test_groups)
    return first, second


def _sizes(total: int, fractions: SplitFractions) -> tuple[int, int]:
    """Sizes of train and validation: largest remainders, so that none is off by one or more."""
    shares = (fractions.train, fractions.validation, fractions.test)
    exact = [share / sum(shares) * total for share in shares]  # they may sum to 0.9999999
    sizes = [floor(value + 1e-9) for value in exact]
    by_remainder = sorted(range(3), key=lambda i: sizes[i] - exact[i])
    for i in by_remainder[: total - sum(sizes)]:
        sizes[i] += 1
    return sizes[0], sizes[1]


def _groups_before(weights: Sequence[int], boundary: int) -> int:
    """How many leading groups have their middle before ``boundary`` examples."""
    seen = 0
    for position, weight in enumerate(weights):
        if seen + weight / 2 > boundary:
            return position
        seen += weight
    return len(weights)


def _warnings(examples: int, test: int) -> tuple[str, ...]:
    found = []
    if examples < FEW:
        found.append(
            f"only {examples} examples: the search learns little from so few; {FEW} or more are better"
        )
    if test == 0:
        found.append("no test split: the final score is the best on validation, and there is no verdict")
    elif test < FEWEST_PAIRS:
        found.append(
            f"only {test} of {examples} examples are in the test split, and fewer than {FEWEST_PAIRS} can "
            "show nothing: the verdict will be NO_DIFFERENCE; add records or give the test a larger share"
        )
    return tuple(found)

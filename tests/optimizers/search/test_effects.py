"""The model of effects against data whose effects are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from burnish.optimizers.search.effects import EffectModel, Normal, Priors

EDIT = Normal(0.0, 0.12)


def simulated(
    seed: int,
    effects: Sequence[float],
    rows: int,
    *,
    examples: int = 60,
    example_sd: float = 0.3,
    noise_sd: float = 0.3,
    pair: float = 0.0,
    bonus: float = 0.0,
    priors: Priors | None = None,
) -> tuple[EffectModel, list[int]]:
    """Random sets of edits on random examples; ``pair`` is what the first two are worth beyond their sum,
    ``bonus`` what the first gains on the fifth of the examples it was written from."""
    draw = np.random.default_rng(seed)
    model = EffectModel(priors)
    numbers = [model.add_effect(EDIT) for _ in effects]
    abilities = draw.normal(0, example_sd, examples)
    for _ in range(rows):
        example = int(draw.integers(examples))
        held = draw.random(len(effects)) < 0.5
        shown = example % 5 == 0 and bool(held[0])
        score = 0.5 + abilities[example] + float(np.dot(held, effects)) + draw.normal(0, noise_sd)
        score += pair * bool(held[:2].all() and len(held) > 1) + bonus * shown
        chosen = [number for number, there in zip(numbers, held, strict=True) if there]
        model.observe(f"e{example}", chosen, score, in_sample=shown)
    return model, numbers


def test_recovers_planted_effects() -> None:
    planted = [0.2, -0.1, 0.0, 0.1]
    model, numbers = simulated(1, planted, 3000)
    assert model.posterior(numbers).mean == pytest.approx(planted, abs=0.03)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    inside = total = 0
    for seed in range(150):
        draw = np.random.default_rng([seed, 1])
        planted = draw.normal(0, EDIT.sd, 6)
        model, numbers = simulated(seed, list(planted), 150)
        posterior = model.posterior(numbers)
        inside += int((np.abs(posterior.mean - planted) < 1.96 * posterior.sd()).sum())
        total += len(planted)
    assert 0.92 < inside / total < 0.98


def test_chances_are_calibrated() -> None:
    said, right = [], []
    for seed in range(200):
        planted = np.random.default_rng([seed, 2]).normal(0, EDIT.sd, 5)
        model, numbers = simulated(seed, list(planted), 80)
        said += list(model.posterior(numbers).chances())
        right += list(planted > 0)
    said_array, right_array = np.array(said), np.array(right)
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        there = (said_array >= low) & (said_array <= high)
        assert right_array[there].mean() == pytest.approx(said_array[there].mean(), abs=0.08)


def test_example_effects_make_effects_sharper() -> None:
    blind = Priors(example_sd=1e-3, fit=False, noise_variance=0.18)
    seeing, numbers = simulated(3, [0.1, 0.0], 400, example_sd=0.4, noise_sd=0.2)
    not_seeing, _ = simulated(3, [0.1, 0.0], 400, example_sd=0.4, noise_sd=0.2, priors=blind)
    assert (seeing.posterior(numbers).sd() < 0.7 * not_seeing.posterior(numbers).sd()).all()


def test_the_gain_on_its_own_failures_is_not_taken_for_a_gain_at_large() -> None:
    model, numbers = simulated(4, [0.0, 0.1], 2000, bonus=0.4)
    assert model.posterior(numbers).mean == pytest.approx([0.0, 0.1], abs=0.04)


def test_noise_and_spread_are_chosen_by_the_data() -> None:
    quiet, _ = simulated(5, [0.1], 600, example_sd=0.05, noise_sd=0.1)
    quiet.posterior([])
    loud, _ = simulated(5, [0.1], 600, example_sd=0.45, noise_sd=0.5)
    loud.posterior([])
    assert quiet.noise_variance == pytest.approx(0.01)
    assert quiet.example_sd == pytest.approx(0.05)
    assert loud.noise_variance == pytest.approx(0.25)
    assert loud.example_sd == pytest.approx(0.45)


def test_finds_the_pair_that_does_not_add_up() -> None:
    model, numbers = simulated(6, [0.15, 0.15, 0.1, 0.0], 3000, pair=-0.4)
    first = model.interactions(numbers, fewest=5)[0]
    assert {first.first, first.second} == {numbers[0], numbers[1]}
    assert first.z < -4
    pair = model.add_interaction(first.first, first.second, Normal(0.0, 0.5))
    posterior = model.posterior([*numbers, pair])
    assert posterior.mean == pytest.approx([0.15, 0.15, 0.1, 0.0, -0.4], abs=0.08)
    assert all(found.first != numbers[0] or abs(found.z) < 4 for found in model.interactions(numbers, 5))


def test_additive_effects_show_no_interaction() -> None:
    clear = 0
    for seed in range(30):
        model, numbers = simulated(seed, [0.15, 0.1, 0.05, 0.0], 300)
        clear += sum(abs(found.z) > 3 for found in model.interactions(numbers, 5))
    assert clear <= 2  # of 180 pairs


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [(f"e{n % 7}", [2] if n % 2 else [2, 3], (n % 3) / 2) for n in range(60)]
    beliefs = []
    for order in (rows, rows[::-1]):
        model = EffectModel()
        for prior in (EDIT, EDIT):
            model.add_effect(prior)
        for example, held, score in order:
            model.observe(example, held, score)
        beliefs.append(model.posterior([2, 3]).mean)
    assert beliefs[0] == pytest.approx(beliefs[1])


def test_equal_scores_leave_every_effect_near_nothing() -> None:
    model = EffectModel()
    number = model.add_effect(EDIT)
    for row in range(100):
        model.observe(f"e{row % 10}", [number] if row % 2 else [], 1.0)
    posterior = model.posterior([number])
    assert abs(posterior.mean[0]) < 0.01
    assert posterior.base == pytest.approx(1.0, abs=0.05)


def test_the_prior_stands_where_there_is_no_data() -> None:
    model = EffectModel()
    number = model.add_effect(Normal(0.02, 0.12))
    posterior = model.posterior([number])
    assert (posterior.mean[0], posterior.sd()[0]) == pytest.approx((0.02, 0.12))
    assert posterior.total([number]).sd == pytest.approx(0.12)


def test_what_is_solved_has_the_size_of_the_effects_not_of_the_examples() -> None:
    draw = np.random.default_rng(0)
    model = EffectModel(Priors(fit=False))
    numbers = [model.add_effect(EDIT) for _ in range(100)]
    for row in range(5000):
        model.observe(f"e{row}", list(draw.choice(numbers, 6, replace=False)), float(row % 2))
    assert model._solve(0.16, 0.3).schur.shape == (102, 102)
    assert np.isfinite(model.posterior(numbers).covariance).all()

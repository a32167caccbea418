"""How answers are combined, on arrays whose result can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.alive import listening
from core.ensembles.combine import (
    COMBINATIONS,
    RARE,
    STRENGTHS,
    Recipe,
    by_accuracy,
    combined,
    cross_fitted,
    equal_weights,
    folds,
    learned,
    likeliest_weights,
    stacking_of,
)
from core.errors import RunError

TWO = np.array([[[0.9, 0.1]], [[0.2, 0.8]]], np.float32)
"""One image, two members."""


def test_mean_of_probabilities() -> None:
    found = combined("mean", TWO, Recipe(equal_weights(2)))
    np.testing.assert_allclose(found, [[0.55, 0.45]], rtol=1e-6)
    weighted = combined("weights", TWO, Recipe(np.array([0.25, 0.75])))
    np.testing.assert_allclose(weighted, [[0.375, 0.625]], rtol=1e-6)


def test_mean_of_logits_is_the_geometric_mean() -> None:
    found = combined("logits", TWO, Recipe(equal_weights(2)))
    raw = np.sqrt(np.array([0.9 * 0.2, 0.1 * 0.8]))
    np.testing.assert_allclose(found, [raw / raw.sum()], rtol=1e-5)


def test_a_member_that_is_sure_of_the_opposite_does_not_make_it_nan() -> None:
    sure = np.array([[[1.0, 0.0]], [[0.0, 1.0]]], np.float32)
    np.testing.assert_allclose(combined("logits", sure, Recipe(equal_weights(2))), [[0.5, 0.5]])


def test_vote_counts_heads_and_breaks_ties_by_the_mean() -> None:
    three = np.array([[[0.6, 0.4]], [[0.6, 0.4]], [[0.0, 1.0]]], np.float32)
    assert combined("vote", three, Recipe(equal_weights(3)))[0].argmax() == 0
    tie = combined("vote", TWO, Recipe(equal_weights(2)))
    assert tie[0].argmax() == 0  # 0.55 on average
    assert tie[0, 0] == pytest.approx(0.5, abs=1e-3)
    assert tie.sum() == pytest.approx(1)


def test_accuracy_weights_are_log_odds_and_chance_counts_nothing() -> None:
    y = np.zeros(8, np.int32)
    right, wrong = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    proba = np.stack([np.tile(right, (8, 1)), np.array([right] * 4 + [wrong] * 4)])
    weights = by_accuracy(proba, y).weights
    np.testing.assert_allclose(weights, [1, 0])  # 4 of 8 in two classes is chance


def test_best_weights_find_the_better_member_and_the_mixture() -> None:
    y = np.array([0, 0, 1, 1])
    good = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    bad = good[:, ::-1]
    assert likeliest_weights(np.stack([good, bad]), y).weights[0] > 0.99
    # Each is sure of its half and clueless about the other: by symmetry both count the same.
    left = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.5, 0.5]])
    right = np.array([[0.5, 0.5], [0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])
    np.testing.assert_allclose(likeliest_weights(np.stack([left, right]), y).weights, [0.5, 0.5])


def test_stacking_learns_whom_to_believe_about_what() -> None:
    """A member that always names the next class is worth as much as one that is right."""
    y = np.tile(np.arange(3), 40).astype(np.int32)
    liar = np.full((120, 3), 0.1, np.float32)
    liar[np.arange(120), (y + 1) % 3] = 0.8
    clueless = np.full((120, 3), 1 / 3, np.float32)
    proba = np.stack([liar, clueless])
    assert (combined("mean", proba, Recipe(equal_weights(2))).argmax(1) == y).mean() == 0
    assert (cross_fitted("stacking", proba, y).argmax(1) == y).mean() == 1


@pytest.mark.parametrize("known", [[0, 2], [1]])
def test_stacking_without_images_of_some_classes(known: list[int]) -> None:
    y = np.resize(known, 20).astype(np.int32)
    proba = np.full((2, 20, 3), 0.2, np.float32)
    proba[:, np.arange(20), y] = 0.6
    recipe = stacking_of(proba, y)
    assert recipe.stacking is not None
    absent = [c for c in range(3) if c not in known]
    assert (recipe.stacking.intercept[absent] == RARE).all()
    assert (combined("stacking", proba, recipe).argmax(1) == y).all()


def test_stacking_that_would_take_minutes_is_refused() -> None:
    proba = np.full((30, 300, 250), 1 / 250, np.float32)
    with pytest.raises(RunError, match="too long"):
        stacking_of(proba, np.resize(np.arange(250), 300))


def test_stacking_says_between_two_fits_that_it_comes_on() -> None:
    """Whoever waits for the computing process gives up after a minute without a word."""
    y = np.resize([0, 1], 20).astype(np.int32)
    proba = np.full((2, 20, 2), 0.4, np.float32)
    proba[:, np.arange(20), y] = 0.6
    heard: list[bool] = []
    with listening(lambda: heard.append(True)):
        cross_fitted("stacking", proba, y, k=2)
    assert len(heard) == 2 * (len(STRENGTHS) + 1)


def test_folds_spread_classes_and_are_the_same_every_time() -> None:
    y = np.array([0] * 10 + [1] * 5)
    parts = folds(y, 5)
    assert all(
        (parts[y == 0] == p).sum() == 2 and (parts[y == 1] == p).sum() == 1 for p in range(5)
    )
    np.testing.assert_array_equal(parts, folds(y, 5))


def test_no_image_is_judged_by_what_was_learned_from_itself() -> None:
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(2), (3, 20)).astype(np.float32)
    y = rng.integers(0, 2, 20).astype(np.int32)
    found, parts = cross_fitted("accuracy", proba, y), folds(y, 5)
    for part in range(5):
        held = parts == part
        recipe = by_accuracy(proba[:, ~held], y[~held])
        np.testing.assert_array_equal(found[held], combined("accuracy", proba[:, held], recipe))


@pytest.mark.parametrize("method", COMBINATIONS)
def test_every_method_gives_probabilities(method: str) -> None:
    rng = np.random.default_rng(1)
    proba = rng.dirichlet(np.ones(4), (3, 40)).astype(np.float32)
    y = rng.integers(0, 4, 40).astype(np.int32)
    row = COMBINATIONS[method]  # type: ignore[index]
    found = combined(row.name, proba, learned(row.name, proba, y))
    assert found.shape == (40, 4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)

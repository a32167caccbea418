from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from core.evaluation.calibration import (
    TEMPERATURES,
    Bin,
    Kept,
    calibration_figures,
    fit_temperature,
    kept,
    reliability,
    softened,
)
from core.evaluation.metrics import cross_entropy, wilson_interval

CONFIDENCE = np.array([0.3, 0.5, 0.6, 0.9, 1.0])
RIGHT = np.array([True, False, True, True, True])


def test_bins_and_error_by_hand() -> None:
    """Half belongs to the lower of two bins."""
    found = reliability(CONFIDENCE, RIGHT, bins=2)
    assert found.bins == (
        Bin(0.0, 0.5, 2, 0.4, 0.5, wilson_interval(1, 2)),
        Bin(0.5, 1.0, 3, 2.5 / 3, 1.0, wilson_interval(3, 3)),
    )
    assert found.ece == pytest.approx(0.4 * 0.1 + 0.6 * (1 - 2.5 / 3))


def test_bins_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.random(500)
    right = rng.random(500) < confidence**2
    accuracy, sure = calibration_curve(right, confidence, n_bins=15)
    bins = [each for each in reliability(confidence, right).bins if each.n]
    np.testing.assert_allclose(np.array([each.accuracy for each in bins], float), accuracy)
    np.testing.assert_allclose(np.array([each.confidence for each in bins], float), sure)


def test_no_image_no_error() -> None:
    found = reliability(np.zeros(0), np.zeros(0, bool), bins=2)
    assert found.ece is None
    assert found.bins == (Bin(0.0, 0.5, 0, None, None, None), Bin(0.5, 1.0, 0, None, None, None))


def overconfident(n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """True logits, of which the network shows the double: temperature 2 is right."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, 4)).astype(np.float32)
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y_true = np.array([rng.choice(4, p=row / row.sum()) for row in proba.astype(float)])
    return y_true, softened(proba, 0.5)


def test_the_temperature_is_found_and_mends_error_and_loss() -> None:
    y_true, proba = overconfident()
    temperature = fit_temperature(y_true, proba)
    assert temperature == pytest.approx(2, abs=0.15)
    before = calibration_figures(y_true, proba)
    after = calibration_figures(y_true, softened(proba, temperature or 0))
    assert before.ece is not None
    assert after.ece is not None
    assert after.ece < 0.3 * before.ece
    losses = {t: cross_entropy(y_true, softened(proba, t)).mean() for t in (1.8, 2.2)}
    assert after.loss is not None
    assert after.loss < min(losses.values())
    assert before.loss == pytest.approx(cross_entropy(y_true, proba).mean())


def test_softening_keeps_answers_and_sums() -> None:
    _, proba = overconfident(50)
    soft = softened(proba, 3.0)
    np.testing.assert_array_equal(soft.argmax(1), proba.argmax(1))
    np.testing.assert_allclose(soft.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(softened(proba, 1.0), proba, atol=1e-6)
    sure = softened(np.array([[1.0, 0.0]], np.float32), 1.0)
    np.testing.assert_allclose(sure, [[1, 0]], atol=1e-30)


def test_a_network_that_is_always_right_or_wrong_meets_a_limit() -> None:
    proba = np.tile(np.array([0.9, 0.1], np.float32), (5, 1))
    assert fit_temperature(np.zeros(5, np.int32), proba) == TEMPERATURES[0]
    assert fit_temperature(np.ones(5, np.int32), proba) == TEMPERATURES[1]
    assert fit_temperature(np.zeros(0, np.int32), proba[:0]) is None
    assert fit_temperature(np.zeros(5, np.int32), np.ones((5, 1), np.float32)) is None
    assert calibration_figures(np.zeros(0, np.int32), proba[:0]) == (None, None)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.0, Kept(1.0, 5, 4, 0.8)),
        (0.6, Kept(0.6, 3, 3, 1.0)),
        (0.95, Kept(0.2, 1, 1, 1.0)),
    ],
)
def test_what_is_kept(threshold: float, expected: Kept) -> None:
    assert kept(CONFIDENCE, RIGHT, threshold) == expected


def test_nothing_is_kept() -> None:
    assert kept(CONFIDENCE[:4], RIGHT[:4], 0.95) == Kept(0.0, 0, 0, None)
    assert kept(CONFIDENCE[:0], RIGHT[:0], 0.5) == Kept(0.0, 0, 0, None)

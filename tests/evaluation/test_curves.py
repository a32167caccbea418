from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from core.evaluation.curves import NO_CURVE, POINTS, Curve, one_vs_rest
from core.evaluation.metrics import Floats, Ints
from tests.pages.making import make_predictions

# Of class 0: positives 0.9, 0.4; negatives 0.8, 0.4 (a tie), 0.1.
Y = np.array([0, 1, 0, 1, 1], dtype=np.int32)
SCORE = np.array([0.9, 0.8, 0.4, 0.4, 0.1], dtype=np.float32)
PROBA = np.stack([SCORE, 1 - SCORE], axis=1)


def points(curve: Curve) -> list[tuple[float, float]]:
    return [(round(float(x), 4), round(float(y), 4)) for x, y in zip(curve.x, curve.y, strict=True)]


def test_by_hand() -> None:
    curves = one_vs_rest(Y, PROBA)
    roc, pr = curves.roc.classes[0], curves.precision_recall.classes[0]
    # Of six pairs four are in order and one is a tie.
    assert roc.area == pytest.approx(4.5 / 6)
    corners = [(0, 0), (0, 0.5), (0.3333, 0.5), (0.6667, 1), (1, 1)]
    assert points(roc) == corners
    assert pr.area == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)
    assert points(pr) == [(0, 1), (0.5, 1), (1, 0.5)]


def several(classes: int, n: int = 400) -> tuple[Ints, Floats]:
    """Rounded, so that there are many ties."""
    y_true = (np.arange(n) % classes).astype(np.int32)
    proba = make_predictions(y_true, classes, 0.6).proba.round(2)
    return y_true, proba


@pytest.mark.parametrize("classes", [2, 3, 70])
def test_areas_are_those_of_scikit_learn(classes: int) -> None:
    y_true, proba = several(classes)
    roc, pr = one_vs_rest(y_true, proba)
    truth = np.eye(classes)[y_true]
    auc, ap = (
        score(truth, proba, average=None) for score in (roc_auc_score, average_precision_score)
    )
    np.testing.assert_allclose(np.array([curve.area for curve in roc.classes], float), auc)
    np.testing.assert_allclose(np.array([curve.area for curve in pr.classes], float), ap)
    for average in ("micro", "macro"):
        area = getattr(roc, average).area, getattr(pr, average).area
        assert area == pytest.approx(
            (
                roc_auc_score(truth, proba, average=average),
                average_precision_score(truth, proba, average=average),
            )
        )


def test_what_is_drawn_is_light_and_leaves_no_long_stretch_out() -> None:
    y_true, proba = several(2, 5_000)
    proba = proba + np.random.default_rng(0).random(proba.shape).astype(np.float32)
    curve = one_vs_rest(y_true, proba).roc.classes[1]
    assert len(curve.x) <= POINTS + 1
    x, y, _ = roc_curve(y_true == 1, proba[:, 1])
    assert np.abs(np.interp(x, curve.x, curve.y) - y).max() < 2 / (POINTS - 1)


def test_the_macro_curve_is_the_mean_of_the_classes() -> None:
    """Class 0 is told apart perfectly, class 1 exactly wrong."""
    y_true = np.array([0, 0, 1, 1, 2, 2], dtype=np.int32)
    proba = np.zeros((6, 3), np.float32)
    proba[:2, 0], proba[[0, 1, 4, 5], 1], proba[:, 2] = 1, 1, 0.5
    macro = one_vs_rest(y_true, proba).roc.macro
    assert macro.area == pytest.approx((1 + 0 + 0.5) / 3)
    middle = float(np.interp(0.5, macro.x, macro.y))
    assert middle == pytest.approx((1 + 0 + 0.5) / 3, abs=0.01)


def test_without_images_nothing_is_defined() -> None:
    none = one_vs_rest(np.zeros(0, np.int32), np.zeros((0, 3), np.float32))
    for family in none:
        assert family == ((NO_CURVE,) * 3, NO_CURVE, NO_CURVE)


def test_a_class_without_images_is_left_out_of_the_mean() -> None:
    curves = one_vs_rest(Y, np.pad(PROBA, ((0, 0), (0, 1))))
    assert curves.roc.classes[2] is NO_CURVE
    assert curves.precision_recall.classes[2].area is None
    assert curves.roc.macro.area == pytest.approx(4.5 / 6)


def test_a_single_class_has_no_negatives() -> None:
    curves = one_vs_rest(np.zeros(3, np.int32), np.ones((3, 1), np.float32))
    assert curves.roc.classes[0].area is None
    assert curves.roc.micro.area is None
    assert curves.precision_recall.classes[0].area == 1.0

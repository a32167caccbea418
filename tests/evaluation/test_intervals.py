from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from core.evaluation.calibration import reliability
from core.evaluation.intervals import (
    UNKNOWN,
    _average_precision,
    bootstrap,
    ece_interval,
    macro_ap_interval,
    macro_auc_interval,
)
from core.evaluation.predictions import Predictions
from tests.pages.making import make_predictions


def predictions(n: int = 300, classes: int = 3) -> Predictions:
    return make_predictions((np.arange(n) % classes).astype(np.int32), classes, 0.7)


def test_the_intervals_are_those_of_samples_drawn_one_by_one() -> None:
    p = predictions()
    rng = np.random.default_rng(0)
    samples = [rng.integers(0, 300, 300) for _ in range(60)]
    loss = -np.log(p.proba[np.arange(300), p.y_true].clip(1e-7))
    f1 = [f1_score(p.y_true[rows], p.y_pred[rows], average="macro") for rows in samples]
    whole = f1_score(p.y_true, p.y_pred, average="macro")
    found = bootstrap(p, rounds=60)
    ends = np.percentile(f1, [2.5, 97.5])
    assert found.macro_f1 == pytest.approx(ends + whole - np.mean(f1))
    means = [loss[rows].mean() for rows in samples]
    ends = np.percentile(means, [2.5, 97.5])
    assert found.loss == pytest.approx(ends + loss.mean() - np.mean(means), rel=1e-5)
    assert bootstrap(p, rounds=60) == found


def test_the_figure_lies_within_also_with_few_images_per_class() -> None:
    p = predictions(600, 60)
    interval = bootstrap(p).macro_f1
    assert interval is not None
    assert interval.low < f1_score(p.y_true, p.y_pred, average="macro") < interval.high
    assert interval.low + interval.high == pytest.approx(
        2 * f1_score(p.y_true, p.y_pred, average="macro"), abs=0.01
    )


def test_four_times_the_images_halve_the_width() -> None:
    def width(n: int) -> float:
        interval = bootstrap(predictions(n)).macro_f1
        assert interval is not None
        return interval.high - interval.low

    assert width(1200) == pytest.approx(width(300) / 2, rel=0.15)


def test_without_images_nothing_is_known() -> None:
    y_true, proba, rows = predictions()
    empty = Predictions(y_true[:0], proba[:0], rows[:0])
    assert bootstrap(empty) == UNKNOWN
    assert macro_auc_interval(empty.y_true, empty.proba) is None
    assert macro_ap_interval(empty.y_true, empty.proba) is None
    assert ece_interval(empty.confidence, empty.y_true == empty.y_pred) is None


def test_one_class_and_a_class_never_seen() -> None:
    sure = Predictions(np.zeros(4, np.int32), np.ones((4, 1), np.float32), np.arange(4))
    found = bootstrap(sure)
    assert (found.macro_f1, found.loss) == ((1, 1), (0, 0))
    assert macro_auc_interval(sure.y_true, sure.proba) is None
    p = predictions()
    wider = np.pad(p.proba, ((0, 0), (0, 1)))
    assert macro_auc_interval(p.y_true, wider) == macro_auc_interval(p.y_true, p.proba)
    assert macro_ap_interval(p.y_true, wider) == macro_ap_interval(p.y_true, p.proba)
    assert macro_ap_interval(sure.y_true, sure.proba) == (1, 1)
    assert ece_interval(sure.confidence, sure.y_true == sure.y_pred) == (0, 0)


def test_the_interval_of_auc_is_that_of_the_bootstrap() -> None:
    p = predictions()
    rng = np.random.default_rng(1)
    drawn = [rng.integers(0, 300, 300) for _ in range(150)]
    areas = [roc_auc_score(np.eye(3)[p.y_true[rows]], p.proba[rows]) for rows in drawn]
    found = macro_auc_interval(p.y_true, p.proba)
    assert found == pytest.approx(np.percentile(areas, [2.5, 97.5]), abs=0.015)


def test_the_interval_of_average_precision_is_that_of_the_bootstrap_also_with_ties() -> None:
    y_true, proba, rows = predictions()
    p = Predictions(y_true, proba.round(1), rows)
    rng = np.random.default_rng(1)
    drawn = [rng.integers(0, 300, 300) for _ in range(200)]
    areas = [average_precision_score(np.eye(3)[y_true[d]], p.proba[d]) for d in drawn]
    found = macro_ap_interval(y_true, p.proba)
    assert found is not None
    whole = average_precision_score(np.eye(3)[y_true], p.proba)
    assert (found.low + found.high) / 2 == pytest.approx(whole)
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.std(areas), rel=0.12)


def test_an_image_of_another_weight_moves_average_precision_as_foretold() -> None:
    scores, positive = np.array([0.9, 0.8, 0.8, 0.4, 0.3]), np.array([1, 1, 0, 0, 1], bool)
    area, moved = _average_precision(scores, positive)
    assert area == pytest.approx(average_precision_score(positive, scores))
    for image, by in enumerate(moved):
        weights = np.ones(5)
        weights[image] += 1e-6
        after = average_precision_score(positive, scores, sample_weight=weights)
        assert by == pytest.approx((after - area) / 1e-6, abs=1e-4)


def test_the_interval_of_the_calibration_error_is_that_of_samples_drawn_one_by_one() -> None:
    p = predictions()
    right = p.y_true == p.y_pred
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 300, 300) for _ in range(60)]
    found = [reliability(p.confidence[rows], right[rows]).ece or 0.0 for rows in drawn]
    whole = reliability(p.confidence, right).ece or 0.0
    ends = np.percentile(found, [2.5, 97.5]) + whole - np.mean(found)
    assert ece_interval(p.confidence, right, rounds=60) == pytest.approx(ends)
    assert ends[0] < whole < ends[1]

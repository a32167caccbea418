from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from core.evaluation.intervals import UNKNOWN, bootstrap, macro_auc_interval
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


def test_one_class_and_a_class_never_seen() -> None:
    sure = Predictions(np.zeros(4, np.int32), np.ones((4, 1), np.float32), np.arange(4))
    found = bootstrap(sure)
    assert (found.macro_f1, found.loss) == ((1, 1), (0, 0))
    assert macro_auc_interval(sure.y_true, sure.proba) is None
    p = predictions()
    wider = np.pad(p.proba, ((0, 0), (0, 1)))
    assert macro_auc_interval(p.y_true, wider) == macro_auc_interval(p.y_true, p.proba)


def test_the_interval_of_auc_is_that_of_the_bootstrap() -> None:
    p = predictions()
    rng = np.random.default_rng(1)
    drawn = [rng.integers(0, 300, 300) for _ in range(150)]
    areas = [roc_auc_score(np.eye(3)[p.y_true[rows]], p.proba[rows]) for rows in drawn]
    found = macro_auc_interval(p.y_true, p.proba)
    assert found == pytest.approx(np.percentile(areas, [2.5, 97.5]), abs=0.015)

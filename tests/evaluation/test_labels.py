"""Wrong labels, ambiguous and strange images on arrays whose answer is visible."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.labels import (
    LabelIssue,
    ambiguous,
    find_issues,
    label_issues,
    label_quality,
    rivals,
    spread,
    strange,
)
from core.evaluation.predictions import Predictions


def predicted(y_true: list[int], proba: list[list[float]]) -> Predictions:
    """Row ``10 i`` of the dataset at position ``i``."""
    shares = np.array(proba, np.float32).reshape(len(y_true), -1)
    return Predictions(np.array(y_true, np.int32), shares, 10 * np.arange(len(y_true)))


def sure_of(classes: list[int], of: int = 3) -> list[list[float]]:
    """0.9 for the class of every image, the rest in equal parts."""
    return [[0.9 if c == k else 0.1 / (of - 1) for k in range(of)] for c in classes]


TRULY = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]


def test_a_planted_wrong_label_is_found() -> None:
    given = [*TRULY]
    given[5] = 2
    (issue,) = label_issues(predicted(given, sure_of(TRULY)))
    expected = LabelIssue(50, 2, 1, 0.05 / 0.86, 0.05, 0.9, 5)
    assert issue == pytest.approx(expected)
    assert (issue.row, issue.given, issue.suggested) == (50, 2, 1)


def test_the_surest_contradiction_is_first() -> None:
    given, proba = [*TRULY], sure_of(TRULY)
    given[1], given[9] = 1, 0
    proba[9] = [0.01, 0.01, 0.98]
    issues = label_issues(predicted(given, proba))
    assert [(issue.position, issue.suggested) for issue in issues] == [(9, 2), (1, 0)]
    assert issues[0].quality == pytest.approx(0.01 / (0.01 + 0.98**2))


def test_all_right() -> None:
    assert label_issues(predicted(TRULY, sure_of(TRULY))) == ()


def test_nothing_can_be_said_of_one_class_or_no_image() -> None:
    assert label_issues(predicted([0, 0], [[1.0], [1.0]])) == ()
    empty = Predictions(np.zeros(0, np.int32), np.zeros((0, 3), np.float32), np.zeros(0, np.int64))
    for ask in (label_issues, ambiguous, strange):
        assert ask(empty) == ()
    alone = predicted([0, 0], [[1.0], [1.0]])
    assert ambiguous(alone) == strange(alone) == ()
    # Of several classes only one was given to any image: no other has a threshold.
    assert label_issues(predicted([1, 1], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])) == ()


def test_a_class_without_images_is_suggested_to_nobody() -> None:
    given, proba = [0] * 6 + [1] * 6, sure_of([0] * 6 + [1] * 6)
    proba[2] = [0.05, 0.05, 0.9]
    assert label_issues(predicted(given, proba)) == ()


def test_few_images() -> None:
    issues = label_issues(predicted([0, 1, 1], [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]]))
    assert [issue.position for issue in issues] == [1]


def test_issues_are_in_the_order_of_their_quality() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 400)
    proba = rng.dirichlet(np.full(4, 0.3), 400)
    proba = 0.4 * proba + 0.6 * np.eye(4)[y]
    planted = np.where(rng.random(400) < 0.1, (y + 1) % 4, y)
    found = find_issues(planted, proba)
    assert len(found.position) > 10
    assert (np.diff(found.quality) >= 0).all()
    assert ((found.quality >= 0) & (found.quality <= 1)).all()


def test_quality_and_rivals() -> None:
    proba = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [0.2, 0.5, 0.3]], np.float32)
    y = np.array([0, 0, 0, 2])
    assert label_quality(y, proba) == pytest.approx([1, 0, 2 / 3, 0.3 / 0.55])
    assert rivals(y, proba).tolist() == [1, 1, 1, 1]


def test_ambiguous_images() -> None:
    proba = [[0.5, 0.45, 0.05], [0.8, 0.1, 0.1], [0.1, 0.41, 0.49], [0.6, 0.4, 0.0]]
    issues = ambiguous(predicted([0, 0, 0, 0], proba))
    assert [(i.position, i.given, i.suggested) for i in issues] == [(0, 0, 1), (2, 0, 2)]
    assert [i.quality for i in issues] == pytest.approx([0.05, 0.08])


def test_spread() -> None:
    assert spread(np.array([[1, 0, 0], [1 / 3] * 3])) == pytest.approx([0, 1])
    # By hand: 2 (0.5 · 0.5)^0.1 / (3 (2/9)^0.1).
    assert spread(np.array([[0.5, 0.5, 0]])) == pytest.approx([0.6746], abs=1e-4)


def test_strange_images_fit_no_class() -> None:
    sure = [[1.0, 0.0, 0.0]] * 98
    issues = strange(predicted([0] * 100, [*sure, [0.5, 0.5, 0.0], [0.4, 0.3, 0.3]]))
    assert [i.position for i in issues] == [99, 98]
    assert strange(predicted([0] * 98, sure)) == ()

"""Outliers, PCA, the map's sample, and t-SNE."""

from __future__ import annotations

import numpy as np
import pytest

from core.analysis.outliers import PER_CLASS, find_outliers
from core.analysis.projection import COMPONENTS, neighbour_map, pixels, reduce, sample_rows


def blobs(each: int = 50, apart: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds in three dimensions, and their labels."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(2 * each, 3)).astype(np.float32)
    labels = np.repeat([0, 1], each).astype(np.int32)
    points[:, 0] += apart * labels
    return points, labels


def test_the_planted_outlier_is_first() -> None:
    points, labels = blobs()
    points[7] = (10, 0, 0)  # in the middle of the other class
    found = find_outliers(points, labels, 2)
    assert found.row[0] == 7
    assert found.closest[0] == 1
    assert found.score[0] > 2 * found.score[1]
    assert (np.diff(found.score) <= 0).all()
    assert np.bincount(labels[found.row]).tolist() == [PER_CLASS, PER_CLASS]
    assert (found.closest[1:] == labels[found.row[1:]]).all()


def test_a_strange_picture_in_a_tiny_class() -> None:
    points = np.array([[0.0], [0.1], [-0.1], [0.05], [9.0]], np.float32)
    found = find_outliers(points, np.zeros(5, np.int32), 1)
    assert found.row[0] == 4


def test_what_has_no_outliers() -> None:
    points, labels = blobs(4)
    assert len(find_outliers(points, labels, 2).row) == 0  # too few
    assert len(find_outliers(points, np.full(8, -1, np.int32), 2).row) == 0  # no labels
    same = find_outliers(np.ones((10, 3), np.float32), np.zeros(10, np.int32), 3)
    assert not same.score.any()


def test_rows_without_label_are_never_unusual() -> None:
    points, labels = blobs()
    points[99], labels[99] = 1000, -1
    assert 99 not in find_outliers(points, labels, 2).row


def images(each: int = 40) -> np.ndarray:
    """Dark and bright pictures."""
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 30, (2 * each, 6, 6, 1))
    noise[each:] += 150
    return noise.astype(np.uint8)


def test_pca_separates_two_blobs() -> None:
    features = reduce(images(), pixels)
    assert features.shape == (80, COMPONENTS)
    first = features[:, 0]
    assert max(first[:40].max(), first[40:].max()) > 0 > min(first[:40].max(), first[40:].max())
    spread = features.std(0)
    assert (np.diff(spread) <= 1e-3).all()


def test_pca_of_very_little() -> None:
    assert reduce(images()[:1], pixels).shape == (1, 1)
    assert reduce(images()[:2], pixels).shape == (2, 2)
    assert not reduce(np.zeros((5, 2, 2, 1), np.uint8), pixels).any()


def test_the_sample_keeps_shares_and_every_class() -> None:
    labels = np.array([0] * 900 + [1] * 90 + [2] * 10 + [-1] * 100, np.int32)
    splits = np.zeros(1100, np.int16)
    splits[:450] = 1
    rows = sample_rows(labels, splits, 110)
    assert len(np.unique(rows)) == len(rows) <= 110
    assert np.bincount(labels[rows] + 1).tolist() == [10, 90, 9, 1]
    assert (splits[rows[labels[rows] == 0]] == 1).sum() == 45
    assert sample_rows(labels, splits, 2000).tolist() == list(range(1100))
    assert len(sample_rows(np.arange(50, dtype=np.int32), np.zeros(50, np.int16), 10)) == 10


def test_tsne_keeps_neighbours_and_tells_its_steps() -> None:
    points, labels = blobs(20, apart=30)
    steps: list[int] = []
    found = neighbour_map(points, steps.append)
    assert found.shape == (40, 2)
    middles = [found[labels == label].mean(0) for label in (0, 1)]
    apart = np.linalg.norm(middles[0] - middles[1])
    inside = max(
        np.linalg.norm(found[labels == label] - middles[label], axis=1).mean() for label in (0, 1)
    )
    assert apart > inside
    assert steps == sorted(steps)
    assert len(steps) > 5


def test_tsne_can_be_ended() -> None:
    def stop(_step: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        neighbour_map(blobs(20)[0], stop)


def test_tsne_of_very_little() -> None:
    assert neighbour_map(np.ones((1, 1), np.float32)).shape == (1, 2)
    assert neighbour_map(blobs(1)[0]).shape == (2, 2)
    assert neighbour_map(blobs(3)[0]).shape == (6, 2)

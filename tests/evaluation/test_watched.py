from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.evaluation.watched import NEVER, Watched, read_watched, save_watched, watched

MATRIX = np.array([[3, 1], [0, 2]])


def made(epoch: int, said: list[int]) -> Watched:
    """Three samples of rows 4, 7 and 9, said to be of these classes with 0.75."""
    proba = np.array([[0.75, 0.25] if c == 0 else [0.25, 0.75] for c in said])
    samples = {"rows": np.array([4, 7, 9]), "y_true": np.array([0, 0, 1]), "proba": proba}
    return watched(epoch, MATRIX, samples)


def test_what_is_seen_of_an_epoch() -> None:
    found = made(1, [0, 1, 1])
    assert found.cells.tolist() == [[0, 0, 3], [0, 1, 1], [1, 1, 2]]
    assert (found.images, found.right) == (6, 5)
    assert (found.matrix() == MATRIX).all()
    assert found.proba.tolist() == [0.75] * 3
    assert not found.changed.any()


def test_what_has_changed_since_the_epoch_before() -> None:
    first, second = made(1, [0, 1, 1]), made(2, [0, 0, 1])
    found = second.after(first)
    assert found.changed.tolist() == [False, True, False]
    assert (found.before.tolist(), found.since.tolist()) == ([0, 1, 1], [1, 2, 1])
    third = made(3, [0, 0, 0]).after(found)
    assert third.since.tolist() == [1, 2, 3]


def test_an_epoch_that_is_trained_again_knows_what_it_knew() -> None:
    before = made(2, [0, 0, 1]).after(made(1, [0, 1, 1]))
    assert made(2, [0, 0, 1]).after(before).before.tolist() == [0, 1, 1]


def test_nothing_is_known_of_an_epoch_longer_ago_or_of_other_images() -> None:
    first, third = made(1, [1, 1, 1]), made(3, [0, 0, 0])
    others = made(2, [1, 1, 1])._replace(rows=np.array([1, 2, 3]))
    for earlier in (None, first, others):
        assert third.after(earlier).before.tolist() == [NEVER] * 3
        assert not third.after(earlier).changed.any()


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "watched.npz"
    assert read_watched(file) is None
    saved = made(2, [0, 0, 1]).after(made(1, [0, 1, 1]))
    save_watched(file, saved)
    found = read_watched(file)
    assert found
    for name in Watched._fields:
        assert np.array_equal(getattr(found, name), getattr(saved, name)), name


def test_a_hundred_classes_take_little_room(tmp_path: Path) -> None:
    file, rng = tmp_path / "watched.npz", np.random.default_rng(0)
    samples = {"rows": np.arange(20), "y_true": np.arange(20), "proba": rng.random((20, 100))}
    save_watched(file, watched(1, rng.integers(1, 9, (100, 100)), samples))
    assert file.stat().st_size < 130_000


@pytest.mark.parametrize(
    "damage",
    [
        lambda found: found._replace(classes=1),
        lambda found: found._replace(proba=found.proba[:1]),
        lambda found: found._replace(cells=found.cells[:, :2]),
        lambda found: found._replace(y_pred=found.y_pred - 5),
    ],
)
def test_what_does_not_fit_together_is_not_shown(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    file = tmp_path / "watched.npz"
    save_watched(file, damage(made(1, [0, 1, 1])))
    assert read_watched(file) is None
    file.write_bytes(b"PK no archive")
    assert read_watched(file) is None


def test_of_too_many_classes_only_the_samples_are_kept(tmp_path: Path) -> None:
    proba = np.eye(2000, dtype=np.float32)[[7, 1999]]
    samples = {"rows": np.array([0, 1]), "y_true": np.array([7, 8]), "proba": proba}
    save_watched(tmp_path / "x", watched(1, np.zeros((0, 0), np.int64), samples))
    found = read_watched(tmp_path / "x")
    assert found
    assert (found.classes, found.y_pred.tolist(), found.images) == (2000, [7, 1999], 0)

"""Neighbours, strangeness, robustness and their files, on arrays whose answers can be seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.config import AugmentConfig
from core.errors import StoreError
from core.inspection import neighbours
from core.inspection.distortions import DISTORTIONS, Images
from core.inspection.neighbours import nearest, unit
from core.inspection.result import (
    FeatureMap,
    Features,
    load_features,
    load_robustness,
    load_vectors,
    save_features,
    save_robustness,
    save_vectors,
)
from core.inspection.robustness import Robustness, measure, read_robustness
from core.inspection.unknown import Familiar, fit, strangeness
from core.task_paths import InspectionPaths

F32 = np.float32


def test_unit_vectors() -> None:
    scaled = unit(np.array([[3, 4], [0, 0]], F32))
    np.testing.assert_allclose(scaled, np.array([[0.6, 0.8], [0, 0]]), rtol=1e-6)


def test_the_nearest_by_angle_whatever_the_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """East, north, north-east and west; asked are east, and just north of it."""
    known = unit(np.array([[1, 0], [0, 9], [2, 2], [-1, 0]], F32))
    asked = unit(np.array([[5, 0], [3, 1]], F32))
    monkeypatch.setattr(neighbours, "BLOCK", 1)
    found = nearest(asked, known, 2)
    assert found.place.tolist() == [[0, 2], [0, 2]]
    np.testing.assert_allclose(found.distance[0], [0, 1 - np.sqrt(0.5)], atol=1e-6)
    assert nearest(asked[:1], known, 9).place.tolist() == [[0, 2, 1, 3]]
    np.testing.assert_allclose(nearest(asked[:1], known, 9).distance[0, 2:], [1, 2], atol=1e-6)
    twins = unit(np.array([[0, 1], [1, 0], [1, 0]], F32))
    assert nearest(asked[:1], twins, 2).place.tolist() == [[1, 2]]


def test_strangeness_counts_in_units_of_spread() -> None:
    """Two traces of spread 1 and 10 that have nothing to do with one another."""
    familiar = Familiar(
        np.array([5, 50], F32), np.array([1, 10], F32), np.eye(2, dtype=F32), threshold=2
    )
    traces = np.array([[5, 50], [8, 50], [5, 80], [2, 90]], F32)
    np.testing.assert_allclose(strangeness(traces, familiar), [0, 3, 3, 5], atol=1e-5)


def test_what_goes_together_is_strange_apart() -> None:
    """The second trace follows the first: each alone is ordinary, against one another they are
    not. A third never varies."""
    rng = np.random.default_rng(0)
    first = rng.normal(0, 2, 4000)
    known = np.stack([first, 3 * first + rng.normal(0, 0.6, 4000), np.full(4000, 7)], 1)
    known = known.astype(F32)
    familiar = fit(known[:2000], known[2000:])
    assert (strangeness(known[2000:], familiar) <= familiar.threshold).mean() == pytest.approx(
        0.95, abs=0.001
    )
    along, against = strangeness(np.array([[2, 6, 7], [2, -6, 7]], F32), familiar)
    assert along < familiar.threshold < 5 * familiar.threshold < against
    assert np.isfinite(familiar.precision).all()


def test_the_threshold_lets_at_least_the_share_pass() -> None:
    known = np.random.default_rng(0).normal(size=(100, 1)).astype(F32)
    others = np.arange(1, 11, dtype=F32)[:, None]
    for accepted, passing in ((0.5, 6), (0.9, 10), (1.0, 10)):
        familiar = fit(known, others, accepted)
        assert (strangeness(others, familiar) <= familiar.threshold).sum() == passing


def bright(images: Images) -> NDArray[np.int64]:
    """A network that looks at the mean brightness alone."""
    return np.array([image.mean() > 50 for image in images], np.int64)


def test_measuring_asks_for_every_severity() -> None:
    images = np.full((2, 8, 8, 1), 100, np.uint8)
    images[1] = 20
    seen: list[float] = []
    right = measure(images, np.array([1, 0], np.int32), bright, seen.append)
    assert right.shape == (len(DISTORTIONS), 7, 2)
    assert (len(seen), seen[-1], seen) == (61, 1.0, sorted(seen))
    dark, light = (list(DISTORTIONS).index(name) for name in ("darker", "brighter"))
    # 100, 85, 70, 55, 40 … % of 100: wrong from 40 on; and of 20 always right.
    assert right[dark, :, 0].tolist() == [True] * 4 + [False] * 3
    assert right[dark, :, 1].all()
    # 100 … 250 % of 20 are never more than 50.
    assert right[light].all()
    assert right[list(DISTORTIONS).index("rotation")].all()


def curve(*shares: float) -> list[list[bool]]:
    return [[i < round(100 * share) for i in range(100)] for share in shares]


def test_the_reading_names_the_values() -> None:
    names = ("rotation", "noise", "jpeg", "blur")
    right = np.array(
        [
            curve(0.9, 0.85, 0.7, 0.45, 0.4, 0.5, 0.3),  # loses at 30°, half at 45°
            curve(0.9, 0.3, 0.3, 0.3, 0.3, 0.3, 0.2),  # both at 10
            curve(0.9, 0.9, 0.9, 0.9, 0.85, 0.8, 0.8),  # 10 points at the most
            curve(0.9, 0.9, 0.9, 0.9, 0.9, 0.7, 0.6),  # loses at 7.5
        ]
    )
    found = Robustness("val", np.arange(100), names, right)
    np.testing.assert_allclose(found.accuracy[0, :2], [0.9, 0.85])
    readings = read_robustness(found, AugmentConfig())
    assert [reading.name for reading in readings] == ["noise", "rotation", "blur", "jpeg"]
    assert [str(reading.what) for reading in readings] == [
        "Falls below 50 % from 10 grey levels on.",
        "Loses more than 10 points from 30° on, and falls below 50 % from 45° on.",
        "Loses more than 10 points from 7.5 % of the side on.",
        "Holds to the end: it never loses more than 10 points.",
    ]
    assert str(readings[1].why) == "It was never trained on turned images."
    assert readings[3].why is None
    trained = read_robustness(found, AugmentConfig(rotation=20))
    assert {r.name for r in trained if r.why} == {"noise", "blur"}
    assert not [r for r in read_robustness(found, AugmentConfig(rand_augment=2)) if r.why]
    # What is bad from the beginning does not "fall below 50 %".
    poor = Robustness("val", np.arange(100), ("shift",), np.array([curve(*[0.4] * 6, 0.2)]))
    (reading,) = read_robustness(poor, AugmentConfig())
    assert str(reading.what) == "Loses more than 10 points from 30 % of the side on."


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    files = InspectionPaths(tmp_path)
    vectors = unit(np.random.default_rng(0).normal(size=(5, 3)).astype(F32))
    save_vectors(files.features("val"), vectors)
    np.testing.assert_allclose(load_vectors(files.features("val")), vectors, atol=1e-3)
    points = np.ones((2, 2), F32)
    chart = FeatureMap(np.array([0, 2], np.int8), np.array([4, 5]), points, 2 * points)
    familiar = Familiar(points[0], points[0], points, 3.5)
    save_features(files, Features(chart, familiar))
    found = load_features(files)
    assert found.familiar.threshold == 3.5
    np.testing.assert_array_equal(found.map.tsne, 2 * points)
    right = np.ones((2, 7, 3), np.bool_)
    save_robustness(files, Robustness("test", np.arange(3), ("blur", "noise"), right))
    back = load_robustness(files)
    assert (back.split, back.names, back.right.shape) == ("test", ("blur", "noise"), (2, 7, 3))
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_damaged_results(tmp_path: Path, content: bytes) -> None:
    files = InspectionPaths(tmp_path)
    for task in ("features", "robustness"):
        files.result(task).write_bytes(content)
    files.features("val").write_bytes(content)
    for load in (load_features, load_robustness):
        with pytest.raises(StoreError, match="Compute it again"):
            load(files)
        np.savez(files.result("features"), other=np.zeros(3))
        np.savez(files.result("robustness"), other=np.zeros(3))
    with pytest.raises(StoreError, match="missing or damaged"):
        load_vectors(files.features("val"))

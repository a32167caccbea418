"""The map, brightness and sizes: what they show."""

from __future__ import annotations

import numpy as np
import pytest

from core.plots.scatter import (
    MOST_CLASSES,
    MapInfo,
    MapLabels,
    map_info,
    plot_map,
    points_at,
)
from core.plots.spread import (
    BrightnessLabels,
    SizesLabels,
    brightness_info,
    plot_brightness,
    plot_sizes,
    sizes_info,
)

LABELS = MapLabels("other", "rectangle", "lasso", "nothing")
POINTS = np.array([[0, 0], [4, 0], [0, 4], [4, 4]], np.float32)


def some(shown: list[int], classes: tuple[str, ...] = ("cat", "<b>dog</b>", "bird")) -> MapInfo:
    return map_info(POINTS, np.array([0, 1, 2, -1]), classes, shown)


def test_classes_shown_lie_above_the_others() -> None:
    info = some([1])
    assert info.classes == ("<b>dog</b>",)
    assert info.has_others
    assert info.kind == (1, 1, 1, 0)
    assert info.point[-1] == 1
    assert sorted(info.point) == [0, 1, 2, 3]
    place = dict(zip(info.point, zip(info.x, info.y, strict=True), strict=True))
    assert place == {0: (-1, -1), 1: (1, -1), 2: (-1, 1), 3: (1, 1)}
    assert some([0, 1, 2]).has_others  # what has no label


def test_too_many_classes_for_the_eye() -> None:
    with pytest.raises(ValueError, match="told apart"):
        some(list(range(MOST_CLASSES + 1)))


def test_selected_points_are_named_by_their_number() -> None:
    info = some([1])
    event = {"selection": {"selected": [{"data_indices": [3, 0]}, {"data_indices": [9, -1]}]}}
    assert points_at(info, event) == [1, info.point[0]]
    assert points_at(info, {"selection": {"selected": []}}) == []


def test_the_chart_of_the_map() -> None:
    option = plot_map(some([1, 0]), LABELS)
    frame = option["dataset"]["source"]
    assert frame["class"].tolist().count("other") == 2
    assert frame["class"].iloc[-1] in ("cat", "<b>dog</b>")
    legend = option["visualMap"]
    assert legend["categories"] == ["<b>dog</b>", "cat", "other"]
    assert len(legend["inRange"]["color"]) == len(legend["inRange"]["symbol"]) == 3
    assert (
        legend["inRange"]["color"][2]
        != plot_map(some([1, 0]), LABELS, dark=True)["visualMap"]["inRange"]["color"][2]
    )
    for axis in (option["xAxis"], option["yAxis"]):
        assert axis["min"] < -1 < 1 < axis["max"]


def test_a_class_called_other() -> None:
    names = plot_map(some([0], ("other", "x", "y")), LABELS)["visualMap"]["categories"]
    assert len(set(names)) == len(names) == 2


def test_every_class_looks_different() -> None:
    classes = tuple(map(str, range(MOST_CLASSES)))
    info = map_info(
        np.zeros((MOST_CLASSES, 2), np.float32),
        np.arange(MOST_CLASSES),
        classes,
        range(MOST_CLASSES),
    )
    look = plot_map(info, LABELS)["visualMap"]["inRange"]
    assert len(set(zip(look["color"], look["symbol"], strict=True))) == MOST_CLASSES


def test_an_empty_map() -> None:
    info = map_info(np.zeros((0, 2), np.float32), np.zeros(0, int), ("a",), [0])
    assert len(plot_map(info, LABELS)["dataset"]["source"]) == 0


def test_brightness_in_shares() -> None:
    counts = np.zeros(64, int)
    counts[:2], counts[63] = (1, 2), 1
    info = brightness_info({"train": counts, "test": np.zeros(64, int)})
    assert info.names == ("train",)
    assert (info.levels[0], info.levels[-1], len(info.levels)) == (4, 252, 32)
    assert (info.shares[0][0], info.shares[0][-1], sum(info.shares[0])) == (0.75, 0.25, 1)
    figure = plot_brightness(info, BrightnessLabels("grey", "images"), decimal_comma=True)
    assert figure.layout.separators == ",."
    assert figure.data[0].y[0] == 75
    assert figure.data[0].name == "train"


def test_common_sizes_and_all_others() -> None:
    common = [(10, 20 + i, 100 - i) for i in range(12)]
    info = sizes_info(common, 5)
    assert info.sizes[:2] == ("20 × 10", "21 × 10")
    assert len(info.sizes) == 10
    assert info.others == 5 + 90 + 89
    bars = plot_sizes(info, SizesLabels("others", "images", "images")).data[0]
    assert (bars.x[0], bars.x[-1], bars.y[-1]) == (100, 184, "others")
    assert len(plot_sizes(sizes_info(common[:2], 0), SizesLabels("o", "x", "i")).data[0].y) == 2

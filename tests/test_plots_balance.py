"""Many classes: sorted, page by page, and counted."""

from __future__ import annotations

from core.plots.balance import (
    CountSpreadInfo,
    CountSpreadLabels,
    chosen_classes,
    count_spread_info,
    most_images,
    ordered_classes,
    plot_count_spread,
    plot_ranked_counts,
)
from core.plots.bars import ClassCountsInfo, ClassCountsLabels, class_counts_info

INFO = class_counts_info(
    ["a", "<b>", "c"], {"train": [5, 9, 5], "val": [0, 0, 0], "test": [1, 0, 2]}
)
LABELS = ClassCountsLabels({"train": "Training", "test": "Test"}, "Class", "Images")


def test_classes_by_their_training_images() -> None:
    assert ordered_classes(INFO, "most") == [1, 0, 2]
    assert ordered_classes(INFO, "fewest") == [0, 2, 1]
    assert ordered_classes(INFO, "name") == [0, 1, 2]
    assert ordered_classes(ClassCountsInfo((), ()), "most") == []


def test_some_classes_of_all() -> None:
    assert chosen_classes(INFO, [2, 0]) == ClassCountsInfo(
        ("c", "a"), (("train", (5, 5)), ("test", (2, 1)))
    )
    assert (most_images(INFO), most_images(ClassCountsInfo((), ()))) == (9, 0)


def test_bars_lie_on_one_scale() -> None:
    figure = plot_ranked_counts(chosen_classes(INFO, [1, 2]), LABELS, 200)
    assert [(bar.name, bar.y, bar.x) for bar in figure.data] == [
        ("Training", ("&lt;b&gt;", "c"), (9, 5)),
        ("Test", ("&lt;b&gt;", "c"), (0, 2)),
    ]
    assert (figure.layout.barmode, figure.layout.yaxis.autorange) == ("stack", "reversed")
    assert figure.layout.xaxis.range == (0, 204)


def test_how_many_classes_have_how_many_images() -> None:
    assert count_spread_info([3, 5, 3, 4], bars=3) == CountSpreadInfo(
        (3, 4, 5), (3, 4, 5), (2, 1, 1)
    )
    assert count_spread_info([0, 9, 10], bars=4) == CountSpreadInfo(
        (0, 3, 6, 9), (2, 5, 8, 11), (1, 0, 0, 2)
    )
    assert count_spread_info([7, 7]) == CountSpreadInfo((7,), (7,), (2,))
    assert count_spread_info([]) == CountSpreadInfo((), (), ())
    labels = CountSpreadLabels("Images", "Classes")
    bar = plot_count_spread(count_spread_info([0, 9, 10], bars=4), labels, dark=True).data[0]
    assert (bar.x, bar.y) == ((1.0, 4.0, 7.0, 10.0), (1, 0, 0, 2))
    assert bar.customdata == ("0–2", "3–5", "6–8", "9–11")

from __future__ import annotations

import numpy as np
import pytest

from core.plots import (
    OKABE_ITO,
    ClassCountsInfo,
    ClassCountsLabels,
    RecallInfo,
    RecallLabels,
    TopKInfo,
    class_counts_info,
    plot_class_counts,
    plot_recall,
    plot_top_k,
    recall_info,
    top_k_info,
)
from core.plots.style import plain_number, plain_percent

COUNT_LABELS = ClassCountsLabels({"train": "Training", "val": "Validation"}, "Class", "Images")


def test_class_counts_leave_out_splits_without_images() -> None:
    info = class_counts_info(["a", "b"], {"train": [3, 0], "val": [0, 0], "test": [1, 2]})
    assert info == ClassCountsInfo(("a", "b"), (("train", (3, 0)), ("test", (1, 2))))
    assert class_counts_info([], {}) == ClassCountsInfo((), ())


def test_every_class_must_be_counted() -> None:
    with pytest.raises(ValueError, match="train: 1 counts for 2"):
        class_counts_info(["a", "b"], {"train": [3]})


def test_class_counts_figure() -> None:
    info = class_counts_info(["0", "<b>"], {"train": np.array([3, 4]).tolist(), "extra": [1, 2]})
    figure = plot_class_counts(info, COUNT_LABELS)
    assert [(bar.name, bar.x, bar.y) for bar in figure.data] == [
        ("Training", ("0", "&lt;b&gt;"), (3, 4)),
        ("extra", ("0", "&lt;b&gt;"), (1, 2)),
    ]
    assert figure.layout.xaxis.type == "category"
    assert figure.layout.barmode == "group"
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"


def test_a_hundred_classes_are_all_named() -> None:
    names = [f"class {i}" for i in range(100)]
    figure = plot_class_counts(class_counts_info(names, {"train": range(100)}), COUNT_LABELS)
    assert (figure.layout.xaxis.dtick, figure.layout.xaxis.tickangle) == (1, -90)
    few = plot_class_counts(class_counts_info("ab", {"train": [1, 2]}), COUNT_LABELS)
    assert few.layout.xaxis.tickangle is None


def test_top_k_best_first_and_ties_in_class_order() -> None:
    proba = np.array([0.25, 0.5, 0.25, 0.0], dtype=np.float32)
    assert top_k_info("abcd", proba, 3) == TopKInfo(("b", "a", "c"), (0.5, 0.25, 0.25))
    assert top_k_info("abcd", proba).classes == ("b", "a", "c", "d")
    many = top_k_info([str(i) for i in range(99)], np.where(np.arange(99) % 2, 0.02, 0.01), 50)
    assert many.classes == (*map(str, range(1, 99, 2)), "0")
    assert top_k_info("a", np.array([1.0])) == TopKInfo(("a",), (1.0,))


def test_top_k_figure() -> None:
    figure = plot_top_k(TopKInfo(("b", "a"), (0.875, 0.125)), percent=lambda p: f"{100 * p:.0f}%")
    bar = figure.data[0]
    assert (bar.y, bar.x, bar.text) == (("b", "a"), (87.5, 12.5), ("88%", "12%"))
    assert bar.marker.color == (OKABE_ITO[0], OKABE_ITO[4])
    assert figure.layout.yaxis.autorange == "reversed", "the best must be on top"
    assert len(plot_top_k(TopKInfo((), ())).data[0].x) == 0


def test_recall_worst_first_without_classes_that_have_no_images() -> None:
    info = recall_info("abcd", [0.5, None, 0.25, 0.5], [10, 0, 4, 30])
    assert info == RecallInfo(("c", "d", "a"), (0.25, 0.5, 0.5), (4, 30, 10))
    assert recall_info("abcd", [0.5, None, 0.25, 0.5], [10, 0, 4, 30], limit=1).classes == ("c",)
    assert recall_info([], [], []) == RecallInfo((), (), ())


def test_recall_figure() -> None:
    info = RecallInfo(("c", "a"), (0.25, 0.5), (4, 10))
    bar = plot_recall(info, RecallLabels("Found", "images"), dark=True).data[0]
    assert (bar.y, bar.x) == (("c", "a"), (25.0, 50.0))
    assert bar.text == ("25.0 %", "50.0 %")
    assert bar.customdata == ("4 images", "10 images")


def test_plain_numbers() -> None:
    assert [plain_number(v) for v in (0.123456, 12345.6, 3.0, 1e-5)] == [
        "0.1235",
        "1.235e+04",
        "3",
        "1e-05",
    ]
    assert plain_percent(0.9346) == "93.5 %"


def test_the_palette_has_no_yellow_and_no_black() -> None:
    assert not {"#F0E442", "#000000"} & set(OKABE_ITO)
    assert len(set(OKABE_ITO)) == 6

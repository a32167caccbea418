from __future__ import annotations

import json
from typing import Any, cast

import numpy as np
import pytest
from streamlit.elements.echarts_chart import (
    _enables_selection,
    _normalize_spec,
    _serialize_option,
)

from core.plots import (
    MatrixInfo,
    MatrixLabels,
    MatrixScale,
    MatrixStyle,
    cell_at,
    matrix_height,
    matrix_info,
    plot_matrix,
)
from core.plots.style import DARK, LIGHT

LABELS = MatrixLabels("True", "Predicted", "Images", "Share")
# Class c was never predicted, and has no image either.
MATRIX = np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]])
CELLS: dict[str, Any] = {
    "true": (0, 0, 1, 1, 2),
    "pred": (0, 1, 0, 1, 2),
    "images": (6, 2, 1, 3, 0),
}
SHARES = (0.75, 0.25, 0.25, 0.75, 0.0)


COUNT, SHARE, PRED_SHARE = MatrixScale


@pytest.mark.parametrize(
    ("style", "shade", "top"),
    [
        (MatrixStyle(COUNT), (6.0, 2.0, 1.0, 3.0, 0.0), 6.0),
        (MatrixStyle(SHARE), SHARES, 0.75),
        (MatrixStyle(COUNT, errors_only=True), (-1.0, 2.0, 1.0, -1.0, -1.0), 2.0),
        (MatrixStyle(SHARE, errors_only=True), (-1.0, 0.25, 0.25, -1.0, -1.0), 0.25),
        (MatrixStyle(COUNT, log=True), tuple(np.log([7, 3, 2, 4, 1])), np.log(7)),
        (MatrixStyle(SHARE, log=True), tuple(np.log([751, 251, 251, 751, 1])), np.log(751)),
    ],
)
def test_cells_and_shades(style: MatrixStyle, shade: tuple[float, ...], top: float) -> None:
    assert matrix_info(MATRIX, "abc", style) == MatrixInfo(
        ("a", "b", "c"),
        style,
        (0, 1, 2),
        **CELLS,
        share=SHARES,
        shade=cast("Any", pytest.approx(shade)),
        shade_max=cast("Any", pytest.approx(top)),
    )


def test_shares_of_the_predicted_class() -> None:
    info = matrix_info(MATRIX, "abc", MatrixStyle(PRED_SHARE))
    assert info.share == info.shade == (6 / 7, 2 / 5, 1 / 7, 3 / 5, 0.0)


def test_a_part_in_another_order_with_margins_and_borders() -> None:
    info = matrix_info(MATRIX, "abc", shown=[2, 1], margins=True, groups=[0, 0, 1])
    assert info == MatrixInfo(
        ("c", "b"),
        MatrixStyle(),
        (2, 1),
        true=(0, 1),
        pred=(0, 1),
        images=(0, 3),
        share=(0.0, 0.75),
        shade=(0.0, 3.0),
        shade_max=3.0,
        # Also the mistakes of b that were taken for a, which is not shown.
        missed=((0, 0.0), (1, 0.25)),
        mistaken=((0, 0.0), (2, 0.4)),
        borders=(1,),
    )


def test_a_click_in_another_order_and_in_the_margins() -> None:
    info = matrix_info(MATRIX, "abc", shown=[2, 1], margins=True)
    clicked = [cell_at(info, event(row)) for row in range(7)]
    assert clicked == [(2, 2), (1, 1), (2, None), (1, None), (None, 2), (None, 1), None]
    option = plot_matrix(info, LABELS._replace(mistakes="wrong"))
    frame = option["dataset"]["source"]
    assert frame["true"].tolist() == ["c", "b", "c", "b", "Σ wrong", "Σ wrong"]
    assert frame["pred"].tolist() == ["c", "b", "Σ wrong", "Σ wrong", "c", "b"]
    assert frame["n"].tolist() == [0, 3, 0, 1, 0, 2]
    assert option["xAxis"]["data"] == option["yAxis"]["data"] == ["c", "b", "Σ wrong"]


def test_no_class_is_called_like_the_margin() -> None:
    info = matrix_info(MATRIX, ["Σ wrong", "b", "c"], margins=True)
    axis = plot_matrix(info, LABELS._replace(mistakes="wrong"))["xAxis"]
    assert axis["data"] == ["Σ wrong", "b", "c", "ΣΣ wrong"]


def test_groups_are_parted_by_lines_on_axes_of_numbers() -> None:
    info = matrix_info(
        np.eye(25, dtype=int), [f"c{i}" for i in range(25)], groups=[0] * 5 + [1] * 20
    )
    option = plot_matrix(info, LABELS)
    lines = [series["data"] for series in option["series"][2:]]
    assert lines == [[[5, 0], [5, 25]], [[0, 5], [25, 5]]]
    assert [axis["type"] for axis in option["xAxis"]] == ["category", "value"]
    assert option["dataZoom"][1]["yAxisIndex"] == [0, 1]
    assert sent(option)


@pytest.mark.parametrize(
    "style",
    [
        MatrixStyle(scale, only, log)
        for scale in MatrixScale
        for only in (False, True)
        for log in (False, True)
    ],
)
@pytest.mark.parametrize("matrix", [np.zeros((2, 2), int), np.array([[4]]), np.zeros((0, 0), int)])
def test_nothing_wrong_one_class_and_no_class(matrix: np.ndarray, style: MatrixStyle) -> None:
    classes = [f"c{i}" for i in range(len(matrix))]
    info = matrix_info(matrix, classes, style, margins=True)
    assert info.true == info.pred == tuple(range(len(classes)))
    option = plot_matrix(info, LABELS)
    assert option["visualMap"]["max"] > 0
    assert sent(option)


def test_shape_must_fit_the_names() -> None:
    with pytest.raises(ValueError, match=r"\(3, 3\) for 2"):
        matrix_info(MATRIX, ["a", "b"])


def sent(option: dict[str, Any]) -> bytes:
    spec, frames = _normalize_spec(option)
    assert _enables_selection(spec)
    return _serialize_option(spec).encode() + b"".join(frames.values())


def event(*indices: int) -> dict[str, Any]:
    groups = [{"series_index": 0, "data_indices": list(indices)}] if indices else []
    return {"selection": {"selected": groups, "areas": []}}


def test_a_click_names_its_cell() -> None:
    info = matrix_info(MATRIX, "abc")
    clicked = [cell_at(info, event(row)) for row in range(5)]
    assert clicked == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]
    frame = plot_matrix(info, LABELS)["dataset"]["source"]
    assert frame["true"].tolist() == ["abc"[cell[0] or 0] for cell in clicked if cell]
    assert frame["pred"].tolist() == ["abc"[cell[1] or 0] for cell in clicked if cell]


@pytest.mark.parametrize("stale", [event(), event(5), event(-1)])
def test_no_click_or_one_on_a_matrix_that_is_gone(stale: dict[str, Any]) -> None:
    assert cell_at(matrix_info(MATRIX, "abc"), stale) is None


def test_the_frame_has_one_name_per_cell_and_the_callers_percent() -> None:
    info = matrix_info(MATRIX, ["1", "<b>", "ñ"])
    option = plot_matrix(info, LABELS, percent=lambda share: f"{share:.2f}".replace(".", ","))
    frame = option["dataset"]["source"]
    assert frame["cell"].is_unique
    assert frame["share"].tolist() == ["0,75", "0,25", "0,25", "0,75", "0,00"]
    assert frame["n"].tolist() == list(CELLS["images"])
    # As text: a number on a category axis would be a position.
    assert frame["true"].tolist() == ["1", "1", "<b>", "<b>", "ñ"]
    assert option["xAxis"]["data"] == ["1", "<b>", "ñ"]


def test_every_column_that_is_named_exists() -> None:
    option = plot_matrix(matrix_info(MATRIX, "abc", MatrixStyle(SHARE)), LABELS)
    frame = option["dataset"]["source"]
    assert frame["short"].tolist() == ["75", "25", "25", "75", "0"]
    columns = set(frame.columns)
    cells = option["series"][0]
    assert {*cells["encode"].values(), option["visualMap"]["dimension"]} <= columns
    for template in (cells["label"]["formatter"], option["tooltip"]["formatter"]):
        assert {part.split("}")[0] for part in template.split("{@")[1:]} <= columns


def test_the_diagonal_is_framed_and_lets_clicks_through() -> None:
    diagonal = plot_matrix(matrix_info(MATRIX, "abc"), LABELS)["series"][1]
    assert diagonal["data"] == [[0, 0, 0], [1, 1, 0], [2, 2, 0]]
    assert diagonal["silent"] is True
    assert "selectedMode" not in diagonal


def test_an_error_scale_shows_the_diagonal_in_a_neutral_tone() -> None:
    info = matrix_info(MATRIX, "abc", MatrixStyle(errors_only=True))
    for dark, tone in ((False, LIGHT), (True, DARK)):
        shades = plot_matrix(info, LABELS, dark=dark)["visualMap"]
        assert shades["outOfRange"]["color"] == [tone.neutral]
        assert (shades["min"], shades["max"], shades["unboundedRange"]) == (0, 2, False)


@pytest.mark.parametrize(
    "style", [MatrixStyle(log=True), MatrixStyle(SHARE), MatrixStyle(PRED_SHARE)]
)
def test_no_shade_lies_above_the_colours(style: MatrixStyle) -> None:
    """Rounded to float32, as it is sent, a shade may be more than it was."""
    for most in range(1, 60):
        option = plot_matrix(matrix_info(np.array([[most, 3], [2, 1]]), "ab", style), LABELS)
        highest = float(option["dataset"]["source"]["shade"].max())
        assert highest <= option["visualMap"]["max"]


def test_a_hundred_classes_are_all_named_zoomable_and_small() -> None:
    rng = np.random.default_rng(0)
    matrix = np.diag(rng.integers(40, 100, 100))
    np.add.at(matrix, tuple(rng.integers(0, 100, (2, 4000))), 1)
    names = [f"class number {i}" for i in range(100)]
    option = plot_matrix(matrix_info(matrix, names), LABELS)
    assert option["xAxis"]["axisLabel"]["interval"] == 0
    assert option["xAxis"]["axisLabel"]["rotate"] == 90
    assert option["series"][0]["label"]["show"] is False
    assert len(option["dataZoom"]) == 2
    assert len(sent(option)) < 110_000
    assert matrix_height(100) / 100 >= 10


def test_one_long_name_among_ten_turns_them_all() -> None:
    names = [*"012345678", "automobile"]
    option = plot_matrix(matrix_info(np.eye(10, dtype=int), names), LABELS)
    assert option["xAxis"]["axisLabel"]["rotate"] == 90


def test_ten_classes_show_numbers_and_need_no_zoom() -> None:
    option = plot_matrix(matrix_info(np.eye(10, dtype=int), "0123456789"), LABELS)
    assert option["series"][0]["label"]["show"] is True
    assert option["xAxis"]["axisLabel"]["rotate"] == 0
    assert option["dataZoom"] == []
    assert len(sent(option)) < 10_000
    assert 400 <= matrix_height(10) <= 520


def test_no_word_but_the_callers() -> None:
    option = plot_matrix(matrix_info(MATRIX, "abc"), MatrixLabels("T", "P", "I", "S"))
    assert option["tooltip"]["formatter"] == (
        "T: <b>{@true}</b><br>P: <b>{@pred}</b><br>I: {@n}<br>S: {@share}"
    )
    assert (option["yAxis"]["name"], option["xAxis"]["name"]) == ("T", "P")
    assert json.dumps(option["series"])

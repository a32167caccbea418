"""Images with what two runs say of them."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.dataset import Split
from core.errors import LabError
from core.evaluation.comparison import Pair
from core.evaluation.predictions import Predictions
from core.records import RunRecord
from ui.errors_data import pictures
from ui.gallery import Thumb, gallery
from ui.i18n import _, percent, say_error
from ui.messages import show
from ui.names import class_names

PER_PAGE = 40
SIZE = 96


def pair_gallery(
    both: Pair,
    runs: tuple[RunRecord, RunRecord],
    split: str,
    positions: NDArray[np.int64],
    *,
    key: str,
) -> None:
    """The images at these positions of the pair, page by page."""
    try:
        images = pictures(runs[0], split)
    except LabError as error:
        reason = say_error(error)
        show(f"{reason} {_('The figures stay true, but the images cannot be shown.')}", "warning")
        return
    pages = -(-len(positions) // PER_PAGE)
    page = 1
    if pages > 1:
        page = st.pagination(pages, key=f"runs.images.{runs[0].id}.{runs[1].id}.{split}.{key}")
    shown = positions[(page - 1) * PER_PAGE : page * PER_PAGE]
    names = _names(both, runs[0])
    gallery([_thumb(both, images, names, int(i)) for i in shown], key="runs.images", size=SIZE)


def _names(both: Pair, record: RunRecord) -> tuple[str, ...]:
    """A folder from elsewhere may name fewer classes than it predicts."""
    named = class_names(record)
    return (*named, *map(str, range(len(named), both.a.proba.shape[1])))


def _thumb(both: Pair, images: Split, names: tuple[str, ...], position: int) -> Thumb:
    row, true = int(both.a.rows[position]), int(both.a.y_true[position])
    of_a, of_b = (_guess(p, names, position) for p in (both.a, both.b))
    right = int(both.b.y_pred[position]) == true
    alt = _(
        "{file}: true class {true}; A: {a}; B: {b}",
        file=images.names[row],
        true=names[true],
        a=of_a,
        b=of_b,
    )
    lines = (names[true], f"A: {of_a}", f"B: {of_b}")
    return Thumb(images.images[row], lines, alt, "good" if right else "bad")


def _guess(predictions: Predictions, names: tuple[str, ...], position: int) -> str:
    pred = int(predictions.y_pred[position])
    # The figure first: a long name is cut off at the end.
    return f"{percent(float(predictions.proba[position, pred]), 0)} {names[pred]}"

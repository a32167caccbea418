"""Images with what two runs say of them."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.dataset import Split
from core.evaluation.comparison import Pair
from core.evaluation.predictions import Predictions
from core.records import RunRecord, enough_names
from ui.closer import look_closer
from ui.closer_subject import Subject
from ui.errors_gallery import one_page
from ui.gallery import Thumb
from ui.i18n import _, percent
from ui.names import class_names
from ui.picking import pick
from ui.runs_view import DIALOG

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
    """The images at these positions of the pair, page by page; pressed, one opens as B sees it."""
    place = f"runs.images.{runs[0].id}.{runs[1].id}.{split}.{key}"
    page = one_page(runs[0], split, positions, key=place, per_page=PER_PAGE)
    if page is None:
        return
    images, shown = page
    names = _names(both, runs[0])
    items = [_thumb(both, images, names, int(i)) for i in shown]
    st.caption(_("Press an image to look closer at what run B makes of it."))
    pressed = pick(items, shown.tolist(), key="runs.images", size=SIZE)
    if pressed is not None:
        st.session_state[DIALOG] = True
        look_closer(_subject(both, runs[1], split, images, pressed), on_dismiss="rerun")


def _subject(both: Pair, record: RunRecord, split: str, images: Split, position: int) -> Subject:
    row = int(both.b.rows[position])
    return Subject(
        record=record,
        name=images.names[row],
        pixels=np.asarray(images.images[row]),
        proba=both.b.proba[position],
        truth=int(both.b.y_true[position]),
        split=split,
        row=row,
    )


def _names(both: Pair, record: RunRecord) -> tuple[str, ...]:
    return enough_names(class_names(record), both.a.proba.shape[1])


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

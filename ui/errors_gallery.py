"""The images of an Errors page: what they are, what they were taken for, and how surely."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.dataset import Split
from core.errors import LabError
from core.evaluation.confusions import ErrorOrder, select_errors, top_k
from core.records import RunRecord
from ui.errors_data import Judged, pictures
from ui.gallery import Thumb, gallery
from ui.i18n import _, ngettext, percent, say_error
from ui.messages import show

PER_PAGE = 60
THUMBNAIL = 96


def class_name(judged: Judged, index: int) -> str:
    return judged.classes[index]


@st.fragment
def mistakes_section(record: RunRecord, judged: Judged) -> None:
    """Every image that was misjudged, in the chosen order."""
    if not judged.wrong:
        st.success(_("Not a single mistake in this split."))
        return
    orders = {
        ErrorOrder.CONFIDENCE: _("Most confident first"),
        ErrorOrder.LOSS: _("Highest loss first"),
        ErrorOrder.CLASS: _("By class"),
    }
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.segmented_control(
        _("Order"),
        list(orders),
        format_func=orders.__getitem__,
        key="errors.order",
        default=ErrorOrder.CONFIDENCE,
        required=True,
        persist_state="session",
    )
    order = ErrorOrder(st.session_state["errors.order"])
    right.caption(
        ngettext("{n} image is misjudged.", "{n} images are misjudged.", judged.wrong)
        + " "
        + _("Rest the pointer on an image for its file name and further guesses.")
    )
    positions = select_errors(judged.predictions, order=order)
    picture_pages(record, judged, positions, key=f"mistakes.{order}", per_page=PER_PAGE)


def picture_pages(
    record: RunRecord,
    judged: Judged,
    positions: NDArray[np.int64],
    *,
    key: str,
    per_page: int,
) -> None:
    """The images at these positions of the predictions, page by page."""
    try:
        split = pictures(record, judged.split)
    except LabError as error:
        reason = say_error(error)
        show(f"{reason} {_('The figures stay true, but the images cannot be shown.')}", "warning")
        return
    pages = -(-len(positions) // per_page)
    page = 1
    if pages > 1:
        page = st.pagination(pages, key=f"page.{judged.run_id}.{judged.split}.{key}")
    shown = positions[(page - 1) * per_page : page * per_page]
    with st.container(key="cell-images" if key.startswith("cell.") else None):
        gallery(thumbs(judged, split, shown), key="pictures", size=THUMBNAIL)


def thumbs(judged: Judged, split: Split, positions: NDArray[np.int64]) -> list[Thumb]:
    """What is shown of the images at these positions."""
    guesses = top_k(judged.predictions.proba[positions], 5)
    best = zip(guesses.classes.tolist(), guesses.proba.tolist(), strict=True)
    return [
        _thumb(judged, split, int(position), list(zip(classes, proba, strict=True)))
        for position, (classes, proba) in zip(positions, best, strict=True)
    ]


def _thumb(judged: Judged, split: Split, position: int, guesses: list[tuple[int, float]]) -> Thumb:
    predictions = judged.predictions
    row, true = int(predictions.rows[position]), int(predictions.y_true[position])
    pred, sure = guesses[0]
    truly = class_name(judged, true)
    rest = ", ".join(f"{class_name(judged, i)} {percent(p)}" for i, p in guesses)
    about: dict[str, Any] = {"file": split.names[row], "true": truly, "guesses": rest}
    alt = _("{file}: true class {true}; predicted: {guesses}", **about)
    if pred == true:
        return Thumb(split.images[row], (truly, percent(sure)), alt, "good")
    held = float(predictions.proba[position, true])
    lines = (
        f"{truly} → {class_name(judged, pred)}",
        # Figures first: a long name is cut off at the end.
        f"{percent(sure)} {class_name(judged, pred)}",
        f"{percent(held)} {truly}",
    )
    return Thumb(split.images[row], lines, alt, "bad")

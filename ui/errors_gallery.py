"""The images of an Errors page: what they are, what they were taken for, and how surely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.comments import Comment, Spot, read_comments
from core.datasets.dataset import Split
from core.errors import LabError
from core.evaluation.confusions import top_k
from core.records import RunRecord
from ui.closer import look_closer
from ui.closer_subject import Subject
from ui.errors_data import Judged, pictures
from ui.gallery import Thumb
from ui.i18n import _, percent, say_error
from ui.messages import show, show_error
from ui.picking import pick
from ui.state import get_lab

THUMBNAIL = 96


def class_name(judged: Judged, index: int) -> str:
    return judged.classes[index]


def picture_pages(
    record: RunRecord,
    judged: Judged,
    positions: NDArray[np.int64],
    *,
    key: str,
    per_page: int,
    comments: Mapping[Spot, Comment] | None = None,
) -> None:
    """The images at these positions of the predictions, page by page; pressed, one opens.

    ``comments`` are those of the run, where they have been read already.
    """
    page = one_page(
        *(record, judged.split, positions),
        key=f"page.{judged.run_id}.{judged.split}.{key}",
        per_page=per_page,
    )
    if page is None:
        return
    split, shown = page
    comments = comments_of(record) if comments is None else comments
    items = thumbs(judged, split, shown, comments)
    with st.container(key="cell-images" if key.startswith("cell.") else None):
        pressed = pick(items, shown.tolist(), key="pictures", size=THUMBNAIL)
    if pressed is not None:
        look_closer(subject_of(record, judged, split, pressed))


def one_page(
    record: RunRecord, split: str, positions: NDArray[np.int64], *, key: str, per_page: int
) -> tuple[Split, NDArray[np.int64]] | None:
    """The images of a split, and those positions that the page looked at shows; ``None``, with the
    reason said, where the images cannot be shown."""
    try:
        images = pictures(record, split)
    except LabError as error:
        reason = say_error(error)
        show(f"{reason} {_('The figures stay true, but the images cannot be shown.')}", "warning")
        return None
    pages = -(-len(positions) // per_page)
    page = st.pagination(pages, key=key) if pages > 1 else 1
    return images, positions[(page - 1) * per_page : page * per_page]


def comments_of(record: RunRecord) -> dict[Spot, Comment]:
    """What has been written about images of the run; a damaged file is told, and counts as none."""
    try:
        return read_comments(get_lab().paths.run(record.id))
    except LabError as error:
        show_error(error, "warning")
        return {}


def subject_of(record: RunRecord, judged: Judged, split: Split, position: int) -> Subject:
    """The image at this position of the predictions, for the dialog."""
    predictions = judged.predictions
    row = int(predictions.rows[position])
    return Subject(
        record=record,
        name=split.names[row],
        pixels=np.asarray(split.images[row]),
        proba=predictions.proba[position],
        truth=int(predictions.y_true[position]),
        split=judged.split,
        row=row,
    )


def thumbs(
    judged: Judged,
    split: Split,
    positions: NDArray[np.int64],
    comments: Mapping[Spot, Comment] | None = None,
) -> list[Thumb]:
    """What is shown of the images at these positions, those with a comment marked."""
    guesses = top_k(judged.predictions.proba[positions], 5)
    best = zip(guesses.classes.tolist(), guesses.proba.tolist(), strict=True)
    found = [
        _thumb(judged, split, int(position), list(zip(classes, proba, strict=True)))
        for position, (classes, proba) in zip(positions, best, strict=True)
    ]
    rows = judged.predictions.rows[positions].tolist()
    return [
        _noted(thumb, (comments or {}).get(Spot(judged.split, row)))
        for thumb, row in zip(found, rows, strict=True)
    ]


def _noted(thumb: Thumb, comment: Comment | None) -> Thumb:
    if comment is None:
        return thumb
    said = _("Comment: {words}", words=comment.text)
    return thumb._replace(alt=f"{thumb.alt} · {said}", noted=True)


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

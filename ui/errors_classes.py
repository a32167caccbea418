"""Every class of an Errors page by itself: its figures, its scores, how far it was overlearned."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from core.errors import LabError
from core.evaluation.confusions import worst_classes
from core.evaluation.metrics import ClassScore
from core.plots.matrix import Chosen
from core.plots.sureness import plot_scores, scores_info
from core.records import RunRecord
from ui import errors_data
from ui.errors_board import Level
from ui.errors_data import Judged, judged_splits, ranked
from ui.errors_matrix import select_cell
from ui.errors_view import area
from ui.i18n import _, ngettext, number, percent
from ui.names import literal
from ui.state import is_dark
from ui.tables import readable, table_height

CLASS = "errors.class"
"""The class that is looked at: a number, or None."""
BEST = 3
GAP = 0.1
"""So much better on the training images than on these: overlearned."""


class Row(NamedTuple):
    """A class in the table; ``train`` is its recall among the training images."""

    score: ClassScore
    auc: float | None
    ap: float | None
    train: float | None

    @property
    def gap(self) -> float | None:
        recall = self.score.recall
        return None if self.train is None or recall is None else self.train - recall


def classes_section(record: RunRecord, judged: Judged) -> None:
    """All figures of every class, the worst on top; one class closely beside them."""
    rows = _rows(record, judged)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        _table(judged, rows)
    with right:
        _one_class(judged, rows)


def _rows(record: RunRecord, judged: Judged) -> list[Row]:
    """The lowest recall first; classes without images, of which nothing is known, last."""
    scores = worst_classes(judged.scores)
    scores += [score for score in judged.scores if score.recall is None]
    curves, train = ranked(judged), _train_recall(record, judged)
    auc = [curve.area for curve in curves.roc.classes]
    ap = [curve.area for curve in curves.precision_recall.classes]
    return [Row(s, auc[s.index], ap[s.index], train.get(s.index)) for s in scores]


def _train_recall(record: RunRecord, about: Judged) -> dict[int, float | None]:
    """Per class; empty as long as nobody has predicted the training images."""
    try:
        if about.split == "train" or "train" not in judged_splits(record):
            return {}
        return {score.index: score.recall for score in errors_data.judged(record, "train").scores}
    except LabError:  # gone since the splits were listed
        return {}


def _table(judged: Judged, rows: list[Row]) -> None:
    st.caption(
        _(
            "Worst recall first. Click a column to sort by it, or the box beside a class to look "
            "at it closely."
        )
    )
    columns = _columns()
    if not any(row.train is not None for row in rows):
        del columns["train"], columns["gap"]
    frame = pd.DataFrame([_cells(judged, row) for row in rows])[list(columns)]
    key = f"classes.{judged.run_id}.{judged.split}"

    def clicked() -> None:
        for row in st.session_state[key]["selection"]["rows"]:
            st.session_state[CLASS] = rows[row].score.index

    shares = dict.fromkeys(("recall", "precision", "f1", "ap", "train"), percent)
    written: dict[str, Any] = {**shares, "support": number, "predicted": number, "auc": area}
    written["gap"] = _points
    st.dataframe(
        readable(frame, {name: how for name, how in written.items() if name in columns}),
        key=key,
        hide_index=True,
        placeholder="–",
        height=table_height(len(rows), 640),
        column_config=columns,
        on_select=clicked,
        selection_mode="single-row",
        alt=_("Precision, recall, F1 and number of images of every class"),
    )
    _overlearned(judged, rows)


def _cells(judged: Judged, row: Row) -> dict[str, Any]:
    score = row.score
    return {
        "class": judged.classes[score.index],
        "recall": score.recall,
        "bar": score.recall,
        "precision": score.precision,
        "f1": score.f1,
        "ap": row.ap,
        "auc": row.auc,
        "support": score.support,
        "predicted": score.predicted,
        "train": row.train,
        "gap": row.gap,
    }


def _columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "class": config.TextColumn(_("Class")),
        "recall": config.NumberColumn(_("Recall"), help=_("Share of its images that were found.")),
        "bar": config.ProgressColumn(" ", min_value=0.0, max_value=1.0, format=" ", width=50),
        # Beside the recall that they are compared with: the last columns are out of sight.
        "train": config.NumberColumn(
            _("Training"), help=_("Recall among the images it was trained on.")
        ),
        "gap": config.NumberColumn(
            _("Gap"),
            help=_("Recall among the training images minus recall here, in percentage points."),
        ),
        "precision": config.NumberColumn(
            _("Precision"), help=_("Share of the images taken for it that are of it.")
        ),
        "f1": config.NumberColumn("F1", help=_("Harmonic mean of precision and recall.")),
        "ap": config.NumberColumn(
            _("AP"),
            help=_(
                "Average precision: the area under precision over recall, for all thresholds of "
                "this class's probability."
            ),
        ),
        "auc": config.NumberColumn(
            _("AUC"),
            help=_(
                "How often an image of the class gets a higher probability for it than one of "
                "another class: 1 always, 0.5 by chance."
            ),
        ),
        "support": config.NumberColumn(_("Images"), help=_("Images that are truly of the class.")),
        "predicted": config.NumberColumn(
            _("Predicted"), help=_("Images that were taken for the class.")
        ),
    }


def _overlearned(judged: Judged, rows: list[Row]) -> None:
    """Where the training images are known much better than these."""
    if judged.split == "train":
        return
    gaps = sorted(((row.gap, row) for row in rows if row.gap is not None), key=lambda g: -g[0])
    if not gaps:
        st.caption(
            _(
                "Where it overfits is seen once the training images have been predicted, too: "
                "have them analysed in the view “Map”."
            )
        )
        return
    worst = [(gap, row) for gap, row in gaps if gap >= GAP][:BEST]
    if not worst:
        st.caption(_("No class is known much better from training than it is recognised here."))
        return
    names = ", ".join(
        f"{literal(judged.classes[row.score.index])} ({_in_points(gap)})" for gap, row in worst
    )
    st.caption(_("Learned by heart most, by the gap to the training images: {names}.", names=names))


def _points(gap: float) -> str:
    """The difference of two percentages is none itself."""
    return percent(gap).removesuffix(" %")


def _in_points(gap: float) -> str:
    return _("{n} points", n=_points(gap))


@st.fragment  # at 1,000 classes the table beside it takes most of a second
def _one_class(judged: Judged, rows: list[Row]) -> None:
    """One class closely, chosen here or in the table."""
    known = [row for row in rows if row.score.recall is not None]
    if st.session_state.get(CLASS) not in range(len(judged.classes)):
        st.session_state[CLASS] = known[0].score.index if known else 0
    st.selectbox(
        _("Class"),
        range(len(judged.classes)),
        format_func=lambda index: judged.classes[index],
        key=CLASS,
        persist_state="session",
    )
    index = int(st.session_state[CLASS])
    _score_chart(judged, index)
    _leads_to(judged, index)
    _best_and_worst(judged, known)


def _score_chart(judged: Judged, index: int) -> None:
    scores = judged.predictions.proba[:, index]
    info = scores_info(scores, judged.predictions.y_true == index)
    name = judged.classes[index]
    images = sum(info.positive)
    option = plot_scores(
        info,
        (_("Probability given to the class, %"), _("% of the images")),
        (_("of the class"), _("of all others")),
        dark=is_dark(),
    )
    st.echarts_chart(
        option,
        key="class.scores",
        height=230,
        alt=_("Probability of {name} for its {n} images and all others", name=name, n=images),
    )
    st.caption(_("The further the two lie apart, the better the class is told from the others."))


def _leads_to(judged: Judged, index: int) -> None:
    """The mistakes of the class, one click away."""
    score, right = judged.scores[index], int(judged.matrix[index, index])
    missed, mistaken = score.support - right, score.predicted - right
    with st.container(horizontal=True):
        _link(
            ngettext("{n} missed", "{n} missed", missed),
            _("Images of the class that were taken for something else."),
            (index, None),
            key="class.missed",
            disabled=not missed,
        )
        _link(
            ngettext("{n} taken for it", "{n} taken for it", mistaken),
            _("Images of other classes that were taken for this one."),
            (None, index),
            key="class.mistaken",
            disabled=not mistaken,
        )


def _link(label: str, what: str, cell: Chosen, *, key: str, disabled: bool) -> None:
    """A button to the images of a row or column of the matrix."""

    def opened() -> None:
        st.session_state["errors.level"] = Level.CLASS  # in the other rows it is a superclass
        select_cell(*cell)
        st.session_state["errors.view"] = "matrix"

    if st.button(label, key=key, disabled=disabled, help=what, on_click=opened):
        st.rerun()  # the whole page: another view


def _best_and_worst(judged: Judged, known: list[Row]) -> None:
    """``known``: the classes that have a recall, the lowest first."""

    def names(rows: list[Row]) -> str:
        return ", ".join(
            f"{literal(judged.classes[row.score.index])} ({percent(row.score.recall)})"
            for row in rows
        )

    if len(known) > 1:
        few = min(BEST, len(known) // 2)
        st.caption(
            _(
                "Found best: {best}. Found worst: {worst}.",
                best=names(known[: -few - 1 : -1]),
                worst=names(known[:few]),
            )
        )

"""The images of a split, filtered and in a chosen order: the mistakes, at first."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b

import streamlit as st

from core.comments import Spot
from core.evaluation.selecting import Order, Outcome, Wanted, select_images
from core.records import RunRecord
from ui.errors_data import Judged
from ui.errors_gallery import class_name, comments_of, picture_pages
from ui.i18n import _, ngettext, number
from ui.names import literal

PER_PAGE = 60
OF = "errors.images.of"
OUTCOME, TRUE, PRED = "errors.outcome", "errors.only.true", "errors.only.pred"
CONFIDENCE, LOSS, COMMENTED = "errors.in.confidence", "errors.in.loss", "errors.commented"
ORDER, TURNED = "errors.order", "errors.turned"
SURE = (0, 100)
"""Per cent."""
LOSSES = (0.0, 16.2)
"""Nats; none is larger, because probabilities are clipped (core.evaluation.metrics.EPSILON)."""
CLEAR = {
    OUTCOME: Outcome.WRONG,
    TRUE: None,
    PRED: None,
    CONFIDENCE: SURE,
    LOSS: LOSSES,
    COMMENTED: False,
}
"""The filters when nothing is asked for."""


@st.fragment
def images_section(record: RunRecord, judged: Judged) -> None:
    """Filters, order, how many there are, and the images page by page."""
    _forget_classes_of_other_run(record.id)
    for key, value in CLEAR.items():
        st.session_state.setdefault(key, value)
    _filters(judged)
    order, turned = _order()
    comments = comments_of(record)
    wanted = _wanted(judged, comments)
    positions = select_images(judged.predictions, wanted, order, reverse=turned)
    if len(positions):
        _count(judged, len(positions), order, turned=turned)
        # Another choice begins on its first page.
        choice = blake2b(repr((wanted, order, turned)).encode(), digest_size=6).hexdigest()
        key = f"mistakes.{choice}"
        picture_pages(record, judged, positions, key=key, per_page=PER_PAGE, comments=comments)
    elif not judged.summary.n:
        st.info(_("This split has no images."))
    elif wanted == Wanted():
        st.success(_("Not a single mistake in this split."))
    else:
        st.info(_("No image of this split meets all filters: clear them, or widen one."))


def _forget_classes_of_other_run(run_id: str) -> None:
    if st.session_state.get(OF) != run_id:
        st.session_state[OF] = run_id
        st.session_state[TRUE] = st.session_state[PRED] = None


def _filters(judged: Judged) -> None:
    outcomes = {Outcome.WRONG: _("Wrong"), Outcome.RIGHT: _("Right"), Outcome.ALL: _("Both")}
    which, true, pred, sure, loss = st.columns([5, 4, 4, 4, 4], vertical_alignment="bottom")
    which.segmented_control(
        _("Judged"),
        list(outcomes),
        format_func=outcomes.__getitem__,
        key=OUTCOME,
        required=True,
        help=_("Whether the likeliest class is the true one."),
        persist_state="session",
    )
    for column, label, key in ((true, _("True class"), TRUE), (pred, _("Predicted class"), PRED)):
        column.selectbox(
            label,
            range(len(judged.classes)),
            format_func=lambda i: class_name(judged, i),
            index=None,
            key=key,
            placeholder=_("any"),
            persist_state="session",
        )
    sure.slider(
        _("Confidence"),
        *SURE,
        key=CONFIDENCE,
        format="%d %%",
        help=_("The probability of the predicted class."),
        persist_state="session",
    )
    loss.slider(
        _("Loss"),
        *LOSSES,
        key=LOSS,
        step=0.1,
        format="%.1f",
        help=_("Minus the logarithm of the true class's probability, in nats: 0.7 is one half."),
        persist_state="session",
    )


def _order() -> tuple[Order, bool]:
    names = {
        Order.CONFIDENCE: _("Confidence"),
        Order.LOSS: _("Loss"),
        Order.MARGIN: _("Margin"),
        Order.CLASS: _("Class"),
    }
    by, turn, noted, clear = st.columns([7, 4, 4, 3], vertical_alignment="bottom")
    by.segmented_control(
        _("Order"),
        list(names),
        format_func=names.__getitem__,
        key=ORDER,
        default=Order.CONFIDENCE,
        required=True,
        help=_("Margin: how far the likeliest class is before the second."),
        persist_state="session",
    )
    turn.toggle(
        _("Other end first"),
        key=TURNED,
        help=_("Turns the order round: the least confident first, the lowest loss first."),
        persist_state="session",
    )
    noted.toggle(
        _("With a comment only"),
        key=COMMENTED,
        help=_("Images about which somebody has written; their caption begins with ✎."),
        persist_state="session",
    )
    clear.button(
        _("Clear filters"),
        key="errors.clear",
        icon=":material/filter_alt_off:",
        disabled=all(st.session_state[key] == value for key, value in CLEAR.items()),
        on_click=_clear,
        width="stretch",
    )
    return Order(st.session_state[ORDER]), bool(st.session_state[TURNED])


def _clear() -> None:
    """In a callback."""
    st.session_state.update(CLEAR)


def _wanted(judged: Judged, commented: Collection[Spot]) -> Wanted:
    state = st.session_state
    low, high = state[CONFIDENCE]
    rows = frozenset(spot.row for spot in commented if spot.split == judged.split)
    return Wanted(
        outcome=Outcome(state[OUTCOME]),
        true=state[TRUE],
        pred=state[PRED],
        confidence=(low / 100, high / 100) if (low, high) != SURE else None,
        loss=tuple(state[LOSS]) if tuple(state[LOSS]) != LOSSES else None,
        rows=rows if state[COMMENTED] else None,
    )


def _count(judged: Judged, n: int, order: Order, *, turned: bool) -> None:
    said = {
        Order.CONFIDENCE: (_("Most confident first"), _("Least confident first")),
        Order.LOSS: (_("Highest loss first"), _("Lowest loss first")),
        Order.MARGIN: (_("Closest decision first"), _("Clearest decision first")),
        Order.CLASS: (_("By class"), _("By class, from the last one")),
    }
    count = ngettext(
        "{n} of {all} images.", "{n} of {all} images.", n, all=number(judged.summary.n)
    )
    hint = _("Press an image to look closer, or rest the pointer on it for its file name.")
    st.caption(literal(f"{count} {said[order][turned]}. {hint}"))

"""The Errors page around the matrix: headline, classes, and what is shown instead of them."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.errors import N_, LabError
from core.records import SHOWN, RunRecord, RunStatus
from ui.errors_data import Judged
from ui.frame import NO_EPOCH, run_label, status_badge, stopped_at_once
from ui.i18n import _, ngettext, number, percent
from ui.messages import show, show_failure
from ui.names import literal
from ui.queue_view import place_in_queue
from ui.runs_table import runs_table
from ui.state import choose_run, get_lab

POLL_SECONDS = 2.0
OFFERED_RUNS = 10


def no_run() -> None:
    """What to do when no run is chosen."""
    st.info(_("Choose a run, here or in the sidebar, to see which images it gets wrong."))
    over = get_lab().store.runs(*SHOWN, limit=OFFERED_RUNS)
    runs = [record for record in over if not stopped_at_once(record)]
    if not runs:
        st.write(_("No training has finished yet."))
        st.page_link("pages/train.py", label=_("Train a network"), icon=":material/model_training:")
        return
    st.subheader(_("Latest finished runs"))
    runs_table(runs, key="errors.offered", on_open=choose_run)


def not_over(record: RunRecord) -> None:
    """A run that is still going on; the page draws itself anew when it has ended."""
    _named(record)
    if record.status is RunStatus.QUEUED:
        st.info(_("This run waits for its turn. Its mistakes can be seen when it has ended."))
    else:
        st.info(_("This run is being trained. Its mistakes can be seen when it has ended."))
    _train_page(record, _("Watch it on the Train page"))
    st.fragment(_wait, run_every=POLL_SECONDS)(record)


def _wait(record: RunRecord) -> None:
    try:
        now = get_lab().store.read(record.id)
    except LabError:  # deleted by somebody else
        st.rerun()
    if now.status is not record.status:
        st.rerun()
    if now.status is RunStatus.QUEUED:
        st.caption(place_in_queue(now))


def nothing_predicted(record: RunRecord, reason: str) -> None:
    """A run that is over and has left no predictions: why, and where to go."""
    _named(record)
    if record.status is RunStatus.INTERRUPTED:
        st.warning(
            _("This run was interrupted before it had ended, so nothing is known of its mistakes.")
        )
        _train_page(record, _("Resume it on the Train page"))
        return
    if record.failure:
        show_failure(record.failure)
    elif stopped_at_once(record):
        st.info(_(NO_EPOCH))
    else:
        show(reason, "error")
    _train_page(record, _("See its curves and log on the Train page"))


def _named(record: RunRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(run_label(record), width="content")
        status_badge(record.status)


def _train_page(record: RunRecord, label: str) -> None:
    st.page_link(
        "pages/train.py",
        label=label,
        icon=":material/model_training:",
        query_params={"run": record.id},
    )


SPLIT_NAMES = {
    "val": N_("Validation split"),
    "test": N_("Test split"),
    "train": N_("Training split"),
}


def split_switch(splits: list[str]) -> str:
    if st.session_state.get("errors.split") not in splits:
        st.session_state["errors.split"] = splits[0]
    st.segmented_control(
        _("Split"),
        splits,
        format_func=lambda split: _(SPLIT_NAMES[split]) if split in SPLIT_NAMES else literal(split),
        key="errors.split",
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    return str(st.session_state["errors.split"])


def headline(judged: Judged) -> None:
    """The figures of the split."""
    figures = judged.summary
    accuracy, loss, f1, images = st.columns([3, 2, 2, 3])
    accuracy.metric(
        _("Accuracy"),
        percent(figures.accuracy),
        delta=interval_of((figures.low, figures.high), percent),
        delta_color="off",
        delta_arrow="off",
        help=_(
            "The share of images judged right. With other images of the same kind it would most "
            "likely lie in the range below (Wilson's 95 % interval): few images, wide range."
        ),
    )
    loss.metric(
        _("Loss"),
        "–" if figures.loss is None else number(figures.loss, 3),
        delta=interval_of(judged.intervals.loss, lambda value: number(value, 3)),
        delta_color="off",
        delta_arrow="off",
        help=_("The mean cross-entropy in nats; it punishes confident mistakes most."),
    )
    f1.metric(
        _("Macro F1"),
        percent(figures.macro_f1),
        delta=interval_of(judged.intervals.macro_f1, percent),
        delta_color="off",
        delta_arrow="off",
        help=_("The mean of F1 over the classes, every class counting the same."),
    )
    images.metric(
        _("Images"),
        number(figures.n),
        delta=ngettext("{n} misjudged", "{n} misjudged", judged.wrong),
        delta_color="off",
        delta_arrow="off",
    )


def tell_folds(record: RunRecord, split: str) -> None:
    """Under the figures of a cross-validation, or of a fold: which images are judged, by whom."""
    data = record.config.data
    if data.folds and record.kind == "training" and split == "val":
        st.caption(_("The training and validation images from which this fold has not learned."))
    if record.kind != "crossval" or split not in ("val", "test"):
        return
    if split == "test":
        st.caption(_("The mean of what all folds say: none of them has learned from these images."))
        return
    words = _(
        "All training and validation images, each judged by the fold that has not learned from it."
    )
    if data.repeats > 1:
        words += " " + _(
            "Over the {n} repeats that is the mean of as many answers, which is usually better "
            "than a single one: compare networks by the mean on the Tune page.",
            n=data.repeats,
        )
    st.caption(words)


def interval_of(interval: tuple[float, float] | None, write: Callable[[float], str]) -> str | None:
    """Under a figure: where it lies with 95 % confidence; nothing if that is not known."""
    if interval is None:
        return None
    low, high = interval
    return _("95 %: {low} to {high}", low=write(low), high=write(high))


def area(value: float | None) -> str:
    """An area under a curve, in [0, 1]: three digits, or as many as it takes for one that is not
    1 not to be written as 1."""
    if value is None:
        return "–"
    digits = (d for d in (3, 4, 5) if value >= 1 or float(f"{value:.{d}g}") < 1)
    return number(value, next(digits, 6))

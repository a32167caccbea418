"""What a cross-validation has shown: mean and spread, folds, curves, classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from core.continuing import whole_history
from core.crossval.parent import chooses_epochs
from core.crossval.results import judged_share, mean_of
from core.crossval.standing import finished
from core.errors import LabError
from core.evaluation.resampled import FoldMean
from core.plots.folds import FoldLabels, plot_recall_spread, recall_spread_info
from core.plots.runs import RunsLabels, plot_seeds, seeds_info
from core.records import RunRecord, RunStatus
from ui.crossval_data import Folds, recalls_of
from ui.frame import status_text
from ui.i18n import _, decimal, duration, language, ngettext, number, percent
from ui.messages import show, show_error
from ui.names import class_names, shortened
from ui.runs_seeds import CURVES
from ui.sealing import sealed
from ui.state import get_lab, go_to, is_dark, watch
from ui.switch import switch
from ui.tables import readable, table_height


def result(parent: RunRecord, folds: Folds) -> None:
    """As far as there are folds that have ended."""
    if not finished(folds):
        if folds and not parent.status.is_over():
            st.caption(_("Figures appear as soon as the first fold has ended."))
        return
    try:
        share = judged_share(get_lab().paths, parent, folds)
    except LabError as error:
        show_error(error, "warning")
        return
    _tell_deleted(parent, folds)
    _headline(parent, folds, share)
    if chooses_epochs(parent.config):
        st.caption(
            _(
                "A little too good: the epoch of every fold was chosen by the images that judge "
                "it. For figures without that, launch it with a fixed number of epochs."
            )
        )
    _links(parent)
    _table(folds)
    names = {key: _(label) for key, label in CURVES.items()}
    measure = switch(_("Curve"), names, key="crossval_curve", default="val_accuracy")
    left, right = st.columns(2, gap="medium")
    with left:
        _curves(parent, folds, (measure, names[measure]))
    with right:
        _classes(parent, folds)


def _tell_deleted(parent: RunRecord, folds: Folds) -> None:
    gone = parent.config.data.all_folds - len(folds)
    if parent.status is RunStatus.FINISHED and gone:
        words = ngettext(
            "{n} fold was deleted: accuracy and loss are those of the others.",
            "{n} folds were deleted: accuracy and loss are those of the others.",
            gone,
        )
        show(words, "warning")


def _headline(parent: RunRecord, folds: Folds, share: float) -> None:
    accuracy, loss, test, time = st.columns([3, 2, 2, 2])
    help_ = _(
        "Mean ± standard deviation over the folds, each judged by images that it has not learned "
        "from. Below: where the mean would most likely lie with other folds (95 %, with Nadeau "
        "and Bengio's correction for the images that the folds share)."
    )
    _figure(accuracy, mean_of(folds, "val_accuracy", share), (_("Accuracy"), help_), percent)
    words = (_("Loss"), _("Mean cross-entropy in nats, in the same way."))
    _figure(loss, mean_of(folds, "val_loss", share), words, _three)
    summary = parent.summary
    value = percent(summary.test_accuracy) if summary else "–"
    hidden = summary is not None and summary.test_accuracy is not None and sealed(parent)
    test.metric(
        _("Test accuracy"),
        _("sealed") if hidden else value,
        help=_("Of all folds together: the mean of their probabilities for the test images."),
    )
    seconds = sum(r.summary.seconds for r in folds.values() if r.summary)
    time.metric(_("Training time"), duration(seconds), help=_("Of all folds together."))


def _three(value: float) -> str:
    return decimal(value, 3)


def _figure(
    place: st.delta_generator.DeltaGenerator,
    found: FoldMean | None,
    words: tuple[str, str],
    write: Callable[[float], str],
) -> None:
    if found is None:
        place.metric(words[0], "–", help=words[1])
        return
    spread = "" if found.deviation is None else f" ± {write(found.deviation)}"
    interval = None
    if found.low is not None and found.high is not None:
        interval = _("95 %: {low} to {high}", low=write(found.low), high=write(found.high))
    place.metric(
        words[0],
        write(found.mean) + spread,
        delta=interval,
        delta_color="off",
        delta_arrow="off",
        help=words[1],
    )


def _links(parent: RunRecord) -> None:
    if parent.status not in (RunStatus.FINISHED, RunStatus.STOPPED):
        return
    st.page_link(
        "pages/errors.py",
        label=_("See what all folds together get wrong"),
        icon=":material/grid_on:",
        query_params={"run": parent.id},
        help=_("Every image as the fold judged it that had not learned from it."),
    )


def _table(folds: Folds) -> None:
    """A row per fold; a tick offers its run."""
    rows = [
        {
            "fold": index + 1,
            "status": status_text(record.status),
            "accuracy": record.summary.val_accuracy if record.summary else None,
            "loss": record.summary.val_loss if record.summary else None,
            "epochs": record.summary.epochs if record.summary else None,
            "best": record.summary.best_epoch if record.summary else None,
            "seconds": record.summary.seconds if record.summary else None,
        }
        for index, record in folds.items()
    ]
    frame = pd.DataFrame(rows)
    written: dict[str, Callable[[Any], str]] = {"seconds": duration}
    written |= {"accuracy": percent, "loss": _three, "epochs": _whole, "best": _whole}
    event = st.dataframe(
        readable(frame, written),
        key="crossval.table." + "-".join(r.id[-4:] for r in folds.values())[:100],
        hide_index=True,
        height=table_height(len(frame), 300),
        column_config=_columns(),
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        alt=_("Accuracy, loss and epochs, a row per fold"),
    )
    ticked = [i for i in event["selection"]["rows"] if i < len(folds)]
    if not ticked:
        st.caption(_("Tick a fold to open its run."))
        return
    _open_buttons(list(folds.values())[ticked[0]], rows[ticked[0]]["fold"])


def _whole(value: float) -> str:
    return number(int(value))


def _columns() -> dict[str, Any]:
    config = st.column_config
    own = _("On the images of this fold.")
    return {
        "fold": config.NumberColumn(_("Fold"), width="small"),
        "status": config.TextColumn(_("Status")),
        "accuracy": config.NumberColumn(_("Accuracy"), help=own),
        "loss": config.NumberColumn(_("Loss"), help=own),
        "epochs": config.NumberColumn(_("Epochs done")),
        "best": config.NumberColumn(_("Best epoch")),
        "seconds": config.NumberColumn(_("Duration")),
    }


def _open_buttons(record: RunRecord, fold: object) -> None:
    with st.container(horizontal=True):
        st.button(
            _("Curves of fold {n}", n=str(fold)),
            key="crossval.curves",
            icon=":material/show_chart:",
            on_click=watch,
            args=(record.id,),
        )
        if record.status.has_shown():
            st.button(
                _("Errors of fold {n}", n=str(fold)),
                key="crossval.errors",
                icon=":material/grid_on:",
                on_click=_errors,
                args=(record.id,),
            )


def _errors(run_id: str) -> None:
    st.session_state["run"] = run_id
    go_to("pages/errors.py")


def _curves(parent: RunRecord, folds: Folds, drawn: tuple[str, str]) -> None:
    """The mean over the folds in a band of one standard deviation; ``drawn`` is the measure and
    what it is called."""
    measure, title = drawn
    paths = get_lab().paths
    histories = [
        [epoch.model_dump() for epoch in whole_history(paths.run(r.id))] for r in folds.values()
    ]
    info = seeds_info({parent.network: histories}, measure)
    if not info.curves:
        st.caption(_("No fold has finished an epoch in which this was measured."))
        return
    labels = RunsLabels(_("epoch"), title)
    st.plotly_chart(
        plot_seeds(info, labels, dark=is_dark(), decimal_comma=language() == "es"),
        key="crossval.bands",
        theme=None,
        alt=_("{title} by epoch: the mean of all folds in its band", title=title),
    )
    st.caption(_("The line is the mean over the folds, the band one standard deviation each way."))


def _classes(parent: RunRecord, folds: Folds) -> None:
    """How differently the folds find each class."""
    try:
        found = recalls_of(folds)
    except LabError as error:
        show_error(error, "warning")
        return
    if found.ndim != 2:
        return
    seen = next((r for r in folds.values() if r.class_names), parent)
    names = shortened(class_names(seen))
    names += [str(i) for i in range(len(names), found.shape[1])]
    info = recall_spread_info(names, found)
    st.plotly_chart(
        plot_recall_spread(
            info,
            FoldLabels(_("found of the class"), ""),
            dark=is_dark(),
            decimal_comma=language() == "es",
        ),
        key="crossval.classes",
        theme=None,
        alt=_("Share of every class that is found, a dot per fold"),
    )
    words = _("A dot is a fold; the classes that are found least stand on top.")
    if info.left_out:
        words += " " + _("{n} easier classes are not drawn.", n=info.left_out)
    st.caption(words)

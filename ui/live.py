"""A run while it trains, and after: figures, curves, what can be done next."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import streamlit as st

from core.continuing import epochs_before, whole_history
from core.errors import N_, LabError
from core.paths import RunPaths
from core.plots.curves import (
    CurveLabels,
    curves_info,
    plot_curves,
    plot_step_curve,
    step_curve_info,
)
from core.records import (
    Progress,
    RunRecord,
    RunStatus,
    RunSummary,
    read_progress,
    read_steps,
)
from ui.frame import NO_EPOCH, part_of, run_label, status_badge, stopped_at_once
from ui.i18n import (
    _,
    compact,
    duration,
    language,
    number,
    percent,
    quick_number,
    say,
)
from ui.messages import show, show_failure
from ui.names import literal
from ui.people import may_end
from ui.queue_view import not_yours, place_in_queue
from ui.sealing import sealed
from ui.state import FOLLOW, chosen_run, get_lab, go_to, guarded, is_dark, why_not_on

FIGURES_SECONDS = 1.0
CURVES_SECONDS = 2.0
PHASES = {
    "preparing": N_("Preparing"),
    "downloading": N_("Downloading the pretrained weights"),
    "features": N_("Computing the features of all images once"),
    "training": N_("Training"),
    "validating": N_("Validating"),
    "evaluating": N_("Evaluating"),
}


class Chart(NamedTuple):
    """A figure as ECharts takes it; never changed once made, because sessions share it."""

    name: str
    option: dict[str, Any]
    alt: str


def run_panel(record: RunRecord) -> None:
    """Everything about one run that changes while it trains, refreshed by itself until it ends.

    Two fragments, because the curves cost most and change least.
    """
    _follow(record)
    live = not record.status.is_over()
    st.fragment(_figures, run_every=FIGURES_SECONDS if live else None)(record.id, record.status)
    st.fragment(_curves, run_every=CURVES_SECONDS if live else None)(record.id, live)


def _figures(run_id: str, drawn: RunStatus) -> None:
    """``drawn`` is the status that the page around this was drawn with."""
    lab = get_lab()
    try:
        record = lab.store.read(run_id)
    except LabError:  # deleted by somebody else
        st.rerun()
    if record.status is not drawn:
        _follow(record)
        # A whole run of the page sets the polling anew, or ends it.
        st.rerun()
    _head(record)
    if record.failure:
        _failure(record)
    if record.note:
        show(say(record.note), "info", icon=":material/timer_off:")
    if record.status is RunStatus.RUNNING:
        _live_figures(record)
    elif record.status is RunStatus.QUEUED:
        st.info(place_in_queue(record))
    elif record.summary:
        _final_figures(record.summary, hidden=sealed(record))
    elif stopped_at_once(record):
        st.info(_(NO_EPOCH))


def follow_from_elsewhere() -> None:
    """On another page than the run's own: do so as long as the session looks at that run."""
    if FOLLOW in st.session_state and (record := chosen_run()):
        _follow(record)


def _follow(record: RunRecord) -> None:
    """Whichever comes first, a tick of the panel or a whole run of the page."""
    if st.session_state.get(FOLLOW) == record.id and record.status.is_over():
        del st.session_state[FOLLOW]
        if record.status is RunStatus.FINISHED:
            go_to("pages/errors.py")
            st.rerun()


def _head(record: RunRecord) -> None:
    title, badge, action = st.columns([6, 2, 2], vertical_alignment="center")
    title.markdown(f"**{literal(run_label(record))}**{part_of(record)}")
    with badge:
        status_badge(record.status)
    with action:
        _action(record)


def _action(record: RunRecord) -> None:
    """The one thing to do with a run in this state."""
    runner = get_lab().runner
    if not record.status.is_over():
        asked = get_lab().paths.run(record.id).stop.exists()
        st.button(
            _("Stopping …") if asked else _("Stop"),
            key="stop",
            icon=":material/stop_circle:",
            disabled=asked or not may_end(record),
            help=None if may_end(record) else literal(not_yours(record)),
            on_click=guarded,
            args=(functools.partial(runner.stop, record.id),),
        )
    elif record.status.can_resume():
        reason = why_not_on(record)
        st.button(
            _("Resume"),
            key="resume",
            type="primary",
            icon=":material/resume:",
            disabled=reason is not None,
            help=None if reason is None else literal(reason),
            on_click=guarded,
            args=(functools.partial(runner.resume, record.id),),
        )


def _failure(record: RunRecord) -> None:
    assert record.failure is not None
    show_failure(record.failure)
    log = get_lab().paths.run(record.id).log
    if log.is_file():
        with st.expander(_("Log")):
            st.code(log.read_text(errors="replace")[-5000:], language=None)


def progress_bar(now: Progress) -> None:
    """How much of the training is done, and where it is."""
    epoch = _("epoch {epoch} of {epochs}", epoch=max(now.epoch, 1), epochs=now.epochs or 1)
    step = _("step {step} of {steps}", step=now.step, steps=now.steps) if now.steps else ""
    if now.phase == "downloading":
        epoch, step = "", _("{done} of some {total} MB", done=now.step, total=now.steps)
    words = [_(PHASES[now.phase]), epoch, step]
    st.progress(share_done(now), text=" · ".join(word for word in words if word))


def share_done(now: Progress) -> float:
    """Of the training, in [0, 1]: all of it while its result is evaluated."""
    if now.phase == "evaluating":
        return 1.0
    if not (now.steps and now.epochs):
        return 0.0
    return min(max((now.epoch - 1 + now.step / now.steps) / now.epochs, 0.0), 1.0)


def _live_figures(record: RunRecord) -> None:
    paths = get_lab().paths.run(record.id)
    now = read_progress(paths) or Progress()
    progress_bar(now)
    _tiles(
        {
            _("Loss"): "–" if now.loss is None else number(now.loss, 3),
            _("Accuracy"): percent(now.accuracy),
            _("Validation accuracy"): percent(now.val_accuracy),
            _("Images per second"): compact(round(now.images_per_second or 0) or None),
            _("Learning rate"): number(now.learning_rate or record.config.optimizer.learning_rate),
            _("Time left"): duration(now.eta_seconds),
        }
    )


def _final_figures(summary: RunSummary, hidden: bool) -> None:
    """``hidden``: the test results, if there are any, are sealed."""
    hidden &= summary.test_accuracy is not None
    loss = "–" if summary.test_loss is None else number(summary.test_loss, 3)
    _tiles(
        {
            _("Test accuracy"): _("sealed") if hidden else percent(summary.test_accuracy),
            _("Best validation accuracy"): percent(summary.best_val_accuracy),
            _("Test loss"): _("sealed") if hidden else loss,
            _("Epochs"): number(summary.epochs),
            _("Parameters"): compact(summary.parameters),
            _("Training time"): duration(summary.seconds),
        }
    )


def _tiles(figures: dict[str, str]) -> None:
    for column, (label, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(label, value)


def _curves(run_id: str, live: bool) -> None:
    """By epoch; by step until there are two epochs to draw a line between."""
    paths = get_lab().paths.run(run_id)
    charts = _by_epoch(paths, live)
    if charts and not (live and len(charts[0].option["dataset"]["source"]) < 2):
        for column, chart in zip(st.columns(2), charts, strict=True):
            with column:
                _draw(chart)
    elif buckets := read_steps(paths):
        title = _("Loss")
        labels = CurveLabels(train=_("training"), validation="", x=_("step"), y=title)
        info = step_curve_info(buckets)
        option = plot_step_curve(info, labels, dark=is_dark(), number=quick_number())
        _draw(Chart("steps", option, _("{title} by step", title=title)))


def _by_epoch(paths: RunPaths, live: bool) -> list[Chart]:
    """Nothing before the first epoch has ended; while it goes on, at most one new drawing per
    :data:`CURVES_SECONDS` for everybody, however short the epochs are."""
    if not paths.metrics.is_file():
        return []
    version = paths.metrics.stat().st_mtime_ns
    if live:
        version //= int(CURVES_SECONDS * 1e9)
    return _epoch_charts(paths, version, language(), is_dark())


@functools.lru_cache(maxsize=64)
def _epoch_charts(paths: RunPaths, _version: int, _language: str, dark: bool) -> list[Chart]:
    """Loss and accuracy, drawn once per epoch and shared by all who watch: thirty viewers cost
    little more than one."""
    rows = [epoch.model_dump() for epoch in whole_history(paths)]
    before = len(epochs_before(paths))
    words = {"train": _("training"), "validation": _("validation"), "x": _("epoch")}
    charts = []
    for metric, title in (("loss", _("Loss")), ("accuracy", _("Accuracy"))):
        info = curves_info(rows, metric)
        info = info._replace(boundary=before) if before else info
        mark = _("continued") if before else _("fine-tuning")
        labels = CurveLabels(**words, y=title, boundary=mark)
        option = plot_curves(info, labels, dark=dark, number=quick_number())
        charts.append(Chart(metric, option, _("{title} by epoch", title=title)))
    return charts if rows else []


def _draw(chart: Chart) -> None:
    st.echarts_chart(chart.option, key=f"curve.{chart.name}", height=300, alt=chart.alt)


def next_steps(record: RunRecord) -> None:
    """Where to go from a run that is over."""
    if stopped_at_once(record):
        clone_button(record)
    if not record.status.has_shown() or not record.summary:
        return
    errors, predict, again = st.columns(3)
    query = {"run": record.id}
    errors.page_link(
        "pages/errors.py",
        label=_("See what it gets wrong"),
        icon=":material/grid_on:",
        query_params=query,
    )
    predict.page_link(
        "pages/predict.py",
        label=_("Try your own picture"),
        icon=":material/image_search:",
        query_params=query,
    )
    with again:
        clone_button(record)


def clone_button(record: RunRecord) -> None:
    """Not of a run that was not trained itself: its settings are those of its members."""
    if record.kind != "training":
        return
    st.button(
        _("Change something and train again"),
        key="clone",
        icon=":material/content_copy:",
        on_click=_clone,
        args=(record,),
    )


def _clone(record: RunRecord) -> None:
    # Imported here: forms need no live panel, and this module no form, but for this button.
    from ui.forms import fill_form_from

    fill_form_from(record, {})

"""Tried out before the launch: the learning-rate finder, and how long an epoch takes here."""

from __future__ import annotations

import functools
from collections.abc import Callable

import streamlit as st

from core.config import RunConfig
from core.datasets.dataset import DatasetInfo
from core.errors import LabError
from core.jobs.probes import Kind, ProbeState, RateResult, SpeedResult
from core.plots.rates import RatesLabels, plot_rates, rates_info
from core.presets import check_fits
from core.stages import epochs_on_images
from ui.forms import key, read_form
from ui.i18n import _, duration, number, quick_number, say
from ui.messages import show, show_error
from ui.state import get_lab, guarded, is_dark

REFRESH_SECONDS = 0.5
RATE = key("optimizer", "learning_rate")
WITHOUT_EFFECT: dict[Kind, set[str]] = {
    "rate": {"learning_rate", "schedule", "epochs"},
    "speed": {"learning_rate", "schedule", "epochs", "patience", "early_stopping", "restore_best"},
}
"""Settings that may change without what was measured becoming old."""


def rate_finder(info: DatasetInfo) -> None:
    """One button; then a curve with the suggestion, and a button that takes it."""
    st.button(
        _("Find a learning rate"),
        key="find_rate",
        icon=":material/search:",
        help=_(
            "Trains a copy of this network for some hundred steps with ever greater rates and "
            "shows where the loss falls; nothing of it is kept."
        ),
        on_click=guarded,
        args=(functools.partial(_start, "rate", info),),
        disabled=_is_under_way("rate"),
    )
    _follow("rate", _found)


def speed_probe(config: RunConfig, info: DatasetInfo) -> None:
    """One button; then how long an epoch and the whole training take on this machine."""
    st.button(
        _("Measure the time per epoch"),
        key="measure_speed",
        icon=":material/timer:",
        help=_("Trains some batches of this network, to know whether it fits the lesson."),
        on_click=guarded,
        args=(functools.partial(_start, "speed", info),),
        disabled=_is_under_way("speed"),
    )
    _follow("speed", functools.partial(_measured, config))


def _start(kind: Kind, info: DatasetInfo) -> None:
    config = read_form()
    check_fits(config.model, info.image_shape)
    if (old := st.session_state.get(_id(kind))) is not None:
        get_lab().probes.stop(old)
    st.session_state[_id(kind)] = get_lab().probes.start(kind, config)
    st.session_state[_about(kind)] = _relevant(kind, config)


def _id(kind: Kind) -> str:
    return f"_probe.{kind}"


def _about(kind: Kind) -> str:
    """What the form said when the probe was begun."""
    return f"_probe.{kind}.about"


def _relevant(kind: Kind, config: RunConfig) -> str:
    without = dict.fromkeys(WITHOUT_EFFECT[kind], True)
    return config.model_dump_json(exclude={"optimizer": without, "train": without})


def _state(kind: Kind) -> ProbeState | None:
    """Of the probe that this session has begun last."""
    probe_id = st.session_state.get(_id(kind))
    if probe_id is None:
        return None
    try:
        return get_lab().probes.read(probe_id)
    except LabError as error:  # the server was started anew
        del st.session_state[_id(kind)]
        show_error(error, "warning")
        return None


def _is_under_way(kind: Kind) -> bool:
    probe_id = st.session_state.get(_id(kind))
    if probe_id is None:
        return False
    state = _state(kind)
    return state is not None and not state.is_over()


def _follow(kind: Kind, render: Callable[[ProbeState, bool], None]) -> None:
    state = _state(kind)
    if state is None:
        return
    if not state.is_over():
        st.fragment(_progress, run_every=REFRESH_SECONDS)(kind)
    elif state.message is not None:
        show(say(state.message), "error")
    elif state.status == "finished":
        render(state, _is_old(kind))


def _is_old(kind: Kind) -> bool:
    try:
        return st.session_state.get(_about(kind)) != _relevant(kind, read_form())
    except LabError:  # the form says so itself
        return True


def _progress(kind: Kind) -> None:
    state = _state(kind)
    if state is None or state.is_over():
        st.rerun()
    text = _("Waiting for its turn and for Keras …")
    if state.megabytes is not None:
        done, whole = state.megabytes
        size = _("{done} of some {total} MB", done=done, total=whole)
        text = _("Downloading the pretrained weights") + " · " + size
    elif state.status == "running":
        text = _("{time} left", time=duration(state.eta_seconds))
    bar, button = st.columns([4, 1], vertical_alignment="center")
    bar.progress(state.done, text=text)
    button.button(
        _("Cancel"),
        key=f"cancel.{kind}",
        on_click=get_lab().probes.stop,
        args=(st.session_state[_id(kind)],),
    )


def _found(state: ProbeState, old: bool) -> None:
    found = state.result
    assert isinstance(found, RateResult)
    if old:
        st.caption(_("The settings have changed since; find it anew for a suggestion that fits."))
    if found.valley is None:
        st.warning(
            _(
                "The loss did not fall at any rate: try another network or optimizer, or more "
                "images per batch."
            )
        )
        return
    suggestion = float(f"{found.valley:.2g}")
    _curve(found, suggestion)
    st.button(
        _("Take {rate}", rate=number(suggestion)),
        key="take_rate",
        type="primary",
        icon=":material/check:",
        disabled=st.session_state.get(RATE) == suggestion,
        on_click=_take,
        args=(suggestion,),
    )


def _take(rate: float) -> None:
    st.session_state[RATE] = rate


def _curve(found: RateResult, suggestion: float) -> None:
    labels = RatesLabels(
        _("Learning rate"), _("Loss, smoothed"), _("Loss of each batch"), _("suggestion")
    )
    info = rates_info(found.rates, found.losses, found.smoothed, found.valley)
    st.echarts_chart(
        plot_rates(info, labels, dark=is_dark(), number=quick_number()),
        key="rates",
        height=260,
        alt=_("Loss by learning rate; suggested: {rate}", rate=number(suggestion)),
    )
    st.caption(
        _(
            "Where the curve falls, the network learns; where it rises, the steps are too long. "
            "The suggestion is where it falls fast and the rise is still far; the steepest place "
            "is at {steepest}.",
            steepest=number(found.steepest, 2) if found.steepest else "–",
        )
    )


def _measured(config: RunConfig, state: ProbeState, old: bool) -> None:
    found = state.result
    assert isinstance(found, SpeedResult)
    if old:
        st.caption(_("The settings have changed since the time was measured."))
        return
    epoch, total, speed = st.columns(3)
    epoch.metric(_("Time per epoch"), duration(found.seconds_per_epoch))
    total.metric(
        _("All epochs"),
        duration(epochs_on_images(config) * found.seconds_per_epoch),
        help=_("At most: early stopping or a time limit may end the training before."),
    )
    speed.metric(_("Images per second"), number(round(found.images_per_second)))

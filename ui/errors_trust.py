"""How far a network's confidence can be trusted: calibration, what to answer at all, top-k."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import streamlit as st

from core.errors import N_
from core.evaluation.calibration import (
    Figures,
    Kept,
    Reliability,
    calibration_figures,
    fit_temperature,
    kept,
    reliability,
    softened,
)
from core.evaluation.metrics import wilson_interval
from core.plots.sureness import (
    ReliabilityLabels,
    coverage_info,
    plot_coverage,
    plot_reliability,
    plot_top_accuracy,
    reliability_info,
    top_accuracy_info,
)
from core.records import RunRecord
from ui import errors_data
from ui.errors_data import Judged, Name, calibration_interval, judged_splits
from ui.errors_view import interval_of
from ui.i18n import _, ngettext, number, percent
from ui.state import is_dark
from ui.tables import readable

HEIGHT = 380
SHORT_NAMES = {"val": N_("Validation"), "test": N_("Test"), "train": N_("Training")}
ALMOST = 0.05
"""So near to 1 a temperature changes nothing worth telling."""


class Calibrated(NamedTuple):
    """A split as it is judged, and with its logits divided by a temperature."""

    before: Figures
    after: Figures
    bins_before: Reliability
    bins_after: Reliability


def calibration_section(record: RunRecord, judged: Judged) -> None:
    """Confidence against accuracy, and what one number fitted on the validation split mends."""
    fitted_on = _validation(record, judged)
    temperature = _temperature(fitted_on) if fitted_on else None
    found = _calibrated(judged, temperature or 1.0)
    left, right = st.columns([5, 4], gap="medium")
    with right:
        after = _effect(record, judged, fitted_on, temperature)
    with left:
        bins = found.bins_after if after else found.bins_before
        labels = ReliabilityLabels(
            x=_("Confidence from, %"),
            y=_("Accuracy, %"),
            accuracy=_("accuracy"),
            confidence=_("mean confidence"),
            images=_("Images"),
        )
        st.echarts_chart(
            plot_reliability(reliability_info(bins), labels, dark=is_dark(), percent=percent),
            key="calibration",
            height=HEIGHT,
            alt=_("Accuracy by confidence; calibration error {ece}", ece=percent(bins.ece)),
        )
        st.caption(
            _(
                "Of all answers given with 80 % confidence, 80 % should be right: then the bar "
                "ends at its mark. Pale bars hold few images."
            )
        )


def _validation(record: RunRecord, judged: Judged) -> Judged | None:
    if judged.split == "val":
        return judged
    return errors_data.judged(record, "val") if "val" in judged_splits(record) else None


def _effect(
    record: RunRecord, judged: Judged, fitted_on: Judged | None, temperature: float | None
) -> bool:
    """Says what the temperature does; whether the chart is to show it."""
    error, fitted = st.columns(2)
    error.metric(
        _("Calibration error"),
        percent(_calibrated(judged, temperature or 1.0).before.ece),
        delta=interval_of(calibration_interval(judged), percent),
        delta_color="off",
        delta_arrow="off",
        help=_(
            "ECE, the expected calibration error: how far confidence and accuracy are apart, the "
            "mean over all images. The range is a 95 % bootstrap interval; of a perfectly "
            "calibrated network the error is a little above 0, too, by chance."
        ),
    )
    if fitted_on is None or temperature is None:
        st.info(
            _("Temperature scaling is fitted on validation images, and this run has none to show.")
        )
        return False
    fitted.metric(
        _("Temperature"),
        number(temperature, 3),
        help=_(
            "The network's outputs are divided by it before they become probabilities. It is the "
            "one with the lowest loss on the validation split; answers stay the same."
        ),
    )
    st.write(_verdict(temperature))
    splits = [fitted_on] if judged.split == "val" else [fitted_on, judged]
    st.dataframe(
        _effect_table(splits, temperature),
        key="calibration.effect",
        hide_index=True,
        placeholder="–",
        alt=_("Calibration error and loss before and after temperature scaling"),
    )
    if judged.split == "val":
        st.caption(
            _(
                "Fitted on these very images: what it is worth is seen on the test split, once "
                "that is unlocked."
            )
        )
    return st.toggle(
        _("Draw it with the temperature"),
        key="calibration.after",
        persist_state="session",
        help=_("Shows confidence and accuracy after temperature scaling."),
    )


def _verdict(temperature: float) -> str:
    if abs(temperature - 1) < ALMOST:
        return _("The network is about as sure as it is right.")
    if temperature > 1:
        return _("The network is surer than it is right: probabilities should be more even.")
    return _("The network is less sure than it is right: probabilities should be sharper.")


def _effect_table(splits: list[Judged], temperature: float) -> object:
    rows = []
    for split in splits:
        found = _calibrated(split, temperature)
        name = _(SHORT_NAMES.get(split.split, split.split))
        rows.append(
            (name, *(f for pair in zip(found.before, found.after, strict=True) for f in pair))
        )
    columns = [_("Split"), _("ECE"), _("ECE after"), _("Loss"), _("Loss after")]
    frame = pd.DataFrame(rows, columns=columns)
    written = dict.fromkeys(columns[1:3], percent) | dict.fromkeys(columns[3:], _loss)
    return readable(frame, written)


def _loss(value: float) -> str:
    return number(value, 3)


def _temperature(fitted_on: Judged) -> float | None:
    return _fitted(fitted_on.name, fitted_on)


@st.cache_resource(show_spinner=False, max_entries=64)
def _fitted(name: Name, _judged: Judged) -> float | None:
    return fit_temperature(_judged.predictions.y_true, _judged.predictions.proba)


def _calibrated(judged: Judged, temperature: float) -> Calibrated:
    return _both(judged.name, temperature, judged)


@st.cache_resource(show_spinner=False, max_entries=64)
def _both(name: Name, temperature: float, _judged: Judged) -> Calibrated:
    y_true, proba = _judged.predictions.y_true, _judged.predictions.proba
    right = _judged.predictions.y_pred == y_true
    after = softened(proba, temperature)
    return Calibrated(
        calibration_figures(y_true, proba),
        calibration_figures(y_true, after),
        reliability(proba.max(axis=1), right),
        reliability(after.max(axis=1), right),
    )


def coverage_section(record: RunRecord, judged: Judged) -> None:
    """What is left if unsure answers are left to a person."""
    confidence = judged.predictions.confidence
    right = judged.predictions.y_pred == judged.predictions.y_true
    figures, chart = st.columns([2, 3], gap="medium")
    with figures:
        threshold = _threshold()
        found = kept(confidence, right, threshold)
        _kept_figures(judged, found)
    names = (_("Confidence of at least, %"), _("answered"), _("accuracy of these"))
    option = plot_coverage(coverage_info(confidence, right), names, threshold, dark=is_dark())
    with chart:
        st.echarts_chart(
            option,
            key="coverage",
            height=HEIGHT,
            alt=_(
                "At {threshold}: {coverage} answered, {accuracy} of these right",
                threshold=percent(threshold, 0),
                coverage=percent(found.coverage),
                accuracy=percent(found.accuracy),
            ),
        )


def _threshold() -> float:
    st.session_state.setdefault("coverage.threshold", 80)
    chosen: int = st.slider(
        _("Answer only with a confidence of at least (%)"),
        0,
        100,
        key="coverage.threshold",
        persist_state="session",
        help=_("Less sure answers are left to a person."),
    )
    return chosen / 100


def _kept_figures(judged: Judged, found: Kept) -> None:
    answered, accuracy = st.columns(2)
    left_over = judged.summary.n - found.n
    answered.metric(
        _("Answered"),
        percent(found.coverage),
        delta=ngettext("{n} left to a person", "{n} left to a person", left_over),
        delta_color="off",
        delta_arrow="off",
    )
    ends = wilson_interval(found.right, found.n) if found.n else None
    accuracy.metric(
        _("Accuracy of these"),
        percent(found.accuracy),
        delta=interval_of(ends, percent),
        delta_color="off",
        delta_arrow="off",
    )
    among = judged.wrong - (found.n - found.right)
    st.write(
        ngettext(
            "Of what is left to a person, {n} answer would have been wrong.",
            "Of what is left to a person, {n} answers would have been wrong.",
            among,
        )
    )


def top_k_section(record: RunRecord, judged: Judged) -> None:
    """How often the true class is among the k likeliest."""
    info = top_accuracy_info(judged.predictions.y_true, judged.predictions.proba)
    left, right = st.columns([3, 2], gap="medium")
    names = (_("k likeliest classes"), _("Accuracy, %"))
    with left:
        st.echarts_chart(
            plot_top_accuracy(info, names, dark=is_dark()),
            key="top_k",
            height=HEIGHT,
            alt=", ".join(f"{k}: {percent(share)}" for k, share in enumerate(info.accuracy, 1)),
        )
    columns = ["k", _("Accuracy"), _("from (95 %)"), _("to (95 %)")]
    rows = [
        (k, share, *ends)
        for k, (share, ends) in enumerate(zip(info.accuracy, info.intervals, strict=True), 1)
    ]
    with right:
        st.dataframe(
            readable(pd.DataFrame(rows, columns=columns), dict.fromkeys(columns[1:], percent)),
            key="top_k.table",
            hide_index=True,
            alt=_("Accuracy among the k likeliest classes"),
        )
        st.caption(
            _("How often the true class is among the k likeliest, with Wilson's 95 % interval.")
        )

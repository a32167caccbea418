"""What members gain together, on validation images only."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import streamlit as st

from core.ensembles.appraisal import against_best, agreement, error_correlation
from core.ensembles.combine import COMBINATIONS
from core.errors import N_, LabError
from core.evaluation.comparison import Comparison, doubt_in_words, in_words
from core.parts import Method
from core.plots.ensembles import (
    GrowthLabels,
    gains_info,
    growth_info,
    pairs_info,
    plot_gains,
    plot_growth,
    plot_pairs,
)
from ui.ensemble_data import Chosen, growth, judged, weights_of
from ui.i18n import _, language, ngettext, number, percent, say
from ui.messages import show_error
from ui.names import class_names, literal, shortened
from ui.state import is_dark
from ui.switch import switch
from ui.tables import readable, table_height

METHOD = "ensemble.method"
SLOW: tuple[Method, ...] = ("stacking",)
"""Methods that take some seconds, judged only once somebody has chosen them."""
BARE = {"displayModeBar": False}


def about_members(found: Chosen) -> None:
    """How many images all members have judged."""
    votes = found.votes
    said = ngettext(
        "All figures are of the {n} validation image that all members have judged.",
        "All figures are of the {n} validation images that all members have judged.",
        len(votes.rows),
    )
    if any(votes.left):
        said += " " + _("Some members have judged up to {n} more.", n=max(votes.left))
    said += " " + _("The test images are not looked at here: they are no means to choose by.")
    st.caption(said)


def choose_method() -> Method:
    """How the members are combined; what it is stands below."""
    names = {name: _(row.label) for name, row in COMBINATIONS.items()}
    chosen = switch(_("How they are combined"), names, key=METHOD, default="mean")
    method = next(name for name in COMBINATIONS if name == chosen)
    st.caption(_(COMBINATIONS[method].about))
    return method


def headline(found: Chosen, method: Method) -> bool:
    """The figures of the chosen method; whether there are any."""
    try:
        with st.spinner(_("Combining the answers …"), show_time=True):
            best, compared = against_best(found.votes, judged(found, method).proba)
    except LabError as error:
        show_error(error, "warning")
        return False
    together, alone, gain = st.columns(3)
    together.metric(
        _("Together"),
        percent(compared.accuracy_b),
        help=_("Validation accuracy of the ensemble."),
    )
    alone.metric(
        _("Best member"),
        percent(compared.accuracy_a),
        help=_("Validation accuracy of the best of them alone."),
    )
    gain.metric(
        _("Gain"),
        _("{points} points", points=_signed(100 * compared.difference)),
        delta=_(
            "95 %: {low} to {high}",
            low=_signed(100 * compared.low),
            high=_signed(100 * compared.high),
        ),
        delta_color="off",
        delta_arrow="off",
        help=_("In percentage points, and where it would likely lie with other images."),
    )
    _in_words(found, best, compared)
    return True


def _in_words(found: Chosen, best: int, compared: Comparison) -> None:
    name = _("the best member ({run})", run=found.labels[best])
    said = [in_words(compared, name, _("the ensemble")), doubt_in_words(compared)]
    sentence = " ".join(say(part) for part in said if part)
    # Either of the two may stand first.
    st.markdown(literal(sentence[:1].upper() + sentence[1:]))


def _signed(points: float) -> str:
    written = number(round(points, 2), 3)
    return f"+{written}" if points > 0 else written


def methods_table(found: Chosen, method: Method) -> None:
    """All methods side by side; a slow one once it has been chosen."""
    best = max(found.votes.accuracies)
    rows = []
    for name, row in COMBINATIONS.items():
        worth = None
        if name not in SLOW or name == method:
            try:
                worth = judged(found, name)
            except LabError:  # said above, where it was chosen
                worth = None
        gain = 100 * (worth.accuracy - best) if worth else None
        learns = _("yes") if row.learn else _("no")
        values = (worth.accuracy, gain, worth.loss) if worth else (None, None, None)
        rows.append((_(row.label), *values, learns))
    frame = pd.DataFrame(rows, columns=["method", "accuracy", "gain", "loss", "learns"])
    config = st.column_config
    st.dataframe(
        readable(frame, {"accuracy": percent, "gain": _signed, "loss": lambda v: number(v, 3)}),
        key="ensemble_methods",
        hide_index=True,
        placeholder="–",
        height=table_height(len(frame), 300),
        column_config={
            "method": config.TextColumn(_("How they are combined")),
            "accuracy": config.NumberColumn(_("Validation accuracy")),
            "gain": config.NumberColumn(_("Gain (points)")),
            "loss": config.NumberColumn(_("Validation loss (nats)")),
            "learns": config.TextColumn(
                _("Learns"),
                help=_("Whether it learns from the answers to validation images."),
            ),
        },
        alt=_("What each way to combine gains"),
    )
    st.caption(
        _(
            "A method that learns is judged on images from which it has not learned (five parts, "
            "each judged by what the other four teach). The members themselves were chosen by "
            "these images, so every figure promises a little too much; stacking takes some "
            "seconds and is judged when you choose it."
        )
    )


class View(NamedTuple):
    """One question about the members."""

    label: str
    show: Callable[[Chosen, Method], None]


def _members(found: Chosen, method: Method) -> None:
    weights = weights_of(found, method)
    frame = pd.DataFrame(
        {
            "member": found.labels,
            "accuracy": found.votes.accuracies,
            "weight": weights or None,
            "left": found.votes.left,
        }
    )
    config = st.column_config
    st.dataframe(
        readable(frame, {"accuracy": percent, "weight": percent, "left": number}),
        key="ensemble.members",
        hide_index=True,
        placeholder="–",
        height=table_height(len(frame), 460),
        column_config={
            "member": config.TextColumn(_("Member")),
            "accuracy": config.NumberColumn(_("Validation accuracy")),
            "weight": config.NumberColumn(_("Weight"), help=_("How much its answers count.")),
            "left": config.NumberColumn(
                _("Left out (images)"),
                help=_("Validation images that it has judged and not all others."),
            ),
        },
        alt=_("The members and their validation accuracy"),
    )


PAIRS = {
    "agreement": N_("Equal answers"),
    "errors": N_("Errors in common"),
}


def _pairs(found: Chosen, method: Method) -> None:
    names = {key: _(label) for key, label in PAIRS.items()}
    which = switch(_("What two members share"), names, key="ensemble.view.pairs", default="errors")
    if which == "agreement":
        matrix = agreement(found.votes)
        st.caption(
            _(
                "The share of images for which two members say the same class. Members that "
                "always agree add nothing to each other."
            )
        )
    else:
        matrix = error_correlation(found.votes)
        st.caption(
            _(
                "Whether two members err on the same images: 1 always, 0 as chance would have it. "
                "The lower, the more they can correct each other."
            )
        )
    info = pairs_info(matrix, [f"{i + 1}. {label}" for i, label in enumerate(found.labels)])
    write = percent if which == "agreement" else (lambda value: number(value, 2))
    st.plotly_chart(
        plot_pairs(info, dark=is_dark(), number=write),
        key="ensemble.pairs",
        theme=None,
        config=BARE,
        alt=_(
            "Between every two members, from {low} to {high}",
            low=write(info.low),
            high=write(info.high),
        ),
    )


def _growth(found: Chosen, method: Method) -> None:
    steps = growth(found)
    info = growth_info(
        found.labels,
        [step.member for step in steps],
        [step.accuracy for step in steps],
        found.votes.accuracies,
    )
    labels = GrowthLabels(
        together=_("all so far"),
        alone=_("this one alone"),
        x=_("Member added"),
        y=_("Validation accuracy"),
    )
    peak = max(range(len(steps)), key=lambda i: steps[i].accuracy)
    best = percent(steps[peak].accuracy)
    if peak + 1 == len(steps):
        sentence = _("All {n} members together are best: {accuracy}.", n=peak + 1, accuracy=best)
    else:
        sentence = ngettext(
            "{n} member is enough: {accuracy}. Every further one adds nothing here.",
            "The first {n} members reach {accuracy}; further ones add nothing here.",
            peak + 1,
            accuracy=best,
        )
    st.markdown(literal(sentence))
    st.plotly_chart(
        plot_growth(
            info, labels, dark=is_dark(), percent=percent, decimal_comma=language() == "es"
        ),
        key="ensemble.growth",
        theme=None,
        config=BARE,
        alt="; ".join(
            f"{name}: {percent(value)}"
            for name, value in zip(info.names, info.accuracy, strict=True)
        ),
    )
    st.caption(
        _(
            "The best member first, then each time the one that helps most (mean of the "
            "probabilities). The order is chosen by these very images, so the curve is a little "
            "too high."
        )
    )


def _classes(found: Chosen, method: Method) -> None:
    try:
        _best, compared = against_best(found.votes, judged(found, method).proba)
    except LabError as error:
        show_error(error, "warning")
        return
    names = shortened(class_names(found.records[0]))
    info = gains_info(
        [names[c.label] for c in compared.classes], [100 * c.gain for c in compared.classes]
    )
    st.caption(
        _("How many more of its images of each class the ensemble finds than its best member.")
    )
    st.plotly_chart(
        plot_gains(
            info,
            _("Gain in recall (points)"),
            dark=is_dark(),
            number=_plain,
            decimal_comma=language() == "es",
        ),
        key="ensemble.gains",
        theme=None,
        config=BARE,
        alt="; ".join(
            f"{name}: {_signed(points)}"
            for name, points in zip(info.classes, info.points, strict=True)
        ),
    )


def _plain(value: float) -> str:
    return number(round(value, 2), 3)


VIEWS = {
    "members": View(N_("Members"), _members),
    "pairs": View(N_("What they share"), _pairs),
    "growth": View(N_("Gain of each member"), _growth),
    "classes": View(N_("Gain by class"), _classes),
}


def view_switch() -> View:
    names = {key: _(view.label) for key, view in VIEWS.items()}
    return VIEWS[switch(_("View"), names, key="ensemble.view", default="members")]

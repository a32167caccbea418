"""What can follow a run that is over: more epochs, or a last training on more images."""

from __future__ import annotations

import streamlit as st

from core.caps import check_caps, max_epochs
from core.continuing import Next, continued, kept_epochs, retrained
from core.errors import LabError
from core.following import on_its_images, plan_continuation, plan_retraining
from core.records import RunRecord, read_history
from ui.forms import choice_label
from ui.frame import short_name
from ui.i18n import _, ngettext, number, say_error
from ui.messages import show
from ui.state import get_lab, guarded, launch, why_not_on

EPOCHS = "after.epochs"
MOST = 10_000


def afterwards(record: RunRecord) -> None:
    """Under a run that has ended with a network; before that, where it comes from."""
    if record.start is not None:
        name = short_name(record.changed(id=record.start.run))
        st.caption(
            _(
                "Goes on from the run {run}: the epochs before number {epoch} are that run's.",
                run=name,
                epoch=record.start.epochs + 1,
            )
        )
    ended = record.status.has_shown()
    if not ended or record.summary is None or not get_lab().paths.run(record.id).model.is_file():
        return
    more, whole = st.columns(2)
    with more.container(border=True, height="stretch"):
        _more_epochs(record)
    with whole.container(border=True, height="stretch"):
        _all_images(record)
    st.caption(_repeatable(record))


def _more_epochs(record: RunRecord) -> None:
    st.markdown("**" + _("Train on for some epochs more") + "**")
    history = read_history(get_lab().paths.run(record.id))
    where = f"{EPOCHS}.{record.id}"
    most = min(MOST, max_epochs() or MOST)
    half = max(1, min(record.config.train.epochs // 2, most))
    st.session_state[where] = min(st.session_state.get(where, half), most)
    reason = why_not_on(record)
    number_of, button = st.columns([2, 3], vertical_alignment="bottom")
    epochs = number_of.number_input(
        _("Epochs"),
        1,
        most,
        step=1,
        key=where,
        help=_("How many epochs the new run has."),
        persist_state="session",
    )
    button.button(
        _("Continue"),
        key="after.continue",
        icon=":material/forward:",
        disabled=reason is not None,
        on_click=guarded,
        args=(lambda: _submit(plan_continuation(get_lab().store, record, _wanted(where))),),
    )
    if reason is not None:
        show(reason, "info")
        return
    try:
        plan = continued(record, history, int(epochs))
    except LabError as error:
        show(say_error(error), "info")
        return
    st.caption(_what_goes_on(record, plan))


def _wanted(where: str) -> int:
    """In a callback, where values of the drawing before would be old."""
    return int(st.session_state[where])


def _what_goes_on(record: RunRecord, plan: Next) -> str:
    before = record.start.epochs if record.start else 0
    words = [
        _(
            "A new run from the network that this one has kept (after epoch {epoch} of {epochs}), "
            "with a fresh optimizer: the first steps may shake the curve.",
            epoch=kept_epochs(record) + before,
            epochs=(record.summary.epochs if record.summary else 0) + before,
        ),
        _(
            "Learning rate {rate}, schedule “{schedule}”, planned anew over these epochs.",
            rate=number(plan.config.optimizer.learning_rate),
            schedule=choice_label(plan.config.optimizer.schedule),
        ),
    ]
    return " ".join(words)


def _all_images(record: RunRecord) -> None:
    st.markdown("**" + _("Train anew on training and validation images") + "**")
    try:
        plan = retrained(record)
        check_caps(on_its_images(get_lab().store, record, plan.config))
    except LabError as error:
        show(say_error(error), "info")
        return
    st.button(
        _("Train on both"),
        key="after.retrain",
        icon=":material/join:",
        on_click=guarded,
        args=(lambda: _submit(plan_retraining(get_lab().store, record)),),
    )
    epochs = plan.config.train.epochs
    st.caption(
        (_from_the_same_network(epochs) if plan.start else _from_the_beginning(epochs))
        + " "
        + _(
            "Then only the test images are held out: there is no validation curve and no early "
            "stopping, and nothing may be decided by the test any more."
        )
    )


def _from_the_beginning(epochs: int) -> str:
    return ngettext(
        "From the beginning, for {n} epoch, the best number of this run.",
        "From the beginning, for {n} epochs, the best number of this run.",
        epochs,
    )


def _from_the_same_network(epochs: int) -> str:
    return ngettext(
        "From the network that this run went on from, for {n} epoch, the best number of this run.",
        "From the network that this run went on from, for {n} epochs, the best number of this run.",
        epochs,
    )


def _submit(plan: Next) -> None:
    launch(plan.config, start=plan.start)


def _repeatable(record: RunRecord) -> str:
    if record.versions.get("device") == "gpu":
        return _(
            "Repeated with the same settings and seed, a training on a GPU comes out alike, not "
            "identical: a GPU adds up sums in an order that changes, and the last digits with it; "
            "over many steps the curves drift apart a little. On a CPU it would be identical."
        )
    return _(
        "Repeated with the same settings and seed on a CPU, the training gives the identical "
        "curves, as long as the versions and the number of cores are the same."
    )

"""Which dataset a session looks at, and what can be done with it."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import streamlit as st

from core.caps import within_caps
from core.competition.opening import needing
from core.datasets.catalog import folder_names
from core.datasets.dataset import DIGITS, Dataset, DatasetInfo
from core.datasets.registry import (
    damaged_datasets,
    list_datasets,
    open_dataset,
)
from core.datasets.retiring import kept_bytes
from core.errors import N_, LabError
from core.presets import preset_config
from ui.address import read_address, write_address
from ui.forms import fill_form, form_is_empty, key
from ui.i18n import _, ngettext, number, say
from ui.messages import show, show_error
from ui.names import literal
from ui.setup import FIRST_PRESET
from ui.state import get_lab, go_to, guarded

TITLES = {DIGITS: N_("Handwritten digits")}
"""What a built-in dataset is called, besides its name."""
DELETED = "_dataset_deleted"
KEEP = "delete_keep"
GONE = "_dataset_gone"
"""The name of a dataset that was asked for, and is not here."""


def choose_dataset() -> Dataset | None:
    """The picker, and the dataset it stands at; None, said on the page, if it is damaged."""
    paths = get_lab().paths
    infos = {info.name: info for info in list_datasets(paths)}
    read_address("dataset")
    _settle_choice(infos)
    name = st.selectbox(
        _("Dataset"),
        list(infos),
        format_func=lambda name: dataset_title(infos[name]),
        key="dataset",
        # Only where there is nothing to show: otherwise it would have a button to choose nothing.
        index=None if st.session_state["dataset"] is None else 0,
        placeholder=_("nothing chosen"),
        help=_("The digits are built in; others are imported from your own images."),
        persist_state="session",
    )
    write_address("dataset", default=DIGITS)
    if name is None:
        gone = str(st.session_state[GONE])
        show(
            _("There is no dataset “{name}” here (any more). Choose another.", name=gone), "warning"
        )
        return None
    try:
        return open_dataset(paths, name)
    except LabError as error:
        show_error(error)
        return None


def _settle_choice(infos: Mapping[str, DatasetInfo]) -> None:
    """At first the digits. Of a dataset that is not here another would be shown in its place:
    nothing is chosen then until somebody does."""
    wanted = st.session_state.get("dataset")
    if wanted in infos:
        st.session_state.pop(GONE, None)
    elif wanted is not None:
        st.session_state[GONE], st.session_state["dataset"] = wanted, None
    elif GONE not in st.session_state:
        st.session_state["dataset"] = DIGITS


def dataset_title(info: DatasetInfo) -> str:
    return f"{info.name} – {_(TITLES[info.name])}" if info.name in TITLES else info.name


def show_damaged() -> None:
    """Folders that cannot be used, each with the reason and a way to be rid of it."""
    for name, reason in damaged_datasets(get_lab().paths):
        text, button = st.columns([5, 1], vertical_alignment="center")
        with text:
            show(say(reason), "warning")
        button.button(_("Delete"), key=f"delete.{name}", on_click=_ask_to_delete, args=(name,))


def figures(info: DatasetInfo) -> None:
    """The dataset in four figures."""
    height, width, channels = info.image_shape
    values = {
        _("Images"): number(sum(info.splits.values())),
        _("Classes"): number(len(info.class_names)),
        _("Size in pixels"): f"{width}×{height}",
        _("Colours"): _("grey") if channels == 1 else _("RGB"),
    }
    with st.container(horizontal=True, gap="large"):
        for label, value in values.items():
            st.metric(label, value, width="content")


def actions(info: DatasetInfo) -> None:
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button(
            _("Train on this dataset"),
            key="train_on",
            type="primary",
            icon=":material/model_training:",
            on_click=guarded,
            args=(functools.partial(train_on, info),),
        )
        if info.name != DIGITS:
            st.button(
                _("Delete"),
                key="delete",
                icon=":material/delete:",
                on_click=_ask_to_delete,
                args=(info.name,),
            )


def train_on(info: DatasetInfo) -> None:
    """In a callback: the Train page, with what has been set here and this dataset."""
    fill_form_if_empty(info)
    st.session_state[key("data", "dataset")] = info.name
    st.session_state["train_view"] = "setup"
    go_to("pages/train.py")


def fill_form_if_empty(info: DatasetInfo) -> None:
    """Otherwise the Train page would fill it later, over what has been chosen here."""
    if form_is_empty():
        fill_form(within_caps(preset_config(FIRST_PRESET, info.name, info.image_shape)))


def _ask_to_delete(name: str) -> None:
    """In a callback: the dialog itself can only be opened by the page."""
    st.session_state["_delete_dataset"] = name


def show_delete_dialog() -> None:
    """The question, if somebody has asked for it in this run of the page."""
    name = st.session_state.pop("_delete_dataset", None)
    if name is not None:
        st.session_state.pop(DELETED, None)
        st.session_state.pop(KEEP, None)
        st.dialog(_("Delete the dataset?"))(_delete_dialog)(name)


def _delete_dialog(name: str) -> None:
    if st.session_state.pop(DELETED, False):
        st.rerun()  # closes the dialog
    try:
        get_lab().store.check_unused(name)
    except LabError as error:
        show_error(error)
        return
    st.write(_("“{name}” and all its images will be gone for good.", name=literal(name)))
    _warn_of_competitions(name)
    _keep_for_runs(name)
    st.button(
        _("Delete for good"), key="delete_sure", type="primary", on_click=_delete, args=(name,)
    )


def _warn_of_competitions(name: str) -> None:
    paths = get_lab().paths
    info = next((info for info in list_datasets(paths) if info.name == name), None)
    for competition in needing(paths, info.fingerprint) if info else ():
        st.warning(
            _(
                "The competition “{title}” asks about these images: nothing can be handed in to it "
                "any more then.",
                title=literal(competition.settings.title),
            )
        )


def _keep_for_runs(name: str) -> None:
    """Whether runs shall still show the images that they have judged, and the room it takes."""
    lab = get_lab()
    infos = {info.name: info for info in list_datasets(lab.paths)}
    shown = len(lab.store.showing(infos[name].fingerprint)) if name in infos else 0
    if shown:
        megabytes = max(1, round(kept_bytes(infos[name]) / 1e6))
        st.checkbox(
            ngettext(
                "Keep the images that {n} run shows on the Errors page ({megabytes} MB)",
                "Keep the images that {n} runs show on the Errors page ({megabytes} MB)",
                shown,
                megabytes=megabytes,
            ),
            value=True,
            key=KEEP,
            help=_(
                "Those of validation and test; they go with the last of these runs. Without them "
                "the runs keep their figures only."
            ),
        )


def _delete(name: str) -> None:
    """In a callback: what stands in the way is said at the top of the page."""
    keep = bool(st.session_state.get(KEEP, True))
    guarded(functools.partial(get_lab().store.delete_dataset, name, keep_images=keep))
    st.session_state[DELETED] = True
    if st.session_state.get("dataset") == name and name not in folder_names(get_lab().paths):
        st.session_state["dataset"] = DIGITS

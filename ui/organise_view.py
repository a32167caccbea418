"""What can be made of a dataset: others, a zip file, another name; and its duplicates."""

from __future__ import annotations

import functools

import streamlit as st

from core.datasets.dataset import DIGITS, Dataset, DatasetInfo
from core.datasets.jobs import start_work
from core.datasets.registry import MAX_NAME
from core.datasets.work import Export
from ui.i18n import _, ngettext, number
from ui.names import literal
from ui.organise_derive import derive_form
from ui.organise_duplicates import duplicates_view
from ui.state import get_lab, guarded
from ui.switch import switch
from ui.work import under_way


def organise(dataset: Dataset) -> None:
    """The tasks, one at a time."""
    tasks = {
        "derive": (_("Make another dataset"), derive_form),
        "duplicates": (_("Duplicates"), duplicates_view),
        "export": (_("Export"), _export),
        "rename": (_("Rename"), _rename),
    }
    st.session_state.setdefault("organise_view", "derive")
    names = {task: name for task, (name, _view) in tasks.items()}
    tasks[switch(_("Task"), names, key="organise_view")][1](dataset)


def _export(dataset: Dataset) -> None:
    """Begin to write a zip file; the panel above offers it when it is ready."""
    info = dataset.info
    st.write(
        _(
            "A zip file with the images as lossless PNG files in folders: first the split, in it "
            "the class. Other programs read it, and it can be imported here again."
        )
    )
    height, width, channels = info.image_shape
    megabytes = sum(info.splits.values()) * height * width * channels / 1e6
    st.caption(_("At most about {n} MB.", n=number(max(1, round(megabytes)))))
    st.button(
        _("Write the zip file"),
        key="organise.export",
        type="primary",
        icon=":material/folder_zip:",
        disabled=under_way("export", info.name),
        on_click=guarded,
        args=(
            functools.partial(start_work, get_lab().paths, Export(dataset=info.name), info.name),
        ),
    )


def _rename(dataset: Dataset) -> None:
    info = dataset.info
    if info.name == DIGITS:
        st.info(_("The digits are built in: they can be neither renamed nor deleted."))
        return
    where = f"organise.new_name.{info.fingerprint}"
    st.session_state.setdefault(where, info.name)
    st.text_input(
        _("New name"),
        key=where,
        max_chars=MAX_NAME,
        help=_("Letters, digits, spaces, dots, hyphens and underscores."),
    )
    shown = len(get_lab().store.showing(info.fingerprint))
    if shown:
        st.caption(
            ngettext(
                "{n} run was trained on it; it finds its images under the new name, too.",
                "{n} runs were trained on it; they find their images under the new name, too.",
                shown,
            )
        )
    unchanged = str(st.session_state[where]).strip() == info.name
    st.button(
        _("Rename “{name}”", name=literal(info.name)),
        key="organise.rename",
        type="primary",
        disabled=unchanged,
        on_click=guarded,
        args=(functools.partial(_call_it, info, where),),
    )


def _call_it(info: DatasetInfo, where: str) -> None:
    """In a callback: the page goes on with the same dataset."""
    new = get_lab().store.rename_dataset(info.name, str(st.session_state[where]).strip())
    st.session_state["dataset"] = new

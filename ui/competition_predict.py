"""A run's answers about images without a label: computed once, and as a file to take away."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import streamlit as st

from core.competition.answers import (
    cancel_answering,
    check_fit,
    read_answering,
    start_answering,
)
from core.competition.export import FILE, answers_of, split_of, submission_of
from core.competition.forms import COLUMNS, check_columns, form_of
from core.datasets.dataset import UNLABELLED, Dataset, DatasetInfo
from core.datasets.registry import open_dataset
from core.datasets.retiring import open_for_run
from core.errors import N_, LabError
from core.records import RunRecord
from ui.frame import run_label
from ui.i18n import _, duration, ngettext
from ui.inspection_panel import FORWARD, START_SECONDS
from ui.messages import show, show_error
from ui.names import literal
from ui.state import chosen_run, get_lab, guarded
from ui.task_panel import Panel, is_ready

PHASES = {
    "starting": N_("Starting …"),
    "waiting": N_("Waiting for another inspection to end"),
    "predicting": N_("Asking the network about the images"),
}


def submission_view() -> None:
    """The chosen run's ``submission.csv``."""
    record = chosen_run()
    if record is None:
        st.info(
            _("No run is chosen: pick a finished one in the sidebar, or train a network first.")
        )
        st.page_link("pages/train.py", label=_("Train"), icon=":material/model_training:")
        return
    st.markdown(f"**{literal(run_label(record))}**")
    try:
        data = record.config.data
        dataset = open_for_run(get_lab().paths, data.dataset, record.dataset_fingerprint)
        check_fit(record, dataset.info)
        split = split_of(dataset)
    except LabError as error:
        show_error(error, "warning")
        return
    if split is None:
        show(
            _(
                "“{name}” has neither images without a label nor test images: there is nothing to "
                "hand in. Import a dataset with a folder or table of images without labels.",
                name=dataset.info.name,
            ),
            "info",
        )
        return
    if split == UNLABELLED and not answers_ready(record, dataset.info, where="file"):
        return
    _download(record, dataset, split)


def answers_ready(record: RunRecord, info: DatasetInfo, *, where: str) -> bool:
    """Whether the run has answered; if not, what can be done about it stands on the page."""
    paths, images = get_lab().paths, info.splits[UNLABELLED]
    panel = Panel(
        key=f"competition.predict.{where}",
        what=ngettext(
            "The network is asked once about the {n} image without a label; the answers are kept "
            "with the run.",
            "The network is asked once about the {n} images without a label; the answers are kept "
            "with the run.",
            images,
        ),
        button=_("Predict the images"),
        cost=_(
            "About {time}, by the speed of the training; it goes on if you leave the page.",
            time=duration(_seconds(record, images)),
        ),
        phases=PHASES,
        read=functools.partial(read_answering, paths, record.id, info),
        start=functools.partial(start_answering, paths, record.id, info),
        cancel=functools.partial(cancel_answering, paths, record.id, info),
    )
    return is_ready(panel)


def _seconds(record: RunRecord, images: int) -> float:
    learned = record.summary.images_per_second if record.summary else None
    voices = len(record.composition.members) if record.composition else 1
    return START_SECONDS + voices * images / (FORWARD * (learned or 500.0))


class _About(NamedTuple):
    """What there is to say about the file before it is written."""

    columns: tuple[str, ...]
    rows: int
    filled: int
    left_out: int


@st.cache_data(max_entries=16, show_spinner=False)
def _about(name: str, split: str, fingerprint: str) -> _About:
    """``fingerprint``: of the dataset, which may be replaced by another one of this name."""
    dataset = open_dataset(get_lab().paths, name)
    form = form_of(dataset, split)
    check_columns(form, dataset.info.class_names)
    columns = (*form.columns[1 : form.at + 1], form.columns[0], *form.columns[form.at + 1 :])
    images = len(form.names)
    filled = int((np.asarray(form.rows) < 0).sum())
    return _About(columns, len(form.ids), filled, images - len(form.asked))


def _download(record: RunRecord, dataset: Dataset, split: str) -> None:
    paths, info = get_lab().paths, dataset.info
    try:
        about = _about(info.name, split, info.fingerprint)
        answers_of(paths, record, info, split)
    except LabError as error:
        show_error(error)
        again = functools.partial(start_answering, paths, record.id, info, again=True)
        if split == UNLABELLED:
            st.button(
                _("Predict the images again"),
                key="competition.again",
                icon=":material/refresh:",
                on_click=guarded,
                args=(again,),
            )
        return
    _say(about)
    st.download_button(
        _("Download {file}", file=FILE),
        lambda: submission_of(paths, record, dataset, split).data,
        file_name=FILE,
        mime="text/csv",
        key="competition.download",
        type="primary",
        icon=":material/download:",
        help=_("A line for every image, in UTF-8, as competitions expect it."),
        on_click="ignore",
    )


def _say(about: _About) -> None:
    made = about.columns == COLUMNS
    words = [
        ngettext("{n} line.", "{n} lines.", about.rows),
        _("Columns: {columns}.", columns=", ".join(about.columns)),
        _("The dataset came without a sample_submission.csv: file name and class.")
        if made
        else _("Columns and order are those of the dataset’s sample_submission.csv."),
    ]
    st.caption(literal(" ".join(words)))
    if about.filled:
        show(
            ngettext(
                "{n} line is about an image that the dataset does not have (it could not be read "
                "at import, perhaps): the commonest class stands there.",
                "{n} lines are about images that the dataset does not have (they could not be "
                "read at import, perhaps): the commonest class stands there.",
                about.filled,
            ),
            "warning",
        )
    if about.left_out:
        show(
            ngettext(
                "{n} image of the dataset is not asked for by the sample.",
                "{n} images of the dataset are not asked for by the sample.",
                about.left_out,
            ),
            "info",
        )


def fitting_runs(records: list[RunRecord], info: DatasetInfo) -> list[RunRecord]:
    """Those that can answer about these images."""
    return [record for record in records if _fits(record, info)]


def _fits(record: RunRecord, info: DatasetInfo) -> bool:
    try:
        check_fit(record, info)
    except LabError:
        return False
    return True

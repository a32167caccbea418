"""Where a derived dataset comes from, and what was left out of it."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.datasets.dataset import DatasetInfo
from core.datasets.dropped import DROP_REASONS, DropReason
from core.datasets.gathering import LEAK
from core.datasets.report import spreadsheet_cell
from core.errors import Text
from ui.downloads import csv_button
from ui.i18n import _, catalogue, language, say
from ui.names import literal
from ui.state import get_lab, guarded
from ui.work import look_for_duplicates


def lineage(info: DatasetInfo) -> None:
    """What was done to the datasets that it is made of, a sentence each."""
    if info.derived and info.derived.steps:
        st.caption(literal(" ".join(say(step) for step in info.derived.steps)))


def dropped_button(info: DatasetInfo) -> None:
    """All images that were left out as a CSV file, in the reader's language."""
    file = get_lab().paths.dataset(info.name).dropped
    if not file.is_file():
        return
    csv_button(
        _("Download what was left out (CSV)"),
        functools.partial(dropped_csv, file, catalogue(language()).gettext),
        f"{info.name}-left-out.csv",
        key="dropped",
    )


def relabelled_button(info: DatasetInfo) -> None:
    """All images that were given another class as a CSV file, if there are any."""
    file = get_lab().paths.dataset(info.name).relabelled
    if not file.is_file():
        return
    csv_button(
        _("Download what was relabelled (CSV)"),
        functools.partial(relabelled_csv, file),
        f"{info.name}-relabelled.csv",
        key="relabelled",
    )


def relabelled_csv(file: Path) -> str:
    """The lines of ``file``, safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    with file.open(encoding="utf-8", newline="") as lines:
        writer.writerows([spreadsheet_cell(cell) for cell in row] for row in csv.reader(lines))
    return out.getvalue()


def dropped_csv(file: Path, translate: Callable[[str], str]) -> str:
    """The lines of ``file`` with the reasons in words, safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    with file.open(encoding="utf-8", newline="") as lines:
        for number, (*cells, reason) in enumerate(csv.reader(lines)):
            why = translate(DROP_REASONS[DropReason(reason)]) if number else reason
            writer.writerow([spreadsheet_cell(cell) for cell in (*cells, why)])
    return out.getvalue()


def show_duplicates_button(dataset: str, warning: Text) -> None:
    """Below a warning of images that are in two splits: the way to see them."""
    if warning.msgid == LEAK:
        st.button(
            _("Show these images"),
            key=f"duplicates.{warning.params['split']}",
            icon=":material/content_copy:",
            on_click=_go_to_duplicates,
            args=(dataset,),
        )


def _go_to_duplicates(dataset: str) -> None:
    st.session_state["data_view"] = "organise"
    st.session_state["organise_view"] = "duplicates"
    guarded(functools.partial(look_for_duplicates, dataset))

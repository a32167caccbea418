"""What became of every file of an import, on the page and as a CSV file."""

from __future__ import annotations

import functools
from datetime import datetime

import pandas as pd
import streamlit as st

from core.datasets.dataset import Dataset
from core.datasets.report import REASONS, ImportReport, Reason
from core.datasets.report_csv import report_csv
from core.errors import N_
from ui.downloads import csv_button
from ui.i18n import _, catalogue, language, moment, say
from ui.lineage import dropped_button, lineage, relabelled_button, show_duplicates_button
from ui.messages import show
from ui.names import literal

LISTED_FILES = 500
"""Skipped files listed on the page; all of them are in the CSV file."""
TALL = 600
"""Pixels of the table of outcomes: all reasons there are fit in without scrolling."""


def report_of(dataset: Dataset) -> ImportReport:
    """The report, read once for all sessions: it may list as many files as there are.

    Raises:
        DatasetError: if the file is damaged.
    """
    info = dataset.info
    return _report(info.name, info.created, info.fingerprint, dataset)


@st.cache_resource(max_entries=16, show_spinner=False)
def _report(name: str, created: str, fingerprint: str, _dataset: Dataset) -> ImportReport:
    return _dataset.report()


def import_report(dataset: Dataset, report: ImportReport) -> None:
    """What became of every file: the sum, reason by reason, file by file, and as a table."""
    info = dataset.info
    st.subheader(_("Import report"))
    sentence = (
        N_("From {origin}, {when}. {imported} of {files} images taken.")
        if info.derived
        else N_("From {origin}, {when}. {imported} of {files} files imported.")
    )
    st.caption(
        literal(
            _(
                sentence,
                origin=report.origin,
                when=moment(datetime.fromisoformat(info.created)),
                imported=report.imported,
                files=report.files,
            )
        )
    )
    lineage(info)
    for warning in report.warnings:
        show(say(warning), "warning")
        show_duplicates_button(info.name, warning)
    if not (report.skipped or report.capped or report.repaired or report.dropped):
        st.caption(_("Nothing was skipped, and nothing had to be repaired."))
    outcomes = _outcomes(report)
    outcome, _reason, files = outcomes.columns
    st.dataframe(
        outcomes,
        key="outcomes",
        hide_index=True,
        height=table_height(len(outcomes), TALL),
        column_config={
            outcome: st.column_config.Column(width=120),
            files: st.column_config.Column(width=70),
        },
    )
    if report.skipped:
        with st.expander(_("Skipped files")):
            _skipped_files(report)
    relabelled_button(info)
    if report.dropped:
        dropped_button(info)
        return
    csv_button(
        _("Download the report (CSV)"),
        functools.partial(report_csv, dataset, catalogue(language()).gettext),
        f"{info.name}-report.csv",
        key="report",
    )


def _outcomes(report: ImportReport) -> pd.DataFrame:
    """Files per outcome and reason: what is imported and what is skipped make all files."""
    rows = [(_("imported"), "", report.imported)]
    rows += [(_("of these repaired"), say(kind.text), kind.count) for kind in report.repaired]
    rows += [
        (_("skipped"), _(why), n)
        for why, n in report.skipped_by_reason.items()
        if why != REASONS[Reason.NO_FILE]
    ]
    rows += [(_("left out"), say(kind.text), kind.count) for kind in report.dropped]
    total = _("all images") if report.dropped else _("all files")
    rows.append((total, "", report.files))
    if missing := report.skipped_by_reason.get(REASONS[Reason.NO_FILE]):
        rows.append((_("no file"), _(REASONS[Reason.NO_FILE]), missing))
    return pd.DataFrame(rows, columns=[_("Outcome"), _("Reason"), _("Files")])


def _skipped_files(report: ImportReport) -> None:
    shown = report.skipped[:LISTED_FILES]
    if len(shown) < len(report.skipped):
        st.caption(_("The first {n}; all of them are in the CSV file.", n=len(shown)))
    rows = [(file.name, say(file.text)) for file in shown]
    table = pd.DataFrame(rows, columns=[_("File"), _("Reason")])
    st.dataframe(table, key="skipped", hide_index=True, height=table_height(len(rows)))


def table_height(rows: int, most: int = 300) -> int:
    """Pixels of a table of so many rows, up to ``most``."""
    return min(38 + 35 * max(1, rows), most)

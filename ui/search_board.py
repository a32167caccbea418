"""The trials of a study as tables: the leaderboard, those at work, all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import LabError
from core.records import Progress, RunRecord, RunStatus, read_progress
from core.search.results import TrialRow, open_runs, ranked
from core.search.spec import StudySpec
from ui.frame import run_label
from ui.i18n import _, duration, ngettext, number, quick_number, say
from ui.live import progress_bar
from ui.names import literal
from ui.queue_view import place_in_queue
from ui.search_data import shown_value
from ui.search_names import TRIAL_STATES, setting_name, value_name
from ui.state import choose_run, get_lab, go_to, watch
from ui.tables import readable, table_height

SHOWN = 20
"""Rows of the live leaderboard: what is sent in a tick does not grow with the study."""
AT_WORK = 6
QUICK = (1e-4, 1e3)
"""Numbers that are written without powers of ten and without groups of digits."""
MOST_SETTINGS = 12
"""Searched settings that have a column."""


def leaderboard(spec: StudySpec, rows: Sequence[TrialRow]) -> None:
    """The best finished trials; a click opens the run."""
    best = ranked(rows, spec)
    if not best:
        st.caption(_("The first finished trial will stand here."))
        return
    said = [_("The best {n} of {all} finished trials.", n=SHOWN, all=len(best))]
    _table(spec, best[:SHOWN], key=f"search.board.{spec.id}", ranks=True)
    st.caption(" ".join([_how_to(), *(said if len(best) > SHOWN else [])]))


def all_trials(spec: StudySpec, rows: Sequence[TrialRow]) -> None:
    """Every trial by number, with what became of it."""
    _table(spec, rows, key=f"search.all.{spec.id}", ranks=False)
    st.caption(_how_to())


def _table(spec: StudySpec, rows: Sequence[TrialRow], *, key: str, ranks: bool) -> None:
    """Written in the reader's way, and sorted by what the numbers mean."""
    settings = list(spec.space.fields)[:MOST_SETTINGS]
    frame = pd.DataFrame([_row(row, settings, rank=i + 1) for i, row in enumerate(rows)])
    if ranks:
        frame = frame.drop(columns=["state", "why"])
    else:
        frame = frame.drop(columns=["rank"])
        if not frame["why"].any():
            frame = frame.drop(columns=["why"])

    def opened() -> None:
        chosen = st.session_state[key]["selection"]["rows"]
        if chosen and chosen[0] < len(rows):
            open_trial(rows[chosen[0]])

    st.dataframe(
        readable(frame, _formats(spec, settings, frame)),
        key=key,
        hide_index=True,
        placeholder="–",
        height=table_height(len(frame), 390),
        column_config=_columns(spec, settings),
        on_select=opened,
        selection_mode="single-row",
        alt=ngettext("{n} trial", "{n} trials", len(frame)),
    )


def _how_to() -> str:
    return _("Click a row to open its run. A click on a head sorts.")


def _row(row: TrialRow, settings: Sequence[str], *, rank: int) -> dict[str, object]:
    return {
        "rank": rank,
        "number": row.number + 1,
        "state": _(TRIAL_STATES[row.state]),
        "value": row.value,
        **{key: row.params.get(key) for key in settings},
        "epochs": row.epochs,
        "seconds": row.seconds,
        "why": say(row.why) if row.why else None,
    }


def _formats(
    spec: StudySpec, settings: Sequence[str], frame: pd.DataFrame
) -> dict[str, Callable[[Any], str]]:
    found: dict[str, Callable[[Any], str]] = {
        "number": lambda n: number(int(n)),
        "value": lambda v: shown_value(spec, v),
        "epochs": lambda n: number(int(n)),
        "seconds": duration,
        **{key: _writer(key) for key in settings},
    }
    return {name: write for name, write in found.items() if name in frame}


def _writer(key: str) -> Callable[[Any], str]:
    """pandas makes a float of a count as soon as one is missing, and numpy's of them all.

    Babel takes half a second for a thousand trials: it writes only what cannot be written quickly.
    """
    quick = quick_number(4)

    def write(value: Any) -> str:
        plain = value.item() if hasattr(value, "item") else value
        if isinstance(plain, float) and QUICK[0] <= plain < QUICK[1]:
            return quick(plain)
        whole = isinstance(plain, float) and plain.is_integer()
        return value_name(key, int(plain) if whole else plain)

    return write


def _columns(spec: StudySpec, settings: Sequence[str]) -> dict[str, Any]:
    config = st.column_config
    return {
        "rank": config.NumberColumn(_("Place"), width=60),
        "number": config.NumberColumn(_("Trial"), width=60),
        "state": config.TextColumn(_("State")),
        "value": config.NumberColumn(_aim(spec), help=_("Of the epoch that was kept.")),
        **{key: config.Column(setting_name(key)) for key in settings},
        "epochs": config.NumberColumn(_("Epochs")),
        "seconds": config.NumberColumn(_("Duration")),
        "why": config.TextColumn(_("Why"), help=_("Why it failed or was impossible.")),
    }


def _aim(spec: StudySpec) -> str:
    return _("Validation accuracy") if spec.maximize else _("Validation loss")


def open_trial(row: TrialRow) -> None:
    """In a callback: what a finished run got wrong, or how one at work is getting on."""
    if row.run_id is None:
        st.toast(_("Trial {n} has no run any more.", n=row.number + 1))
    elif row.state == "complete":
        choose_run(row.run_id)
        go_to("pages/errors.py")
    else:
        watch(row.run_id)


def at_work(spec: StudySpec) -> None:
    """The trials that wait or run, with their progress."""
    try:
        runs = open_runs(get_lab().store, spec.id)
    except LabError:  # deleted in this moment
        return
    runs = sorted(runs, key=lambda run: (run.status is not RunStatus.RUNNING, run.id))
    for record in runs[:AT_WORK]:
        _one_at_work(record)
    if len(runs) > AT_WORK:
        hidden = len(runs) - AT_WORK
        st.caption(ngettext("… and {n} more trial", "… and {n} more trials", hidden))


def _one_at_work(record: RunRecord) -> None:
    name, where, button = st.columns([3, 6, 1], vertical_alignment="center")
    number_ = record.part.number + 1 if record.part else 0
    name.markdown(f"**{_('Trial {n}', n=number_)}**", help=literal(run_label(record)))
    with where:
        if record.status is RunStatus.RUNNING:
            progress_bar(read_progress(get_lab().paths.run(record.id)) or Progress())
        else:
            st.caption(place_in_queue(record))
    button.button(_("Watch"), key=f"watch.{record.id}", on_click=watch, args=(record.id,))

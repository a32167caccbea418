"""The runs as every view of the Runs page has them, and how their fields are called and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.errors import LabError, NotFoundError
from core.fields import FIELDS, Field, Kind, RunRow, is_ambiguous
from core.listing import Listing
from core.records import RunRecord
from ui.forms import choice_label
from ui.frame import status_text
from ui.i18n import _, compact, duration, moment, number, percent
from ui.messages import show_error
from ui.state import get_lab

CHOSEN = "runs.chosen"
"""The ids of the chosen runs: rows move when others train, ids do not."""
ROUND = "runs.round"
"""How often runs were chosen elsewhere than in the table, whose ticks only a new table forgets."""
MOST_CHOSEN = 20
"""So many curves can still be told apart, and so many records are quickly read."""


@st.cache_resource(show_spinner=False)
def _listing(root: str) -> Listing:
    return Listing(get_lab().store)


def all_rows() -> tuple[RunRow, ...]:
    """All runs of this lab, newest first."""
    return _listing(str(get_lab().paths.root)).rows()


def field_label(field: Field) -> str:
    """What a field is called; no two are called the same."""
    label = _(field.label)
    return f"{label} ({field.key.partition('.')[2]})" if is_ambiguous(field) else label


def field_title(field: Field) -> str:
    """The same with its unit, for a column or an axis."""
    return f"{field_label(field)} ({_(field.unit)})" if field.unit else field_label(field)


def key_label(key: str) -> str:
    return field_label(FIELDS[key])


def _flag(value: bool) -> str:
    return _("yes") if value else _("no")


def _count(value: int) -> str:
    return compact(value) if value >= 10_000 else number(value)


WRITERS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: str,
    Kind.CHOICE: choice_label,
    Kind.STATUS: status_text,
    Kind.FLAG: _flag,
    Kind.MOMENT: moment,
    Kind.TAGS: ", ".join,
    Kind.COUNT: _count,
    Kind.NUMBER: number,
    Kind.SHARE: percent,
    Kind.SECONDS: duration,
}


def written(field: Field, value: object) -> str:
    """A value in the reader's words; a dash for none."""
    return "–" if value is None else WRITERS[field.kind](value)


def chosen_ids() -> list[str]:
    return list(st.session_state.get(CHOSEN, []))


def choose(run_ids: Sequence[str]) -> None:
    """Before the table is drawn: these runs, the first :data:`MOST_CHOSEN` of them, and no other
    is ticked."""
    st.session_state[CHOSEN] = list(dict.fromkeys(run_ids))[:MOST_CHOSEN]
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def chosen_runs() -> list[RunRecord]:
    """The chosen runs as their folders have them; those that are gone are chosen no more."""
    found = []
    for run_id in chosen_ids():
        try:
            found.append(get_lab().store.read(run_id))
        except NotFoundError as error:
            # Deleted by somebody else it is in no list any more; a folder that was removed by hand
            # is, and whoever ticks it must be told.
            if any(row.id == run_id for row in all_rows()):
                show_error(error, "warning")
        except LabError as error:
            show_error(error)
    if len(found) < len(chosen_ids()):
        choose([record.id for record in found])
    return found

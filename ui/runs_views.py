"""What can be looked at over many runs: one row per view of the Runs page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from core.errors import N_
from core.fields import RunRow
from core.records import RunRecord
from ui.i18n import _
from ui.runs_curves import curves_view
from ui.runs_fields import fields_view
from ui.runs_list import table_view
from ui.runs_pair import pair_view
from ui.runs_seeds import seeds_view
from ui.switch import switch


class View(NamedTuple):
    """A view: its name, and what draws it from the runs that fit the filter (newest first) and
    the chosen ones."""

    label: str
    show: Callable[[Sequence[RunRow], Sequence[RunRecord]], None]


VIEWS = {
    "table": View(N_("Table"), table_view),
    "curves": View(N_("Curves"), curves_view),
    "fields": View(N_("Settings and results"), fields_view),
    "pair": View(N_("Two runs"), pair_view),
    "seeds": View(N_("Seeds"), seeds_view),
}


def view_switch() -> View:
    names = {key: _(view.label) for key, view in VIEWS.items()}
    return VIEWS[switch(_("View"), names, key="runs.set.view", default="table")]

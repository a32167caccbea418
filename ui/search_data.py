"""A study as the page needs it: where it stands in figures, its trials for plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from core.errors import LabError
from core.parts import Id
from core.plots import search as plots
from core.records import short_id
from core.search.ranges import Choices, Range
from core.search.results import TrialRow, ranked
from core.search.space import size
from core.search.spec import Study, StudySpec, StudyStatus
from ui.i18n import _, number, percent, say_error
from ui.search_names import setting_name, value_name
from ui.state import get_lab

POWERS_FROM = 8
"""A list of numbers whose greatest is so many times its least is drawn in powers."""
PLOT_STATES: dict[str, plots.State] = {
    "open": "running",
    "complete": "complete",
    "pruned": "pruned",
    "impossible": "failed",
    "failed": "failed",
}


class Standing(NamedTuple):
    """Where a study stands; ``total`` trials are wanted (None: as many as fit into the time),
    ``left`` seconds are expected (None: not known yet)."""

    finished: int
    pruned: int
    failed: int
    open: int
    total: int | None
    left: float | None
    best: TrialRow | None

    @property
    def over(self) -> int:
        return self.finished + self.pruned + self.failed


def standing(study: Study, rows: Sequence[TrialRow]) -> Standing:
    """Counted; what never became a training counts nowhere."""
    counts = {state: sum(row.state == state for row in rows) for state in PLOT_STATES}
    finished, pruned, failed = counts["complete"], counts["pruned"], counts["failed"]
    total = _total(study.spec)
    best = ranked(rows, study.spec)
    left = _left(study, finished + pruned + failed, total)
    return Standing(
        finished, pruned, failed, counts["open"], total, left, best[0] if best else None
    )


def _total(spec: StudySpec) -> int | None:
    """A grid ends with its last combination."""
    combinations = size(spec.space, spec.config) if spec.sampler == "grid" else None
    return min((n for n in (spec.trials, combinations) if n is not None), default=None)


def _left(study: Study, over: int, total: int | None) -> float | None:
    """By the pace of the trials so far, and at most what is left of the minutes."""
    if study.state.status is not StudyStatus.RUNNING:
        return None
    guesses = [] if study.seconds_left is None else [study.seconds_left]
    if over and total is not None:
        guesses.append(study.state.seconds_used() / over * max(0, total - over))
    return min(guesses, default=None)


def study_label(spec: StudySpec) -> str:
    """A study in one line. Never changes: a selectbox knows its options by their labels."""
    titles = [spec.title] if spec.title else []
    names = "+".join(spec.space.architectures(spec.config))
    return " · ".join([short_id(spec.id), *titles, spec.config.data.dataset, names])


def goal_of(spec: StudySpec) -> plots.Goal:
    if spec.objective == "val_accuracy":
        return plots.Goal(_("Validation accuracy"))
    return plots.Goal(_("Validation loss"), higher=False, share=False)


def shown_value(spec: StudySpec, value: float | None) -> str:
    """A value of the objective as it is written."""
    if value is None:
        return "–"
    return percent(value) if spec.objective == "val_accuracy" else number(round(value, 4))


def plot_trials(spec: StudySpec, rows: Sequence[TrialRow]) -> list[plots.Trial]:
    """With words as the reader calls them."""
    return [
        plots.Trial(
            row.number,
            PLOT_STATES[row.state],
            _measured(row),
            {key: _plotted(key, value) for key, value in row.params.items()},
        )
        for row in rows
    ]


def _measured(row: TrialRow) -> float | None:
    """Of a trial at work the last epoch's."""
    if row.value is None and row.values and row.state == "open":
        return row.values[max(row.values)]
    return row.value


def _plotted(key: str, value: object) -> float | str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return value_name(key, value)


def axes_of(spec: StudySpec) -> list[plots.Axis]:
    """The searched settings, in the order of the form."""
    return [
        plots.Axis(key, setting_name(key), _is_log(wanted), _numbers(wanted))
        for key, wanted in spec.space.fields.items()
    ]


def _is_log(wanted: Range) -> bool:
    if not isinstance(wanted, Choices):
        return wanted.log
    numbers = _numbers(wanted)
    return bool(numbers) and 0 < POWERS_FROM * numbers[0] <= numbers[-1]


def _numbers(wanted: Range) -> tuple[float, ...]:
    """Of a list of numbers, ascending; nothing of all else."""
    values = wanted.values if isinstance(wanted, Choices) else ()
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return tuple(sorted(numbers)) if len(numbers) == len(values) else ()


def parameters_that_matter(study_id: Id, finished: int) -> dict[str, float] | str:
    """Setting → its share; or why that cannot be told yet, in a sentence.

    ``finished`` trials: with more of them it is worked out anew.
    """
    try:
        return _importance(str(get_lab().paths.root), study_id, finished)
    except LabError as error:
        return say_error(error)


@st.cache_data(show_spinner=False, max_entries=50)
def _importance(root: str, study_id: str, finished: int) -> dict[str, float]:
    # Not here: it loads scikit-learn.
    return dict(get_lab().compute.importance(study_id))

"""Where a study stands, worked out from its trials."""

from __future__ import annotations

from typing import Any

import pytest

from core.config import RunConfig
from core.records import now
from core.search.ranges import Choices, FloatRange
from core.search.results import TrialRow
from core.search.space import SearchSpace
from core.search.spec import Study, StudySpec, StudyState, StudyStatus
from ui.search_data import axes_of, standing

LISTS = SearchSpace(
    fields={
        "train.batch_size": Choices(values=(64, 16, 256)),
        "optimizer.name": Choices(values=("adam", "sgd")),
    }
)


def study(seconds: float = 60, **wanted: Any) -> Study:
    """Conducted for so long, and at work."""
    asked = {"config": RunConfig(), "space": LISTS, **wanted}
    spec = StudySpec(id="20260102-030405-000-abcd", created=now(), owner="server", **asked)
    return Study(spec, StudyState(seconds=seconds))


def row(number: int, state: Any = "complete", value: float | None = 0.5) -> TrialRow:
    return TrialRow(number, None, state, value, {}, 1, 1.0, {})


ROWS = [
    row(0),
    row(1, value=0.75),
    row(2, "pruned", 0.9),
    row(3, "failed", None),
    row(4, "open", None),
    row(5, "impossible", None),
]


def test_what_never_became_a_training_counts_nowhere() -> None:
    now_ = standing(study(trials=10), ROWS)
    assert (now_.finished, now_.pruned, now_.failed, now_.open, now_.over) == (2, 1, 1, 1, 4)
    assert now_.best is not None
    assert now_.best.number == 1


@pytest.mark.parametrize(
    ("wanted", "total", "left"),
    [
        ({"trials": 10}, 10, 90),  # four in a minute, six to go
        ({"trials": 10, "minutes": 2}, 10, 60),
        ({"minutes": 2}, None, 60),
        ({"sampler": "grid", "trials": 10}, 6, 30),  # there are no more combinations
    ],
)
def test_the_time_left(wanted: dict[str, Any], total: int | None, left: float) -> None:
    found = standing(study(**wanted), ROWS)
    assert (found.total, found.left) == (total, left)


def test_nothing_is_expected_before_a_trial_is_over_or_after_the_end() -> None:
    assert standing(study(trials=10), ROWS[4:]).left is None
    over = study(trials=10)._replace(state=StudyState(status=StudyStatus.STOPPED, seconds=60))
    assert standing(over, ROWS).left is None


def test_axes_are_in_powers_where_it_was_searched_so() -> None:
    fields = {**LISTS.fields, "optimizer.learning_rate": FloatRange(low=0.1, high=0.2, log=True)}
    axes = axes_of(study(space=SearchSpace(fields=fields)).spec)
    assert [(axis.log, axis.ticks) for axis in axes] == [
        (True, (16, 64, 256)),
        (False, ()),
        (True, ()),
    ]

"""Rows of the database that are lost are made again, while nobody has to wait for it."""

from __future__ import annotations

import threading

import pytest

from core.search import backing
from core.search.backing import RemakingError, forget_trials
from core.search.results import trials_of
from core.search.study import continue_study
from tests.search.helpers import Hall, finished_study


def test_many_lost_trials_hold_up_neither_a_page_nor_the_queue(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = finished_study(hall.store, trials=3)
    before = trials_of(hall.store, study_id)
    forget_trials(hall.paths, study_id)
    monkeypatch.setattr(backing, "AT_ONCE", 2)
    go_on, remake = threading.Event(), backing._remade

    def slow(*about: object) -> object:
        go_on.wait(20)
        return remake(*about)  # type: ignore[arg-type]

    monkeypatch.setattr(backing, "_remade", slow)
    with pytest.raises(RemakingError, match="0 of 3 so far"):
        trials_of(hall.store, study_id, wait=False)
    continue_study(hall.paths, study_id, more_trials=1)
    hall.tick(2)
    assert hall.waiting() == []  # nothing is asked for before all are there
    go_on.set()
    assert trials_of(hall.store, study_id) == before
    hall.until_settled(study_id)
    assert hall.states(study_id) == ["complete"] * 4


def test_an_opening_that_fails_is_tried_again(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    study_id = finished_study(hall.store, trials=2)
    forget_trials(hall.paths, study_id)
    with monkeypatch.context() as patch:
        patch.setattr(backing, "_remade", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            trials_of(hall.store, study_id, wait=False)
    assert len(trials_of(hall.store, study_id, wait=False)) == 2

"""A study keeps to the images that it began with, whatever becomes of their name."""

from __future__ import annotations

import json
import shutil

import pytest

from core.errors import LabError
from core.search.results import best_config, final_runs
from core.search.spec import StudyStatus
from core.search.study import continue_study, stop_study
from tests.search.helpers import BASE, Hall, near_a_hundredth

OURS = BASE.with_values({"data.dataset": "ours"})


def add(hall: Hall, fingerprint: str) -> None:
    """A dataset that may be renamed, unlike the digits."""
    folder = hall.paths.dataset("ours").folder
    shutil.copytree(hall.paths.dataset("digits").folder, folder)
    file = folder / "dataset.json"
    described = json.loads(file.read_text())
    file.write_text(json.dumps({**described, "fingerprint": fingerprint}))


def test_a_renamed_dataset_is_found(hall: Hall) -> None:
    add(hall, "first")
    study_id = hall.create(config=OURS, trials=2)
    hall.tick()
    hall.train_all(near_a_hundredth)
    hall.tick()
    stop_study(hall.paths, study_id)
    hall.train_all(near_a_hundredth)
    hall.tick()
    hall.store.rename_dataset("ours", "theirs")
    continue_study(hall.paths, study_id, more_trials=1)
    hall.until_settled(study_id)
    assert hall.states(study_id) == ["complete"] * 3
    datasets = [run.config.data.dataset for run in hall.store.runs(part_of=study_id)]
    assert datasets == ["theirs", "ours", "ours"]
    assert best_config(hall.store, study_id).data.dataset == "theirs"
    (last,) = final_runs(hall.store, hall.runner, study_id, (0,))
    assert hall.store.read(last).config.data.dataset == "theirs"


def test_another_one_of_its_name_ends_the_study(hall: Hall) -> None:
    """Trials on other images could not be compared."""
    add(hall, "first")
    study_id = hall.create(config=OURS, trials=3)
    hall.tick()
    hall.train_all(near_a_hundredth)
    shutil.rmtree(hall.paths.dataset("ours").folder)
    add(hall, "second")
    hall.tick(3)
    state = hall.study(study_id).state
    assert (state.status, state.settled) == (StudyStatus.FAILED, True)
    assert "it was replaced" in str(state.why)
    assert len(hall.store.runs(part_of=study_id)) == 1
    with pytest.raises(LabError, match="it was replaced"):
        final_runs(hall.store, hall.runner, study_id, (0,))
    assert best_config(hall.store, study_id).data.dataset == "ours"  # the settings are not lost

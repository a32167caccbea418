"""What a study has found, and what is done with the best of it."""

from __future__ import annotations

import pytest

from core.errors import ConfigError, RunError
from core.records import RunStatus
from core.search.results import (
    best_config,
    best_trial,
    config_of,
    final_runs,
    importance,
    importance_in,
    ranked,
    trials_of,
)
from core.search.study import dashboard_command
from tests.search.helpers import BASE, LISTS, RATE, Hall, finished_study


def test_before_the_first_end_there_is_no_best(hall: Hall) -> None:
    study_id = hall.create()
    hall.tick()
    assert best_trial(hall.store, study_id) is None
    with pytest.raises(RunError, match="No trial of this study has finished yet"):
        best_config(hall.store, study_id)
    with pytest.raises(RunError, match="from 5 finished trials on; here are 0"):
        importance(hall.store, study_id)
    (row,) = hall.rows(study_id)
    assert (row.state, row.value, row.seconds) == ("open", None, None)


def test_a_running_trial_shows_its_epochs(hall: Hall) -> None:
    study_id = hall.create()
    hall.tick()
    (run,) = hall.waiting()
    hall.epoch(run.id, 0.25)
    hall.epoch(run.id, 0.5)
    hall.tick()
    (row,) = hall.rows(study_id)
    assert (row.values, row.epochs) == ({1: 0.25, 2: 0.5}, 2)


@pytest.mark.parametrize("objective", ["val_accuracy", "val_loss"])
def test_the_best_of_six(hall: Hall, objective: str) -> None:
    """The rate 0.01 is best, whatever the batch size; the batch size does not matter."""
    study_id = finished_study(hall.store, objective=objective, sampler="grid")
    rows = trials_of(hall.store, study_id)
    spec = hall.study(study_id).spec
    assert [row.params[RATE] for row in ranked(rows, spec)] == [0.01] * 3 + [0.1] * 3
    assert best_config(hall.store, study_id).optimizer.learning_rate == 0.01
    shares = {one.key: one.share for one in importance(hall.store, study_id)}
    assert shares[RATE] > 0.7
    assert sum(shares.values()) == pytest.approx(1)
    assert dict(importance_in(hall.paths, study_id)) == shares


def test_equal_trials_explain_nothing(hall: Hall) -> None:
    study_id = hall.create(trials=6)
    for _ in range(6):
        hall.tick()
        hall.train_all(lambda _config: [0.5])
    hall.tick()
    with pytest.raises(RunError, match="All finished trials are equally good"):
        importance(hall.store, study_id)


def test_the_settings_of_a_trial_outlive_its_run(hall: Hall) -> None:
    study_id = finished_study(hall.store)
    best = best_trial(hall.store, study_id)
    assert best
    assert best.run_id
    config = hall.store.read(best.run_id).config
    hall.store.delete(best.run_id)
    gone = best_trial(hall.store, study_id)
    assert gone == best._replace(run_id=None)
    assert config_of(hall.study(study_id).spec, gone) == config
    (run_id,) = final_runs(hall.store, hall.runner, study_id, [3])
    assert hall.store.read(run_id).config.train.epochs == best.epochs


def test_final_runs_learn_from_validation_for_the_best_number_of_epochs(hall: Hall) -> None:
    study_id = finished_study(hall.store, by="ana")
    config = best_config(hall.store, study_id)
    ids = final_runs(hall.store, hall.runner, study_id, [5, 6])
    records = [hall.store.read(run_id) for run_id in ids]
    final = {
        "data.with_validation": True,
        "train.epochs": 2,
        "train.early_stopping": False,
        "train.restore_best": False,
    }
    assert [r.config for r in records] == [
        config.with_values({**final, "train.seed": seed}) for seed in (5, 6)
    ]
    parts = [record.part for record in records]
    assert [(part.kind, part.number) for part in parts if part] == [("seeds", 0), ("seeds", 1)]
    assert len({part.of for part in parts if part}) == 1
    assert {record.by for record in records} == {"ana"}
    with pytest.raises(ConfigError, match="at least one training"):
        final_runs(hall.store, hall.runner, study_id, [])
    (as_it_was,) = final_runs(hall.store, hall.runner, study_id, [0], with_validation=False)
    assert hall.store.read(as_it_was).config == config


def test_a_thousand_trials_are_read_once(hall: Hall) -> None:
    """Rows of trials that are over are the very same objects the next time."""
    study_id = hall.create(trials=3, space=LISTS)
    hall.tick()
    hall.end(hall.waiting()[0].id, RunStatus.FAILED)
    hall.tick()
    first, second = (trials_of(hall.store, study_id) for _ in range(2))
    assert first[0].values is second[0].values
    assert first[1].values is not second[1].values
    assert hall.study(study_id).spec.config == BASE


def test_the_dashboard_finds_the_database_and_learns_no_password(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = hall.paths.database.absolute()
    assert dashboard_command(hall.paths) == f"optuna-dashboard sqlite:///{file}"
    monkeypatch.setenv("LIENZO_DB_URL", "postgresql://lab:secret@host/lienzo")
    assert "secret" not in dashboard_command(hall.paths)

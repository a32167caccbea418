"""Conducting studies, with trainings that only pretend; and killed between every two steps."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import Any

import pytest
from filelock import FileLock
from optuna import Study
from optuna.storages import RDBStorage
from sqlalchemy.exc import OperationalError

from core.errors import ConfigError, LabError, RunError, text
from core.jobs.runner import Supervisor
from core.paths import Paths
from core.records import Failure, RunRecord, RunStatus
from core.search import backing, conducting, results
from core.search.conducting import MOST_FAILED, MOST_IMPOSSIBLE
from core.search.conductor import PATIENCE, RETRY_SECONDS
from core.search.ranges import Choices, FloatRange, IntRange
from core.search.space import SearchSpace
from core.search.spec import StudyStatus
from core.search.study import continue_study, create_study, delete_study, stop_study
from core.search.trials import Trials
from core.store import Store
from tests.jobs.test_runner import FakeLauncher
from tests.search.helpers import BASE, LISTS, RATE, Hall, near_a_hundredth


def numbers(records: list[RunRecord]) -> list[int]:
    return sorted(record.part.number for record in records if record.part)


class TestTrials:
    def test_one_after_the_other_up_to_the_budget(self, hall: Hall) -> None:
        study_id = hall.create(trials=3, tags=("lesson",), by="ana")
        hall.tick(3)
        assert len(hall.waiting()) == 1
        hall.until_settled(study_id)
        study = hall.study(study_id)
        assert study.state.status is StudyStatus.FINISHED
        assert str(study.state.why) == "All of its 3 trials are done."
        runs = hall.store.runs(part_of=study_id)
        assert numbers(runs) == [0, 1, 2]
        assert {run.by for run in runs} == {"ana"}
        for row in hall.rows(study_id):
            assert row.run_id
            config = hall.store.read(row.run_id).config
            assert config == BASE.with_values({RATE: row.params[RATE]})
            assert row.value == near_a_hundredth(config)[-1]
            assert (row.state, row.epochs, row.seconds) == ("complete", 2, 2.0)
        listed = {one.record.id: one.remarks.tags for one in hall.store.changed_since(0)}
        assert set(listed.values()) == {("lesson",)}

    def test_as_many_at_once_as_there_are_slots(self, paths: Paths) -> None:
        hall = Hall(paths, slots=2)
        all_slots, one = hall.create(trials=5), hall.create(trials=5, parallel=1)
        hall.tick(2)
        waiting = [run.part.of for run in hall.waiting() if run.part]
        assert sorted(waiting) == sorted([all_slots, all_slots, one])
        hall.conductor.close()

    def test_other_trials_after_a_restart_as_without_one(self, hall: Hall) -> None:
        """Every trial has its own random numbers, whoever draws them."""
        drawn = []
        for kills in (False, True):
            study_id = hall.create(trials=4, sampler="random", seed=7)
            for _ in range(5):
                hall.tick()
                hall.train_all(near_a_hundredth)
                if kills:
                    hall.restart()
            hall.tick(2)
            drawn.append([row.params[RATE] for row in hall.rows(study_id)])
        assert drawn[0] == drawn[1]
        assert len(set(drawn[0])) == 4

    def test_a_grid_is_tried_out_once_each(self, hall: Hall) -> None:
        study_id = hall.create(sampler="grid", space=LISTS, trials=None)
        for _ in range(3):
            hall.tick()
            hall.train_all(near_a_hundredth)
        stop_study(hall.paths, study_id)  # one had not begun: its turn comes again
        hall.tick()
        for record in hall.waiting():
            hall.end(record.id, RunStatus.PRUNED)
        hall.tick()
        hall.restart()
        continue_study(hall.paths, study_id)
        hall.until_settled(study_id)
        assert str(hall.study(study_id).state.why) == "Every combination has been tried."
        done = [row for row in hall.rows(study_id) if row.state == "complete"]
        assert len({tuple(row.params.items()) for row in done}) == len(done) == 6

    def test_a_bad_one_is_ended_early(self, hall: Hall) -> None:
        study_id = hall.create(trials=9, pruner="median", objective="val_loss")
        for _ in range(5):
            hall.tick()
            hall.train_all(lambda _config: [0.5, 0.6, 0.7, 0.8])
        hall.tick()
        (bad,) = hall.waiting()
        stop = hall.paths.run(bad.id).stop
        for accuracy, given_up in ((0.1, False), (0.15, False), (0.15, True)):
            hall.epoch(bad.id, accuracy)
            hall.tick()
            assert stop.exists() is given_up
        hall.end(bad.id, RunStatus.PRUNED)
        hall.tick()
        row = hall.rows(study_id)[5]
        assert row.state == "pruned"
        assert row.value == pytest.approx(0.85)

    def test_epochs_that_came_all_at_once_are_all_told(self, hall: Hall) -> None:
        """Short ones end within one tick; and what is over is not given up any more."""
        study_id = hall.create(trials=6, pruner="median")
        for _ in range(5):
            hall.tick()
            hall.train_all(lambda _config: [0.5, 0.6, 0.7, 0.8])
        hall.tick()
        hall.train_all(lambda _config: [0.1, 0.1, 0.1, 0.4])
        hall.tick()
        row = hall.rows(study_id)[5]
        assert (row.state, row.value, row.epochs) == ("complete", 0.4, 4)
        assert row.values == {1: 0.1, 2: 0.1, 3: 0.1, 4: 0.4}


class TestTrouble:
    def test_a_failed_trial_ends_no_study(self, hall: Hall) -> None:
        study_id = hall.create(trials=3)
        hall.tick()
        failure = Failure(what=text("The loss stopped being a finite number."))
        hall.end(hall.waiting()[0].id, RunStatus.FAILED, failure)
        hall.until_settled(study_id)
        rows = hall.rows(study_id)
        assert [row.state for row in rows] == ["failed", "complete", "complete"]
        assert str(rows[0].why) == "The loss stopped being a finite number."

    def test_nothing_but_failures_does(self, hall: Hall) -> None:
        study_id = hall.create(trials=100)
        for _ in range(MOST_FAILED):
            hall.tick()
            hall.end(hall.waiting()[0].id, RunStatus.FAILED, Failure(what=text("No images.")))
        hall.tick(2)
        state = hall.study(study_id).state
        assert (state.status, state.settled) == (StudyStatus.FAILED, True)
        assert str(state.why) == "10 trials in a row failed; the last one: No images."
        continue_study(hall.paths, study_id)  # it has another chance
        hall.tick()
        assert len(hall.waiting()) == 1

    def test_one_stopped_by_hand_counts_with_what_it_has_shown(self, hall: Hall) -> None:
        study_id = hall.create(trials=2)
        hall.tick()
        (run,) = hall.waiting()
        hall.epoch(run.id, 0.625)
        hall.end(run.id, RunStatus.STOPPED)
        hall.until_settled(study_id)
        first = hall.rows(study_id)[0]
        assert (first.state, first.value, first.epochs) == ("pruned", 0.625, 1)

    def test_a_deleted_run_breaks_nothing(self, hall: Hall) -> None:
        study_id = hall.create(trials=2)
        hall.tick()
        hall.store.delete(hall.waiting()[0].id)
        hall.until_settled(study_id)
        hall.store.delete(hall.store.runs(part_of=study_id)[0].id)
        rows = hall.rows(study_id)
        assert [row.state for row in rows] == ["failed", "complete", "complete"]
        assert [row.run_id is None for row in rows] == [True, False, True]
        assert str(rows[0].why) == "Its run was deleted."

    def test_what_does_not_fit_the_images_is_skipped(self, hall: Hall) -> None:
        """Images of 8×8 pixels can be halved three times."""
        study_id = hall.create(
            config=BASE.with_values({"model.architecture": "cnn"}),
            space=SearchSpace(fields={"model.blocks": IntRange(low=3, high=5)}),
            sampler="grid",
        )
        hall.until_settled(study_id)
        rows = {row.params["model.blocks"]: row for row in hall.rows(study_id)}
        assert {blocks: row.state for blocks, row in rows.items()} == {
            **{3: "complete", 4: "impossible"},
            5: "impossible",
        }
        assert "At most 3 blocks would fit" in str(rows[4].why)
        assert len(hall.store.runs(part_of=study_id)) == 1

    def test_nothing_but_impossible_ones_ends_it(self, hall: Hall) -> None:
        study_id = hall.create(
            config=BASE.with_values({"model.architecture": "cnn"}),
            space=SearchSpace(fields={"model.blocks": IntRange(low=4, high=6)}),
            sampler="random",
        )
        hall.tick(2)
        state = hall.study(study_id).state
        assert (state.status, state.settled) == (StudyStatus.FAILED, True)
        assert str(state.why).startswith(f"{MOST_IMPOSSIBLE} combinations in a row")

    def test_a_dataset_that_is_gone_ends_it(self, hall: Hall) -> None:
        study_id = hall.create(trials=5)
        hall.tick()
        hall.train_all(near_a_hundredth)
        shutil.rmtree(hall.paths.datasets)
        hall.tick(3)
        state = hall.study(study_id).state
        assert (state.status, state.settled) == (StudyStatus.FAILED, True)
        assert "digits" in str(state.why)

    def test_one_damaged_study_does_not_hold_up_the_others(self, hall: Hall) -> None:
        broken, whole = hall.create(), hall.create(trials=1)
        hall.paths.study(broken).spec.write_text("{")
        hall.until_settled(whole)
        with pytest.raises(LabError, match="is damaged"):
            hall.study(broken)

    def test_an_error_is_tried_again_a_little_later(
        self, hall: Hall, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def locked(*_: object) -> None:
            raise OperationalError("INSERT", {}, Exception("database is locked"))

        study_id = hall.create(trials=1)
        with monkeypatch.context() as patch:
            patch.setattr(Trials, "ask", locked)
            hall.tick(3)
            hall.clock.now += RETRY_SECONDS
            hall.tick()
            assert hall.study(study_id).state.status is StudyStatus.RUNNING
        hall.clock.now += RETRY_SECONDS
        hall.until_settled(study_id)
        assert hall.states(study_id) == ["complete"]
        endless = hall.create(trials=1)
        monkeypatch.setattr(Trials, "ask", locked)
        for _ in range(PATIENCE):
            hall.tick()
            hall.clock.now += RETRY_SECONDS
        assert hall.study(endless).state.status is StudyStatus.FAILED


class TestTime:
    def test_when_it_is_over_open_trials_are_ended(self, hall: Hall) -> None:
        study_id = hall.create(trials=None, minutes=2)
        hall.tick()
        (run,) = hall.waiting()
        hall.epoch(run.id, 0.5)
        hall.clock.now = 60.0
        hall.tick()
        assert hall.study(study_id).seconds_left == pytest.approx(60, abs=2)
        hall.clock.now = 121.0
        hall.tick()
        state = hall.study(study_id).state
        assert (state.status, state.settled) == (StudyStatus.FINISHED, False)
        assert str(state.why) == "Its time of 2 min is over."
        assert hall.paths.run(run.id).stop.read_text() == "pruned"
        hall.end(run.id, RunStatus.PRUNED)
        hall.tick()
        assert hall.study(study_id).state.settled
        assert [(row.state, row.value) for row in hall.rows(study_id)] == [("pruned", 0.5)]

    def test_of_a_dead_server_does_not_count(self, hall: Hall) -> None:
        study_id = hall.create(trials=None, minutes=2)
        hall.tick()
        hall.clock.now = 30.0
        hall.tick()
        hall.clock.now = 1000.0
        hall.restart()
        hall.tick()
        hall.clock.now = 1006.0
        hall.tick()
        state = hall.study(study_id).state
        assert (state.status, state.seconds) == (StudyStatus.RUNNING, 36.0)

    def test_of_a_stopped_study_does_not_count(self, hall: Hall) -> None:
        study_id = hall.create(trials=None, minutes=2)
        hall.tick()
        hall.clock.now = 30.0
        hall.tick()
        stop_study(hall.paths, study_id)
        hall.clock.now = 1000.0
        hall.tick()
        for record in hall.waiting():
            hall.end(record.id, RunStatus.PRUNED)
        hall.tick()
        assert hall.study(study_id).state.settled
        hall.clock.now = 2000.0
        continue_study(hall.paths, study_id, more_minutes=1)
        hall.tick()
        hall.clock.now = 2005.0
        hall.tick()
        study = hall.study(study_id)
        assert study.seconds_left == pytest.approx(180 - 30 - 5, abs=2)
        assert hall.states(study_id) == ["pruned", "open"]


class TestPeople:
    def test_stop_and_go_on(self, hall: Hall) -> None:
        study_id = hall.create(trials=3)
        hall.tick()
        (run,) = hall.waiting()
        stop_study(hall.paths, study_id)
        hall.tick(2)
        assert hall.paths.run(run.id).stop.exists()
        with pytest.raises(LabError, match="stop it first"):
            delete_study(hall.store, study_id)
        with pytest.raises(LabError, match="nothing to stop"):
            stop_study(hall.paths, study_id)
        hall.end(run.id, RunStatus.PRUNED)
        hall.tick(2)
        assert (hall.waiting(), hall.study(study_id).state.settled) == ([], True)
        continue_study(hall.paths, study_id, more_trials=1)
        hall.until_settled(study_id)
        assert hall.states(study_id) == ["pruned", *["complete"] * 4]  # 3 and one more

    def test_gone_on_with_before_all_had_ended(self, hall: Hall) -> None:
        study_id = hall.create(trials=2)
        hall.tick()
        (run,) = hall.waiting()
        stop_study(hall.paths, study_id)
        hall.tick()
        continue_study(hall.paths, study_id)
        hall.tick()
        hall.end(run.id, RunStatus.PRUNED)
        hall.until_settled(study_id)
        assert hall.states(study_id) == ["pruned", "complete", "complete"]

    def test_more_for_one_that_is_running(self, hall: Hall) -> None:
        study_id = hall.create(trials=1)
        hall.tick()
        continue_study(hall.paths, study_id, more_trials=2)
        hall.until_settled(study_id)
        assert len(hall.rows(study_id)) == 3

    def test_less_is_not_more(self, hall: Hall) -> None:
        study_id = hall.create(trials=2)
        for asked in ({"more_trials": -1}, {"more_minutes": float("nan")}, {"more_minutes": 5}):
            with pytest.raises(ConfigError):
                continue_study(hall.paths, study_id, **asked)
        assert hall.study(study_id).spec.trials == 2

    def test_what_is_used_up_needs_more(self, hall: Hall) -> None:
        study_id = hall.create(trials=1, minutes=1)
        hall.until_settled(study_id)
        with pytest.raises(RunError, match="give it more trials or minutes"):
            continue_study(hall.paths, study_id)
        continue_study(hall.paths, study_id, more_trials=1)
        hall.tick()
        hall.clock.now += 61
        hall.tick()
        with pytest.raises(RunError, match="minutes of this search are used up"):
            continue_study(hall.paths, study_id, more_trials=1)
        continue_study(hall.paths, study_id, more_minutes=1)
        assert hall.study(study_id).state.status is StudyStatus.RUNNING

    def test_killed_while_giving_up_what_had_not_begun_then_gone_on_with(
        self, hall: Hall, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is a trial like any other then, and its combination is not tried twice."""
        rates = SearchSpace(fields={RATE: Choices(values=(0.1, 0.01))})
        study_id = hall.create(sampler="grid", space=rates, trials=None)
        with monkeypatch.context() as patch:
            patch.setattr(Trials, "has_run", _die)
            patch.setattr(conducting.Conducting, "_submit", _die)
            with pytest.raises(Killed):
                hall.tick()
        stop_study(hall.paths, study_id)
        hall.restart()
        with monkeypatch.context() as patch:
            patch.setattr(Study, "tell", _die)
            with pytest.raises(Killed):
                hall.tick()
        continue_study(hall.paths, study_id)
        hall.restart()
        hall.tick()
        hall.train_all(near_a_hundredth)
        hall.tick()
        hall.restart()
        hall.until_settled(study_id)
        assert hall.states(study_id) == ["complete", "complete"]

    def test_deleted_with_its_runs(self, hall: Hall) -> None:
        kept, gone = hall.create(trials=1), hall.create(trials=1)
        hall.until_settled(gone)
        hall.until_settled(kept)
        delete_study(hall.store, gone, with_runs=True)
        assert hall.store.runs(part_of=gone) == []
        with pytest.raises(LabError, match="There is no study"):
            hall.rows(gone)
        delete_study(hall.store, kept)
        assert len(hall.store.runs(part_of=kept)) == 1

    def test_of_two_processes_one_conducts(self, hall: Hall) -> None:
        study_id = hall.create()
        with FileLock(hall.paths.study(study_id).conducting):
            hall.tick(2)
            assert hall.waiting() == []
        hall.tick()
        assert len(hall.waiting()) == 1

    def test_a_study_of_the_command_line_is_left_to_it(self, hall: Hall) -> None:
        wanted = hall.study(hall.create()).spec
        mine = create_study(hall.store, wanted, owner="cli")
        hall.tick(2)
        assert hall.store.runs(part_of=mine) == []
        study = hall.study(mine)
        assert (study.state.status, study.spec.owner) == (StudyStatus.STOPPED, "cli")
        continue_study(hall.paths, mine)
        hall.tick()
        assert len(hall.store.runs(part_of=mine)) == 1

    def test_what_a_killed_command_line_has_begun_goes_on(self, hall: Hall) -> None:
        study_id = hall.create(trials=2, parallel=2)
        hall.tick()
        begun, queued = hall.waiting()
        hall.store.save(
            begun.changed(owner="cli", status=RunStatus.INTERRUPTED, interrupted_by="server")
        )
        hall.store.save(queued.changed(owner="cli"))
        hall.restart()
        hall.tick()
        assert hall.runner.resumed == [begun.id]
        assert hall.store.read(queued.id).owner == "server"
        assert hall.states(study_id) == ["open", "open"]


class Killed(BaseException):
    """Nobody catches a kill."""


def _die(*_: object, **__: object) -> None:
    raise Killed


STEPS: list[tuple[Any, str]] = [
    (RDBStorage, "_create_new_trial"),
    (RDBStorage, "_set_trial_param"),
    (RDBStorage, "set_trial_user_attr"),
    (RDBStorage, "set_trial_intermediate_value"),
    (RDBStorage, "set_trial_state_values"),
    (Store, "_new_folder"),
    (Store, "save"),
    (Store, "_upsert"),
    (Store, "remark"),
    (Store, "ask_to_stop"),
    (conducting, "write_state"),
]
"""Everything that changes something on the disk."""


class Death:
    """Comes before the ``number``th step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        for owner, name in STEPS:
            monkeypatch.setattr(owner, name, self._mortal(getattr(owner, name)))

    def _mortal(self, step: Callable[..., object]) -> Callable[..., object]:
        def mortal(*args: object, **kwargs: object) -> object:
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    raise Killed
            return step(*args, **kwargs)

        return mortal


def test_killed_between_any_two_steps_no_trial_is_lost_or_doubled(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trial 0 is pruned, trial 1 is trained to its end; the grid has exactly these two."""
    death, deaths = Death(monkeypatch), 0
    rates = SearchSpace(fields={RATE: Choices(values=(0.1, 0.01))})

    def play(study_id: str) -> None:
        """A server's life, from wherever the last one was killed."""
        for _ in range(8):
            hall.tick()
            for record in hall.waiting():
                left, death.left = death.left, None  # workers die another time
                early = hall.paths.run(record.id).stop.exists()
                for value in near_a_hundredth(record.config):
                    hall.epoch(record.id, value)
                hall.end(record.id, RunStatus.PRUNED if early else RunStatus.FINISHED)
                death.left = left

    for step in range(100):
        study_id = hall.create(sampler="grid", space=rates, trials=None, tags=("x",))
        death.left = step
        try:
            play(study_id)
        except Killed:
            deaths += 1
        killed, death.left = death.left < 0, None
        hall.restart()
        play(study_id)
        assert hall.study(study_id).state.settled, step
        rows = hall.rows(study_id)
        runs = hall.store.runs(part_of=study_id)
        assert [row.state for row in rows] == ["complete", "complete"], step
        assert sorted(row.params[RATE] for row in rows) == [0.01, 0.1], step
        assert numbers(runs) == [0, 1], step
        assert {row.run_id for row in rows} == {run.id for run in runs}, step
        if not killed:
            break
    assert 20 < deaths == step


def test_lost_rows_are_made_again_from_the_runs(hall: Hall) -> None:
    study_id = hall.create(
        trials=4,
        space=SearchSpace(
            fields={
                "model.architecture": Choices(values=("mlp", "cnn")),
                "model.units": Choices(values=(8, 16)),
                RATE: FloatRange(low=0.001, high=0.1, log=True),
            }
        ),
    )
    hall.tick()
    hall.end(hall.waiting()[0].id, RunStatus.FAILED, Failure(what=text("No memory.")))
    for _ in range(3):
        hall.tick()
        hall.train_all(near_a_hundredth)
    hall.tick()
    before = hall.rows(study_id)
    hall.conductor.close()
    hall.store.close()
    for file in hall.paths.root.glob("lienzo.db*"):
        file.unlink()
    again = Hall(hall.paths)
    again.restart()
    backing._SERVERS.clear()
    results._ROWS.clear()
    assert again.rows(study_id) == before
    continue_study(again.paths, study_id, more_trials=1)
    again.until_settled(study_id)
    assert again.states(study_id) == ["failed", *["complete"] * 4]
    again.conductor.close()


def test_the_supervisor_calls_it_in_every_tick(paths: Paths) -> None:
    """As :mod:`core.lab` puts them together, with workers that only pretend."""
    hall = Hall(paths)
    launcher = FakeLauncher(paths)
    supervisor = Supervisor(hall.store, launcher, ["cpu"])
    hall.runner = supervisor  # type: ignore[assignment]
    conductor = hall.fresh()
    supervisor.companions.append(conductor)
    study_id = hall.create(trials=2)
    for _ in range(2):
        supervisor.tick()
        worker = launcher.started[-1]
        worker.take()
        hall.epoch(worker.run_id, 0.5)
        supervisor.tick()
        hall.end(worker.run_id)
        worker.exit_code = 0
        supervisor.tick()
    assert len(launcher.started) == 2
    supervisor.tick()
    assert hall.states(study_id) == ["complete", "complete"]
    assert hall.study(study_id).state.settled
    conductor.close()


def test_an_idle_conductor_loads_no_optuna(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    hall.until_settled(hall.create(trials=1))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "optuna", None)  # loading it is an error
        hall.restart()
        hall.tick(2)
        running = hall.create()
        hall.tick()
        assert hall.store.runs(part_of=running) == []
    hall.clock.now += RETRY_SECONDS
    hall.tick()
    assert len(hall.store.runs(part_of=running)) == 1

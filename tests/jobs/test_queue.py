"""The queue over a store: order, moves, expected starts, and what survives a restart."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from core.config import RunConfig
from core.errors import ConfigError, RunError
from core.jobs.queue import Queued, move, read_queue
from core.jobs.runner import Supervisor
from core.paths import Paths
from core.records import (
    Epoch,
    Progress,
    RunRecord,
    RunStatus,
    RunSummary,
    append_epoch,
    now,
    write_progress,
)
from core.store import Store
from tests.jobs.test_runner import FakeLauncher

SHORT = RunConfig().with_values({"train.epochs": 4})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Paths(tmp_path))


def wait(store: Store, by: str, config: RunConfig = SHORT, **values: object) -> RunRecord:
    time.sleep(0.002)  # ids sort by the millisecond
    record = store.create(config, owner="server", by=by).changed(**values)
    store.save(record)
    return record


def finished(store: Store, config: RunConfig, seconds: float, epochs: int) -> RunRecord:
    figures = RunSummary(epochs=epochs, parameters=1, seconds=seconds)
    return wait(store, "old", config, status=RunStatus.FINISHED, summary=figures)


def at_work(store: Store, by: str = "Ana", **progress: object) -> RunRecord:
    record = wait(store, by, status=RunStatus.RUNNING, started=now())
    if progress:
        write_progress(store.paths.run(record.id), Progress.model_validate(progress))
    return record


def names(rows: list[Queued]) -> str:
    return " ".join(row.record.by for row in rows)


def ids(store: Store) -> list[str]:
    return [row.record.id for row in read_queue(store, 1)]


def starts(store: Store) -> list[float | None]:
    return [row.starts_in for row in read_queue(store, 1)]


def test_turns_and_positions(store: Store) -> None:
    for by in ("Ana", "Ana", "Ana", "Luis"):
        wait(store, by)
    wait(store, "cli").changed(owner="cli")
    rows = read_queue(store, 1)
    assert [row.position for row in rows] == [1, 2, 3, 4, 5]
    assert names(rows) == "Ana Luis cli Ana Ana"


def test_runs_of_a_command_line_wait_for_nobody(store: Store) -> None:
    store.create(SHORT, owner="cli")
    assert read_queue(store, 1) == []


def test_who_was_served_is_read_from_the_runs(store: Store) -> None:
    """So the next server knows it as well."""
    wait(store, "Ana", status=RunStatus.FINISHED, started=now() - timedelta(minutes=5))
    wait(store, "Ana")
    wait(store, "Luis")
    assert names(read_queue(Store(store.paths), 1)) == "Luis Ana"


def test_a_run_from_elsewhere_that_is_resumed_waits_for_its_turn(store: Store) -> None:
    first = wait(store, "Ana", created=now() - timedelta(minutes=1))
    foreign = wait(
        store, "Ana", status=RunStatus.INTERRUPTED, interrupted_by="server", lab_id="another"
    )
    Supervisor(store, FakeLauncher(store.paths), ["cpu"]).resume(foreign.id)
    assert ids(store) == [first.id, foreign.id]


class TestMove:
    def test_up_down_and_front_within_a_name(self, store: Store) -> None:
        a, b, c = (wait(store, "Ana").id for _ in range(3))
        move(store, c, "up")
        assert ids(store) == [a, c, b]
        move(store, a, "down")
        assert ids(store) == [c, a, b]
        move(store, b, "front")
        assert ids(store) == [b, c, a]
        move(store, b, "up")  # is first already
        move(store, a, "down")
        assert ids(Store(store.paths)) == [b, c, a]

    def test_nobody_elses_turn_is_touched(self, store: Store) -> None:
        for by in ("Luis", "Ana", "Luis", "Ana"):
            wait(store, by)
        last = wait(store, "Ana")
        move(store, last.id, "front")
        rows = read_queue(store, 1)
        assert names(rows) == "Luis Ana Luis Ana Ana"
        assert rows[1].record.id == last.id

    def test_the_teacher_puts_one_before_everybody_and_takes_it_back(self, store: Store) -> None:
        a, b, c = (wait(store, by).id for by in ("Ana", "Luis", "Mar"))
        move(store, b, "first")
        move(store, c, "first")
        assert ids(store) == [c, b, a]
        assert [row.ahead for row in read_queue(store, 1)] == [True, True, False]
        move(store, c, "down")
        assert ids(store) == [b, a, c]

    def test_only_what_waits_is_moved(self, store: Store) -> None:
        run = at_work(store)
        with pytest.raises(RunError, match="is running: only a waiting run can be moved"):
            move(store, run.id, "up")

    def test_a_damaged_place_is_no_place(self, store: Store) -> None:
        a, b = wait(store, "Ana").id, wait(store, "Ana").id
        move(store, b, "front")
        store.paths.run(b).place.write_text("{")
        assert ids(store) == [a, b]


class TestStarts:
    """Runs of 4 epochs; 5 s are added for loading and evaluation."""

    def test_unknown_where_nothing_was_measured(self, store: Store) -> None:
        wait(store, "Ana")
        wait(store, "Luis")
        assert starts(store) == [0, None]

    def test_an_earlier_run_of_the_same_network_tells(self, store: Store) -> None:
        finished(store, SHORT.with_values({"train.epochs": 10}), seconds=20, epochs=10)
        for by in ("Ana", "Luis", "Mar"):
            wait(store, by)
        assert starts(store) == [0, 13, 26]  # 4 epochs of 2 s

    def test_another_network_or_batch_does_not(self, store: Store) -> None:
        finished(store, SHORT.with_values({"model.filters": 8}), seconds=20, epochs=10)
        finished(store, SHORT.with_values({"train.batch_size": 256}), seconds=20, epochs=10)
        wait(store, "Ana")
        wait(store, "Luis")
        assert starts(store) == [0, None]

    def test_the_one_at_work_says_how_long_it_needs(self, store: Store) -> None:
        at_work(store, phase="training", eta_seconds=40.0)
        wait(store, "Luis")
        assert starts(store) == [45]

    def test_and_its_epochs_are_measured_for_those_that_wait(self, store: Store) -> None:
        run = at_work(store)
        line = {"epoch": 1, "loss": 1, "accuracy": 1, "learning_rate": 1, "images_per_second": 1}
        append_epoch(store.paths.run(run.id), Epoch.model_validate({**line, "seconds": 3}))
        wait(store, "Luis")
        wait(store, "Mar")
        assert starts(store) == [3 * 3 + 5, 3 * 3 + 5 + 4 * 3 + 5]

    def test_features_are_only_the_beginning(self, store: Store) -> None:
        finished(store, SHORT, seconds=40, epochs=4)
        at_work(store, phase="features", eta_seconds=30.0)
        wait(store, "Luis")
        assert starts(store) == [30 + 4 * 10 + 5]

    def test_of_a_limit_only_what_is_left(self, store: Store) -> None:
        limited = SHORT.with_values({"train.time_limit": 1, "train.epochs": 9})
        run = wait(store, "Ana", limited, status=RunStatus.RUNNING, started=now())
        line = {"epoch": 1, "loss": 1, "accuracy": 1, "learning_rate": 1, "images_per_second": 1}
        append_epoch(store.paths.run(run.id), Epoch.model_validate({**line, "seconds": 40}))
        wait(store, "Luis")
        assert starts(store) == [20 + 5]

    def test_limits_shorten_it(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        finished(store, SHORT, seconds=400, epochs=4)
        wait(store, "Ana", SHORT.with_values({"train.time_limit": 1}))
        wait(store, "Luis")
        wait(store, "Mar")
        assert starts(store) == [0, 65, 65 + 405]
        monkeypatch.setenv("LIENZO_MAX_EPOCHS", "2")
        assert starts(store) == [0, 65, 65 + 205]


def test_thirty_viewers_cost_one_look(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor(store, FakeLauncher(store.paths), ["cpu"])
    looks = []

    def look(store: Store, slots: int) -> list[Queued]:
        looks.append(slots)
        return read_queue(store, slots)

    monkeypatch.setattr("core.jobs.queue.read_queue", look)
    supervisor.submit(SHORT, by="Ana")
    assert [len(supervisor.queue()) for _ in range(30)] == [1] * 30
    assert len(looks) == 1
    # What this server changes is seen at once, what others change a second later.
    mine = supervisor.submit(SHORT, by="Ana")
    assert [row.record.id for row in supervisor.queue()][1] == mine
    supervisor.move(mine, "front")
    assert supervisor.queue()[0].record.id == mine
    monkeypatch.setattr("core.jobs.queue.FRESH_SECONDS", 0.0)
    supervisor.stop(mine)
    supervisor.queue()
    wait(store, "Luis")
    assert len(supervisor.queue()) == 3


def test_a_submit_keeps_the_name_and_refuses_what_is_too_long(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(store, FakeLauncher(store.paths), ["cpu"])
    run_id = supervisor.submit(SHORT, by="Ana")
    assert store.read(run_id).by == "Ana"
    assert [row.record.id for row in supervisor.queue()] == [run_id]
    monkeypatch.setenv("LIENZO_MAX_EPOCHS", "3")
    with pytest.raises(ConfigError, match="limited to 3 on this server; 4 were asked for"):
        supervisor.submit(SHORT, by="Ana")

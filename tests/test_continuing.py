"""Which run follows another one, worked out without training any."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import RunConfig
from core.continuing import continued, kept_epochs, retrained, whole_history
from core.errors import ConfigError, NotFoundError, RunError
from core.following import steps_of_epochs
from core.parts import Start
from core.paths import Paths
from core.records import (
    Epoch,
    RunRecord,
    RunStatus,
    RunSummary,
    StageName,
    append_epoch,
    now,
    write_history,
)
from core.store import Store
from tests.pages.making import make_dataset

RUN = "20260101-120000-000-abcd"


def record(epochs: int = 10, best: int | None = 7, **changes: object) -> RunRecord:
    made = RunRecord(
        id=RUN,
        config=RunConfig(),
        status=RunStatus.FINISHED,
        created=now(),
        owner="cli",
        lab_id="lab",
        summary=RunSummary(epochs=epochs, best_epoch=best, parameters=1, seconds=1),
    )
    return made.changed(**changes)


def history(rates: list[float], stage: StageName | None = None) -> list[Epoch]:
    return [
        Epoch(
            epoch=i + 1,
            loss=1,
            accuracy=0.5,
            learning_rate=rate,
            seconds=1,
            images_per_second=1,
            stage=stage,
        )
        for i, rate in enumerate(rates)
    ]


def with_values(**values: object) -> RunConfig:
    return RunConfig().with_values({k.replace("__", "."): v for k, v in values.items()})


def test_on_from_the_epoch_that_was_kept() -> None:
    plan = continued(record(), history([0.001] * 10), 5)
    assert plan.start == Start(run=RUN, epochs=7)
    assert plan.config.train.epochs == 5
    assert plan.config.optimizer == RunConfig().optimizer


def test_the_last_epoch_where_the_best_was_not_kept() -> None:
    config = with_values(train__restore_best=False)
    assert kept_epochs(record(config=config)) == 10
    assert kept_epochs(record(best=None)) == 10


def test_epochs_of_several_generations_add_up() -> None:
    grandchild = record(start=Start(run="20250101-120000-000-abcd", epochs=20))
    plan = continued(grandchild, history([0.001] * 10), 1)
    assert plan.start
    assert plan.start.epochs == 27


@pytest.mark.parametrize(
    ("schedule", "ended", "begins"),
    [("exponential", 0.0006, 0.0006), ("cosine", 0.00001, 0.0001), ("plateau", 0.00025, 0.00025)],
)
def test_the_new_plan_begins_where_the_old_one_was(
    schedule: str, ended: float, begins: float
) -> None:
    """A plan that has ended near nothing begins at a tenth; nothing is warmed up twice."""
    config = with_values(optimizer__schedule=schedule, optimizer__warmup_epochs=2)
    plan = continued(record(config=config), history([ended] * 10), 3)
    assert plan.config.optimizer.learning_rate == pytest.approx(begins)
    assert (plan.config.optimizer.schedule, plan.config.optimizer.warmup_epochs) == (schedule, 0)


@pytest.mark.parametrize(("stage", "frozen"), [("frozen", 4), ("fine-tuning", 0)])
def test_a_backbone_stays_as_it_was_at_the_end(stage: StageName, frozen: int) -> None:
    config = with_values(model__architecture="transfer", model__fine_rate=0.1)
    rate = 0.001 if stage == "frozen" else 0.00001
    plan = continued(record(config=config), history([rate] * 10, stage), 4)
    assert plan.config.model.model_dump()["frozen_epochs"] == frozen
    # Of the rate of its own stage, a tenth at least.
    assert plan.config.optimizer.learning_rate == pytest.approx(max(rate, 0.00001))


def test_anew_on_all_images_for_the_best_number_of_epochs() -> None:
    plan = retrained(record())
    train = plan.config.train
    assert plan.config.data.with_validation
    assert (train.epochs, train.early_stopping, train.restore_best) == (7, False, False)
    assert plan.start is None
    assert retrained(record(best=None)).config.train.epochs == 10
    with pytest.raises(RunError, match="already"):
        retrained(record(config=plan.config))


def test_anew_from_where_a_run_went_on_though_the_run_before_is_deleted(tmp_path: Path) -> None:
    store = Store(Paths(tmp_path))
    first = store.create(RunConfig(), owner="server")
    files = store.paths.run(first.id)
    files.model.write_bytes(b"the network")
    write_history(files, history([0.1, 0.2]))
    second = store.create(RunConfig(), owner="server", start=Start(run=first.id, epochs=2))
    files = store.paths.run(second.id)
    write_history(files, history([0.3, 0.4, 0.5]))
    store.delete(first.id)
    summary = RunSummary(epochs=3, best_epoch=1, parameters=1, seconds=1)
    ended = second.changed(status=RunStatus.FINISHED, summary=summary)
    plan = retrained(ended)
    third = store.create(plan.config, owner="server", start=plan.start)
    assert store.paths.run(third.id).start.read_bytes() == b"the network"
    rates = [e.learning_rate for e in whole_history(store.paths.run(third.id))]
    assert rates == [0.1, 0.2]


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.FAILED, RunStatus.STOPPED])
def test_only_what_has_ended_with_a_network_can_be_followed(status: RunStatus) -> None:
    without = record(status=status, summary=None)
    with pytest.raises(RunError, match=status.value):
        continued(without, [], 3)
    with pytest.raises(RunError, match=status.value):
        retrained(without)


def test_no_epochs_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"train\.epochs"):
        continued(record(), history([0.001] * 10), 0)


def test_steps_of_epochs_are_those_of_the_run_that_had_them(tmp_path: Path) -> None:
    store = Store(Paths(tmp_path).create())
    info = make_dataset(store.paths, rows={"train": 60, "val": 30})

    def made(batch: int, epochs: int, start: Start | None = None) -> RunRecord:
        config = with_values(data__dataset="pets", train__batch_size=batch)
        run = store.create(config, owner="server", start=start)
        run = run.changed(dataset_fingerprint=info.fingerprint, status=RunStatus.FINISHED)
        store.save(run)
        store.paths.run(run.id).model.touch()
        for epoch in history([0.1] * epochs):
            append_epoch(store.paths.run(run.id), epoch)
        return run

    first = made(20, epochs=3)
    second = made(30, epochs=1, start=Start(run=first.id, epochs=2))
    third = made(7, epochs=2, start=Start(run=second.id, epochs=3))
    assert steps_of_epochs(store.paths, first) == [3, 3, 3]
    assert steps_of_epochs(store.paths, third) == [3, 3, 2, 9, 9]
    assert len(whole_history(store.paths.run(third.id))) == 5
    store.delete_dataset("pets")  # what runs show of it is kept
    assert steps_of_epochs(store.paths, third) == [3, 3, 2, 9, 9]
    store.delete(first.id)
    with pytest.raises(NotFoundError):
        steps_of_epochs(store.paths, third)

"""A cross-validation from its launch to its end: by a supervisor whose workers are not real, by a
training in this process, through stops, failures and kills."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.crossval.assembling import assemble
from core.crossval.conductor import FoldConductor
from core.crossval.parent import (
    FIXED_EPOCHS,
    Folding,
    can_go_on,
    check,
    chooses_epochs,
    delete_run,
    fold_config,
    launch,
    resume,
    whole,
)
from core.crossval.results import compare, judged_share
from core.crossval.standing import folds_of, missing, standing
from core.datasets.joining import learned_from
from core.datasets.registry import open_dataset
from core.errors import DatasetError, NotFoundError, RunError, StoreError, text
from core.evaluation.predictions import Predictions, load_split, save_predictions
from core.jobs.queue import read_queue
from core.jobs.runner import Supervisor
from core.paths import Paths
from core.records import Failure, RunRecord, RunStatus, RunSummary, check_is_training
from core.store import Store
from tests.jobs.test_runner import FakeLauncher, FakeWorker
from tests.training.helpers import QUICK, make_stripes

QUEUED, RUNNING, FINISHED = RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.FINISHED
FAILED, STOPPED, INTERRUPTED = RunStatus.FAILED, RunStatus.STOPPED, RunStatus.INTERRUPTED
PLAN = whole(QUICK, Folding(3))


class Bench:
    """A server whose thread does not run and whose workers do what they are told."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(root)
        self.store = Store(self.paths)
        self.launcher = FakeLauncher(self.paths)
        self.supervisor = Supervisor(self.store, self.launcher, ["cpu"] * 2)
        self.supervisor.companions.append(FoldConductor(self.store, self.supervisor))

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            time.sleep(0.002)  # what changes within a millisecond of a look is seen in the next
            self.supervisor.tick()

    def worker(self, number: int, parent: RunRecord) -> FakeWorker:
        fold = folds_of(self.store, parent.id)[number]
        return next(w for w in reversed(self.launcher.started) if w.run_id == fold.id)

    def end(self, number: int, parent: RunRecord, status: RunStatus = FINISHED) -> None:
        """A fold ends as a training does: it judges its own images."""
        worker = self.worker(number, parent)
        if status is not FINISHED:
            why = Failure(what=text("No memory."))
            return worker.end(status, failure=why if status is FAILED else None)
        config = self.store.read(worker.run_id).config
        dataset = learned_from(open_dataset(self.paths, "stripes"), config.data)
        splits = {}
        for name in ("val", "test"):
            rows = dataset.rows(name)
            proba = np.eye(3, dtype=np.float32)[np.full(len(rows), number)]
            splits[name] = Predictions(dataset.split(name).labels[rows], proba, rows)
        save_predictions(self.paths.run(worker.run_id).predictions, splits)
        accuracy = (number + 1) / 10
        summary = RunSummary(
            epochs=3, parameters=7, seconds=2.0, val_accuracy=accuracy, best_val_accuracy=accuracy
        )
        worker.end(
            FINISHED,
            summary=summary,
            dataset_fingerprint=dataset.info.fingerprint,
            class_names=dataset.info.class_names,
        )

    def status(self, parent: RunRecord) -> RunStatus:
        found = self.store.read(parent.id).status
        assert [r.status for r in self.store.runs() if r.id == parent.id] == [found]
        return found

    def numbers(self, parent: RunRecord) -> list[int]:
        """Of all runs that are its parts, doubles too."""
        parts = self.store.runs(part_of=parent.id)
        return sorted(record.part.number for record in parts if record.part)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    make_stripes(Paths(tmp_path).create())
    return Bench(tmp_path)


@pytest.fixture
def parent(bench: Bench) -> RunRecord:
    return launch(bench.store, PLAN, by="Ana")


def finish_all(bench: Bench, parent: RunRecord) -> None:
    for number in range(3):
        bench.tick()
        bench.end(number, parent)
    bench.tick(2)


class TestPlans:
    def test_folds_differ_in_nothing_but_their_number(self) -> None:
        one, two = fold_config(PLAN, 0), fold_config(PLAN, 1)
        assert one.data.fold == 0
        assert one.model_copy(update={"data": two.data}) == two
        assert whole(one, Folding(3)) == PLAN

    def test_who_chooses_by_the_judging_fold(self) -> None:
        assert chooses_epochs(PLAN.with_values({"train.restore_best": True}))
        assert not chooses_epochs(PLAN.with_values(FIXED_EPOCHS))

    def test_groups_are_counted_and_refused_in_time(self, bench: Bench) -> None:
        assert check(bench.paths, whole(QUICK, Folding(3))) == (120, 120, 1)
        many = whole(QUICK.with_values({"data.dataset": "few"}), Folding(20))
        make_stripes(bench.paths, "few", train=30, val=3)
        with pytest.raises(DatasetError, match="choose fewer folds"):
            launch(bench.store, many)
        assert bench.store.count() == 0


class TestLife:
    def test_folds_are_queued_together_and_the_whole_is_never_trained(
        self, bench: Bench, parent: RunRecord
    ) -> None:
        bench.tick(3)
        folds = folds_of(bench.store, parent.id)
        assert bench.numbers(parent) == [0, 1, 2]
        assert [f.config.data.fold for f in folds.values()] == [0, 1, 2]
        assert {f.by for f in folds.values()} == {"Ana"}
        started = [worker.run_id for worker in bench.launcher.started]
        assert started == [folds[0].id, folds[1].id]
        assert [row.record.id for row in read_queue(bench.store, 2)] == [
            fold.id for fold in folds.values()
        ]
        assert bench.status(parent) is QUEUED
        bench.worker(0, parent).take()
        bench.tick(2)
        assert bench.status(parent) is RUNNING

    def test_the_result_is_each_image_by_the_fold_that_did_not_learn_it(
        self, bench: Bench, parent: RunRecord
    ) -> None:
        finish_all(bench, parent)
        assert bench.status(parent) is FINISHED
        record = bench.store.read(parent.id)
        assert record.summary
        assert record.composition
        assert record.summary.val_accuracy == pytest.approx(0.2)
        assert (record.summary.seconds, record.summary.parameters) == (6.0, 7)
        assert len(record.composition.members) == 3
        assert record.network == "MLP × 3"
        assert record.note is None
        found = load_split(bench.paths.run(parent.id).predictions, "val")
        assert found.rows.tolist() == list(range(120))
        dataset = open_dataset(bench.paths, "stripes")
        for number in range(3):
            mine = learned_from(dataset, fold_config(PLAN, number).data).rows("val")
            assert (found.y_pred[mine] == number).all()
        test = load_split(bench.paths.run(parent.id).predictions, "test")
        assert test.proba[0] == pytest.approx([1 / 3] * 3)
        bench.tick(3)
        assert bench.numbers(parent) == [0, 1, 2]
        assert not can_go_on(bench.store, record)

    def test_one_fold_tells_how_long_the_others_take(self, bench: Bench, parent: RunRecord) -> None:
        bench.tick()
        bench.end(0, parent)
        bench.tick(2)
        bench.worker(1, parent).take()
        assert all(row.starts_in is not None for row in read_queue(bench.store, 2))

    def test_some_failed(self, bench: Bench, parent: RunRecord) -> None:
        bench.tick()
        bench.end(0, parent)
        bench.end(1, parent, FAILED)
        bench.tick()
        bench.end(2, parent)
        bench.tick(2)
        record = bench.store.read(parent.id)
        assert record.status is FINISHED
        assert str(record.note).startswith("Only 2 of 3 folds have come to an end; left out: 2.")
        assert len(load_split(bench.paths.run(parent.id).predictions, "val").rows) == 80
        resume(bench.store, bench.supervisor, parent.id)
        bench.tick(2)
        assert bench.numbers(parent) == [0, 1, 2]
        assert bench.status(parent) is RUNNING
        bench.end(1, parent)
        bench.tick(2)
        record = bench.store.read(parent.id)
        assert (record.status, record.note) == (FINISHED, None)
        assert len(load_split(bench.paths.run(parent.id).predictions, "val").rows) == 120
        with pytest.raises(RunError, match="none of its folds is missing"):
            resume(bench.store, bench.supervisor, parent.id)

    def test_all_failed(self, bench: Bench, parent: RunRecord) -> None:
        for number in range(3):
            bench.tick()
            bench.end(number, parent, FAILED)
        bench.tick(2)
        record = bench.store.read(parent.id)
        assert record.status is FAILED
        assert record.failure
        assert str(record.failure.what) == "None of the folds has come to its end. No memory."
        assert not bench.paths.run(parent.id).predictions.exists()

    def test_stop_stops_all(self, bench: Bench, parent: RunRecord) -> None:
        bench.tick(2)
        bench.end(0, parent)
        bench.worker(1, parent).take()
        bench.supervisor.stop(parent.id)
        bench.tick(2)
        folds = folds_of(bench.store, parent.id)
        assert [f.status for f in folds.values()] == [FINISHED, RUNNING, STOPPED]
        assert bench.paths.run(folds[1].id).stop.exists()
        assert bench.status(parent) is RUNNING
        bench.worker(1, parent).end(STOPPED)
        bench.tick(2)
        record = bench.store.read(parent.id)
        assert record.status is STOPPED
        assert "left out: 2, 3" in str(record.note)
        assert record.summary
        assert not bench.paths.run(parent.id).stop.exists()
        resume(bench.store, bench.supervisor, parent.id)
        bench.tick()
        assert bench.numbers(parent) == [0, 1, 2]
        assert folds_of(bench.store, parent.id)[0].id == folds[0].id

    def test_stopped_before_its_folds_were_made(self, bench: Bench, parent: RunRecord) -> None:
        bench.supervisor.stop(parent.id)
        bench.tick(2)
        assert (bench.status(parent), bench.numbers(parent)) == (STOPPED, [])

    def test_an_interrupted_fold_waits_for_a_person_and_goes_on(
        self, bench: Bench, parent: RunRecord
    ) -> None:
        bench.tick()
        bench.end(0, parent)
        bench.worker(1, parent).die(-9)
        bench.tick()
        bench.end(2, parent)
        bench.tick(2)
        assert bench.status(parent) is INTERRUPTED
        before = folds_of(bench.store, parent.id)[1].id
        resume(bench.store, bench.supervisor, parent.id)
        bench.tick(2)
        assert bench.status(parent) is RUNNING
        assert folds_of(bench.store, parent.id)[1].id == before
        bench.end(1, parent)
        bench.tick(2)
        assert bench.status(parent) is FINISHED

    def test_deleted_with_its_folds(self, bench: Bench, parent: RunRecord) -> None:
        bench.tick()
        with pytest.raises(RunError, match="stop it before"):
            delete_run(bench.store, parent.id)
        bench.end(0, parent)
        bench.end(1, parent)
        bench.tick()
        bench.end(2, parent)
        bench.tick(2)
        other = bench.store.create(QUICK, owner="cli")
        gone = delete_run(bench.store, parent.id)
        assert len(gone) == 4
        assert [record.id for record in bench.store.runs()] == [other.id]
        with pytest.raises(NotFoundError):
            delete_run(bench.store, parent.id)

    def test_deleted_while_its_folds_are_made(
        self, bench: Bench, parent: RunRecord, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        submit = bench.supervisor.submit

        def meanwhile(*arguments: Any, **others: Any) -> str:
            if bench.paths.run(parent.id).folder.exists():
                delete_run(bench.store, parent.id)
            return submit(*arguments, **others)

        monkeypatch.setattr(bench.supervisor, "submit", meanwhile)
        bench.tick(3)
        assert bench.store.runs() == []
        assert not bench.launcher.started

    def test_nothing_is_dealt_from_other_images_than_before(
        self, bench: Bench, parent: RunRecord
    ) -> None:
        bench.tick()
        bench.end(0, parent)
        bench.end(1, parent, FAILED)
        bench.tick()
        bench.end(2, parent)
        bench.tick(2)
        bench.store.rename_dataset("stripes", "lines")
        make_stripes(bench.paths, "stripes", train=60)
        resume(bench.store, bench.supervisor, parent.id)
        bench.tick(2)
        assert bench.store.read(parent.id).config.data.dataset == "lines"
        assert folds_of(bench.store, parent.id)[1].config.data.dataset == "lines"
        bench.worker(1, parent).end(FAILED)
        bench.tick(2)
        bench.store.delete_dataset("lines")
        make_stripes(bench.paths, "lines", train=60)
        before = bench.store.runs()
        with pytest.raises(DatasetError, match="it was replaced"):
            resume(bench.store, bench.supervisor, parent.id)
        assert bench.store.runs() == before
        # If they were exchanged by hand, there is no figure of both together.
        fold = folds_of(bench.store, parent.id)[0]
        bench.store.save(fold.changed(dataset_fingerprint="another"))
        with pytest.raises(StoreError, match="different images"):
            assemble(bench.paths, parent, folds_of(bench.store, parent.id))

    def test_lost_predictions_of_a_fold_end_it_with_words(
        self, bench: Bench, parent: RunRecord
    ) -> None:
        bench.tick()
        bench.end(0, parent)
        bench.end(1, parent)
        bench.tick()
        bench.paths.run(folds_of(bench.store, parent.id)[0].id).predictions.unlink()
        bench.end(2, parent)
        bench.tick(2)
        record = bench.store.read(parent.id)
        assert record.status is FAILED
        assert "There are no predictions" in str(record.failure)


class TestLimits:
    """A limit on what is learned from, and so perhaps on what judges."""

    def made(self, bench: Bench, **values: object) -> tuple[RunRecord, dict[int, RunRecord]]:
        named = {name.replace("__", "."): value for name, value in values.items()}
        made = launch(bench.store, PLAN.with_values(named))
        for number in range(3):
            bench.tick()
            bench.end(number, made)
        bench.tick(2)
        return bench.store.read(made.id), folds_of(bench.store, made.id)

    def test_the_share_is_that_of_the_images(self, bench: Bench) -> None:
        whole_, limited = self.made(bench), self.made(bench, data__limit=25)
        assert judged_share(bench.paths, *whole_) == 1 / 2
        assert judged_share(bench.paths, *limited) == 40 / 25
        # Judged by the same images all the same; the wider of the two intervals is meant.
        found = compare(bench.paths, whole_, limited)
        assert found.a == found.b

    def test_others_may_judge_then(self, bench: Bench) -> None:
        a, b = self.made(bench), self.made(bench, data__limit=25)
        file = bench.paths.run(b[1][2].id).predictions
        saved = load_split(file, "val")
        fewer = Predictions(saved.y_true[1:], saved.proba[1:], saved.rows[1:])
        save_predictions(file, {"val": fewer})
        with pytest.raises(RunError, match="not judged by the same images"):
            compare(bench.paths, a, b)


class TestKills:
    """The server is gone at once; another one begins with what lies on the disk."""

    def kill(self, bench: Bench) -> Bench:
        bench.store.close()
        after = Bench(bench.paths.root)
        after.store.reindex()
        return after

    def test_between_two_folds_being_made(self, bench: Bench, parent: RunRecord) -> None:
        conductor = bench.supervisor.companions[0]
        assert isinstance(conductor, FoldConductor)
        conductor._make(parent, 0)
        conductor._make(parent, 2)
        # The folder of fold 1 is there, its record is not yet.
        (bench.paths.runs / "20260101-000000-000-abcd").mkdir()
        after = self.kill(bench)
        after.tick(2)
        assert after.numbers(parent) == [0, 1, 2]

    def test_before_and_after_the_result_is_written(
        self, bench: Bench, parent: RunRecord, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.tick()
        bench.end(0, parent)
        bench.end(1, parent)
        bench.tick()
        bench.end(2, parent)
        monkeypatch.setattr("core.crossval.conductor.assemble", _killed)
        bench.tick()
        assert bench.status(parent) is RUNNING
        monkeypatch.undo()
        after = self.kill(bench)
        after.tick(2)
        assert after.status(parent) is FINISHED
        # Once more from the moment between the predictions and the record.
        record = after.store.read(parent.id)
        after.store.save(record.changed(status=RUNNING, summary=None, composition=None))
        again = self.kill(after)
        again.tick(2)
        assert again.status(parent) is FINISHED
        assert again.store.read(parent.id).summary == record.summary
        assert again.numbers(parent) == [0, 1, 2]

    def test_with_folds_at_work(self, bench: Bench, parent: RunRecord) -> None:
        bench.tick()
        bench.worker(0, parent).take()
        bench.worker(1, parent).die(-9)
        bench.launcher.started[1].exit_code = None
        after = self.kill(bench)
        after.tick(2)
        assert after.numbers(parent) == [0, 1, 2]
        assert after.status(parent) is RUNNING


def _killed(*_arguments: object) -> RunRecord:
    raise RuntimeError("killed")


def test_standing_counts_what_is_missing_as_to_come(bench: Bench, parent: RunRecord) -> None:
    assert missing(parent, {}) == [0, 1, 2]
    assert standing(parent, {}, stopping=False).status is QUEUED
    assert standing(parent, {}, stopping=True).status is STOPPED


def test_nobody_trains_or_resumes_the_whole_like_a_network(bench: Bench, parent: RunRecord) -> None:
    bench.store.save(parent.changed(status=INTERRUPTED, interrupted_by="server"))
    with pytest.raises(RunError, match="made of other runs"):
        bench.supervisor.resume(parent.id)
    with pytest.raises(RunError, match="made of other runs"):
        check_is_training(parent)
    bench.tick(2)
    assert parent.id not in [worker.run_id for worker in bench.launcher.started]


def test_not_the_folds_of_another_server(bench: Bench, parent: RunRecord) -> None:
    bench.store.save(parent.changed(lab_id="another"))
    bench.tick(2)
    assert bench.numbers(parent) == []

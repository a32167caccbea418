"""``crossval`` with real trainings in this process: folds one after the other, an interruption in
between, and two configurations against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.commands.train import in_foreground
from core.config import DataConfig
from core.datasets.joining import learned_from, open_as_seen
from core.datasets.registry import open_dataset
from core.evaluation.predictions import load_split
from core.evaluation.resampled import corrected_t_test
from core.inspection.computing import _parts
from core.paths import Paths
from core.records import RunStatus, read_record
from core.store import Store
from tests.commands.driving import Cli
from tests.training.helpers import make_stripes

TINY = ("--preset", "mlp", "--dataset", "stripes", "--set", "train.epochs=2")
SMALL = ("--set", "model.layers=1", "--set", "model.units=16", "--set", "train.batch_size=16")
FEW = ("--folds", "2", "--fixed-epochs")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "artifacts").create()
    make_stripes(made, train=40, val=20, test=9)
    return made


def test_two_configurations_from_the_first_fold_to_the_comparison(cli: Cli) -> None:
    a = cli.json("crossval", *TINY, *SMALL, *FEW)
    assert (a["status"], a["folds"], [f["fold"] for f in a["runs"]]) == ("finished", 2, [1, 2])
    assert a["val_accuracy"]["n"] == 2
    assert not a["epochs_chosen_by_judging_fold"]
    folds = [read_record(cli.paths, f["run_id"]) for f in a["runs"]]
    assert [f.part.number for f in folds if f.part] == [0, 1]
    _the_right_pictures(cli.paths, a["run_id"], [f["run_id"] for f in a["runs"]])
    b = cli.json("crossval", *TINY, *SMALL, *FEW, "--set", "optimizer.learning_rate=0.03")
    found = cli.json("crossval", "compare", a["run_id"], b["run_id"])
    test = corrected_t_test(found["accuracy_a"], found["accuracy_b"], 1)
    assert found["p"] == pytest.approx(test.p)
    assert found["differences"] == pytest.approx(list(test.differences))
    told = cli.text("crossval", "compare", a["run_id"], b["run_id"])
    assert "On average" in told or "points" in told
    assert "accuracy" in cli.text("crossval", "show", a["run_id"])
    other = cli.json("crossval", *TINY, *SMALL, *FEW, "--fold-seed", "1")
    refusal = cli.json("crossval", "compare", a["run_id"], other["run_id"], code=1)
    assert "seed of the folds is 0 in one and 1 in the other" in refusal["error"]
    cli.json("delete", a["run_id"])
    assert not any(cli.paths.run(f.id).folder.exists() for f in folds)


def _the_right_pictures(paths: Paths, parent_id: str, fold_ids: list[str]) -> None:
    """What a reader shows beside a prediction is the image that was judged: its label says so."""
    for run_id in (parent_id, *fold_ids):
        record = read_record(paths, run_id)
        seen = open_as_seen(paths, record.config.data, record.dataset_fingerprint)
        judged = load_split(paths.run(run_id).predictions, "val")
        assert (seen.split("val").labels[judged.rows] == judged.y_true).all()
        stripe = seen.split("val").images[judged.rows][:, ::2, 0, 0].argmax(axis=1)
        assert (stripe == judged.y_true).all()
    assert len(load_split(paths.run(parent_id).predictions, "val").rows) == 60
    record = read_record(paths, fold_ids[0])
    parts = _parts(paths, record)
    assert not set(parts["train"].rows) & set(parts["val"].rows)
    assert sorted([*parts["train"].rows, *parts["val"].rows]) == list(range(60))
    truth = parts["train"].split.labels[parts["train"].rows]
    assert (parts["train"].read(slice(0, 60))[:, ::2, 0, 0].argmax(axis=1) == truth).all()


def test_ctrl_c_leaves_the_rest_for_later(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    train = in_foreground
    asked: list[str] = []

    def interrupted(context: object, record: object, why: object) -> object:
        asked.append(record.id)  # type: ignore[attr-defined]
        if len(asked) == 2:
            raise KeyboardInterrupt
        return train(context, record, why)  # type: ignore[arg-type]

    monkeypatch.setattr("core.commands.crossval.in_foreground", interrupted)
    assert cli.json("crossval", *TINY, *SMALL, *FEW, code=130)["kind"] == "aborted"
    store = Store(cli.paths)
    parent = next(r for r in store.runs() if r.kind == "crossval")
    assert parent.status is RunStatus.INTERRUPTED
    # As its own training would have left it.
    second = store.read(asked[1])
    store.save(second.changed(status=RunStatus.INTERRUPTED))
    answer = cli.json("crossval", "resume", parent.id)
    assert answer["status"] == "finished"
    assert [fold["run_id"] for fold in answer["runs"]] == asked[:2]
    assert "none of its folds" in cli.json("crossval", "resume", parent.id, code=1)["error"]


def test_refused_before_keras_is_loaded(cli: Cli, no_keras: None) -> None:
    assert "--preset" in cli.refused("crossval")
    assert "compare RUN_ID RUN_ID" in cli.refused("crossval", "look")
    assert "expected a number of at most 20" in cli.refused("crossval", *TINY, "--folds", "21")
    answer = cli.json("crossval", *TINY, "--group-by", "folder", "--folds", "20", code=1)
    assert "images only" in answer["error"] or "groups" in answer["error"]
    assert Store(cli.paths).count() == 0


def test_under_a_limit_every_fold_learns_from_fewer(cli: Cli) -> None:
    dataset = open_dataset(cli.paths, "stripes")
    data = DataConfig(dataset="stripes", folds=2, fold=0, limit=12)
    from core.feeding import chosen_rows

    fold = learned_from(dataset, data)
    rows = chosen_rows(fold, "train", 12, 0)
    assert len(rows) == 12
    assert set(rows) <= set(fold.rows("train"))
    assert np.bincount(fold.split("train").labels[rows]).tolist() == [4, 4, 4]

"""``compare``, ``remark``, and the filters of ``runs``."""

from __future__ import annotations

import numpy as np
import pytest

from core.config import RunConfig
from core.evaluation.predictions import Predictions, save_predictions
from core.records import RunRecord, RunStatus
from core.store import Store
from tests.commands.driving import Cli, finished_run


def judged(store: Store, y_pred: list[int], seen: str = "pets-1", **changes: object) -> RunRecord:
    """A run that has seen six images of two classes, three of each."""
    record = finished_run(store, dataset_fingerprint=seen, class_names=("cat", "dog"), **changes)
    proba = np.eye(2, dtype=np.float32)[y_pred] * 0.8 + 0.1
    split = Predictions(np.array([0, 0, 0, 1, 1, 1], np.int32), proba, np.arange(6))
    save_predictions(store.paths.run(record.id).predictions, {"test": split, "val": split})
    return record


def test_two_runs(cli: Cli, store: Store) -> None:
    faster = RunConfig().with_values({"optimizer.learning_rate": 0.01})
    a, b = judged(store, [0, 1, 1, 1, 1, 0]), judged(store, [0, 0, 0, 1, 1, 0], config=faster)
    found = cli.json("compare", a.id, b.id)
    assert found["split"] == "val"
    assert (found["accuracy_a"], found["accuracy_b"]) == (0.5, pytest.approx(5 / 6))
    assert (found["fixed_rows"], found["broken_rows"]) == ([1, 2], [])
    assert found["mcnemar"] == {"p": 0.5, "chi_square": None}
    assert found["per_class"][0]["recall_b"] == 1.0
    assert found["settings"] == [{"setting": "optimizer.learning_rate", "a": 0.001, "b": 0.01}]
    assert "B is better than A by 33.3 points; with 6 images that may be luck" in found["sentence"]
    out = cli.text("compare", a.id, b.id, "--split", "test")
    for said in ("may be luck", "test, 6 images", "83.3 %", "+33.3 points", "cat", "learning_rate"):
        assert said in out


def test_folders_from_elsewhere_may_name_too_few_classes(cli: Cli, store: Store) -> None:
    a, b = (judged(store, pred) for pred in ([0, 0, 1, 1, 1, 1], [0] * 6))
    for record in (a, b):
        store.save(record.changed(class_names=("cat",)))
    found = cli.json("compare", a.id, b.id)
    assert [each["class"] for each in found["per_class"]] == ["cat", "1"]
    assert "\n1 " in cli.text("compare", a.id, b.id)
    said = cli.json("errors", a.id)
    assert (said["classes"], said["mistakes"][0]["predicted"]) == (["cat", "1"], "1")
    assert "taken for" in cli.text("errors", a.id)
    assert len(cli.json("runs")) == 2


def test_what_cannot_be_compared(cli: Cli, store: Store) -> None:
    a = judged(store, [0] * 6)
    assert "not two runs" in cli.json("compare", a.id, a.id, code=1)["error"]
    other = judged(store, [0] * 6, seen="pets-2")
    assert "it is not the same any more" in cli.json("compare", a.id, other.id, code=1)["error"]
    waiting = store.create(RunConfig(), owner="cli").changed(dataset_fingerprint="pets-1")
    store.save(waiting)
    assert (
        "is queued: it has no predictions" in cli.json("compare", a.id, waiting.id, code=1)["error"]
    )


def test_tags_and_note(cli: Cli, store: Store) -> None:
    run = finished_run(store)
    said = cli.json("remark", run.id, "--tag", "best", "--tag", "demo", "--note", "for class 3")
    assert said == {"run_id": run.id, "tags": ["best", "demo"], "note": "for class 3"}
    assert cli.json("remark", run.id, "--untag", "demo")["tags"] == ["best"]
    assert cli.json("show", run.id)["note"] == "for class 3"
    for command in ("show", "remark"):
        assert "for class 3" in cli.text(command, run.id)
    (listed,) = cli.json("runs", "--tag", "best")
    assert (listed["run_id"], listed["tags"]) == (run.id, ["best"])
    assert cli.json("runs", "--tag", "demo") == []
    assert (
        "21 tags"
        in cli.json("remark", run.id, *(w for i in range(20) for w in ("--tag", str(i))), code=1)[
            "error"
        ]
    )


def test_filters_and_order(cli: Cli, store: Store) -> None:
    slow = finished_run(store, by="Ana")
    quick = finished_run(store, config=RunConfig().with_values({"train.epochs": 2}))
    failed = finished_run(store, status=RunStatus.FAILED, summary=None)

    def listed(*words: str) -> list[str]:
        return [r["run_id"] for r in cli.json("runs", *words)]

    assert listed("--status", "failed") == [failed.id]
    assert listed("--by", "Ana") == listed("--search", "ana", "digits") == [slow.id]
    assert listed("--sort", "train.epochs", "--limit", "2") == [failed.id, slow.id]
    assert listed("--sort", "train.epochs", "--ascending", "--limit", "1") == [quick.id]
    assert listed("--accuracy", "0.5") == []
    assert "There is no field fame" in cli.refused("runs", "--sort", "fame")
    cli.refused("runs", "--status", "tired")

"""``errors`` and ``predict``"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from core.commands.formats import printable
from core.config import RunConfig
from core.datasets.registry import ensure_digits
from core.paths import Paths
from core.store import Store
from tests.commands.driving import Cli, finished_run, png


def test_errors_of_a_run(cli: Cli, store: Store) -> None:
    found = cli.json("errors", finished_run(store).id)
    assert (found["split"], found["images"]) == ("test", 3)
    assert found["accuracy"] == pytest.approx(2 / 3)
    for figure in ("accuracy", "macro_f1", "loss"):
        low, high = found[f"{figure}_interval"]
        assert low < found[figure] < high
    assert found["classes"] == ["zero", "one", "two"]
    assert found["confusion_matrix"] == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    one, two = found["per_class"][1], found["per_class"][2]
    assert (one["class"], one["precision"], one["recall"], one["support"]) == ("one", 1.0, 0.5, 2)
    assert (two["precision"], two["recall"]) == (None, None)
    assert found["most_confused"] == [
        {"true": "one", "predicted": "zero", "count": 1, "share": 0.5}
    ]
    (mistake,) = found["mistakes"]
    assert (mistake["row"], mistake["true"], mistake["predicted"]) == (3, "one", "zero")
    assert mistake["probability"] == pytest.approx(0.7)
    assert mistake["file"] is None  # the dataset does not exist


def test_errors_name_the_files_of_the_very_dataset(cli: Cli, store: Store) -> None:
    info = ensure_digits(store.paths)
    same = finished_run(store, dataset_fingerprint=info.fingerprint)
    names = json.loads(store.paths.dataset("digits").names("test").read_text())
    assert cli.json("errors", same.id)["mistakes"][0]["file"] == names[3]
    changed = finished_run(store, dataset_fingerprint="another")
    assert cli.json("errors", changed.id)["mistakes"][0]["file"] is None
    assert "it was replaced" in cli.err


def test_errors_as_text_begin_with_the_worst_class(cli: Cli, store: Store) -> None:
    # Two classes without images: what is not known is sorted last, and sorts at all.
    record = finished_run(store, class_names=("zero", "one\x1b", "two"))
    out = cli.text("errors", record.id, "--split", "val")
    assert "66.7 %" in out
    assert out.count("95 % interval") == 3
    assert "\x1b" not in out
    report = out.split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in report[1:]] == [printable("one\x1b"), "zero", "two"]


def test_a_run_without_predictions_says_so(cli: Cli, store: Store) -> None:
    record = store.create(RunConfig(), owner="cli", taken=True)
    answer = cli.json("errors", record.id, code=1)
    assert "running" in answer["error"]
    store.paths.run(record.id).predictions.write_bytes(b"PK torn")
    assert cli.json("errors", record.id, code=1)["kind"] == "store"


@pytest.mark.usefixtures("no_keras")
def test_predict_without_a_model_says_so_at_once(cli: Cli, store: Store) -> None:
    answer = cli.json("predict", finished_run(store).id, "x.png", code=1)
    assert "no trained network" in answer["error"]


@pytest.mark.usefixtures("no_keras")
def test_pictures_that_cannot_be_read_are_entries(cli: Cli, store: Store, tmp_path: Path) -> None:
    record = finished_run(store)
    store.paths.run(record.id).model.touch()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").touch()
    names = [str(tmp_path / n) for n in ("text.png", "empty.png", "missing.png", ".")]
    answer = cli.json("predict", record.id, *names, code=1)
    assert [entry["image"] for entry in answer["images"]] == names
    assert all(entry["error"] and "top" not in entry for entry in answer["images"])
    assert "0 bytes" in answer["images"][1]["error"]


def test_predict_answers_in_order_and_goes_on_after_a_bad_picture(
    cli: Cli, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def proba(paths: Paths, run_id: str, images: Any, varied: bool) -> Any:
        asked.append(images)
        return np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], np.float32)

    fake = ModuleType("core.prediction")
    fake.__dict__["predict"] = proba
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    record = finished_run(store)
    store.paths.run(record.id).model.touch()
    for name in ("a.png", "c.png"):
        (tmp_path / name).write_bytes(png((255, 255, 255)))
    (tmp_path / "b.png").write_text("hello")
    names = [str(tmp_path / n) for n in ("a.png", "b.png", "c.png")]
    answer = cli.json("predict", record.id, *names, "--top", "2", code=1)
    first, bad, last = answer["images"]
    assert [t["class"] for t in first["top"]] == ["one", "two"]
    assert [t["class"] for t in last["top"]] == ["zero", "two"]
    assert first["top"][0]["probability"] == pytest.approx(0.7)
    assert first["size"] == {"width": 12, "height": 10}
    assert "error" in bad
    assert asked[0].shape == (2, 8, 8, 1)
    assert asked[0].dtype == np.uint8
    assert asked[0].min() == 255
    assert "70.0 %" in cli.text("predict", record.id, names[0], names[2])


def test_predict_reads_zips_and_asks_several_runs(
    cli: Cli, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = finished_run(store), finished_run(store, image_shape=(4, 4, 3))
    varied: list[bool] = []

    def proba(paths: Paths, run_id: str, images: Any, tta: bool) -> Any:
        varied.append(tta)
        sure = [0.1, 0.9, 0.0] if run_id == one.id else [0.2, 0.0, 0.8]
        return np.array([sure] * len(images), np.float32)

    fake = ModuleType("core.prediction")
    fake.__dict__["predict"] = proba
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    for run in (one, other):
        store.paths.run(run.id).model.touch()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("one/a.png", "two/b.png", "c.png"):
            archive.writestr(name, png((9, 9, 9)))
        archive.writestr("two/torn.png", b"hello")
        archive.writestr("readme.txt", b"hello")
    (tmp_path / "torn.zip").write_bytes(b"hello")
    folder, table = str(tmp_path), tmp_path / "out.csv"
    words = (one.id, f"{folder}/torn.zip", f"{folder}/all.zip", "--also", other.id)
    answer = cli.json("predict", *words, "--csv", str(table), "--tta", "--top", "2", code=1)
    assert set(varied) == {True}
    assert [Path(entry["image"]).name for entry in answer["images"]] == [
        *("torn.zip", "a.png", "b.png", "c.png", "torn.png")
    ]
    assert answer["images"][1]["true"] == "one"
    assert [run["top"][0]["class"] for run in answer["images"][1]["runs"]] == ["one", "two"]
    assert answer["accuracy"] == {one.id: 0.5, other.id: 0.5}
    assert answer["left_out"] == [
        {"file": f"{folder}/all.zip/readme.txt", "reason": "not a picture"}
    ]
    lines = table.read_text().splitlines()
    assert len(lines) == 1 + 2 * 5
    assert lines[1].split(",")[2:6] == ["one", "one", "0.900000", "zero"]
    assert lines[-1].startswith(f"{folder}/torn.zip,{other.id},,")
    text = cli.text("predict", *words, code=1)
    assert f"{one.id}: 50.0 % right (1 of 2)" in text
    assert "all.zip that are not judged: 1 no pictures, 0 not read" in text


def test_a_table_that_cannot_be_written_is_refused(cli: Cli, store: Store, tmp_path: Path) -> None:
    record = finished_run(store)
    store.paths.run(record.id).model.touch()
    words = ("predict", record.id, "x.png", "--csv", str(tmp_path / "no" / "out.csv"))
    assert "cannot be written" in cli.refused(*words)

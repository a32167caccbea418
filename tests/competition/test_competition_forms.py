"""submission.csv, byte by byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.competition.answers import load_answers, load_test_answers
from core.competition.export import split_of, submission_of
from core.competition.forms import Form, form_of, write_submission
from core.datasets.deriving import derive_dataset
from core.datasets.importing import import_dataset
from core.datasets.recipe import Origin, Recipe
from core.datasets.registry import open_dataset
from core.datasets.sources import PathSource
from core.datasets.submission import NamedSubmission
from core.errors import CompetitionError, StoreError
from core.evaluation.predictions import Predictions, load_split, save_predictions
from core.paths import Paths
from core.store import Store
from tests.competition.contest import TRUTH, N, answered, make_unlabelled
from tests.datasets.making import classes, pack, picture
from tests.pages.making import make_run

PROBA = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.25, 0.5, 0.25]], np.float32)
CLASSES = ("cat", "dog, big", "año")


def form(*columns: str, at: int = 0) -> Form:
    """Asks about rows 2 and 0, and about an image that is not here."""
    return Form(columns, at, ("x", "=y", "z"), np.array([2, 0, -1]), ("a", "b", "c"))


def test_a_class_per_image() -> None:
    written = write_submission(form("id", "Category"), CLASSES, PROBA, 2)
    assert written.data.decode() == 'id,Category\nx,"dog, big"\n=y,cat\nz,año\n'
    assert written[1:] == (3, 1, 1)


def test_the_id_stands_where_the_sample_has_it() -> None:
    written = write_submission(form("id", "label", at=1), CLASSES, PROBA, 0)
    assert written.data.decode() == 'label,id\n"dog, big",x\ncat,=y\ncat,z\n'


def test_a_probability_per_class_in_the_order_of_the_sample() -> None:
    asked = form("id", "año", "cat", "dog, big")
    written = write_submission(asked, CLASSES, PROBA, 0)
    assert written.data.decode() == (
        'id,año,cat,"dog, big"\nx,0.25,0.25,0.5\n=y,0.1,0.7,0.2\nz,0,1,0\n'
    )


def test_columns_that_are_neither() -> None:
    for columns in (("id", "cat", "dog, big"), ("id", "cat", "dog, big", "año", "more")):
        with pytest.raises(CompetitionError, match="neither one for the class"):
            write_submission(form(*columns), CLASSES, PROBA, 0)


def test_too_few_answers() -> None:
    with pytest.raises(CompetitionError, match="answers for 2 images only"):
        write_submission(form("id", "label"), CLASSES, PROBA[:2], 0)


def test_the_samples_of_a_dataset(paths: Paths) -> None:
    dataset = make_unlabelled(paths)
    assert form_of(dataset).columns == ("file", "class")
    sample = NamedSubmission(("id", "label"), ("1", "2"), ("u5.png", "gone.png"), 1)
    info = dataset.info.model_copy(update={"submission": sample.columns})
    dataset.files.info.write_text(info.model_dump_json())
    settled = sample.settled(dataset.split("unlabelled").names[:])
    dataset.files.submission.write_text(settled.model_dump_json())
    found = form_of(open_dataset(paths, "secret"))
    assert (found.columns, found.at, found.ids) == (("id", "label"), 1, ("1", "2"))
    assert found.rows.tolist() == [5, -1]


def test_two_images_of_one_name(paths: Paths) -> None:
    dataset = make_unlabelled(paths, names=["same.png"] * N)
    with pytest.raises(CompetitionError, match=r"“same\.png”"):
        form_of(dataset)


def test_of_a_run(paths: Paths) -> None:
    store, dataset = Store(paths), make_unlabelled(paths)
    run = answered(store, dataset.info, TRUTH)
    lines = submission_of(paths, run, dataset).data.decode().splitlines()
    assert lines[:4] == ["file,class", "u0.png,cat", "u1.png,dog", "u2.png,bird"]
    assert len(lines) == N + 1
    paths.run(run.id).unlabelled.result(dataset.info.fingerprint).write_bytes(b"?")
    with pytest.raises(StoreError, match="damaged"):
        load_answers(paths, run.id, dataset.info)


def taken(saved: Predictions, rows: NDArray[np.integer]) -> Predictions:
    return Predictions(saved.y_true[rows], saved.proba[rows], saved.rows[rows])


def test_of_labelled_test_images(paths: Paths) -> None:
    store = Store(paths)
    run = make_run(store)
    dataset = open_dataset(paths, "pets")
    assert split_of(dataset) == "test"
    file = paths.run(run.id).predictions
    saved = load_split(file, "test")
    mixed = np.random.default_rng(0).permutation(60)
    save_predictions(file, {"test": taken(saved, mixed)})
    np.testing.assert_array_equal(load_test_answers(paths, run, dataset.info), saved.proba)
    lines = submission_of(paths, run, dataset, "test").data.decode().splitlines()
    names = [dataset.info.class_names[i] for i in saved.y_pred.tolist()]
    assert lines[1:] == [f"test-{i}.png,{name}" for i, name in enumerate(names)]
    twice = mixed.copy()
    twice[0] = twice[1]
    save_predictions(file, {"test": taken(saved, twice)})
    with pytest.raises(StoreError, match="not every image has one"):
        load_test_answers(paths, run, dataset.info)


def test_the_way_of_a_sample_from_import_to_file(paths: Paths, tmp_path: Path) -> None:
    """Its rows, order and columns come back byte by byte, also from a derived dataset."""
    files = classes("cat", "dog", each=10, below="train/")
    files |= {f"test/{i}.png": picture(100 + i) for i in range(5)}
    sample = b"label,id\ncat,3\ncat,0\ncat,4\ncat,nowhere\ncat,1\ncat,2\n"
    files["sample_submission.csv"] = sample
    import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    derive_dataset(paths, Recipe(origins=(Origin(name="x"),), per_class=2), "y")
    for name in "xy":
        dataset = open_dataset(paths, name)
        cats = np.tile(np.array([[0.9, 0.1]], np.float32), (5, 1))
        written = write_submission(form_of(dataset), dataset.info.class_names, cats, 0)
        assert dataset.info.class_names == ("cat", "dog")
        assert written == (sample, 6, 1, 0)

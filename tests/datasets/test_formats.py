"""Data inside files: each format from a tiny file as its makers publish it."""

from __future__ import annotations

import pickle
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from core.datasets import limits
from core.datasets.dataset import Dataset
from core.datasets.importing import import_dataset
from core.datasets.options import ImportOptions
from core.datasets.registry import open_dataset
from core.datasets.sources import PathSource
from core.datasets.vocabularies import VOCABULARIES, msgid
from core.errors import DatasetError
from core.paths import Paths
from tests.datasets.making import classes, pack, picture, reasons, rows_by_name, unpack
from tests.datasets.making_formats import (
    cifar10,
    cifar100,
    cycle,
    idx,
    mnist,
    npy,
    npz,
    parquet,
    pixels,
    table,
)


def imported(paths: Paths, path: Path, options: ImportOptions | None = None) -> Dataset:
    """The dataset of a file or folder; every picture has a name of its own."""
    info = import_dataset(paths, PathSource(path), "x", options=options or ImportOptions())
    dataset = open_dataset(paths, "x")
    assert len(rows_by_name(dataset)) == info.imported
    return dataset


def of_files(
    paths: Paths, folder: Path, files: Mapping[str, bytes], options: ImportOptions | None = None
) -> Dataset:
    return imported(paths, pack(folder / "set.zip", files), options)


def said(dataset: Dataset) -> str:
    return " ".join(map(str, dataset.report().warnings))


def lone(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


# idx


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_mnist(paths: Paths, tmp_path: Path, kind: str) -> None:
    files = mnist()
    source = pack(tmp_path / "m.zip", files) if kind == "zip" else unpack(tmp_path / "m", files)
    dataset = imported(paths, source)
    assert dataset.info.splits == {"train": 10, "val": 2, "test": 4}
    assert dataset.info.image_shape == (28, 28, 1)
    assert dataset.info.class_names == ("0", "1")
    found = rows_by_name(dataset)
    original = pixels(12, 28, 28)
    for row in range(12):
        split, label, seen = found[f"train-images-idx3-ubyte.gz#{row:02d}"]
        assert split in ("train", "val")
        assert (label, seen) == (str(row % 2), original[row].tobytes())
    last = found["t10k-images-idx3-ubyte.gz#3"]
    assert last == ("test", "1", pixels(4, 28, 28, seed=1)[3].tobytes())


def test_the_mnist_of_kaggle_lies_there_twice(paths: Paths, tmp_path: Path) -> None:
    names = {
        "train-images": idx(pixels(9, 4, 6), False),
        "train-labels": idx(np.arange(9) % 3, False),
    }
    files = {}
    for name, data in names.items():
        kind = "idx3" if "images" in name else "idx1"
        files[f"{name}.{kind}-ubyte"] = data
        files[f"{name}-{kind}-ubyte/{name}-{kind}-ubyte"] = data
    dataset = of_files(paths, tmp_path, files)
    assert dataset.info.imported == 9
    assert dataset.info.image_shape == (4, 6, 1)
    assert reasons(dataset.report().skipped) == {
        "train-images-idx3-ubyte/train-images-idx3-ubyte": "not_used",
        "train-labels-idx1-ubyte/train-labels-idx1-ubyte": "not_used",
    }


def test_the_letters_of_emnist_are_turned_upright(paths: Paths, tmp_path: Path) -> None:
    images = pixels(8, 28, 28)
    begin = "emnist-letters-train-"
    files = {
        f"gzip/{begin}images-idx3-ubyte.gz": idx(images),
        f"gzip/{begin}labels-idx1-ubyte.gz": idx(np.array(cycle(8)) + 1),
    }
    files["gzip/emnist-letters-mapping.txt"] = b"1 65 97\n2 66 98\n"
    dataset = of_files(paths, tmp_path, files)
    assert dataset.info.class_names == ("A", "B")
    seen = rows_by_name(dataset)[f"gzip/{begin}images-idx3-ubyte.gz#5"][2]
    assert seen == images[5].T.tobytes()


def test_fashion_is_known_by_its_first_labels(paths: Paths, tmp_path: Path) -> None:
    labels = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, *range(10)]
    files = {
        "train-images-idx3-ubyte": idx(pixels(20, 28, 28), False),
        "train-labels-idx1-ubyte": idx(np.array(labels), False),
    }
    info = of_files(paths, tmp_path, files).info
    assert info.vocabulary == "fashion_mnist"
    assert info.class_names[9] == "ankle boot"
    assert not any("class names" in str(warning) for warning in info.warnings)


def test_class_names_that_only_a_file_name_tells_are_said(paths: Paths, tmp_path: Path) -> None:
    files = {
        "my-fashion/train-images-idx3-ubyte": idx(pixels(20, 28, 28), False),
        "my-fashion/train-labels-idx1-ubyte": idx(np.array(cycle(20, 10)), False),
    }
    info = of_files(paths, tmp_path, files).info
    assert info.class_names[9] == "ankle boot"
    assert str(info.warnings[0]).startswith(
        "The class names are those of Fashion-MNIST, because the files are called like it"
    )


def test_test_pictures_without_labels(paths: Paths, tmp_path: Path) -> None:
    files = mnist()
    del files["t10k-labels-idx1-ubyte.gz"]
    dataset = of_files(paths, tmp_path, files)
    assert dataset.info.splits["unlabelled"] == 4
    assert "t10k-images-idx3-ubyte.gz” has no labels: its 4 pictures" in said(dataset)


def test_idx_goes_before_tables_and_pictures_of_a_readme(paths: Paths, tmp_path: Path) -> None:
    """Kaggle's archive of Fashion-MNIST holds everything twice."""
    files = {
        **{f"data/{name}": data for name, data in mnist().items()},
        "fashion-mnist_train.csv": table(pixels(4, 28, 28), cycle(4)),
        "doc/img/sprite.png": picture(),
    }
    dataset = of_files(paths, tmp_path, files)
    assert dataset.info.imported == 16
    assert reasons(dataset.report().skipped) == {
        "fashion-mnist_train.csv": "not_used",
        "doc/img/sprite.png": "not_used",
    }


# CIFAR


@pytest.mark.parametrize("kind", ["zip", "folder", "tar"])
def test_cifar_10(paths: Paths, tmp_path: Path, kind: str) -> None:
    files = {**cifar10(batches=5), "cifar-10-batches-py/readme.html": b"<html>"}
    source = unpack(tmp_path / "plain", files)
    if kind == "zip":
        source = pack(tmp_path / "c.zip", files)
    elif kind == "tar":
        with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
            archive.add(source / "cifar-10-batches-py", "cifar-10-batches-py")
        with tarfile.open(tmp_path / "cifar-10-python.tar.gz") as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
        source = tmp_path / "unpacked"
    dataset = imported(paths, source)
    assert dataset.info.class_names == ("cat", "dog")
    assert dataset.info.vocabulary == "cifar10"
    assert dataset.info.image_shape == (32, 32, 3)
    assert dataset.info.splits["test"] == 4
    assert reasons(dataset.report().skipped) == {"cifar-10-batches-py/readme.html": "not_image"}
    seen = rows_by_name(dataset)["data_batch_2_s_000001.png"]
    assert seen[1:] == ("dog", pixels(4, 32, 32, 3, seed=1)[1].tobytes())
    assert "genuine dataset that are missing" not in said(dataset)


def test_missing_batches_are_named(paths: Paths, tmp_path: Path) -> None:
    warnings = said(of_files(paths, tmp_path, cifar10(batches=2)))
    assert "missing: data_batch_3, data_batch_4, data_batch_5." in warnings


def test_batches_pickled_by_python_3(paths: Paths, tmp_path: Path) -> None:
    rows = pixels(8, 3072)
    for protocol in (3, 4, 5):
        batch = {b"labels": [3, 5] * 4, b"data": rows, b"filenames": [b"a.png"] * 8}
        folder = unpack(tmp_path / str(protocol), {"data_batch_1": pickle.dumps(batch, protocol)})
        info = import_dataset(paths, PathSource(folder), f"p{protocol}")
        assert (info.imported, info.class_names) == (8, ("cat", "dog"))


FINE = [name.replace(" ", "_") for name in VOCABULARIES["cifar100"]]
COARSE = [name.replace(" ", "_") for name in VOCABULARIES["cifar100-coarse"]]


def test_cifar_100(paths: Paths, tmp_path: Path) -> None:
    info = of_files(paths, tmp_path, cifar100(FINE, COARSE)).info
    assert info.class_names == ("apple", "bed", "pear")
    assert info.vocabulary == "cifar100"
    fruit = "fruit and vegetables"
    assert info.groups == (fruit, "household furniture", fruit)


def test_superclasses_of_cifar_100(paths: Paths, tmp_path: Path) -> None:
    options = ImportOptions(labels="coarse")
    info = of_files(paths, tmp_path, cifar100(FINE, COARSE), options).info
    assert info.class_names == ("fruit and vegetables", "household furniture")
    assert (info.vocabulary, info.groups) == ("cifar100-coarse", ())


def test_class_names_of_others_are_kept(paths: Paths, tmp_path: Path) -> None:
    info = of_files(paths, tmp_path, cifar100(FINE[::-1], COARSE)).info
    assert (info.class_names[0], info.vocabulary) == ("worm", "")


# NumPy


def test_the_mnist_of_keras(paths: Paths, tmp_path: Path) -> None:
    labels = np.array([5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 6, 7, 8, 8], np.uint8)
    images = pixels(14, 28, 28)
    data = npz(x_train=images, y_train=labels, x_test=images[:4], y_test=labels[:4])
    dataset = imported(paths, lone(tmp_path, "mnist.npz", data))
    assert dataset.info.vocabulary == "mnist"
    assert dataset.info.class_names == tuple("0123456789")
    assert dataset.info.splits["test"] == 4
    found = rows_by_name(dataset)["mnist.npz: x_train#04"]
    assert found[1:] == ("9", images[4].tobytes())


def test_the_layout_of_medmnist(paths: Paths, tmp_path: Path) -> None:
    arrays = {}
    for seed, part in enumerate(("train", "val", "test")):
        arrays[f"{part}_images"] = pixels(4, 5, 5, 3, seed=seed)
        arrays[f"{part}_labels"] = np.array([[0], [1], [0], [1]])
    info = imported(paths, lone(tmp_path, "pathmnist.npz", npz(**arrays))).info
    assert info.splits == {"train": 4, "val": 4, "test": 4}
    assert (info.image_shape, info.vocabulary) == ((5, 5, 3), "")


@pytest.mark.parametrize(
    "names",
    [
        ("images", "labels"),
        ("X", "y"),
        ("data", "target"),
        ("arr_0", "arr_1"),
        ("trainX", "trainY"),
        ("features", "class"),
    ],
)
def test_names_of_arrays(paths: Paths, tmp_path: Path, names: tuple[str, str]) -> None:
    arrays = {names[0]: pixels(8, 4, 4), names[1]: np.array(["b", "a"] * 4)}
    info = imported(paths, lone(tmp_path, "own.npz", npz(**arrays))).info
    assert (info.imported, info.class_names) == (8, ("a", "b"))


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("X_train.npy y_train.npy", "X_test.npy y_test.npy"),
        ("x.npy y.npy", "x_test.npy y_test.npy"),
        ("train/images.npz", "test/images.npz"),
    ],
)
def test_arrays_in_files_of_their_own(paths: Paths, tmp_path: Path, train: str, test: str) -> None:
    files = {}
    for seed, names in enumerate((train, test)):
        images, labels = pixels(6, 4, 4, seed=seed), np.array(cycle(6))
        if names.endswith("npz"):
            split = names.split("/")[0]
            files[f"{split}.npz"] = npz(x=images, y=labels)
        else:
            files |= dict(zip(names.split(), (npy(images), npy(labels)), strict=True))
    info = of_files(paths, tmp_path, files).info
    assert (info.imported, info.splits["test"]) == (12, 6)


GREY = np.array([[0, 51], [102, 255]], np.uint8)


@pytest.mark.parametrize(
    ("array", "warning"),
    [
        (GREY, ""),
        (GREY.astype(np.int64), ""),
        (GREY / 255, "0 was taken as black and 1 as white"),
        (GREY.astype(np.float32), ""),
        (GREY / 127.5 - 1, "−1 was taken as black and 1 as white"),
        (GREY.astype(np.uint16) * 257, "65,535 was taken as white"),
        (GREY.astype(np.float64) * 10 - 1000, "the darkest was taken as black"),
        (GREY[None], ""),
        (GREY[..., None], ""),
        (np.repeat(GREY[None], 3, axis=0), ""),
    ],
)
def test_kinds_of_pixels(
    paths: Paths, tmp_path: Path, array: np.ndarray[tuple[int, ...]], warning: str
) -> None:
    """However a picture is written, it is the same one."""
    images = np.stack([array] * 8)
    dataset = imported(paths, lone(tmp_path, "a.npz", npz(x=images, y=np.array(cycle(8)))))
    seen = dataset.split("train").images[0]
    assert seen[..., 0].tolist() == GREY.tolist()
    assert dataset.info.image_shape[2] == (3 if array.shape == (3, 2, 2) else 1)
    assert warning in said(dataset)
    assert bool(warning) == ("taken as" in said(dataset))


def test_transparency_is_laid_on_the_background(paths: Paths, tmp_path: Path) -> None:
    clear = np.zeros((8, 2, 2, 4), np.uint8)
    clear[:, 0, 0] = (255, 0, 0, 255)
    path = lone(tmp_path, "a.npz", npz(x=clear, y=np.array(cycle(8))))
    seen = imported(paths, path, ImportOptions(background="blue")).split("train").images[0]
    assert seen.reshape(4, 3).tolist() == [[255, 0, 0], *[[0, 0, 255]] * 3]


def test_columns_first(paths: Paths, tmp_path: Path) -> None:
    """Arrays that come from MATLAB or a transpose lie column by column."""
    images = pixels(8, 3, 5)
    path = lone(tmp_path, "a.npz", npz(x=np.asfortranarray(images), y=np.array(cycle(8))))
    found = rows_by_name(imported(paths, path))
    assert found["a.npz: x#6"][2] == images[6].tobytes()


@pytest.mark.parametrize(
    "labels",
    [np.eye(2)[[0, 1] * 4], np.eye(2, dtype=bool)[[0, 1] * 4], np.array([0.0, 1.0] * 4),
     np.array([[0], [1]] * 4), np.array([b"0", b"1"] * 4)],
)  # fmt: skip
def test_kinds_of_labels(paths: Paths, tmp_path: Path, labels: np.ndarray[tuple[int, ...]]) -> None:
    path = lone(tmp_path, "a.npz", npz(x=pixels(8, 2, 2), y=labels))
    found = rows_by_name(imported(paths, path))
    assert [found[f"a.npz: x#{i}"][1] for i in range(8)] == ["0", "1"] * 4


def test_numbers_sort_as_numbers(paths: Paths, tmp_path: Path) -> None:
    path = lone(tmp_path, "a.npz", npz(x=pixels(6, 2, 2), y=np.array([10, 9, 2, 10, 9, 2])))
    assert imported(paths, path).info.class_names == ("2", "9", "10")


def test_class_names_among_the_arrays(paths: Paths, tmp_path: Path) -> None:
    data = npz(x=pixels(6, 2, 2), y=np.array(cycle(6)), class_names=np.array(["cat", "dog"]))
    assert imported(paths, lone(tmp_path, "a.npz", data)).info.class_names == ("cat", "dog")


def test_flat_rows(paths: Paths, tmp_path: Path) -> None:
    data = npz(data=pixels(8, 16), target=np.array(cycle(8)), mean=np.zeros(3), note=np.array(7.0))
    dataset = imported(paths, lone(tmp_path, "a.npz", data))
    assert dataset.info.image_shape == (4, 4, 1)
    assert "each row of 16 numbers was taken as a picture of 4×4" in said(dataset)
    assert reasons(dataset.report().skipped) == {
        "a.npz: mean": "not_used",
        "a.npz: note": "not_used",
    }


def test_rows_that_are_no_numbers_are_skipped(paths: Paths, tmp_path: Path) -> None:
    images = pixels(8, 2, 2) / 255
    images[3, 0, 0], images[5, 1, 1] = np.nan, np.inf
    path = lone(tmp_path, "a.npz", npz(x=images, y=np.array(cycle(8))))
    dataset = imported(paths, path)
    assert reasons(dataset.report().skipped) == {"a.npz: x#3": "damaged", "a.npz: x#5": "damaged"}
    assert rows_by_name(dataset)["a.npz: x#4"][1] == "0"


def test_arrays_beside_pictures_are_left_alone(paths: Paths, tmp_path: Path) -> None:
    files = {
        **classes("cat", "dog"),
        "features.npz": npz(x=pixels(4, 2, 2), y=np.array(cycle(4))),
        "README.csv": b"file,note\n1,2\n",
    }
    dataset = of_files(paths, tmp_path, files)
    assert dataset.info.class_names == ("cat", "dog")
    assert reasons(dataset.report().skipped) == {
        "features.npz": "not_image",
        "README.csv": "not_image",
    }


# Tables


def test_fashion_mnist_of_kaggle(paths: Paths, tmp_path: Path) -> None:
    images = pixels(20, 28, 28)
    files = {
        "fashion-mnist_train.csv": table(images, cycle(20, 10)),
        "fashion-mnist_test.csv": table(images[:10], cycle(10, 10)),
    }
    dataset = of_files(paths, tmp_path, files)
    assert dataset.info.vocabulary == "fashion_mnist"
    assert dataset.info.splits["test"] == 10
    found = rows_by_name(dataset)["fashion-mnist_train.csv#07"]
    assert found[1:] == ("sneaker", images[7].tobytes())


def test_only_the_table_that_is_named(paths: Paths, tmp_path: Path) -> None:
    path = lone(tmp_path, "fashion-mnist_train.csv", table(pixels(20, 28, 28), cycle(20, 10)))
    lone(tmp_path, "fashion-mnist_test.csv", table(pixels(20, 28, 28), cycle(20, 10)))
    assert imported(paths, path).info.imported == 20


def test_digit_recognizer(paths: Paths, tmp_path: Path) -> None:
    files = {
        "train.csv": table(pixels(9, 4, 4), cycle(9, 3)),
        "test.csv": table(pixels(5, 4, 4, seed=1), None),
        "sample_submission.csv": b"ImageId,Label\n1,0\n2,0\n3,0\n4,0\n5,0\n",
    }
    dataset = of_files(paths, tmp_path, files)
    assert dataset.info.splits["unlabelled"] == 5
    assert dataset.info.class_names == ("0", "1", "2")
    assert reasons(dataset.report().skipped) == {"sample_submission.csv": "not_image"}
    asked = dataset.submission()
    assert asked is not None
    assert (asked.columns, asked.ids) == (("ImageId", "Label"), ("1", "2", "3", "4", "5"))
    names = dataset.split("unlabelled").names
    assert [names[i] for i in asked.rows] == [f"test.csv#{i}" for i in range(5)]


def test_a_data_file_that_is_too_large(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ARCHIVE_BYTES", 100)
    path = lone(tmp_path, "train.csv", table(pixels(9, 4, 4), cycle(9, 3)))
    with pytest.raises(DatasetError, match=r"The file has 0.0 GB; at most 0.0 GB are read"):
        imported(paths, path)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("channels", [1, 3])
def test_tables_of_all_kinds(
    paths: Paths, tmp_path: Path, header: bool, separator: str, channels: int
) -> None:
    images = pixels(8, 5, 5, channels)
    data = table(images, ["sí", "no"] * 4, header, separator)
    dataset = imported(paths, lone(tmp_path, "own.csv", b"\xef\xbb\xbf" + data))
    assert dataset.info.class_names == ("no", "sí")
    assert dataset.info.image_shape == (5, 5, channels)
    assert rows_by_name(dataset)["own.csv#3"][2] == images[3].tobytes()


def test_the_tables_of_emnist(paths: Paths, tmp_path: Path) -> None:
    images = pixels(8, 28, 28)
    files = {
        "emnist-letters-train.csv": table(images, cycle(8), header=False),
        "emnist-letters-test.csv": table(images, cycle(8), header=False),
    }
    found = rows_by_name(of_files(paths, tmp_path, files))
    assert found["emnist-letters-train.csv#5"][2] == images[5].T.tobytes()


def test_a_label_at_the_end_and_an_id(paths: Paths, tmp_path: Path) -> None:
    rows = pixels(6, 16).tolist()
    lines = [",".join(["id", *map(str, range(16)), "Class"])]
    lines += [",".join(map(str, [100 + i, *row, "ab"[i % 2]])) for i, row in enumerate(rows)]
    dataset = imported(paths, lone(tmp_path, "own.csv", "\n".join(lines).encode()))
    assert (dataset.info.image_shape, dataset.info.class_names) == ((4, 4, 1), ("a", "b"))


def test_bad_rows_of_a_table_are_skipped(paths: Paths, tmp_path: Path) -> None:
    lines = table(pixels(8, 4, 4), cycle(8)).decode().splitlines()
    lines[2] = lines[2].replace(lines[2].split(",")[5], "many")
    lines[3] = "0," + ",".join(["300"] * 16)
    lines[4] = "1,2,3"
    lines[5] = "," + ",".join(["9"] * 16)
    dataset = imported(paths, lone(tmp_path, "own.csv", "\n".join(lines).encode()))
    skipped = dataset.report().skipped
    assert reasons(skipped) == dict.fromkeys(("own.csv#1", "own.csv#2", "own.csv#3"), "damaged")
    assert str(skipped[1].text) == ("Pixel 0 of the row is no number from 0 to 255, or is missing.")
    assert dataset.info.splits["unlabelled"] == 1
    assert "rows without a label are kept as unlabelled: 1" in said(dataset)


# Parquet


def test_hugging_face(paths: Paths, tmp_path: Path) -> None:
    names = ("cat", "dog")
    files = {
        "data/train-00000-of-00002.parquet": parquet(7, cycle(7), names),
        "data/train-00001-of-00002.parquet": parquet(7, cycle(7), names, seed=1),
        "data/validation-00000-of-00001.parquet": parquet(4, cycle(4), names, seed=2),
        "data/test-00000-of-00001.parquet": parquet(4, [-1] * 4, names, seed=3),
        "README.md": b"---",
    }
    dataset = of_files(paths, tmp_path, files)
    assert dataset.info.class_names == names
    assert dataset.info.splits == {"train": 12, "val": 4, "test": 2, "unlabelled": 4}
    found = rows_by_name(dataset)
    assert found["data/train-00001-of-00002.parquet#4"][1] == "cat"
    assert len(found) == 22
    assert reasons(dataset.report().skipped) == {"README.md": "not_image"}


def test_parquet_of_others(paths: Paths, tmp_path: Path) -> None:
    """No notes in the schema, texts as labels, a shard missing, a row without a picture."""
    data = parquet(8, ["b", "a", None, "b", "a", "b", "a", "b"])
    dataset = of_files(paths, tmp_path, {"train-00000-of-00002.parquet": data})
    assert dataset.info.class_names == ("a", "b")
    assert dataset.info.splits["unlabelled"] == 1
    assert "missing: train-00001-of-00002.parquet (1)." in said(dataset)


def test_fine_and_coarse_columns(paths: Paths, tmp_path: Path) -> None:
    data = parquet(6, ["apple", "bed"] * 3, coarse_label=["fruit", "furniture"] * 3)
    path = lone(tmp_path, "own.parquet", data)
    info = imported(paths, path, ImportOptions(labels="coarse")).info
    assert info.class_names == ("fruit", "furniture")


# Words


def test_vocabularies() -> None:
    assert {name: len(words) for name, words in VOCABULARIES.items()} == {
        "mnist": 10,
        "fashion_mnist": 10,
        "kmnist": 10,
        "cifar10": 10,
        "cifar100": 100,
        "cifar100-coarse": 20,
        "shapes": 10,
    }
    assert all(len(set(words)) == len(words) for words in VOCABULARIES.values())
    assert list(VOCABULARIES["cifar100"]) == sorted(VOCABULARIES["cifar100"])
    assert msgid("cifar10", "cat") == "cat"
    assert msgid("", "cat") is None
    assert msgid("cifar10", "my cat") is None

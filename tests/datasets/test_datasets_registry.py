"""Names, damage, deletion, and the built-in digits."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from core.datasets.dataset import SPLITS
from core.datasets.importing import import_dataset
from core.datasets.registry import (
    damaged_datasets,
    delete_dataset,
    ensure_digits,
    list_datasets,
    open_dataset,
    validate_name,
)
from core.datasets.sources import PathSource
from core.errors import DatasetError, NotFoundError
from core.paths import Paths
from tests.datasets.making import classes, left_behind, pack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pets(paths: Paths, tmp_path: Path) -> Paths:
    import_dataset(paths, PathSource(pack(tmp_path / "pets.zip", classes("cat", "dog"))), "pets")
    return paths


@pytest.mark.parametrize(
    "name", ["pets", "Pets 2", "ñandú", "犬", "a.b-c_d", "9", "x" * 64, "हिन्दी", "v1.2"]
)
def test_good_names(paths: Paths, name: str) -> None:
    assert validate_name(paths, name) == name


BAD_NAMES = [
    *("", " ", ".x", "x.", "x ", " x", "a/b", "a\\b", "..", "x" * 65, "a\nb", "a\0b"),
    *("<b>", '"q"', "😀", "a:b", "con", "NUL.txt", "a*"),
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names(paths: Paths, name: str) -> None:
    with pytest.raises(DatasetError) as caught:
        validate_name(paths, name)
    assert f"“{name}” cannot be the name of a dataset. A name has 1 to 64 letters" in str(
        caught.value
    )


def test_names_are_composed(paths: Paths) -> None:
    assert validate_name(paths, "cafe\u0301") == "caf\u00e9"


@pytest.mark.parametrize("name", ["pets", "PETS", "digits", "Digits"])
def test_taken_names(pets: Paths, name: str) -> None:
    with pytest.raises(DatasetError, match=f"A dataset called “{name}” exists already"):
        validate_name(pets, name)


def test_nothing_there(paths: Paths) -> None:
    assert list_datasets(paths) == []
    assert damaged_datasets(paths) == []
    with pytest.raises(NotFoundError, match="no dataset called “x”"):
        open_dataset(paths, "x")


@pytest.mark.parametrize("name", ["pet", "../datasets/pets", "", ".", "pets/"])
def test_unknown_names_are_told_what_exists(pets: Paths, name: str) -> None:
    for act in (open_dataset, delete_dataset):
        with pytest.raises(NotFoundError) as caught:
            act(pets, name)
        assert str(caught.value) == f"There is no dataset called “{name}”. There are: pets."
    assert [info.name for info in list_datasets(pets)] == ["pets"]


def test_delete(pets: Paths) -> None:
    delete_dataset(pets, "pets")
    assert left_behind(pets) == []
    assert list_datasets(pets) == []


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("file", ["dataset.json", "train-images.npy", "test-labels.npy"])
@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_damaged_folders_are_named_and_harm_no_other(
    pets: Paths, tmp_path: Path, file: str, damage: object
) -> None:
    import_dataset(pets, PathSource(pack(tmp_path / "x.zip", classes("a", "b"))), "sound")
    damage(pets.dataset("pets").folder / file)  # type: ignore[operator]
    assert [info.name for info in list_datasets(pets)] == ["sound"]
    [(name, why)] = damaged_datasets(pets)
    assert (name, why.params["file"]) == ("pets", file)
    with pytest.raises(DatasetError, match=f"“pets” is damaged: its file {file} is missing or inc"):
        open_dataset(pets, "pets")
    delete_dataset(pets, "pets")
    assert damaged_datasets(pets) == []


def test_foreign_folders_and_files(pets: Paths) -> None:
    (pets.datasets / "notes").mkdir()
    (pets.datasets / "readme.txt").write_text("hello")
    (pets.datasets / ".hidden").mkdir()
    assert [name for name, _ in damaged_datasets(pets)] == ["notes"]
    assert [info.name for info in list_datasets(pets)] == ["pets"]


def test_damage_found_late(pets: Paths) -> None:
    """The array's own header disagrees with the description."""
    files = pets.dataset("pets")
    dataset = open_dataset(pets, "pets")
    np.save(files.images("train"), np.zeros((1, 99, 99, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"train-images.npy is missing or incomplete"):
        dataset.split("train")
    files.report.write_text("{")
    with pytest.raises(DatasetError, match=r"report.json is missing or incomplete"):
        dataset.report()


def test_renamed_folder_has_the_folders_name(pets: Paths) -> None:
    pets.dataset("pets").folder.rename(pets.datasets / "animals")
    assert open_dataset(pets, "animals").info.name == "animals"


def test_split_is_mapped_read_only(pets: Paths) -> None:
    split = open_dataset(pets, "pets").split("train")
    assert isinstance(split.images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        split.images[0] = 0
    assert len(split) == len(split.names) == len(split.labels)
    assert split.names[:2] == [split.names[0], split.names[1]]


def test_unknown_split(pets: Paths) -> None:
    with pytest.raises(DatasetError, match=r"no pictures in the split “dev”. It has: train \(4\)"):
        open_dataset(pets, "pets").split("dev")


def test_digits(paths: Paths) -> None:
    info = ensure_digits(paths)
    assert (info.name, info.image_shape, info.imported) == ("digits", (8, 8, 1), 1797)
    assert info.class_names == tuple("0123456789")
    assert info.splits == {"train": 1259, "val": 269, "test": 269}
    dataset = open_dataset(paths, "digits")
    original = load_digits()
    seen: Counter[int] = Counter()
    for split in SPLITS:
        rows = dataset.split(split)
        numbers = [int(name) for name in rows.names]
        seen.update(numbers)
        assert (rows.labels == original.target[numbers]).all()
        wanted = np.round(original.images[numbers] / 16 * 255)
        assert (rows.images[..., 0] == wanted).all()
        shares = np.array(info.class_counts[split]) / np.bincount(original.target)
        assert np.ptp(shares) < 0.011
    assert set(seen) == set(range(1797))
    assert max(seen.values()) == 1
    assert dataset.report().files == 1797


def test_digits_are_prepared_once_and_the_same_everywhere(paths: Paths, tmp_path: Path) -> None:
    first = ensure_digits(paths)
    assert ensure_digits(paths) == first
    assert ensure_digits(Paths(tmp_path / "other")).fingerprint == first.fingerprint


def test_damaged_digits_are_prepared_again(paths: Paths) -> None:
    first = ensure_digits(paths)
    paths.dataset("digits").images("val").unlink()
    assert ensure_digits(paths).fingerprint == first.fingerprint
    assert open_dataset(paths, "digits").split("val").images.shape == (269, 8, 8, 1)


@pytest.mark.slow
def test_digits_prepared_by_several_processes_at_once(paths: Paths) -> None:
    code = (
        "import sys; from pathlib import Path; from core.paths import Paths\n"
        "from core.datasets.registry import ensure_digits\n"
        "print(ensure_digits(Paths(Path(sys.argv[1]))).created)"
    )
    command = [sys.executable, "-c", code, str(paths.root)]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(said) == 1
    assert [info.name for info in list_datasets(paths)] == ["digits"]
    assert not [f for f in left_behind(paths) if ".staging" in f]


@pytest.mark.slow
def test_nothing_heavy_is_imported() -> None:
    """The server imports all of this; digits alone may load scikit-learn, when first prepared."""
    code = (
        "import sys, pkgutil, importlib, core.datasets as d\n"
        "for m in pkgutil.iter_modules(d.__path__):\n"
        "  importlib.import_module(f'core.datasets.{m.name}')\n"
        "print(set(sys.modules)\n"
        "  & {'keras', 'tensorflow', 'streamlit', 'sklearn', 'pandas', 'scipy', 'optuna'})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("set()", "")

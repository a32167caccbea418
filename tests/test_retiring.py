"""Runs and their images after a dataset was renamed, replaced or deleted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.config import RunConfig
from core.datasets.dataset import DatasetInfo
from core.datasets.registry import list_datasets, open_dataset, rename_dataset
from core.datasets.retiring import is_retired, kept_bytes, open_for_run, open_seen
from core.errors import DatasetError, NotFoundError
from core.paths import Paths
from core.records import RunRecord, RunStatus
from core.store import Store
from tests.datasets.prepared import contents, prepared

ROWS = {
    "train": [("cat", 1), ("dog", 2)],
    "val": [("cat", 3)],
    "test": [("dog", 4), ("cat", 5)],
    "unlabelled": [("", 6)],
}


@pytest.fixture
def store(paths: Paths) -> Iterator[Store]:
    store = Store(paths)
    yield store
    store.close()


@pytest.fixture
def pets(paths: Paths) -> DatasetInfo:
    return prepared(paths, "pets", ROWS)


def run_on(store: Store, info: DatasetInfo, status: RunStatus = RunStatus.FINISHED) -> RunRecord:
    config = RunConfig().with_values({"data.dataset": info.name})
    record = store.create(config, owner="cli")
    record = record.changed(status=status, dataset_fingerprint=info.fingerprint)
    store.save(record)
    return record


def test_renamed(store: Store, pets: DatasetInfo) -> None:
    run_on(store, pets)
    assert store.rename_dataset("pets", "Animals") == "Animals"
    assert [info.name for info in list_datasets(store.paths)] == ["Animals"]
    found = open_seen(store.paths, "pets", pets.fingerprint)
    assert (found.info.name, contents(found)) == ("Animals", ROWS)
    assert open_for_run(store.paths, "pets", pets.fingerprint).info.name == "Animals"
    # Only upper and lower case: the same folder to some systems.
    assert rename_dataset(store.paths, "Animals", "animals") == "animals"


def test_another_dataset_takes_the_name(store: Store, pets: DatasetInfo) -> None:
    store.rename_dataset("pets", "animals")
    prepared(store.paths, "pets", {"train": [("x", 1), ("y", 2)]})
    assert open_seen(store.paths, "pets", pets.fingerprint).info.name == "animals"
    assert open_for_run(store.paths, "pets", None).info.class_names == ("x", "y")


@pytest.mark.parametrize(
    ("name", "new", "message"),
    [
        ("pets", "digits", "“digits” exists already"),
        ("pets", "pets", "“pets” exists already"),
        ("pets", "a/b", "cannot be the name of a dataset"),
        ("digits", "numbers", "“digits” is built in"),
        ("fish", "x", "There is no dataset called “fish”"),
    ],
)
def test_names_that_cannot_be(
    store: Store, pets: DatasetInfo, name: str, new: str, message: str
) -> None:
    with pytest.raises((DatasetError, NotFoundError), match=message):
        store.rename_dataset(name, new)
    assert [info.name for info in list_datasets(store.paths)] == ["pets"]


def test_in_use(store: Store, pets: DatasetInfo) -> None:
    record = run_on(store, pets, RunStatus.QUEUED)
    with pytest.raises(DatasetError, match=f"“pets” is in use: the run {record.id}"):
        store.rename_dataset("pets", "x")
    with pytest.raises(DatasetError, match="is in use"):
        store.delete_dataset("pets")


def test_deleted_datasets_leave_what_runs_show(store: Store, pets: DatasetInfo) -> None:
    first, second = run_on(store, pets), run_on(store, pets)
    store.delete_dataset("pets")
    assert list_datasets(store.paths) == []
    found = open_seen(store.paths, "pets", pets.fingerprint)
    assert contents(found) == {"val": ROWS["val"], "test": ROWS["test"]}
    assert found.split("test").names[:] == ["test/0.png", "test/1.png"]
    kept = {file.name for file in found.files.folder.iterdir()}
    assert kept == {
        "dataset.json",
        *(f"{split}-{part}" for split in ("val", "test") for part in ("images.npy", "labels.npy")),
        *("val-names.json", "test-names.json"),
    }
    # It is for looking at, not for training on.
    with pytest.raises(NotFoundError):
        open_for_run(store.paths, "pets", pets.fingerprint)
    # The last run takes it along.
    store.delete(first.id)
    assert is_retired(store.paths, pets.fingerprint)
    store.delete(second.id)
    assert not is_retired(store.paths, pets.fingerprint)
    with pytest.raises(DatasetError, match="“pets” is no longer here"):
        open_seen(store.paths, "pets", pets.fingerprint)


def test_nothing_is_kept_for_nobody(store: Store, pets: DatasetInfo) -> None:
    store.delete_dataset("pets")
    assert not is_retired(store.paths, pets.fingerprint)


def test_nothing_is_kept_if_not_wanted(store: Store, pets: DatasetInfo) -> None:
    run_on(store, pets)
    store.delete_dataset("pets", keep_images=False)
    assert not is_retired(store.paths, pets.fingerprint)


def test_replaced_after_deletion(store: Store, pets: DatasetInfo) -> None:
    run_on(store, pets)
    store.delete_dataset("pets")
    prepared(store.paths, "pets", {"train": [("x", 1), ("y", 2)]})
    assert contents(open_seen(store.paths, "pets", pets.fingerprint))["val"] == ROWS["val"]
    with pytest.raises(DatasetError, match="it was replaced"):
        open_seen(store.paths, "pets", "another")


def test_deleted_twice(store: Store, pets: DatasetInfo) -> None:
    """Imported again in between: what is kept is there already."""
    run_on(store, pets)
    store.delete_dataset("pets")
    prepared(store.paths, "pets", ROWS)
    store.delete_dataset("pets")
    assert open_seen(store.paths, "pets", pets.fingerprint).info.splits == {"val": 1, "test": 2}


def test_where_files_cannot_have_two_names(
    store: Store, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", refuse)
    run_on(store, pets)
    store.delete_dataset("pets")
    found = open_seen(store.paths, "pets", pets.fingerprint)
    assert contents(found)["test"] == ROWS["test"]


def test_damaged_datasets_can_be_deleted(store: Store, pets: DatasetInfo) -> None:
    run_on(store, pets)
    store.paths.dataset("pets").images("test").unlink()
    store.delete_dataset("pets")
    assert not is_retired(store.paths, pets.fingerprint)


def test_the_digits_stay(store: Store) -> None:
    with pytest.raises(DatasetError, match="built in"):
        store.delete_dataset("digits")


def test_room_that_is_kept(store: Store, pets: DatasetInfo) -> None:
    assert kept_bytes(open_dataset(store.paths, "pets").info) == 3 * 4 * 4 * 3
